package sfsim

import (
	"net/http"
	"slices"
	"strings"
)

// newJob is the body that creates a job of either kind.
type newJob struct {
	Operation   string `json:"operation"`
	Object      string `json:"object"`
	ExternalID  string `json:"externalIdFieldName"`
	ContentType string `json:"contentType"`
	LineEnding  string `json:"lineEnding"`
	Delimiter   string `json:"columnDelimiter"`
	Query       string `json:"query"`
}

// job reads the settings that both kinds of jobs have.
func (c *call) job(in *newJob) (*bulkJob, *apiError) {
	if err := c.unmarshal(in); err != nil {
		return nil, err
	}
	j := &bulkJob{user: c.user, operation: in.Operation, lineEnding: "LF", delimiter: "COMMA", state: jobOpen, created: c.s.now()}
	j.modified = j.created
	j.apiVersion = strings.TrimPrefix(c.version, "v")
	if in.LineEnding != "" {
		j.lineEnding = in.LineEnding
	}
	if in.Delimiter != "" {
		j.delimiter = in.Delimiter
	}
	switch {
	case in.ContentType != "" && in.ContentType != "CSV":
		return nil, badRequest("INVALIDJOB", "InvalidJob : Unsupported content type for jobs of Bulk API 2.0: %s", in.ContentType)
	case j.lineEnding != "LF" && j.lineEnding != "CRLF":
		return nil, badRequest("INVALIDJOB", "InvalidJob : lineEnding %s is not LF or CRLF", in.LineEnding)
	case delimiters[j.delimiter] == 0:
		return nil, badRequest("INVALIDJOB", "InvalidJob : columnDelimiter %s is not one of BACKQUOTE, CARET, COMMA, PIPE, SEMICOLON, TAB", in.Delimiter)
	}
	return j, nil
}

// jobCreate is POST jobs/ingest ("Create a Job").
func jobCreate(c *call) *response {
	var in newJob
	j, err := c.job(&in)
	if err != nil {
		return failure(err)
	}
	switch in.Operation {
	case "insert", "update", "upsert", "delete":
	case "hardDelete":
		return failure(badRequest("FEATURENOTENABLED", "FeatureNotEnabled : hardDelete is not enabled for this user"))
	default:
		return failure(badRequest("INVALIDJOB", "InvalidJob : operation %q is not one of insert, update, upsert, delete", in.Operation))
	}
	if j.object = c.s.schema.object(in.Object); j.object == nil {
		return failure(badRequest("INVALIDENTITY", "InvalidEntity : Unable to find object: %s", in.Object))
	}
	if in.Operation == "upsert" {
		if in.ExternalID == "" {
			return failure(badRequest("INVALIDJOB", "InvalidJob : External ID was blank for %s. An External ID must be specified for upsert.", j.object.name))
		}
		j.externalID = j.object.fieldFor(j.user, in.ExternalID)
		if j.externalID == nil || !j.externalID.external && j.externalID.kind != typeID {
			return failure(badRequest("INVALIDJOB", "InvalidJob : Field name provided, %s does not match an External ID, Salesforce Id, or indexed field for %s", in.ExternalID, j.object.name))
		}
	}
	c.s.bulk.add(j)
	return answer(http.StatusOK, j.info(false))
}

// jobUpload is PUT jobs/ingest/ID/batches ("Upload Job Data"): once a job.
func jobUpload(c *call) *response {
	b := &c.s.bulk
	b.mu.Lock()
	defer b.mu.Unlock()
	j, err := b.find(c.args[0], false, c.s.now())
	switch {
	case err != nil:
		return failure(err)
	case j.uploaded:
		return failure(fail(http.StatusConflict, "INVALIDJOBSTATE",
			"Found multiple contents for job: <%s>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.", j.id))
	case j.state != jobOpen:
		return failure(wrongState(j))
	}
	j.data, j.uploaded, j.modified = c.body, true, c.s.now()
	return newResponse(http.StatusCreated, nil)
}

func wrongState(j *bulkJob) *apiError {
	return badRequest("INVALIDJOBSTATE", "Invalid job state: %s", j.state)
}

// jobClose is PATCH jobs/ingest/ID or jobs/query/ID ("Close or Abort a Job").
func jobClose(c *call) *response { return c.closeJob(false) }

func queryJobClose(c *call) *response { return c.closeJob(true) }

func (c *call) closeJob(query bool) *response {
	var in struct {
		State jobState `json:"state"`
	}
	if err := c.unmarshal(&in); err != nil {
		return failure(err)
	}
	b := &c.s.bulk
	b.mu.Lock()
	j, err := b.find(c.args[0], query, c.s.now())
	switch {
	case err != nil:
	case in.State == jobUploaded && !query && j.state == jobOpen:
		defer b.start(func(closing <-chan struct{}) { c.s.ingest(j, closing) })
		j.state = jobUploaded
	case in.State == jobAborted && !j.state.ended():
		j.state = jobAborted
	case in.State != jobUploaded && in.State != jobAborted:
		err = badRequest("INVALIDJOB", "InvalidJob : state %q is not UploadComplete or Aborted", in.State)
	default:
		err = wrongState(j)
	}
	if err != nil {
		b.mu.Unlock()
		return failure(err)
	}
	j.modified = c.s.now()
	resp := answer(http.StatusOK, j.info(false))
	b.mu.Unlock()
	return resp
}

// jobStatus is GET jobs/ingest/ID ("Get Information About an Ingest Job").
func jobStatus(c *call) *response { return c.jobStatus(false) }

// queryJobStatus is GET jobs/query/ID ("Get Information About a Query Job").
func queryJobStatus(c *call) *response { return c.jobStatus(true) }

func (c *call) jobStatus(query bool) *response {
	b := &c.s.bulk
	b.mu.Lock()
	defer b.mu.Unlock()
	j, err := b.find(c.args[0], query, c.s.now())
	if err != nil {
		return failure(err)
	}
	return answer(http.StatusOK, j.info(true))
}

// jobList is GET jobs/ingest ("Get Information About All Ingest Jobs"): the newest first.
func jobList(c *call) *response { return c.jobList(false) }

func queryJobList(c *call) *response { return c.jobList(true) }

func (c *call) jobList(query bool) *response {
	b := &c.s.bulk
	b.mu.Lock()
	defer b.mu.Unlock()
	records := []jobInfo{}
	for _, j := range slices.Backward(b.jobs) {
		if j.query == query {
			records = append(records, j.info(false))
		}
	}
	return answer(http.StatusOK, map[string]any{"done": true, "records": records, "nextRecordsUrl": nil})
}

// jobDelete is DELETE jobs/ingest/ID ("Delete a Job"), of one that is not open
// and not being worked on.
func jobDelete(c *call) *response { return c.jobDelete(false) }

func queryJobDelete(c *call) *response { return c.jobDelete(true) }

func (c *call) jobDelete(query bool) *response {
	b := &c.s.bulk
	b.mu.Lock()
	defer b.mu.Unlock()
	j, err := b.find(c.args[0], query, c.s.now())
	switch {
	case err != nil:
		return failure(err)
	case !j.state.ended() && j.state != jobUploaded:
		return failure(wrongState(j))
	}
	if j.state == jobUploaded {
		j.state = jobAborted // whoever was to begin with it leaves it alone
	}
	b.jobs = slices.DeleteFunc(b.jobs, func(other *bulkJob) bool { return other == j })
	return newResponse(http.StatusNoContent, nil)
}

// jobResults is GET jobs/ingest/ID/successfulResults, failedResults or
// unprocessedrecords. Harsher than Salesforce, there are none before the job has ended.
func jobResults(c *call) *response {
	b := &c.s.bulk
	b.mu.Lock()
	defer b.mu.Unlock()
	j, err := b.find(c.args[0], false, c.s.now())
	if err != nil {
		return failure(err)
	}
	if !j.state.ended() {
		return failure(wrongState(j))
	}
	var rows csvRows
	switch strings.ToLower(c.args[1]) {
	case "successfulresults":
		rows = j.successes
	case "failedresults":
		rows = j.failures
	case "unprocessedrecords":
		rows = j.unprocessed
	default:
		return failure(notFound())
	}
	return csvResponse(j, rows)
}

func csvResponse(j *bulkJob, rows csvRows) *response {
	resp := newResponse(http.StatusOK, appendCSV(nil, j, rows))
	resp.header.Set("Content-Type", "text/csv")
	return resp
}

// accepts is what the body of a request of this route may be, and how long.
func (rt *route) accepts() (contentType string, limit int) {
	if rt.operation == "bulk_upload" {
		return "text/csv", maxBulkFile
	}
	return "application/json", maxBody
}
