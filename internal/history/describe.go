package history

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/schemas"
)

// describe says in a few words what an event tells, from its body. A body that
// is not as Aircall documents it is described as far as it goes. Notes' texts
// and media links are left out.
func describe(event string, body []byte) string {
	data := gjson.GetBytes(body, "data")
	name := func(path string) string { return text(data.Get(path+".name"), "somebody") }
	switch event {
	case "call.created":
		external, line := text(data.Get("raw_digits"), "unknown"), text(data.Get("number.name"), "unknown")
		if data.Get("direction").Str == schemas.Outbound {
			return name("user") + " calls " + external + " with " + line
		}
		return external + " calls " + line
	case "call.ivr_option_selected":
		return "picks " + list(data.Get("ivr_options_selected.#.title"), "an option of the menu")
	case schemas.EventRinging:
		return "rings at " + name("user")
	case schemas.EventDeclined:
		return name("user") + " declines"
	case "call.answered":
		return "answered by " + name("user")
	case "call.hold":
		return "put on hold"
	case "call.unhold":
		return "taken off hold"
	case schemas.EventTransferred:
		return name("transferred_by") + " transfers to " + name("transferred_to")
	case schemas.EventUnsuccessful:
		return "the transfer to " + name("transferred_to") + " failed"
	case "call.external_transferred":
		return "transferred to " + text(data.Get("external_transferred_to"), "an outside number")
	case "call.hungup":
		if reason := data.Get("missed_call_reason").Str; reason != "" {
			return "hung up, " + reason
		}
		return "hung up"
	case schemas.EventEnded:
		return "ended" + media(data)
	case schemas.EventVoicemail:
		return "voicemail left"
	case "call.comm_assets_generated":
		return "media ready" + media(data)
	case schemas.EventTagged, schemas.EventUntagged:
		return "tags: " + list(data.Get("tags.#.name"), "none")
	case "call.commented":
		return "notes: " + strconv.FormatInt(data.Get("comments.#").Int(), 10)
	case "call.assigned":
		return "assigned to " + name("assigned_to")
	case "call.archived":
		return "archived"
	case schemas.EventREST:
		return "the call as the REST API shows it"
	}
	if schemas.IsCommand(event) {
		return text(data.Get("who"), "somebody") + ": " + text(data.Get("why"), "no reason given")
	}
	return ""
}

// text is a JSON string's value on one line, or the word for a missing one.
func text(v gjson.Result, missing string) string {
	if s := strings.Join(strings.Fields(v.Str), " "); s != "" {
		return s
	}
	return missing
}

// list joins the texts of a JSON array.
func list(v gjson.Result, missing string) string {
	var texts []string
	for _, e := range v.Array() {
		texts = append(texts, text(e, "?"))
	}
	if len(texts) == 0 {
		return missing
	}
	return strings.Join(texts, ", ")
}

// media names the links that an event brings.
func media(data gjson.Result) string {
	for _, kind := range []string{"voicemail", "recording"} {
		if data.Get(kind).Str != "" {
			return ", with a " + kind
		}
	}
	return ""
}
