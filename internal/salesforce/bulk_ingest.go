package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// clearCell is what a cell says that clears its field; an empty one leaves the field
// as it is ("Prepare CSV Files", Bulk API 2.0).
const clearCell = "#N/A"

// BulkCreate makes an ingest job and gives its id. Its rows are upserted by an external
// id, or updated by Id where externalID is empty. Nothing is written before
// [Client.BulkClose], so a job that is forgotten changes nothing.
func (c *Client) BulkCreate(ctx context.Context, object, externalID string) (id string, err error) {
	job := struct {
		Object     string `json:"object"`
		Operation  string `json:"operation"`
		ExternalID string `json:"externalIdFieldName,omitzero"`
		LineEnding string `json:"lineEnding"`
	}{object, "update", externalID, "CRLF"}
	if externalID != "" {
		job.Operation = "upsert"
	}
	body, err := json.Marshal(job)
	if err != nil {
		return "", fmt.Errorf("making a bulk job: %w", err)
	}
	var info BulkInfo
	if err := c.do(ctx, opBulkIngest, request{method: http.MethodPost, path: c.data("jobs", "ingest"), body: body}, &info); err != nil {
		return "", err
	}
	if info.ID == "" {
		return "", &Unanswered{Operation: opBulkIngest, Err: errors.New("the answer names no job")}
	}
	return info.ID, nil
}

// BulkUpload gives a job its rows, once. A field that a row does not have is left as it
// is, one with nil or an empty text is cleared. The rows must be such that [BulkTakes].
func (c *Client) BulkUpload(ctx context.Context, id string, rows []Record) error {
	return c.do(ctx, opBulkIngest, request{
		method: http.MethodPut, path: c.data("jobs", "ingest", id, "batches"), body: bulkCSV(rows), contentType: "text/csv; charset=utf-8",
	}, nil)
}

// BulkTakes reports whether Bulk API 2.0 can write a record: it has no way to write the
// text #N/A, with which it clears fields.
func BulkTakes(row Record) bool {
	for _, v := range row {
		if v == clearCell {
			return false
		}
	}
	return true
}

// BulkClose hands an uploaded job over: Salesforce works on it from now on, in any order.
func (c *Client) BulkClose(ctx context.Context, id string) error {
	return c.setJobState(ctx, id, jobUploadComplete)
}

// BulkAbort ends a job. What Salesforce has begun with may be done all the same.
func (c *Client) BulkAbort(ctx context.Context, id string) error {
	return c.setJobState(ctx, id, jobAborted)
}

func (c *Client) setJobState(ctx context.Context, id, state string) error {
	body := []byte(`{"state":"` + state + `"}`)
	return c.do(ctx, opBulkIngest, request{method: http.MethodPatch, path: c.data("jobs", "ingest", id), body: body}, nil)
}

// BulkInfo tells how far a job is. Salesforce forgets jobs after seven days: an [*Error]
// with Status 404.
func (c *Client) BulkInfo(ctx context.Context, id string) (info BulkInfo, err error) {
	err = c.do(ctx, opBulkIngest, request{method: http.MethodGet, path: c.data("jobs", "ingest", id)}, &info)
	return info, err
}

// BulkResult is what became of one row of a job.
type BulkResult struct {
	// Row are the cells of the row as they were uploaded; the rest of its fields is empty.
	Row map[string]string
	// ID is the record's, empty where there is none.
	ID      string
	Created bool
	// Code is why the row was refused, such as UNABLE_TO_LOCK_ROW; empty where it was written.
	Code string
}

// BulkResults gives each row that an ended job has written or refused to each, whose
// error is returned as it is. A row that is not among them Salesforce has not looked at;
// of a job that was aborted or failed it may yet have done so.
func (c *Client) BulkResults(ctx context.Context, info BulkInfo, each func(BulkResult) error) error {
	written, err := c.bulkResults(ctx, info.ID, "successfulResults", func(row map[string]string) error {
		return each(BulkResult{Row: row, ID: row["sf__Id"], Created: row["sf__Created"] == "true"})
	})
	if err != nil {
		return err
	}
	refused, err := c.bulkResults(ctx, info.ID, "failedResults", func(row map[string]string) error {
		code, _, _ := strings.Cut(row["sf__Error"], ":")
		if code == "" {
			code = "NO_REASON"
		}
		return each(BulkResult{Row: row, ID: row["sf__Id"], Code: code})
	})
	if err == nil && info.Complete() && (refused != info.Failed || written+refused != info.Processed) {
		return &Unanswered{Operation: opBulkIngest, Err: fmt.Errorf("results of %d written and %d refused rows of %d, %d refused", written, refused, info.Processed, info.Failed)}
	}
	return err
}

func (c *Client) bulkResults(ctx context.Context, id, which string, each func(map[string]string) error) (rows int, err error) {
	err = c.do(ctx, opBulkIngest, request{
		method: http.MethodGet, path: c.data("jobs", "ingest", id, which), headers: []Header{{"Accept", "text/csv"}},
		read: func(_ http.Header, body io.Reader) (err error) {
			rows, err = eachCSVRow(opBulkIngest, body, each)
			return err
		},
	}, nil)
	return rows, err
}

// bulkCSV writes rows as Bulk API 2.0 reads them.
func bulkCSV(rows []Record) []byte {
	names := map[string]bool{}
	for _, row := range rows {
		for name := range row {
			names[name] = true
		}
	}
	columns := slices.Sorted(maps.Keys(names))
	var csv []byte
	line := func(cell func(name string) string) {
		for i, name := range columns {
			if i > 0 {
				csv = append(csv, ',')
			}
			csv = appendCell(csv, cell(name))
		}
		csv = append(csv, "\r\n"...)
	}
	line(func(name string) string { return name })
	for _, row := range rows {
		line(func(name string) string {
			v, given := row[name]
			if !given {
				return ""
			}
			return cellOf(v)
		})
	}
	return csv
}

// cellOf is a value as a cell.
func cellOf(v any) string {
	switch v := v.(type) {
	case nil:
		return clearCell
	case string:
		if v == "" {
			return clearCell
		}
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v) // whole numbers and truth values
}

// appendCell writes a cell, in quotes where it needs them.
func appendCell(csv []byte, cell string) []byte {
	if !strings.ContainsAny(cell, "\",\r\n") {
		return append(csv, cell...)
	}
	csv = append(csv, '"')
	csv = append(csv, strings.ReplaceAll(cell, `"`, `""`)...)
	return append(csv, '"')
}
