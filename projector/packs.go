package projector

import (
	"maps"
	"slices"

	"golang.org/x/text/language"
)

// pack is the texts of one language and generation of Aircall's integration
// (F2, F10, F18, M6). The words of CallDisposition and of Connection_status
// (F3, F15) are English in every pack and so are not here.
type pack struct {
	language language.Tag
	// subjects are the templates of F2, by call kind, and for conferences.
	subjects map[string]string
	// anonymous stands for {record} where the number is withheld.
	anonymous string
	// comment comes between an author and the text of a note (F18).
	comment string
	// company is the Company of a Lead that is created (M6).
	company string
}

// The names of the templates that are not call kinds.
const (
	conferenceOutbound = "conference_outbound"
	conferenceInbound  = "conference_inbound"
)

// packs are the texts to the letter: accents, capitals and all.
var packs = map[string]pack{
	"classic-en": {
		language: language.English,
		subjects: map[string]string{
			string(OutboundAnswered):   "Outbound answered call to {record} with {number}",
			string(OutboundUnanswered): "Outbound unanswered call to {record} with {number}",
			string(InboundAnswered):    "Inbound call from {record} on {number}",
			string(Missed):             "Missed call from {record} on {number}",
			string(Voicemail):          "Voicemail from {record} on {number}",
			conferenceOutbound:         "Outbound conference call to {record} with {number}",
			conferenceInbound:          "Inbound call from {record} on {number}",
		},
		anonymous: "Anonymous",
		comment:   " added a new comment :\n",
		company:   "Unknown company",
	},
	"classic-fr": {
		language: language.French,
		subjects: map[string]string{
			string(OutboundAnswered):   "Appel sortant répondu à {record} avec {number}",
			string(OutboundUnanswered): "Appel sortant sans réponse vers {record} avec {number}",
			string(InboundAnswered):    "Appel entrant de {record} sur {number}",
			string(Missed):             "Appel manqué de {record} sur {number}",
			string(Voicemail):          "Message vocal de {record} sur {number}",
			conferenceOutbound:         "Conférence téléphonique sortante vers {record} avec {number}",
			conferenceInbound:          "Appel entrant de {record} sur {number}",
		},
		anonymous: "Anonyme",
		comment:   " a ajouté un nouveau commentaire :\n",
		company:   "Société inconnue",
	},
	"current-en": {
		language: language.English,
		subjects: map[string]string{
			string(OutboundAnswered):   "Outbound answered call to {record} via {number} made by {user}",
			string(OutboundUnanswered): "Outbound unanswered call via {number} made by {user} to {record}",
			string(InboundAnswered):    "Inbound answered call from {record} on {number} answered by {user}",
			string(Missed):             "Missed call from {record} on {number}",
			string(Voicemail):          "Voicemail from {record} on {number}",
			conferenceOutbound:         "Outbound conference call to {record} with {number}",
			conferenceInbound:          "Inbound call from {record} on {number}",
		},
		anonymous: "Anonymous",
		comment:   " added a new comment :\n",
		company:   "Unknown company",
	},
}

// Packs are the values that tasks.subjects may have.
func Packs() []string { return slices.Sorted(maps.Keys(packs)) }

// templateNames are the keys that tasks.subject_templates may have.
func templateNames() []string { return slices.Sorted(maps.Keys(packs["classic-en"].subjects)) }
