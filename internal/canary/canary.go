package canary

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/clock"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/schemas"
)

// pause is how long is waited between two looks at the topics.
const pause = 200 * time.Millisecond

// lookWithin is how long one look at the topics may take: where a leader is away that is
// told, not that a stage did nothing.
const lookWithin = 10 * time.Second

// Options configure a [Canary].
type Options struct {
	// URL is the front door: where Aircall posts its webhooks.
	URL string
	// Token is a webhook token that it accepts.
	Token string
	// CallID is the id of the canary's call, from FirstID to LastID.
	CallID int64
	// Timeout is how long after the sending the Task may be written.
	Timeout time.Duration
	// Client reads the topics Calls and Tasks, which are full names; with DryRun Tasks
	// is the topic of the dry run's outcomes.
	Client       *kgo.Client
	Calls, Tasks string
	// DryRun says that the sink writes nothing (sink.dry_run).
	DryRun bool
	// Transport is that of the HTTP client; nil = the default one.
	Transport http.RoundTripper
	Logger    *slog.Logger
	Now       func() time.Time
	// Registerer may be nil.
	Registerer prometheus.Registerer
}

// Canary sends synthetic calls and sees what becomes of them.
type Canary struct {
	o       Options
	http    *http.Client
	metrics *metrics
	pulse   observe.Pulse // of Every
}

// New makes a Canary. The error is a call id that is not for canaries.
func New(o Options) (*Canary, error) {
	if o.CallID < FirstID || o.CallID > LastID {
		return nil, fmt.Errorf("%d may be a call of Aircall's: a canary has an id from %d to %d", o.CallID, int64(FirstID), int64(LastID))
	}
	return &Canary{
		o: o, metrics: newMetrics(o.Registerer),
		http: &http.Client{
			Transport:     o.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // Aircall follows none either
		},
	}, nil
}

// Result is how a run ended. It is a closed set and a metric label.
type Result string

// The results. Only Written and Unwritten are well.
const (
	Written    Result = "written"    // Salesforce has it
	Unwritten  Result = "unwritten"  // it came through, and by a rule or a setting no Task is written
	Refused    Result = "refused"    // Salesforce, or an operator's command, keeps its Task from being written
	Late       Result = "late"       // not within the timeout
	Unaccepted Result = "unaccepted" // the front door did not answer that it has accepted it
	Unseen     Result = "unseen"     // Kafka could not be asked what became of it
)

// results are the outcomes that are the sink's last word, and what they mean here.
// The others, waiting and retrying, are followed by one of these.
var results = map[schemas.Result]Result{
	schemas.Created: Written, schemas.Updated: Written,
	schemas.Unchanged: Unwritten, schemas.Skipped: Unwritten,
	schemas.Rejected: Refused, schemas.Deleted: Refused, schemas.Erased: Refused,
}

// Report tells of one run.
type Report struct {
	CallID int64  `json:"call_id"`
	Result Result `json:"result"`
	// Seconds are from the sending to the outcome, or to the end of the run; Accepted
	// and Folded are those to the front door's answer and to the call's state, 0 where
	// these did not come.
	Seconds  float64 `json:"seconds"`
	Accepted float64 `json:"accepted_seconds,omitzero"`
	Folded   float64 `json:"folded_seconds,omitzero"`
	// Outcome is the sink's, with the rule of a skipped call and the Task's Salesforce
	// id; empty while there is none.
	Outcome schemas.Result `json:"outcome,omitzero"`
	Rule    string         `json:"rule,omitzero"`
	TaskID  string         `json:"task_id,omitzero"`
	// Problem says what is wrong and what to look at; of an unwritten call, why.
	Problem string `json:"problem,omitzero"`
}

// OK says whether every part that was to be tried did its work.
func (r *Report) OK() bool { return r.Result == Written || r.Result == Unwritten }

// Once sends a call and waits for its outcome. The error is only that ctx is done.
func (c *Canary) Once(ctx context.Context) (Report, error) {
	r := c.once(ctx)
	if err := ctx.Err(); err != nil {
		return r, err
	}
	c.metrics.count(&r, c.o.Now())
	return r, nil
}

func (c *Canary) once(ctx context.Context) Report {
	sent := c.o.Now()
	r := Report{CallID: c.o.CallID}
	since := func() float64 { return c.o.Now().Sub(sent).Seconds() }
	end := func(result Result, problem string) Report {
		r.Result, r.Problem, r.Seconds = result, problem, since()
		return r
	}
	text, key, err := body(c.o.CallID, c.o.Token, sent)
	if err != nil {
		return end(Unaccepted, err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	w, err := c.newWatch(ctx, key)
	if err != nil {
		return end(Unseen, err.Error())
	}
	sent = c.o.Now()
	if err := c.send(ctx, text); err != nil {
		return end(Unaccepted, err.Error())
	}
	r.Accepted = since()
	problem := errors.New("no answer from Kafka")
	for {
		looking, looked := context.WithTimeout(ctx, lookWithin)
		err := w.look(looking)
		looked()
		if ctx.Err() == nil {
			problem = err // a leader may move; what stays is told at the end
		}
		if w.folded() && r.Folded == 0 {
			r.Folded = since()
		}
		o, final := w.decided()
		if o != nil {
			r.Outcome, r.Rule, r.TaskID = o.Result, o.Rule, o.TaskID
		}
		switch {
		case final:
			result := results[o.Result]
			if result == Written && c.o.DryRun {
				result = Unwritten
			}
			return end(result, c.why(result, o))
		case w.erased:
			return end(Refused, whyErased)
		case ctx.Err() != nil && problem != nil:
			return end(Unseen, problem.Error())
		case ctx.Err() != nil:
			return end(Late, c.late(w, o))
		}
		_ = clock.Sleep(ctx, pause) // the end of ctx is looked at above
	}
}

const whyErased = "an operator erased the canary's call: give it another one by --call"

// why says what is to be said of an outcome; nothing of a written one.
func (c *Canary) why(result Result, o *schemas.Outcome) string {
	switch {
	case result == Written:
		return ""
	case o.Result == schemas.Skipped && o.Rule == "L7":
		return fmt.Sprintf("skipped by rule L7: add %d to tasks.numbers, so that Salesforce is tried too", c.o.CallID)
	case o.Result == schemas.Skipped:
		return "skipped by rule " + o.Rule + ", so Salesforce was not tried"
	case o.Result == schemas.Unchanged:
		return "nothing of the Task was to be changed, so Salesforce was not tried: tasks.fields leaves out both description and call_disposition, or another run was in the same second"
	case o.Result == schemas.Deleted:
		return fmt.Sprintf("somebody deleted the canary's Task: callfold outcomes retry %d --reason TEXT makes it anew", o.CallID)
	case o.Result == schemas.Erased:
		return whyErased
	case o.Result == schemas.Rejected:
		return "Salesforce refuses the Task: " + told(o.Error)
	}
	return "sink.dry_run is set, so nothing was written"
}

// late says how far the call came.
func (c *Canary) late(w *watch, o *schemas.Outcome) string {
	within := fmt.Sprintf("not written within %v: ", c.o.Timeout)
	switch {
	case o != nil && o.Error != nil:
		return within + "the sink tries again after " + told(o.Error)
	case o != nil:
		return within + "the sink waits, by rule " + o.Rule
	case w.folded():
		return within + "it was folded, and the sink has not decided on it; see the sink's /readyz"
	}
	return within + "it was accepted and not folded; see the processor's /readyz, and whether ingest keeps it in its journal"
}

// told is what Salesforce answered, without its message, which may repeat values.
func told(e *schemas.OutcomeError) string {
	if e == nil {
		return "an error that the outcome does not name"
	}
	return cmp.Or(e.Code, "an error") + " (" + e.Class + ")" + map[bool]string{true: "; " + e.Fix}[e.Fix != ""]
}
