package doctor

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/callfold/callfold/internal/aircall"
	"github.com/callfold/callfold/internal/settings"
)

// neededEvents are the events without which fields of Tasks stay empty or come
// late; the others only repeat what these say.
var neededEvents = []string{
	"call.created", "call.answered", "call.transferred", "call.unsuccessful_transfer", "call.hungup", "call.ended",
	"call.voicemail_left", "call.comm_assets_generated", "call.tagged", "call.untagged", "call.commented",
}

// webhook is one of the account.
type webhook struct {
	id, customName, url, token string
	active                     bool
	events                     []string
}

// webhookOf reads one of GET /v1/webhooks (Aircall's API reference, "Webhooks").
func webhookOf(object gjson.Result) webhook {
	w := webhook{
		id: object.Get("webhook_id").String(), customName: object.Get("custom_name").String(),
		url: object.Get("url").String(), token: object.Get("token").String(), active: object.Get("active").Bool(),
	}
	for _, event := range object.Get("events").Array() {
		w.events = append(w.events, event.String())
	}
	return w
}

// name is what tells it from others. Its URL may hold a secret, so only the host is shown.
func (w webhook) name() string {
	name := "webhook " + w.id
	if w.customName != "" {
		name += " (" + w.customName + ")"
	}
	if u, err := url.Parse(w.url); err == nil && u.Host != "" {
		name += " to " + u.Hostname()
	}
	return name
}

// lookAtAircall looks at the account's webhooks, where there is an API key.
func lookAtAircall(ctx context.Context, o Options) []Finding {
	if !o.asksAircall() {
		return nil
	}
	r := &report{area: areaAircall}
	found, err := listAircall(ctx, o, "webhooks")
	if aircall.Unauthorized(err) {
		r.wrong("API key", err.Error(), "Aircall dashboard > Integrations & API > API keys: make a key, and set aircall.api_id and aircall.api_token_file")
		return r.findings
	}
	if err != nil {
		r.wrong("API key", "could not be checked: "+err.Error(), "look at aircall.api_url and whether this host reaches it, then run callfold doctor again")
		return r.findings
	}
	r.ok("API key", fmt.Sprintf("accepted; the account has %d webhooks", len(found)))
	webhooks := make([]webhook, len(found))
	for i, object := range found {
		webhooks[i] = webhookOf(object)
	}
	r.webhooks(webhooks, o.Settings.Ingest.Tokens)
	return r.findings
}

// webhooks looks at those whose token is among ours.
func (r *report) webhooks(webhooks []webhook, tokens []settings.Secret) {
	if len(tokens) == 0 {
		r.advise("webhook", "could not be checked: there are no tokens to tell ours by (ingest.tokens)", "run callfold doctor where ingest's tokens are, with the settings of ingest")
		return
	}
	var ours []webhook
	var near []string
	for _, w := range webhooks {
		switch {
		case ourToken(w.token, tokens):
			ours = append(ours, w)
		case strings.Contains(w.url, "/webhooks/aircall"):
			near = append(near, w.name())
		}
	}
	if len(ours) > 0 {
		r.ours(ours)
		return
	}
	mend := "Aircall dashboard > Integrations & API > Webhooks: make one with the URL https://YOUR-HOST/webhooks/aircall and all events of calls, and put its token into ingest.tokens_file"
	found := "the account has none whose token is among ingest.tokens, so no call comes in"
	if len(near) > 0 {
		found = "no webhook's token is among ingest.tokens, so what they send is refused: " + listed(near)
		mend = "put the token that Aircall shows for it into ingest.tokens_file, and restart ingest"
	}
	r.wrong("webhook", found, mend)
}

// ours tells of each of our webhooks. One that does not work is only an advice
// where another does: so it is while a token is changed.
func (r *report) ours(webhooks []webhook) {
	tell := r.wrong
	if slices.ContainsFunc(webhooks, func(w webhook) bool { return w.active && len(w.missing()) == 0 }) {
		tell = r.advise
	}
	for _, w := range webhooks {
		missing := w.missing()
		switch {
		case !w.active:
			tell(w.name(), "is disabled, so nothing comes from it; Aircall disables one whose receiver fails for long",
				"Aircall dashboard > Integrations & API > Webhooks > the webhook: switch it on, once ingest answers")
		case len(missing) > 0:
			tell(w.name(), "lacks events that fields of Tasks need: "+listed(missing),
				"Aircall dashboard > Integrations & API > Webhooks > the webhook: select all events of calls")
		default:
			r.ok(w.name(), "is active, has the events that are needed, and its token is among ingest.tokens")
		}
	}
}

// missing are the needed events that the webhook does not send.
func (w webhook) missing() []string {
	var missing []string
	for _, event := range neededEvents {
		if !slices.Contains(w.events, event) {
			missing = append(missing, event)
		}
	}
	return missing
}

// ourToken compares in constant time, as ingest does.
func ourToken(token string, ours []settings.Secret) bool {
	found := 0
	for _, t := range ours {
		found |= subtle.ConstantTimeCompare([]byte(token), []byte(t.Reveal()))
	}
	return token != "" && found == 1
}

// asksAircall says whether there is an API key of Aircall's.
func (o *Options) asksAircall() bool {
	return o.Settings.Aircall.APIID != "" && o.Settings.Aircall.APIToken != ""
}

// listAircall gives all objects of a kind, such as webhooks or users.
func listAircall(ctx context.Context, o Options, kind string) ([]gjson.Result, error) {
	s := o.Settings.Aircall
	client, err := aircall.New(aircall.Options{
		URL: s.APIURL, ID: s.APIID, Token: s.APIToken.Reveal(), Reserve: s.APIReserve, Timeout: o.Timeout / 3, HTTPClient: o.HTTPClient,
	})
	if err != nil {
		return nil, err
	}
	return client.List(ctx, kind)
}
