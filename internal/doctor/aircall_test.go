package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/settings"
)

const (
	apiToken  = "secret-api-token"
	hookToken = "0123456789abcdef0123456789abcdef"
)

// account is an Aircall account: GET /v1/webhooks as its API reference has it.
type account struct {
	webhooks []string // JSON objects
	perPage  int
	users    []string // their e-mails
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, token, _ := r.BasicAuth()
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	kind, objects := "webhooks", a.webhooks
	if r.URL.Path == "/v1/users" {
		kind, objects = "users", nil
		for i, email := range a.users {
			objects = append(objects, fmt.Sprintf(`{"id": %d, "direct_link": "https://api.aircall.io/v1/users/%[1]d", "name": "User %[1]d", "email": %q, "available": true, "language": "en-US"}`, i+1, email))
		}
	}
	switch {
	case r.Method != http.MethodGet || r.URL.Path != "/v1/"+kind || err != nil:
		w.WriteHeader(http.StatusNotFound)
	case id != "api-id" || token != apiToken:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprint(w, `{"error": "Unauthorized", "troubleshoot": "Check your API key"}`)
	default:
		from, to := min((page-1)*a.perPage, len(objects)), min(page*a.perPage, len(objects))
		next := "null"
		if to < len(objects) {
			next = `"https://attacker.example/v1/webhooks?page=2"` // must not be followed
		}
		_, _ = fmt.Fprintf(w, `{%q: [%s], "meta": {"count": %d, "total": %d, "current_page": %d, "per_page": %d, "next_page_link": %s, "previous_page_link": null}}`,
			kind, strings.Join(objects[from:to], ","), to-from, len(objects), page, a.perPage, next)
	}
}

// hook is a webhook of the account.
func hook(name, path, token string, active bool, events ...string) string {
	return fmt.Sprintf(`{"webhook_id": "8f1c-%s", "direct_link": "https://api.aircall.io/v1/webhooks/8f1c", "created_at": "2026-01-02T11:41:01.000Z", "url": "https://hooks.example.com%s?key=url-secret", "active": %t, "token": %q, "custom_name": %q, "events": ["%s"]}`,
		name, path, active, token, name, strings.Join(events, `","`))
}

func TestAircall(t *testing.T) {
	const path = "/webhooks/aircall"
	other := hook("zapier", "/zap", "ffffffffffffffffffffffffffffffff", true, "call.ended")
	ours := hook("callfold", path, hookToken, true, append([]string{"call.hold", "user.created"}, neededEvents...)...)
	var told strings.Builder
	for _, test := range []struct {
		name     string
		webhooks []string
		change   func(*settings.Settings)
	}{
		{"all is right", []string{other, ours}, nil},
		{"on the second page", []string{other, other, other, ours}, nil},
		{"no API key", []string{ours}, func(s *settings.Settings) { s.Aircall.APIID = "" }},
		{"a wrong API key", []string{ours}, func(s *settings.Settings) { s.Aircall.APIToken = "wrong" }},
		{"no tokens", []string{ours}, func(s *settings.Settings) { s.Ingest.Tokens = nil }},
		{"no webhook", nil, nil},
		{"another's webhook", []string{other}, nil},
		{"another token", []string{hook("callfold", path, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true, neededEvents...)}, nil},
		{"disabled", []string{hook("callfold", path, hookToken, false, neededEvents...)}, nil},
		{"events are missing", []string{hook("callfold", path, hookToken, true, neededEvents[2:]...)}, nil},
		{"two, of which one is disabled", []string{ours, hook("old", path, "second-token", false, neededEvents...)}, nil},
		{"no such server", nil, func(s *settings.Settings) { s.Aircall.APIURL = "http://127.0.0.1:1" }},
		{"not Aircall", nil, func(s *settings.Settings) { s.Aircall.APIURL += "/elsewhere" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(&account{webhooks: test.webhooks, perPage: 2})
			defer server.Close()
			s := settings.Default()
			s.Aircall = settings.Aircall{APIURL: server.URL, APIID: "api-id", APIToken: apiToken}
			s.Ingest.Tokens = []settings.Secret{"second-token", hookToken}
			if test.change != nil {
				test.change(&s)
			}
			fmt.Fprintf(&told, "# %s\n", test.name)
			for _, f := range lookAtAircall(t.Context(), Options{Settings: s, HTTPClient: server.Client(), Timeout: 30e9}) {
				fmt.Fprintf(&told, "%-6s  %s\n", f.Level(), f)
			}
		})
	}
	for _, secret := range []string{apiToken, hookToken, "second-token", "url-secret", "ffffffff", "aaaaaaaa"} {
		if strings.Contains(told.String(), secret) {
			t.Errorf("%s is told", secret)
		}
	}
	golden(t, "aircall.txt", told.String())
}

// TestAgents compares Aircall's users with the org's.
func TestAgents(t *testing.T) {
	var told strings.Builder
	many := []string{"ada@example.com"}
	for i := range 25 {
		many = append(many, fmt.Sprintf("agent%02d@example.com", i))
	}
	for _, test := range []struct {
		name   string
		users  []string
		change func(*settings.Settings)
	}{
		{"all are there", []string{"ADA@example.com", "bo@aircall.example", "ada@example.com", ""}, nil},
		{"some are not", []string{"ada@example.com", "zoe@example.com", "old@example.com", "bo@aircall.example"}, nil},
		{"very many are not", many, nil},
		{"none is there", []string{"zoe@example.com", "old@example.com"}, nil},
		{"no ladder has agents", []string{"zoe@example.com"}, func(s *settings.Settings) { s.Owner.Answered = []string{"integration_user"} }},
		{"no API key", []string{"zoe@example.com"}, func(s *settings.Settings) { s.Aircall.APIID = "" }},
		{"a wrong API key", []string{"zoe@example.com"}, func(s *settings.Settings) { s.Aircall.APIToken = "wrong" }},
	} {
		server := httptest.NewServer(&account{users: test.users, perPage: 10})
		p := newPatient(t)
		p.settings.Owner.Aliases = map[string]string{"bo@aircall.example": deskUser}
		p.settings.Aircall = settings.Aircall{APIURL: server.URL, APIID: "api-id", APIToken: apiToken}
		if test.change != nil {
			test.change(&p.settings)
		}
		fmt.Fprintf(&told, "# %s\n", test.name)
		for _, f := range p.look() {
			if f.What == "agents" {
				fmt.Fprintf(&told, "%-6s  %s\n", f.Level(), f)
			}
		}
		server.Close()
	}
	golden(t, "agents.txt", told.String())
}
