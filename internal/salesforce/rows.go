package salesforce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

// Header is a request header that changes how Salesforce writes.
type Header struct{ Name, Value string }

// Headers for created Leads, Contacts and Cases.
var (
	// NoAutoAssign keeps assignment rules from changing the owner.
	NoAutoAssign = Header{"Sforce-Auto-Assign", "FALSE"}
	// AllowDuplicates lets a record pass although a duplicate rule that may be
	// overridden finds it similar to another.
	AllowDuplicates = Header{"Sforce-Duplicate-Rule-Header", "allowSave=true"}
)

// MaxRows is how many rows one collections request may have.
const MaxRows = 200

// RowResult is what became of one row of a collections request.
type RowResult struct {
	ID      string     `json:"id"`
	Success bool       `json:"success"`
	Created bool       `json:"created"`
	Errors  []RowError `json:"errors"`
}

// RowError is one reason why a row was refused.
type RowError struct {
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

// CollectionsUpdate updates up to MaxRows records of an object by the field id
// of each row. The results are in the order of the rows; one row's failure
// leaves the others alone.
func (c *Client) CollectionsUpdate(ctx context.Context, object string, rows []Record) ([]RowResult, error) {
	return c.collection(ctx, Collection{Object: object, Rows: rows})
}

// collection sends the request of one collection.
func (c *Client) collection(ctx context.Context, of Collection) ([]RowResult, error) {
	r, err := c.collectionRequest(of)
	if err != nil {
		return nil, err
	}
	var results []RowResult
	if err := c.do(ctx, of.operation(), r, &results); err != nil {
		return nil, err
	}
	if len(results) != len(of.Rows) {
		return nil, &Unanswered{Operation: of.operation(), Err: fmt.Errorf("%d results for %d rows", len(results), len(of.Rows))}
	}
	return results, nil
}

// deletion is the request that deletes rows by their field id.
func (c *Client) deletion(rows []Record) (request, error) {
	if len(rows) == 0 || len(rows) > MaxRows {
		return request{}, fmt.Errorf("deleting %d rows: a collections request takes 1 to %d", len(rows), MaxRows)
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i], _ = row["id"].(string)
	}
	return request{method: http.MethodDelete, path: c.data("composite", "sobjects") + "?allOrNone=false&ids=" + url.QueryEscape(strings.Join(ids, ","))}, nil
}

// collectionBody is the body of a collections request.
func collectionBody(object string, rows []Record) ([]byte, error) {
	if len(rows) == 0 || len(rows) > MaxRows {
		return nil, fmt.Errorf("writing %d rows: a collections request takes 1 to %d", len(rows), MaxRows)
	}
	type collection struct {
		AllOrNone bool     `json:"allOrNone"`
		Records   []Record `json:"records"`
	}
	body := collection{Records: make([]Record, len(rows))}
	for i, row := range rows {
		typed := maps.Clone(row)
		typed["attributes"] = map[string]string{"type": object}
		body.Records[i] = typed
	}
	encoded, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encoding rows: %w", err)
	}
	return encoded, nil
}

// Create creates one record and gives its id.
func (c *Client) Create(ctx context.Context, object string, fields Record, headers ...Header) (string, error) {
	body, err := json.Marshal(fields, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("encoding a record: %w", err)
	}
	var result RowResult
	if err := c.do(ctx, opCreate, request{method: http.MethodPost, path: c.data("sobjects", object), body: body, headers: headers}, &result); err != nil {
		return "", err
	}
	if result.ID == "" {
		return "", &Unanswered{Operation: opCreate, Err: errors.New("the answer names no id")}
	}
	return result.ID, nil
}

// GetByExternalID gives the named fields of the record that holds value in the
// external id field; ok is false when there is none.
func (c *Client) GetByExternalID(ctx context.Context, object, field, value string, fields []string) (record Record, ok bool, err error) {
	path := c.data("sobjects", object, field, value) + "?fields=" + url.QueryEscape(strings.Join(fields, ","))
	err = c.do(ctx, opGet, request{method: http.MethodGet, path: path}, &record)
	if refusal := (*Error)(nil); errors.As(err, &refusal) && refusal.Status == http.StatusNotFound && refusal.Code == "NOT_FOUND" {
		return nil, false, nil
	}
	return record, err == nil, err
}
