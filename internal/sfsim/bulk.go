package sfsim

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// The limits of Bulk API 2.0 ("Bulk API and Bulk API 2.0 Limits and Allocations",
// Salesforce Developer Limits and Allocations).
const (
	maxBulkFile = 150 << 20          // bytes of one upload
	bulkLife    = 7 * 24 * time.Hour // how long a job and its results are kept
	bulkPrefix  = "750"
)

// jobState is where a job of Bulk API 2.0 stands ("Get Information About an Ingest Job").
type jobState string

const (
	jobOpen       jobState = "Open"
	jobUploaded   jobState = "UploadComplete"
	jobInProgress jobState = "InProgress"
	jobComplete   jobState = "JobComplete"
	jobFailed     jobState = "Failed"
	jobAborted    jobState = "Aborted"
)

// ended tells whether nothing of the job is going to change any more.
func (s jobState) ended() bool { return s == jobComplete || s == jobFailed || s == jobAborted }

// bulkJob is one job, of ingest or of query. What changes in it is guarded by the
// mutex of the registry that holds it.
type bulkJob struct {
	id, user    string
	query       bool // a query job
	object      *object
	operation   string
	externalID  *field // of upserts; Id is allowed
	soql        string // of query jobs
	lineEnding  string // LF or CRLF
	delimiter   string // COMMA, …
	apiVersion  string // 64.0
	created     time.Time
	data        []byte // as it was uploaded
	uploaded    bool
	state       jobState
	modified    time.Time
	began       time.Time // when work on it began
	message     string    // why it failed
	processed   int
	failed      int
	successes   csvRows
	failures    csvRows
	unprocessed csvRows
	results     *bulkQueryResult // of query jobs
}

// csvRows are the rows of a CSV file, the header first.
type csvRows [][]string

// bulkJobs are the jobs of an org. They end with the process: a job in flight
// when the simulator is restarted is gone, with what it has written so far kept.
type bulkJobs struct {
	mu      sync.Mutex
	count   uint64
	jobs    []*bulkJob // oldest first
	working sync.WaitGroup
	closing chan struct{} // closed when the server ends; nil until a job was begun
	closed  bool
}

func (b *bulkJobs) add(j *bulkJob) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	j.id = newID(bulkPrefix, b.count)
	b.jobs = append(b.jobs, j)
}

// find returns a job that is not older than seven days. The caller holds the mutex.
func (b *bulkJobs) find(id string, query bool, now time.Time) (*bulkJob, *apiError) {
	b.jobs = slices.DeleteFunc(b.jobs, func(j *bulkJob) bool { return now.Sub(j.created) > bulkLife })
	id, _ = canonicalID(id)
	for _, j := range b.jobs {
		if j.id == id && j.query == query {
			return j, nil
		}
	}
	return nil, fail(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

// start runs the work of a job beside the requests, until it is done or the server is closed.
func (b *bulkJobs) start(work func(closing <-chan struct{})) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	if b.closing == nil {
		b.closing = make(chan struct{})
	}
	closing := b.closing
	b.working.Go(func() { work(closing) })
}

// JobsEnd waits until no bulk job is being worked on.
func (s *Server) JobsEnd() { s.bulk.working.Wait() }

// close ends the work of all jobs: at the next chunk of rows.
func (b *bulkJobs) close() {
	b.mu.Lock()
	if b.closing != nil && !b.closed {
		close(b.closing)
	}
	b.closed = true
	b.mu.Unlock()
	b.working.Wait()
}

// jobInfo is the answer of every request about a job. Figures are given only by
// the request for a single job's information.
type jobInfo struct {
	ID          string   `json:"id"`
	Operation   string   `json:"operation"`
	Object      string   `json:"object"`
	CreatedByID string   `json:"createdById"`
	Created     string   `json:"createdDate"`
	Modstamp    string   `json:"systemModstamp"`
	State       jobState `json:"state"`
	ExternalID  string   `json:"externalIdFieldName,omitzero"`
	Concurrency string   `json:"concurrencyMode"`
	ContentType string   `json:"contentType"`
	APIVersion  rawJSON  `json:"apiVersion"` // a number with its decimal
	JobType     string   `json:"jobType"`
	ContentURL  string   `json:"contentUrl,omitzero"`
	LineEnding  string   `json:"lineEnding"`
	Delimiter   string   `json:"columnDelimiter"`
	*jobFigures
}

type jobFigures struct {
	Retries      int    `json:"retries"`
	Total        int64  `json:"totalProcessingTime"` // milliseconds, as the next two
	Active       int64  `json:"apiActiveProcessingTime"`
	Apex         int64  `json:"apexProcessingTime"`
	Processed    int    `json:"numberRecordsProcessed"`
	Failed       *int   `json:"numberRecordsFailed,omitzero"` // not of query jobs
	ErrorMessage string `json:"errorMessage,omitzero"`
}

func (j *bulkJob) info(figures bool) jobInfo {
	out := jobInfo{
		ID: j.id, Operation: j.operation, Object: j.object.name, CreatedByID: j.user,
		Created: j.created.UTC().Format(dateTimeLayout), Modstamp: j.modified.UTC().Format(dateTimeLayout),
		State: j.state, Concurrency: "Parallel", ContentType: "CSV", APIVersion: rawJSON(j.apiVersion),
		JobType: "V2Ingest", LineEnding: j.lineEnding, Delimiter: j.delimiter,
	}
	switch {
	case j.query:
		out.JobType = "V2Query"
	case j.state == jobOpen:
		out.ContentURL = "services/data/v" + j.apiVersion + "/jobs/ingest/" + j.id + "/batches"
	}
	if j.externalID != nil {
		out.ExternalID = j.externalID.name
	}
	if figures {
		f := &jobFigures{Processed: j.processed, ErrorMessage: j.message}
		if !j.began.IsZero() {
			f.Total = j.modified.Sub(j.began).Milliseconds()
			f.Active = f.Total
		}
		if !j.query {
			f.Failed = &j.failed
		}
		out.jobFigures = f
	}
	return out
}
