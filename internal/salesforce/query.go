package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Record is one record by API name, as Salesforce gives it or as it is to be
// written. Related records, such as Owner, are records of their own.
type Record = map[string]any

const (
	// MaxQueries is how many queries one request may hold.
	MaxQueries = 5

	// maxURI is the longest URI that is sent. Salesforce refuses 16 kB, proxies
	// less.
	maxURI = 2000
)

// QuoteSOQL makes a string literal of s for a query.
func QuoteSOQL(s string) string {
	return "'" + soqlEscapes.Replace(s) + "'"
}

var soqlEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`, "\b", `\b`)

// InSOQL makes a list of string literals for IN, in parentheses.
func InSOQL(values []string) string {
	var b strings.Builder
	for i, v := range values {
		b.WriteString([]string{"(", ","}[min(i, 1)])
		b.WriteString(QuoteSOQL(v))
	}
	b.WriteString(")")
	return b.String()
}

// Query asks with SOQL and gives all records, page after page. Deleted and
// archived records are not among them.
func (c *Client) Query(ctx context.Context, soql string) ([]Record, error) {
	return c.query(ctx, "query", soql)
}

// QueryAll is like Query, but deleted and archived records are found, too.
func (c *Client) QueryAll(ctx context.Context, soql string) ([]Record, error) {
	return c.query(ctx, "queryAll", soql)
}

// Queries asks up to MaxQueries queries in one request, and gives the records
// of each. It fails as a whole with the first query that fails.
func (c *Client) Queries(ctx context.Context, soqls []string) ([][]Record, error) {
	if len(soqls) == 0 || len(soqls) > MaxQueries {
		return nil, fmt.Errorf("asking %d queries: a request takes 1 to %d", len(soqls), MaxQueries)
	}
	if len(soqls) == 1 {
		records, err := c.Query(ctx, soqls[0])
		return [][]Record{records}, err
	}
	paths := make([]string, len(soqls))
	for i, soql := range soqls {
		paths[i] = c.queryPath("query", soql)
	}
	return c.queryComposite(ctx, paths)
}

func (c *Client) query(ctx context.Context, resource, soql string) ([]Record, error) {
	path := c.queryPath(resource, soql)
	if len(path) <= maxURI {
		var first page
		if err := c.do(ctx, opQuery, request{method: http.MethodGet, path: path}, &first); err != nil {
			return nil, err
		}
		return c.follow(ctx, first)
	}
	results, err := c.queryComposite(ctx, []string{path})
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

func (c *Client) queryPath(resource, soql string) string {
	return c.data(resource) + "?q=" + url.QueryEscape(soql)
}

type page struct {
	Done           bool     `json:"done"`
	NextRecordsURL string   `json:"nextRecordsUrl"`
	Records        []Record `json:"records"`
}

// follow gives the records of a page and of all that come after it.
func (c *Client) follow(ctx context.Context, p page) ([]Record, error) {
	records := p.Records
	for !p.Done {
		next := p.NextRecordsURL
		if next == "" {
			return nil, &Unanswered{Operation: opQuery, Err: errors.New("the answer is not done and names no next page")}
		}
		p = page{}
		if err := c.do(ctx, opQuery, request{method: http.MethodGet, path: next}, &p); err != nil {
			return nil, err
		}
		records = append(records, p.Records...)
	}
	return records, nil
}

// queryComposite sends queries as the parts of a composite request, which
// counts as one API request. Their URIs travel in its body, where they may be
// longer.
func (c *Client) queryComposite(ctx context.Context, paths []string) ([][]Record, error) {
	type part struct {
		Method      string `json:"method"`
		URL         string `json:"url"`
		ReferenceID string `json:"referenceId"`
	}
	parts := make([]part, len(paths))
	for i, path := range paths {
		parts[i] = part{http.MethodGet, path, "query" + strconv.Itoa(i)}
	}
	body, err := json.Marshal(map[string][]part{"compositeRequest": parts})
	if err != nil {
		return nil, fmt.Errorf("making a composite request: %w", err)
	}
	var answer struct {
		CompositeResponse []struct {
			Body           jsontext.Value `json:"body"`
			HTTPStatusCode int            `json:"httpStatusCode"`
		} `json:"compositeResponse"`
	}
	if err := c.do(ctx, opQuery, request{method: http.MethodPost, path: c.data("composite"), body: body}, &answer); err != nil {
		return nil, err
	}
	if len(answer.CompositeResponse) != len(paths) {
		return nil, &Unanswered{Operation: opQuery, Err: fmt.Errorf("the composite answer has %d parts, not %d", len(answer.CompositeResponse), len(paths))}
	}
	results := make([][]Record, len(paths))
	for i, r := range answer.CompositeResponse {
		if r.HTTPStatusCode != http.StatusOK {
			return nil, errorOf(opQuery, r.HTTPStatusCode, http.Header{}, r.Body, c.now())
		}
		var first page
		if err := json.Unmarshal(r.Body, &first); err != nil {
			return nil, &Unanswered{Operation: opQuery, Err: fmt.Errorf("reading the answer: %w", err)}
		}
		if results[i], err = c.follow(ctx, first); err != nil {
			return nil, err
		}
	}
	return results, nil
}
