package sfsink

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/semaphore"

	"github.com/callfold/callfold/internal/clock"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// Options configure a Sink.
type Options struct {
	// Client talks to the org. Without one (nil) a Sink can only [Sink.Explain].
	Client *salesforce.Client
	// Settings are the rules.
	Settings projector.Settings
	// DryRun decides and records, and writes nothing to Salesforce. Its
	// outcomes must go to a topic of their own.
	DryRun bool
	// APIReserve is the share of the org's daily API requests that is left to others,
	// 0 to less than 1.
	APIReserve float64
	// InFlight bounds the write requests that are under way at once; 4 where 0.
	InFlight int
	// MaxLinger bounds how long input may be left lying so that more calls share
	// an API request, see [Sink.Linger]; 0 = never.
	MaxLinger time.Duration
	// BulkAbove is how many rewrites of one turn are too many for collections: they go
	// by Bulk API 2.0. 0 = never.
	BulkAbove int
	// CacheFor is how long a match found for a number is believed; 10 minutes
	// where 0. That there is none is believed for half a minute at most.
	CacheFor time.Duration
	// RefreshEvery is how often the users and the descriptions of objects are
	// loaded anew; an hour where 0.
	RefreshEvery time.Duration

	// Now is the clock, Random gives numbers in [0, 1), Sleep waits; nil = the
	// real ones.
	Now    func() time.Time
	Random func() float64
	Sleep  func(context.Context, time.Duration) error
	// Logger and Registerer take logs and metrics; nil = nobody.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Sink is the handler of the stage. It is safe for concurrent use by several lanes.
type Sink struct {
	client       *salesforce.Client
	rules        *projector.Rules
	externalID   string          // on Task
	createdKey   string          // on records that are created (M7)
	create       string          // the object to create, empty for none (M6)
	recreate     bool            // Tasks that somebody deleted
	remove       bool            // Tasks of erased calls are deleted, not scrubbed
	preserved    map[string]bool // fields that keep what people change
	untouched    untouched
	dryRun       bool
	refreshEvery time.Duration
	bulkAbove    int

	now     func() time.Time
	random  func() float64
	sleep   func(context.Context, time.Duration) error
	log     *slog.Logger
	metrics *metrics
	pauses  *pauses

	matches  *matches
	cases    unsureCases
	locks    *locks
	slots    *slots
	width    *width
	governor *governor
	pace     *pace
	loaded   atomic.Pointer[org]
	// refreshing is held by the lane that loads the org anew; the others wait.
	refreshing *semaphore.Weighted
	// lookupLevel is how much smaller than at first the queries for numbers are.
	lookupLevel atomic.Int32
	agents      *agents
	looked      look
}

// New makes a Sink. It sends nothing. Its error joins every problem of the
// settings, each a [*projector.Problem].
func New(o Options) (*Sink, error) {
	rules, err := projector.New(o.Settings)
	if err != nil {
		return nil, err
	}
	s := &Sink{
		client:       o.Client,
		rules:        rules,
		externalID:   o.Settings.Tasks.ExternalIDField,
		createdKey:   o.Settings.Match.CreatedKeyField,
		create:       createdObject[o.Settings.Match.Create],
		recreate:     o.Settings.Tasks.Deleted == "recreate",
		remove:       o.Settings.Tasks.Erased == "delete",
		preserved:    preserved(rules, o.Settings.Tasks.PreserveEdits),
		dryRun:       o.DryRun,
		refreshEvery: o.RefreshEvery,
		bulkAbove:    o.BulkAbove,
		now:          o.Now,
		random:       o.Random,
		sleep:        o.Sleep,
		log:          o.Logger,
		locks:        newLocks(),
		refreshing:   semaphore.NewWeighted(1),
	}
	if s.refreshEvery == 0 {
		s.refreshEvery = time.Hour
	}
	if o.InFlight == 0 {
		o.InFlight = 4
	}
	s.slots = newSlots(o.InFlight)
	s.width = newWidth()
	if o.CacheFor == 0 {
		o.CacheFor = 10 * time.Minute
	}
	s.matches = newMatches(o.CacheFor)
	if s.now == nil {
		s.now = time.Now
	}
	if s.random == nil {
		s.random = rand.Float64
	}
	if s.sleep == nil {
		s.sleep = clock.Sleep
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.untouched.turns = map[int32]untouchedTurn{}
	s.governor = &governor{client: o.Client, reserve: o.APIReserve, now: s.now}
	s.pace = &pace{usage: o.Client.Usage, sent: o.Client.Sent, short: s.governor.short, most: o.MaxLinger, now: s.now}
	s.metrics = newMetrics(o.Registerer, s.now)
	s.agents = newAgents(o.Registerer, s.now)
	s.pauses = newPauses(o.Registerer, s.now, s.log)
	s.metrics.gauges(o.Registerer, s.governor, s.slots, s.pace)
	return s, nil
}

// states are the outcomes that a turn works on: a partition of the engine.
type states interface {
	Get(key string) (schemas.Outcome, bool, error)
	Put(key string, o schemas.Outcome)
	Reject(r *kgo.Record, reason schemas.RejectReason, detail string) error
}

// input is one partition's share of a turn.
type input struct {
	states
	partition int32
	records   []*kgo.Record
	repeats   int // how many of the first records may have been handled before
	due       []string
	since     time.Time // due before it may have been handled before, too
}

// Handle writes the calls of a batch to Salesforce and puts an outcome for each
// of them. Its error is a [*Stopped], [schemas.ErrNewerSchema], or one of the
// local store; nothing of the batch counts then.
func (s *Sink) Handle(ctx context.Context, b *stream.Batch[schemas.Outcome]) error {
	inputs := make([]input, len(b.Partitions))
	for i, p := range b.Partitions {
		inputs[i] = input{p, p.ID, p.Records, p.Repeats, p.Due, p.Since}
	}
	err := s.handle(ctx, b.Now, b.StillOwned, inputs)
	if ctx.Err() == nil { // a turn that is given up because the stage stops is no pause
		s.pauses.turn(inputs, err)
	}
	return err
}

// rounds is how often a call is written in one turn at most: as it is, in the
// other lane, with another match, without one, and with each rung of the
// owner's ladder.
const rounds = 8

func (s *Sink) handle(ctx context.Context, now time.Time, owned func() error, inputs []input) (err error) {
	s.untouched.narrow(inputs)
	t, err := s.newTurn(ctx, now, owned, inputs)
	defer func() { s.untouched.note(now, inputs, t, err) }()
	if err != nil {
		return err
	}
	t.spare(ctx, t.open())
	if err := t.gather(ctx, t.open()); err != nil {
		return err
	}
	for range rounds {
		open := t.open()
		if len(open) == 0 {
			break
		}
		logged := slices.DeleteFunc(slices.Clone(open), func(j *job) bool { return j.erasing })
		if err := t.resolve(ctx, logged); err != nil {
			return err
		}
		if err := t.readBack(ctx, logged); err != nil {
			return err
		}
		if err := t.findErased(ctx, open); err != nil {
			return err
		}
		if err := t.write(ctx, open); err != nil {
			return err
		}
	}
	for _, j := range t.open() {
		j.refused(j.last)
	}
	t.leaveUnlogged()
	t.leaveErased()
	if err := t.takeOver(ctx); err != nil {
		return err
	}
	s.governor.note()
	s.pace.came(t.news())
	for _, j := range t.jobs {
		j.states.Put(j.key, *j.outcome)
		s.metrics.outcome(j)
		s.pauses.parked.outcome(j.key, j.outcome)
	}
	return nil
}

// Linger is the engine's option of that name: how long a lane that ended a turn may
// leave input lying, so that the next turn has more of it for the same API requests.
// It is 0 while requests are used slowly, and most when they get short.
func (s *Sink) Linger() time.Duration { return s.pace.linger() }

// Prepare sees whether Salesforce can be written to: it signs in and loads the directory
// of users and the descriptions of objects. A nil error means ready, and [Sink.Look] goes
// on from there; else it is a [*Stopped], which [Sink.Trouble] tells too, or that ctx is done.
func (s *Sink) Prepare(ctx context.Context) error {
	_, err := s.theOrg(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.pauses.turn([]input{{partition: noPartition}}, err)
	return err
}

// Timer says when a call wants to be looked at again; it is the engine's option
// of that name.
func Timer(o schemas.Outcome) (time.Time, bool) {
	if o.NextAttempt == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(o.NextAttempt), true
}
