package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxCollections is how many collections one composite request may have
// ("Composite", REST API Developer Guide): with them 1,000 rows are one API
// request.
const MaxCollections = 5

// Collection is up to MaxRows rows of one object that are written alike.
type Collection struct {
	Object string
	// ExternalID is the field by which the rows are upserted; empty where they
	// are updated by their field id. Every row holds it, and no two rows share a value:
	// Salesforce would refuse both. Upsert is not atomic: two at once for one key end in
	// DUPLICATE_VALUE for one of them.
	ExternalID string
	// Delete has the rows deleted by their field id, which is all that they hold.
	Delete bool
	Rows   []Record
}

// CollectionResult is what became of a collection: a result for each row, in
// their order, or the refusal of all of them, an *Error or an *Unanswered.
type CollectionResult struct {
	Rows []RowResult
	Err  error
}

func (c Collection) operation() string {
	switch {
	case c.Delete:
		return opCollectionsDelete
	case c.ExternalID != "":
		return opCollectionsUpsert
	}
	return opCollectionsUpdate
}

// collectionRequest is the request that writes a collection.
func (c *Client) collectionRequest(of Collection) (request, error) {
	if of.Delete {
		return c.deletion(of.Rows)
	}
	body, err := collectionBody(of.Object, of.Rows)
	path := c.data("composite", "sobjects")
	if of.ExternalID != "" {
		path = c.data("composite", "sobjects", of.Object, of.ExternalID)
	}
	return request{method: http.MethodPatch, path: path, body: body}, err
}

// Collections writes up to MaxCollections collections in one API request.
// Salesforce writes one after the other; what becomes of one leaves the others
// alone. The error is that of the request as a whole.
//
// In a request of several collections Salesforce takes @{…} in any value for a
// reference to the answer of another part: such rows must go in a request of one.
func (c *Client) Collections(ctx context.Context, collections []Collection) ([]CollectionResult, error) {
	switch n := len(collections); {
	case n == 0 || n > MaxCollections:
		return nil, fmt.Errorf("writing %d collections: a request takes 1 to %d", n, MaxCollections)
	case n == 1:
		one := collections[0]
		rows, err := c.collection(ctx, one)
		if err != nil {
			return nil, err
		}
		return []CollectionResult{{Rows: rows}}, nil
	}
	type part struct {
		Method      string         `json:"method"`
		URL         string         `json:"url"`
		ReferenceID string         `json:"referenceId"`
		Body        jsontext.Value `json:"body,omitzero"`
	}
	// Collated parts would be carried out in any order. That is for single
	// records only, but nothing is lost by saying it.
	request := struct {
		AllOrNone bool   `json:"allOrNone"`
		Collate   bool   `json:"collateSubrequests"`
		Requests  []part `json:"compositeRequest"`
	}{Requests: make([]part, len(collections))}
	for i, one := range collections {
		r, err := c.collectionRequest(one)
		if err != nil {
			return nil, err
		}
		request.Requests[i] = part{r.method, r.path, "rows" + strconv.Itoa(i), r.body}
	}
	return c.composite(ctx, collections, request)
}

// composite sends the parts and reads what became of each.
func (c *Client) composite(ctx context.Context, collections []Collection, parts any) ([]CollectionResult, error) {
	body, err := json.Marshal(parts)
	if err != nil {
		return nil, fmt.Errorf("making a composite request: %w", err)
	}
	var answer struct {
		Parts []struct {
			Body   jsontext.Value `json:"body"`
			Status int            `json:"httpStatusCode"`
		} `json:"compositeResponse"`
	}
	if err := c.do(ctx, opComposite, request{method: http.MethodPost, path: c.data("composite"), body: body}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Parts) != len(collections) {
		return nil, &Unanswered{Operation: opComposite, Err: fmt.Errorf("the composite answer has %d parts, not %d", len(answer.Parts), len(collections))}
	}
	results := make([]CollectionResult, len(collections))
	for i, one := range collections {
		part := answer.Parts[i]
		if part.Status < 200 || part.Status > 299 {
			results[i].Err = errorOf(one.operation(), part.Status, http.Header{}, part.Body, c.now())
			continue
		}
		results[i].Rows, results[i].Err = rowResults(one, part.Body)
	}
	return results, nil
}

// rowResults reads the results of a collection's rows. Without one for each, what
// became of them is unknown.
func rowResults(of Collection, body []byte) ([]RowResult, error) {
	var results []RowResult
	if err := json.Unmarshal(body, &results); err != nil {
		return nil, &Unanswered{Operation: of.operation(), Err: fmt.Errorf("reading the answer: %w", err)}
	}
	if len(results) != len(of.Rows) {
		return nil, &Unanswered{Operation: of.operation(), Err: fmt.Errorf("%d results for %d rows", len(results), len(of.Rows))}
	}
	return results, nil
}
