package sfsim

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/callfold/callfold/internal/sfsim/soql"
)

// bulkPage is how many rows a page of a query job's results has unless the
// request says otherwise.
const bulkPage = 50_000

// bulkQueryResult is the result of a query job, as text.
type bulkQueryResult struct {
	header []string
	rows   csvRows
}

// queryJobCreate is POST jobs/query ("Create a Query Job").
func queryJobCreate(c *call) *response {
	var in newJob
	j, err := c.job(&in)
	if err != nil {
		return failure(err)
	}
	if in.Operation != "query" && in.Operation != "queryAll" {
		return failure(badRequest("INVALIDJOB", "InvalidJob : operation %q is not one of query, queryAll", in.Operation))
	}
	j.query, j.soql, j.state = true, in.Query, jobUploaded
	parsed, p, fault := c.s.bulkPlan(j)
	if fault != nil {
		return failure(queryError(j.soql, fault))
	}
	if parsed.Count {
		return failure(badRequest("INVALIDJOB", "InvalidJob : Aggregate functions are not supported in query jobs"))
	}
	j.object = p.table.object
	c.s.bulk.add(j)
	resp := answer(http.StatusOK, j.info(false))
	c.s.bulk.start(func(<-chan struct{}) { c.s.runQueryJob(j) })
	return resp
}

// bulkPlan resolves the query of a job. The caller holds the server's lock.
func (s *Server) bulkPlan(j *bulkJob) (*soql.Query, *plan, error) {
	parsed, err := soql.Parse(j.soql)
	if err != nil {
		return nil, nil, err
	}
	p, err := view{s, j.user}.plan(parsed, j.operation == "queryAll" || parsed.AllRows)
	return parsed, p, err
}

// runQueryJob does the work of a query job.
func (s *Server) runQueryJob(j *bulkJob) {
	b := &s.bulk
	b.mu.Lock()
	if j.state != jobUploaded {
		b.mu.Unlock()
		return
	}
	j.state, j.began, j.modified = jobInProgress, s.now(), s.now()
	b.mu.Unlock()
	if pause := s.pause(&Fault{}, "bulk_query"); pause != nil {
		pause()
	}
	result, err := s.bulkQuery(j)
	b.mu.Lock()
	defer b.mu.Unlock()
	if j.state != jobInProgress {
		return
	}
	j.modified = s.now()
	if err != nil {
		j.state, j.message = jobFailed, err.Error()
		return
	}
	j.state, j.results, j.processed = jobComplete, result, len(result.rows)
}

func (s *Server) bulkQuery(j *bulkJob) (*bulkQueryResult, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	parsed, p, err := s.bulkPlan(j)
	if err != nil {
		return nil, err
	}
	result := &bulkQueryResult{}
	var readers []*reader
	for _, path := range parsed.Fields {
		rd, err := view{s, j.user}.reader(p.table.object, path)
		if err != nil {
			return nil, err
		}
		readers = append(readers, rd)
		result.header = append(result.header, path.String())
	}
	for _, r := range p.run() {
		cells := make([]string, len(readers))
		for i, rd := range readers {
			cells[i] = cellText(rd.field, rd.read(r))
		}
		result.rows = append(result.rows, cells)
	}
	return result, nil
}

// cellText writes a value as a cell: nothing for null, date-times with a Z.
func cellText(f *field, v any) string {
	text, isText := v.(string)
	switch {
	case v == nil:
		return ""
	case isText && f.kind == typeDateTime:
		return strings.TrimSuffix(text, "+0000") + "Z"
	case isText:
		return text
	}
	return string(appendValue(nil, f, v))
}

// queryJobResults is GET jobs/query/ID/results?locator=&maxRecords= ("Get Results
// for a Query Job"): pages of CSV, each with the header; the header Sforce-Locator
// names the next one, or says null. Nobody but the user who made the job gets
// them, as with the locators of queries.
func queryJobResults(c *call) *response {
	b := &c.s.bulk
	b.mu.Lock()
	defer b.mu.Unlock()
	j, err := b.find(c.args[0], true, c.s.now())
	if err != nil {
		return failure(err)
	}
	if j.user != c.user {
		return failure(notFound())
	}
	if j.state != jobComplete {
		return failure(wrongState(j))
	}
	size := bulkPage
	if given := c.query.Get("maxRecords"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 {
			return failure(badRequest("INVALIDJOB", "InvalidJob : maxRecords %q is not a positive number", given))
		}
		size = min(n, bulkPage)
	}
	rows := j.results.rows
	offset := 0
	if locator := c.query.Get("locator"); locator != "" {
		text, err := base64.RawURLEncoding.DecodeString(locator)
		if err == nil {
			offset, err = strconv.Atoi(string(text))
		}
		if err != nil || offset < 0 || offset >= len(rows) {
			return failure(badRequest("INVALIDQUERYLOCATOR", "InvalidQueryLocator : %s", locator))
		}
	}
	end := min(offset+size, len(rows))
	resp := csvResponse(j, append(csvRows{j.results.header}, rows[offset:end]...))
	next := "null"
	if end < len(rows) {
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	resp.header.Set("Sforce-Locator", next)
	resp.header.Set("Sforce-NumberOfRecords", strconv.Itoa(end-offset))
	return resp
}
