package aircall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/gjson"
)

const (
	// perPage is the greatest page of Aircall's API.
	perPage = 50
	// maxAnswer bounds what is read of a page.
	maxAnswer = 64 << 20
	// mostRefusals is how often in a row a request may be told that it comes too
	// soon. Others of the company may use up the limit, but not for ever.
	mostRefusals = 30
)

// Options configure a [Client].
type Options struct {
	// URL is where the API is, such as https://api.aircall.io.
	URL string
	// ID and Token are an API key of the account.
	ID, Token string
	// Reserve is the share of Aircall's limit of requests that is left to others, 0 to less than 1.
	Reserve float64
	// Tries is how often a request is sent until it gets an answer below 500; 1 where 0.
	Tries int
	// Timeout is how long one try may take, without the wait for the limit; 30 s where 0.
	Timeout time.Duration
	// HTTPClient sends the requests; nil = one with Go's usual transport.
	HTTPClient *http.Client
	// Now is the clock; nil = the system's.
	Now func() time.Time
	// Registerer takes the client's metrics; nil = nobody.
	Registerer prometheus.Registerer
}

// Client asks Aircall's REST API. It is safe for concurrent use.
type Client struct {
	o        Options
	base     *url.URL
	http     *http.Client
	pace     pace
	requests *prometheus.CounterVec
}

// New makes a Client. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" {
		return nil, errors.New("aircall.api_url is no URL such as https://api.aircall.io")
	}
	if o.Tries == 0 {
		o.Tries = 1
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	direct := http.Client{}
	if o.HTTPClient != nil {
		direct = *o.HTTPClient
	}
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		o: o, base: base, http: &direct, requests: newRequests(o.Registerer),
		pace: pace{share: 1 - o.Reserve, now: o.Now, limit: firstLimit},
	}, nil
}

// Page is one page of a list of calls.
type Page struct {
	// Calls are the call objects as they came, the oldest first.
	Calls [][]byte
	// Total is how many calls the list has, as Aircall says. No list has more than
	// 10,000, and nothing tells that there would be more.
	Total int
	// Last is whether Aircall names no further page.
	Last bool
}

// Calls gives one page, from 1 on, of the calls that started from one UNIX second
// to another. Whether Aircall counts the two seconds in is not documented.
func (c *Client) Calls(ctx context.Context, from, to int64, page int) (Page, error) {
	answer, err := c.get(ctx, "calls", url.Values{
		"from": {strconv.FormatInt(from, 10)}, "to": {strconv.FormatInt(to, 10)}, "order": {"asc"}, "fetch_contact": {"true"},
		"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)},
	})
	if err != nil {
		return Page{}, fmt.Errorf("listing calls: %w", err)
	}
	calls, total := answer.Get("calls"), answer.Get("meta.total")
	if !calls.IsArray() || total.Type != gjson.Number {
		return Page{}, errors.New("listing calls: the answer holds no calls, or not how many there are")
	}
	p := Page{Total: int(total.Int()), Last: answer.Get("meta.next_page_link").String() == ""}
	for _, call := range calls.Array() {
		p.Calls = append(p.Calls, []byte(call.Raw))
	}
	return p, nil
}

// Call gives the call object of an id. The error is [ErrUnknownCall] where
// Aircall has none.
func (c *Client) Call(ctx context.Context, id int64) ([]byte, error) {
	answer, err := c.get(ctx, "calls/"+strconv.FormatInt(id, 10), url.Values{"fetch_contact": {"true"}})
	if refusal := (*StatusError)(nil); errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		return nil, ErrUnknownCall
	}
	if err != nil {
		return nil, fmt.Errorf("fetching call %d: %w", id, err)
	}
	call := answer.Get("call")
	if !call.IsObject() {
		return nil, fmt.Errorf("fetching call %d: the answer holds no call", id)
	}
	return []byte(call.Raw), nil
}

// mostPages bounds [Client.List]; no account has so many webhooks or users.
const mostPages = 100

// List gives all objects of a kind, such as webhooks or users.
func (c *Client) List(ctx context.Context, kind string) ([]gjson.Result, error) {
	var all []gjson.Result
	for page := 1; page <= mostPages; page++ {
		answer, err := c.get(ctx, kind, url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)}})
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

// get asks until there is an answer, as long as that may help.
func (c *Client) get(ctx context.Context, path string, query url.Values) (gjson.Result, error) {
	address := c.base.JoinPath("v1", path)
	address.RawQuery = query.Encode()
	pauses := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(time.Minute), backoff.WithMaxElapsedTime(0))
	return backoff.RetryWithData(func() (gjson.Result, error) {
		answer, err := c.asAllowed(ctx, address.String())
		if refusal := (*StatusError)(nil); errors.As(err, &refusal) && !refusal.passing() {
			return answer, backoff.Permanent(err)
		}
		return answer, err
	}, backoff.WithContext(backoff.WithMaxRetries(pauses, uint64(c.o.Tries-1)), ctx))
}

// asAllowed sends a request when the limit allows it, again where it came too
// soon nevertheless.
func (c *Client) asAllowed(ctx context.Context, address string) (answer gjson.Result, err error) {
	for range mostRefusals {
		if err = c.pace.wait(ctx); err != nil {
			return answer, backoff.Permanent(err)
		}
		answer, err = c.send(ctx, address)
		if refusal := (*StatusError)(nil); !errors.As(err, &refusal) || refusal.Status != http.StatusTooManyRequests {
			break
		}
	}
	return answer, err
}

// send sends a request once.
func (c *Client) send(ctx context.Context, address string) (gjson.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("asking Aircall: %w", err)
	}
	request.SetBasicAuth(c.o.ID, c.o.Token)
	response, err := c.http.Do(request)
	if err != nil {
		c.requests.WithLabelValues(unanswered).Inc()
		return gjson.Result{}, fmt.Errorf("asking Aircall: %w", err)
	}
	defer response.Body.Close()
	c.pace.learn(response.StatusCode, response.Header)
	c.requests.WithLabelValues(resultOf(response.StatusCode)).Inc()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return gjson.Result{}, fmt.Errorf("reading Aircall's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return gjson.Result{}, &StatusError{response.StatusCode}
	}
	if !gjson.ValidBytes(body) {
		return gjson.Result{}, errors.New("the answer is not JSON")
	}
	return gjson.ParseBytes(body), nil
}
