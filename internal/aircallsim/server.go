package aircallsim

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/callfold/callfold/internal/traffic"
)

const (
	// mostCalls is how many calls a list has at the most, whatever the page.
	mostCalls = 10_000
	// defaultPage and largestPage are in objects.
	defaultPage, largestPage = 20, 50
)

// Options configure a [Server].
type Options struct {
	// ID and Token are the API key; "dev" both where empty.
	ID, Token string
	// PerMinute is how many requests may come in a minute; 60 where 0.
	PerMinute int
	// Webhook is the URL and token of the account's webhook; without a URL it has none.
	Webhook struct{ URL, Token string }
	// Now is the clock; nil = the system's.
	Now func() time.Time
}

// Server is the API, as an [http.Handler].
type Server struct {
	o       Options
	mux     *http.ServeMux
	limit   limit
	account account
}

// New makes a Server without calls.
func New(o Options) *Server {
	if o.ID == "" && o.Token == "" {
		o.ID, o.Token = "dev", "dev"
	}
	if o.PerMinute == 0 {
		o.PerMinute = 60
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		o: o, mux: http.NewServeMux(), limit: limit{perMinute: o.PerMinute},
		account: account{byID: map[int64]*call{}, deleted: map[int64]bool{}},
	}
	s.mux.HandleFunc("GET /v1/ping", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []byte(`{"ping":"pong"}`)) })
	s.mux.HandleFunc("GET /v1/calls", s.calls)
	s.mux.HandleFunc("GET /v1/calls/{id}", s.call)
	s.mux.HandleFunc("GET /v1/users", func(w http.ResponseWriter, r *http.Request) {
		s.list(w, r, "users", traffic.UsersJSON(s.view(r)))
	})
	s.mux.HandleFunc("GET /v1/webhooks", func(w http.ResponseWriter, r *http.Request) { s.list(w, r, "webhooks", s.webhooks()) })
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "Not found", "there is no such resource")
	})
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, token, _ := r.BasicAuth()
	if subtle.ConstantTimeCompare([]byte(id+":"+token), []byte(s.o.ID+":"+s.o.Token)) != 1 {
		refuse(w, http.StatusUnauthorized, "Unauthorized", "check your API key")
		return
	}
	if !s.limit.take(w, s.o.Now()) {
		refuse(w, http.StatusTooManyRequests, "Too many requests", "you have reached the limit of requests a minute")
		return
	}
	s.mux.ServeHTTP(w, r)
}

// view is how a request wants calls and users to be shown.
func (s *Server) view(r *http.Request) traffic.View {
	return traffic.View{At: s.o.Now(), Contact: r.URL.Query().Get("fetch_contact") == "true", Deleted: s.account.isDeleted}
}

// calls serves the list of calls.
func (s *Server) calls(w http.ResponseWriter, r *http.Request) {
	bound := func(name string, missing int64) int64 {
		n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
		if err != nil {
			return missing
		}
		return n
	}
	view := s.view(r)
	found := s.account.between(bound("from", 0), bound("to", view.At.Unix()), view.At)
	if r.URL.Query().Get("order") == "desc" {
		refuse(w, http.StatusBadRequest, "Bad request", "this simulator knows order=asc only")
		return
	}
	found = found[:min(len(found), mostCalls)]
	s.page(w, r, "calls", len(found), func(i int) []byte { return found[i].JSON(view) })
}

// call serves one call.
func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	found := s.account.one(id, s.o.Now())
	if err != nil || found == nil {
		refuse(w, http.StatusNotFound, "Not found", "there is no such call")
		return
	}
	answer(w, http.StatusOK, fmt.Appendf(nil, `{"call":%s}`, found.JSON(s.view(r))))
}

// webhooks are those of the account.
func (s *Server) webhooks() [][]byte {
	if s.o.Webhook.URL == "" {
		return nil
	}
	b, err := json.Marshal(map[string]any{
		"webhook_id": "5b1c0a7e-0000-4000-8000-000000000001", "custom_name": "callfold", "active": true,
		"url": s.o.Webhook.URL, "token": s.o.Webhook.Token, "events": traffic.EventNames(),
	})
	if err != nil {
		panic(fmt.Sprintf("aircallsim: encoding a webhook: %v", err)) // its types are all encodable
	}
	return [][]byte{b}
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, kind string, objects [][]byte) {
	s.page(w, r, kind, len(objects), func(i int) []byte { return objects[i] })
}

// page answers with the page that is asked for of a list.
func (s *Server) page(w http.ResponseWriter, r *http.Request, kind string, total int, object func(int) []byte) {
	query := r.URL.Query()
	number := func(name string, missing int) int {
		if !query.Has(name) {
			return missing
		}
		n, _ := strconv.Atoi(query.Get(name)) // 0 is refused
		return n
	}
	page, size := number("page", 1), number("per_page", defaultPage)
	if page < 1 || size < 1 || size > largestPage {
		refuse(w, http.StatusBadRequest, "Bad request", "page starts at 1, per_page is 1 to 50")
		return
	}
	from, to := min((page-1)*size, total), min(page*size, total)
	var b bytes.Buffer
	fmt.Fprintf(&b, `{%q:[`, kind)
	for i := from; i < to; i++ {
		if i > from {
			b.WriteByte(',')
		}
		b.Write(object(i))
	}
	link := func(page int, there bool) jsontext.Value {
		if !there {
			return jsontext.Value("null")
		}
		kept := url.Values{}
		for _, name := range []string{"from", "to", "order", "per_page"} {
			if query.Has(name) {
				kept.Set(name, query.Get(name))
			}
		}
		kept.Set("page", strconv.Itoa(page))
		text, _ := jsontext.AppendQuote(nil, "https://api.aircall.io"+r.URL.Path+"?"+kept.Encode())
		return text
	}
	fmt.Fprintf(&b, `],"meta":{"count":%d,"total":%d,"current_page":%d,"per_page":%d,"next_page_link":%s,"previous_page_link":%s}}`,
		to-from, total, page, size, link(page+1, to < total), link(page-1, page > 1))
	answer(w, http.StatusOK, b.Bytes())
}

func refuse(w http.ResponseWriter, status int, problem, troubleshoot string) {
	answer(w, status, fmt.Appendf(nil, `{"error":%q,"troubleshoot":%q}`, problem, troubleshoot))
}

func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who went away is told nothing
}
