package projector

import (
	"strings"

	"github.com/callfold/callfold/schemas"
)

// media is the recording or voicemail of a call (F11).
type media struct {
	// link is the asset page, or the signed link where there is none; empty
	// for no media.
	link string
	// voicemail is whether it is a voicemail.
	voicemail bool
	// signed is whether link is signed and so dead within the hour.
	signed bool
	// at is the key of the event that told the link.
	at schemas.Key
}

// mediaOf finds the link of a call. A missed call's voicemail goes before a
// recording, any other call's recording before a voicemail.
func mediaOf(c *schemas.Call, kind Kind) media {
	recording := media{link: c.Recording.Value, signed: true, at: c.Recording.At}
	voicemail := media{link: c.Voicemail.Value, signed: true, at: c.Voicemail.At, voicemail: true}
	first, second := recording, voicemail
	if kind == Voicemail {
		first, second = voicemail, recording
	}
	switch {
	case c.Asset.Value != "":
		return media{link: c.Asset.Value, at: c.Asset.At, voicemail: isVoicemailPage(c.Asset.Value)}
	case first.link != "":
		return first
	case second.link != "":
		return second
	}
	return media{}
}

// unsigned is the link without its signature: what a change is judged by, since
// Aircall signs links anew on every event.
func (m media) unsigned() string {
	if !m.signed {
		return m.link
	}
	link, _, _ := strings.Cut(m.link, "?")
	return link
}
