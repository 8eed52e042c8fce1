package traffic

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// The company whose calls are made: Halden Supply, invented, with lines in four
// countries. Its agents' Salesforce users are in sampleorg.json; agents[i].Email
// joins the two.

const companyID = 419208

var agents = []*user{
	agent(731001, "Ada Moreau", "ada.moreau@haldensupply.example", "fr-FR"),
	agent(731002, "Ben Carter", "ben.carter@haldensupply.example", "en-GB"),
	agent(731003, "Chiara Rossi", "chiara.rossi@haldensupply.example", "en-US"),
	agent(731004, "Dieter Vogel", "dieter.vogel@haldensupply.example", "de-DE"),
	agent(731005, "Emeka Okafor", "emeka.okafor@haldensupply.example", "en-GB"),
	agent(731006, "فاطمة حداد", "fatima.haddad@haldensupply.example", "fr-FR"), // right to left
	agent(731007, "Grace Lin 🌻", "grace.lin@haldensupply.example", "en-US"),
	agent(731008, "Hugo Petit", "hugo.petit@haldensupply.example", "fr-FR"),     // inactive in Salesforce
	agent(731009, "Keira Walsh", "keira.walsh@haldensupply.example", "en-GB"),   // e-mail in other case there
	agent(731010, "Leo Novák", "leo.novak@haldensupply.example", "de-DE"),       // user too young there
	agent(731011, "Mia O’Sullivan", "mia.osullivan@haldensupply.example", "en"), // no user there
	agent(731012, "Nils Berg", "", "de-DE"),                                     // Aircall gives no e-mail
}

// unusualAgents have names that are not plain Latin text.
var unusualAgents = []*user{agents[5], agents[6]}

func agent(id int64, name, email, language string) *user {
	return &user{
		ID: id, DirectLink: fmt.Sprintf("https://api.aircall.io/v1/users/%d", id),
		Name: name, Email: email, Available: true, AvailabilityStatus: "available",
		Language: language, WrapUpTime: int(id%4) * 30,
	}
}

// group is a team and the agents in it; a transfer to a team names its first.
type group struct {
	team
	members []*user
}

var groups = []group{
	{team{51001, "Customer Care", "https://api.aircall.io/v1/teams/51001"}, agents[0:5]},
	{team{51002, "Vertrieb & Sales", "https://api.aircall.io/v1/teams/51002"}, agents[3:8]},
	{team{51003, "After-sales", "https://api.aircall.io/v1/teams/51003"}, agents[6:12]},
}

var lines = []*line{
	newLine(397101, "Support Paris", "+33 1 99 00 71 01", "FR", "Europe/Paris"),
	newLine(397102, "Sales London", "+44 20 7946 0702", "GB", "Europe/London"),
	newLine(397103, "Hotline Berlin", "+49 30 23125703", "DE", "Europe/Berlin"),
	newLine(397104, "US Orders", "+1 415-555-0104", "US", "America/Los_Angeles"),
	newLine(397105, "Sydney Desk", "+61 2 5550 7105", "AU", "Australia/Sydney"),
	newLine(397106, "Accueil ☎️ Lyon", "+33 4 65 71 71 06", "FR", "Europe/Paris"),
	newLine(397107, "خط الدعم", "+44 161 496 0707", "GB", "Europe/London"), // right to left
}

// menuLine is the line with an interactive menu before its agents.
var menuLine = func() *line {
	l := newLine(397108, "Main menu", "+1 888-555-0108", "US", "America/New_York")
	l.IsIVR = true
	return l
}()

var menuOptions = []string{"Orders and deliveries", "Invoices", "Technical support", "Français"}

func newLine(id int64, name, digits, country, zone string) *line {
	track := func(what string) string {
		sum := sha256.Sum256(fmt.Append(nil, id, what))
		return fmt.Sprintf("https://media-web.aircall.io/companies/%d/numbers/%d/tracks/tts/languages/%s/voices/standard/%s/%s.mp3",
			companyID, id, zone, what, hex.EncodeToString(sum[:]))
	}
	return &line{
		ID: id, DirectLink: fmt.Sprintf("https://api.aircall.io/v1/numbers/%d", id),
		Name: name, Digits: digits, Country: country, TimeZone: zone,
		Open: true, AvailabilityStatus: "custom", LiveRecordingActivated: id%2 == 0,
		Messages: messages{
			Welcome: track("welcome"), Waiting: track("waiting-music"), IVR: track("ivr"),
			Voicemail: track("voicemail"), Closed: track("closed"), CallbackLater: track("callback-later"),
			UnansweredCall: track("unanswered-call"), AfterHours: track("after-hours"), RingingTone: track("ringing-tone"),
		},
	}
}

// tagNames are the tags that agents choose from: two need escaping in a
// bracketed list.
var tagNames = []string{
	"General_Inquiries", "Billing", "Order", "Complaint", "VIP", "Follow-up", "Réclamation",
	"Rückruf", "Lead 🔥", "O'Brien account", `legacy\import`, "Wrong number",
}

// conferenceTag is a system tag: Aircall sets it itself.
const conferenceTag = "Conference"
