package sfsim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// bulkChunk is how many rows of a job make one transaction, as in Salesforce.
const bulkChunk = 200

// clearCell is what a cell says that is to clear its field ("Prepare CSV Files");
// an empty one leaves the field as it is.
const clearCell = "#N/A"

// ingest does the work of a job whose upload is complete. The rows are carried
// out in chunks, each one a transaction that other requests meet as any other,
// the last chunk first: Salesforce works on chunks in parallel and promises no order.
//
// A [Fault] of the operation bulk_chunk meets chunks: with a Code the job fails,
// and what was written before stays, as it is in Salesforce.
func (s *Server) ingest(j *bulkJob, closing <-chan struct{}) {
	b := &s.bulk
	b.mu.Lock()
	if j.state != jobUploaded {
		b.mu.Unlock()
		return
	}
	j.state, j.began, j.modified = jobInProgress, s.now(), s.now()
	data := j.data
	b.mu.Unlock()

	rows, fields, err := s.readUpload(j, data)
	b.mu.Lock()
	j.data = nil
	if len(rows) > 0 {
		j.successes = csvRows{append([]string{"sf__Id", "sf__Created"}, rows[0]...)}
		j.failures = csvRows{append([]string{"sf__Id", "sf__Error"}, rows[0]...)}
		j.unprocessed = rows
	}
	b.mu.Unlock()
	for err == nil && s.rowsLeft(j, closing) {
		err = s.ingestChunk(j, fields)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	j.modified = s.now()
	switch {
	case err != nil:
		j.state, j.message = jobFailed, err.Error()
		s.log.Debug("a simulated bulk job failed", "job", j.id, "error", err)
	case j.state == jobInProgress && len(j.unprocessed) == 1:
		j.state = jobComplete
	}
}

// readUpload reads the rows of an upload and the fields that its header names.
func (s *Server) readUpload(j *bulkJob, data []byte) (csvRows, []*field, error) {
	rows, err := parseCSV(data, j)
	if err != nil {
		return nil, nil, err
	}
	if len(rows) == 0 {
		return nil, nil, fmt.Errorf("ClientInputError : Unable to find any data to create batch")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	fields, err := s.columns(j, rows[0])
	return rows, fields, err
}

// rowsLeft tells whether there is another chunk to do.
func (s *Server) rowsLeft(j *bulkJob, closing <-chan struct{}) bool {
	select {
	case <-closing:
		return false
	default:
	}
	s.bulk.mu.Lock()
	defer s.bulk.mu.Unlock()
	return j.state == jobInProgress && len(j.unprocessed) > 1
}

// ingestChunk carries out the last rows that are left.
func (s *Server) ingestChunk(j *bulkJob, fields []*field) error {
	fault := s.faults.spend(func(f *Fault) bool { return f.Operation == "bulk_chunk" && !f.meetsRows() })
	if fault == nil {
		fault = &Fault{}
	}
	if fault.Hold != nil {
		<-fault.Hold
	}
	broken := fmt.Errorf("%s : %s", fault.Code, fault.Message)
	if fault.Code != "" && !fault.AfterCommit {
		return broken
	}
	s.bulk.mu.Lock()
	left := j.unprocessed
	s.bulk.mu.Unlock()
	// Chunks are counted from the first row on, so that the rows of one do not
	// depend on the order in which they are worked through.
	first := 1 + (len(left)-2)/bulkChunk*bulkChunk
	chunk := left[first:]
	var results []bulkResult
	err := s.writeDuring(s.pause(fault, "bulk_chunk"), func(t *tx) error {
		t.user = j.user
		results = t.bulkRows(j, fields, chunk)
		return nil
	})
	if err != nil {
		return fmt.Errorf("UNKNOWN_EXCEPTION : %w", err)
	}
	s.bulk.mu.Lock()
	defer s.bulk.mu.Unlock()
	for i, r := range results {
		if len(r.errs) > 0 {
			j.failed++
			j.failures = append(j.failures, append([]string{r.id, bulkErrors(r.errs)}, chunk[i]...))
		} else {
			j.successes = append(j.successes, append([]string{r.id, fmt.Sprint(r.created)}, chunk[i]...))
		}
	}
	j.processed += len(results)
	j.unprocessed, j.modified = left[:first:first], s.now()
	if fault.Code != "" {
		return broken
	}
	return nil
}

// bulkResult is what became of one row.
type bulkResult struct {
	id      string
	created bool
	errs    []*rowError
}

// bulkRows carries out the rows of one chunk, each on its own. A key that comes
// twice among them, compared without case, is refused in every row that has it.
func (t *tx) bulkRows(j *bulkJob, fields []*field, chunk csvRows) []bulkResult {
	key := j.externalID
	if key == nil {
		key = j.object.fields[j.object.id]
	}
	column := slices.Index(fields, key)
	times := map[string]int{}
	if column >= 0 {
		for _, cells := range chunk {
			times[bulkKey(key, cells[column])]++
		}
	}
	out := make([]bulkResult, len(chunk))
	for i, cells := range chunk {
		if column >= 0 && cells[column] != "" && times[bulkKey(key, cells[column])] > 1 {
			out[i].errs = []*rowError{refuse("DUPLICATE_VALUE", []string{key.name}, "Duplicate external id specified: %s", cells[column])}
			continue
		}
		out[i] = t.bulkRow(j, key, fields, cells)
	}
	return out
}

// bulkKey is the form in which two keys of a chunk are compared.
func bulkKey(f *field, cell string) string {
	if f.kind == typeID {
		id, _ := canonicalID(cell)
		return id
	}
	return strings.ToLower(strings.TrimSpace(cell))
}

// bulkRow carries out one row.
func (t *tx) bulkRow(j *bulkJob, key *field, fields []*field, cells []string) bulkResult {
	var set []assignment
	var errs []*rowError
	for i, f := range fields {
		if cells[i] == "" {
			continue
		}
		a, err := bulkValue(f, cells[i])
		if err != nil {
			errs = append(errs, err)
		}
		set = append(set, a)
	}
	if len(errs) > 0 {
		return bulkResult{errs: errs}
	}
	if j.operation == "insert" {
		return t.bulkInsert(j.object, set)
	}
	k, rest := record{j.object, set}.split(key)
	given, _ := k.value.(string)
	switch {
	case given == "" && j.operation == "upsert" && key.kind == typeID:
		return t.bulkInsert(j.object, rest)
	case given == "":
		return bulkResult{errs: []*rowError{refuse("MISSING_ARGUMENT", []string{key.name}, "%s not specified", key.name)}}
	case key.kind != typeID:
		if a, _ := (record{j.object, rest}).split(j.object.fields[j.object.id]); a.field != nil {
			return bulkResult{errs: []*rowError{refuse("INVALID_FIELD_FOR_INSERT_UPDATE", []string{"Id"}, "cannot specify Id in an upsert call by %s", key.name)}}
		}
		id, created, errs := t.upsert(j.object, k, rest)
		if t.table(j.object).get(id) == nil {
			id = "" // of the record that was not created
		}
		return bulkResult{id, created, errs}
	}
	id, ok := canonicalID(given)
	if o, _ := t.s.find(id); !ok || o != j.object {
		return bulkResult{errs: []*rowError{refuse("MALFORMED_ID", []string{"Id"}, "%s ID: id value of incorrect type: %s", j.object.label, given)}}
	}
	if j.operation != "delete" {
		return bulkResult{id: id, errs: t.update(j.object, id, rest)}
	}
	if err := t.remove(j.object, id); err != nil {
		return bulkResult{id: id, errs: []*rowError{err}}
	}
	return bulkResult{id: id}
}

func (t *tx) bulkInsert(o *object, set []assignment) bulkResult {
	id, errs := t.insert(o, set)
	if len(errs) > 0 {
		return bulkResult{errs: errs}
	}
	return bulkResult{id: id, created: true}
}

// bulkValue reads a cell that is not empty as the JSON value that it stands for.
func bulkValue(f *field, cell string) (assignment, *rowError) {
	if cell == clearCell {
		return assignment{field: f}, nil
	}
	value := jsontext.Value(strings.TrimSpace(cell))
	switch {
	case f.kind == typeBoolean:
		value = jsontext.Value(strings.ToLower(string(value)))
	case !f.kind.isNumber():
		value, _ = jsontext.AppendQuote(nil, cell) // UTF-8, as the upload was found to be
	}
	if a, ok := decodeValue(f, value); ok && checkWhole(value) == nil {
		return a, nil
	}
	return assignment{field: f}, refuse("INVALID_TYPE_ON_FIELD_IN_RECORD", []string{f.name}, "%s: value not of required type: %s", f.label, cell)
}

// bulkErrors writes the faults of a row as sf__Error has them:
// CODE:message:fields --.
func bulkErrors(errs []*rowError) string {
	parts := make([]string, len(errs))
	for i, e := range errs {
		fields := strings.Join(e.Fields, ",")
		if fields != "" {
			fields += " "
		}
		parts[i] = e.StatusCode + ":" + e.Message + ":" + fields + "--"
	}
	return strings.Join(parts, ";")
}
