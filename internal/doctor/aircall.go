package doctor

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

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
	webhooks, err := listWebhooks(ctx, o)
	if refusal := (*aircallRefusal)(nil); errors.As(err, &refusal) && (refusal.status == http.StatusUnauthorized || refusal.status == http.StatusForbidden) {
		r.wrong("API key", err.Error(), "Aircall dashboard > Integrations & API > API keys: make a key, and set aircall.api_id and aircall.api_token_file")
		return r.findings
	}
	if err != nil {
		r.wrong("API key", "could not be checked: "+err.Error(), "look at aircall.api_url and whether this host reaches it, then run callfold doctor again")
		return r.findings
	}
	r.ok("API key", fmt.Sprintf("accepted; the account has %d webhooks", len(webhooks)))
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

// aircallRefusal is an answer that is no success.
type aircallRefusal struct{ status int }

func (e *aircallRefusal) Error() string {
	return fmt.Sprintf("Aircall answers HTTP %d %s", e.status, http.StatusText(e.status))
}

const (
	// rowsAPage is the greatest page of Aircall's API.
	rowsAPage = 50
	// mostPages bounds the reading; no account has so many webhooks or users.
	mostPages = 100
	// maxAnswer bounds what is read of a page.
	maxAnswer = 4 << 20
)

// asksAircall says whether there is an API key of Aircall's.
func (o *Options) asksAircall() bool {
	return o.Settings.Aircall.APIID != "" && o.Settings.Aircall.APIToken != ""
}

// listWebhooks gives all webhooks of the account.
func listWebhooks(ctx context.Context, o Options) ([]webhook, error) {
	found, err := listAircall(ctx, o, "webhooks")
	if err != nil {
		return nil, err
	}
	var all []webhook
	for _, object := range found {
		all = append(all, webhookOf(object))
	}
	return all, nil
}

// listAircall gives all objects of a kind, such as webhooks or users, page after page.
func listAircall(ctx context.Context, o Options, kind string) ([]gjson.Result, error) {
	base, err := url.Parse(o.Settings.Aircall.APIURL)
	if err != nil {
		return nil, fmt.Errorf("reading aircall.api_url: %w", err)
	}
	var all []gjson.Result
	// The page is counted here: the link to the next one that Aircall sends is
	// not followed, since the API token would go wherever it leads.
	for page := 1; page <= mostPages; page++ {
		next := base.JoinPath("/v1/" + kind)
		next.RawQuery = fmt.Sprintf("page=%d&per_page=%d", page, rowsAPage)
		answer, err := askAircall(ctx, o, next.String())
		if err != nil {
			return nil, err
		}
		objects := answer.Get(kind)
		if !objects.IsArray() {
			return nil, errors.New("the answer holds no " + kind)
		}
		all = append(all, objects.Array()...)
		if answer.Get("meta.next_page_link").String() == "" {
			break
		}
	}
	return all, nil
}

// askAircall sends one request, with a deadline.
func askAircall(ctx context.Context, o Options, address string) (gjson.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout/3)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("asking Aircall: %w", err)
	}
	request.SetBasicAuth(o.Settings.Aircall.APIID, o.Settings.Aircall.APIToken.Reveal())
	response, err := o.HTTPClient.Do(request)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("asking Aircall: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return gjson.Result{}, fmt.Errorf("reading Aircall's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return gjson.Result{}, &aircallRefusal{response.StatusCode}
	}
	if !gjson.ValidBytes(body) {
		return gjson.Result{}, errors.New("the answer is not JSON")
	}
	return gjson.ParseBytes(body), nil
}
