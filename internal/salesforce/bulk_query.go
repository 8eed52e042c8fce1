package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
)

// bulkPage is how many rows one answer has at most. The rows are given out as they
// come, so it bounds no memory; it is what is lost when the connection breaks.
const bulkPage = 50_000

// BulkQuery asks with SOQL through Bulk API 2.0 and gives each row to each, which
// may keep it; an error of each ends the query and is returned as it is. With all,
// deleted and archived records are found, too. It is meant for more than some
// ten thousand rows: it takes seconds at the least, but few API requests, and the
// memory of one row.
//
// A row has a cell for each selected field, by the name in the query (a related
// record's is Who.Name). Cells are text as CSV has it: true and false, numbers as
// Salesforce writes them, dates as 2026-03-15, times as 2026-03-15T12:00:00.000Z.
// A cell that is empty is a field without a value: Salesforce keeps no empty texts,
// so there is no other empty. Line ends within texts stay as they are.
//
// Salesforce takes no aggregates, GROUP BY, OFFSET, nested queries and compound
// fields here, and promises no order without ORDER BY.
//
// The error is an [*Error], an [*Unanswered], a [*JobError], or that of each or of the
// context. Rows that were given before stay given: who starts over starts from nothing.
// The job is deleted in the end, and aborted before where it still runs.
func (c *Client) BulkQuery(ctx context.Context, soql string, all bool, each func(row map[string]string) error) error {
	operation := "query"
	if all {
		operation = "queryAll"
	}
	body, err := json.Marshal(map[string]string{"operation": operation, "query": soql})
	if err != nil {
		return fmt.Errorf("making a query job: %w", err)
	}
	var job BulkInfo
	if err := c.do(ctx, opBulkQuery, request{method: http.MethodPost, path: c.data("jobs", "query"), body: body}, &job); err != nil {
		return err
	}
	if job.ID == "" {
		return &Unanswered{Operation: opBulkQuery, Err: errors.New("the answer names no job")}
	}
	path := c.data("jobs", "query", job.ID)
	info, err := c.awaitJob(ctx, opBulkQuery, path)
	defer func() { c.dropJob(ctx, opBulkQuery, path, info.State != "") }()
	if err != nil {
		return err
	}
	if info.State != jobComplete {
		return &JobError{Operation: opBulkQuery, JobID: job.ID, State: info.State, Message: info.Message}
	}
	for locator := ""; ; {
		if locator, err = c.bulkPage(ctx, path, locator, each); err != nil || locator == "" {
			return err
		}
	}
}

// bulkPage gives out one page of a query job's rows, and the next one's locator,
// which is empty behind the last page.
func (c *Client) bulkPage(ctx context.Context, path, locator string, each func(map[string]string) error) (next string, err error) {
	query := url.Values{"maxRecords": {strconv.Itoa(bulkPage)}}
	if locator != "" {
		query.Set("locator", locator)
	}
	err = c.do(ctx, opBulkQuery, request{
		method: http.MethodGet, path: path + "/results?" + query.Encode(), headers: []Header{{"Accept", "text/csv"}},
		read: func(header http.Header, body io.Reader) error {
			rows, err := eachCSVRow(opBulkQuery, body, each)
			if err != nil {
				return err
			}
			// A proxy may have taken the header away.
			if want, err := strconv.Atoi(header.Get("Sforce-NumberOfRecords")); err == nil && rows != want {
				return &Unanswered{Operation: opBulkQuery, Err: fmt.Errorf("%d rows in an answer of %d", rows, want)}
			}
			next = header.Get("Sforce-Locator")
			return nil
		},
	}, nil)
	if next == "null" { // Salesforce says so in four letters
		next = ""
	}
	return next, err
}

// eachCSVRow gives the rows behind a header to each, by the header's names, and counts them.
func eachCSVRow(operation string, body io.Reader, each func(map[string]string) error) (rows int, err error) {
	reader := newCSVReader(body)
	header, err := reader.next()
	for err == nil {
		var cells []string
		if cells, err = reader.next(); err != nil {
			break
		}
		if len(cells) != len(header) {
			err = fmt.Errorf("row %d has %d cells and the header %d", rows+1, len(cells), len(header))
			break
		}
		row := make(map[string]string, len(cells))
		for i, name := range header {
			row[name] = cells[i]
		}
		if err := each(row); err != nil {
			return rows, err
		}
		rows++
	}
	if errors.Is(err, io.EOF) {
		return rows, nil
	}
	return rows, &Unanswered{Operation: operation, Err: err}
}
