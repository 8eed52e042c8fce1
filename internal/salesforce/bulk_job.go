package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The states of a bulk job ("Get Information About a Query Job", "… an Ingest Job").
const (
	jobOpen           = "Open"
	jobUploadComplete = "UploadComplete"
	jobInProgress     = "InProgress"
	jobComplete       = "JobComplete"
	jobAborted        = "Aborted"
)

// How often a job is looked at: each look is an API request, so less and less often.
const (
	firstLook = time.Second
	lastLook  = 15 * time.Second
	// mostLooksFailed is how many looks in a row may fail before the job is given up.
	mostLooksFailed = 5
)

// JobError says that a bulk job ended without having done its work.
type JobError struct {
	// Operation is what was asked for, such as "bulk_query".
	Operation string
	// JobID names the job, as Setup → Bulk Data Load Jobs shows it.
	JobID string
	// State is Failed or Aborted.
	State string
	// Message is Salesforce's own, empty where it gives none.
	Message string
}

// Error implements error. Long numbers show their last two digits, as in [Error].
func (e *JobError) Error() string {
	text := fmt.Sprintf("Salesforce's job %s for %s ended as %s", e.JobID, e.Operation, e.State)
	if e.Message != "" {
		text += ": " + masked(e.Message)
	}
	return text
}

// BulkInfo is what Salesforce tells of a job.
type BulkInfo struct {
	ID string `json:"id"`
	// State is Open, UploadComplete, InProgress, JobComplete, Failed or Aborted.
	State string `json:"state"`
	// ExternalID is the field by which rows are upserted; empty where it is by Id.
	ExternalID string `json:"externalIdFieldName"`
	// Processed are the rows that Salesforce has looked at, or found; Failed those of
	// them that it refused.
	Processed int `json:"numberRecordsProcessed"`
	Failed    int `json:"numberRecordsFailed"`
	// Message is why the job failed.
	Message string `json:"errorMessage"`
}

// Open reports whether nothing of the job was handed over to be worked on.
func (i BulkInfo) Open() bool { return i.State == jobOpen }

// Ended reports whether Salesforce begins with no further row of the job.
func (i BulkInfo) Ended() bool {
	return i.State != jobOpen && i.State != jobUploadComplete && i.State != jobInProgress
}

// Complete reports whether Salesforce has looked at every row.
func (i BulkInfo) Complete() bool { return i.State == jobComplete }

// awaitJob looks at a job until it has ended. A look that fails for a cause that
// may pass is followed by the next one, which would have come anyway.
func (c *Client) awaitJob(ctx context.Context, operation, path string) (BulkInfo, error) {
	failures := 0
	for wait := firstLook; ; wait = min(wait*3/2, lastLook) {
		if err := c.sleep(ctx, wait); err != nil {
			return BulkInfo{}, fmt.Errorf("waiting for a job of %s: %w", operation, err)
		}
		var info BulkInfo
		err := c.do(ctx, operation, request{method: http.MethodGet, path: path}, &info)
		switch {
		case err == nil && info.Ended():
			return info, nil
		case err == nil:
			failures = 0
		case ctx.Err() != nil || !passing(err) || failures == mostLooksFailed:
			return BulkInfo{}, err
		default:
			failures++
		}
	}
}

// passing tells whether a request may succeed when it is sent again.
func passing(err error) bool {
	if unanswered := (*Unanswered)(nil); errors.As(err, &unanswered) {
		return true
	}
	refusal := (*Error)(nil)
	return errors.As(err, &refusal) && !refusal.SignIn &&
		(refusal.Status >= http.StatusInternalServerError || refusal.Status == http.StatusTooManyRequests)
}

// dropJob ends a job that nobody waits for any more, and deletes it with its
// results. Its own failure is nobody's concern: Salesforce deletes jobs after seven days.
func (c *Client) dropJob(ctx context.Context, operation, path string, ended bool) {
	ctx = context.WithoutCancel(ctx) // each request has its deadline
	if !ended {
		abort := request{method: http.MethodPatch, path: path, body: []byte(`{"state":"` + jobAborted + `"}`)}
		_ = c.do(ctx, operation, abort, nil)
	}
	_ = c.do(ctx, operation, request{method: http.MethodDelete, path: path}, nil)
}
