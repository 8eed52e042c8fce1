package sfsink

import (
	"container/heap"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// The day of BenchmarkWorkingDay. By default it is a quarter of an hour of it.
var (
	dayCalls  = flag.Int("day.calls", 2_500, "calls of the working day")
	dayHours  = flag.Float64("day.hours", 0.25, "hours that the working day has")
	dayLinger = flag.Duration("day.linger", time.Minute, "sink.max_linger")
	dayLanes  = flag.Int("day.lanes", 2, "lanes of the sink")
)

// BenchmarkWorkingDay is what generated calls cost in API requests: the events of a
// day, as the generator has them, are folded and written by the sink to the simulator,
// in virtual time. Lanes and their rests are as the engine has them; a request takes
// 150 ms. Calls come by the profile of an ordinary day; what agents do with
// them on later days comes in working hours, too, and so the day has as
// much of it from the days before.
//
//	make bench-sink
func BenchmarkWorkingDay(b *testing.B) {
	for b.Loop() {
		d := newDay(b)
		d.run()
		d.report()
	}
}

// profile is how the calls of a working day are spread over its tenths, in percent.
var profile = [10]float64{7, 11, 13, 12, 8, 8, 12, 12, 10, 7}

// nextDay is the pause in a call's life that only the next day ends.
const nextDay = 15 * time.Hour

// day is a sink with its lanes in virtual time.
type day struct {
	*testing.B
	begin    time.Time
	length   time.Duration
	clock    time.Time
	org      *sfsim.Server
	client   *salesforce.Client
	registry *prometheus.Registry
	sink     *Sink

	next   int // the next call of the day
	due    deliveries
	left   map[int64]int // deliveries of a call that are still to come
	states map[string]schemas.CallRecord
	lanes  []*dayLane

	calls, rows, turns      int
	before                  map[string]float64 // requests before the day
	createdAfter, heldAfter []time.Duration    // from an event to the Task that has it
}

// dayLane is a lane of the engine, with one partition.
type dayLane struct {
	*table
	arrived map[string]time.Time // of what waits: the oldest event of each call
	order   []string
	since   time.Time // when the oldest of it came
	free    time.Time // when the next turn may begin
	parked  map[string]time.Time
}

// deliveries are those to come, the next one first.
type deliveries []traffic.Delivery

func (d deliveries) Len() int           { return len(d) }
func (d deliveries) Less(i, j int) bool { return d[i].At.Before(d[j].At) }
func (d deliveries) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deliveries) Push(x any)        { *d = append(*d, x.(traffic.Delivery)) }
func (d *deliveries) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

func newDay(b *testing.B) *day {
	d := &day{
		B: b, begin: time.Date(2026, time.March, 3, 8, 0, 0, 0, time.UTC), length: time.Duration(*dayHours * float64(time.Hour)),
		registry: prometheus.NewRegistry(), left: map[int64]int{}, states: map[string]schemas.CallRecord{}, calls: *dayCalls,
	}
	d.clock = d.begin
	var err error
	if d.org, err = sfsim.New(sfsim.Options{Now: func() time.Time { return d.clock }, SessionLife: 1000 * time.Hour}); err != nil {
		b.Fatal(err)
	}
	if err := d.org.Load(traffic.SampleOrg()); err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(d.org)
	b.Cleanup(server.Close)
	d.client, err = salesforce.New(salesforce.Options{
		LoginURL: server.URL, APIVersion: "64.0", Registerer: d.registry,
		Flow: salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
	})
	if err != nil {
		b.Fatal(err)
	}
	d.sink, err = New(Options{
		Client: d.client, Settings: projector.DefaultSettings(), APIReserve: 0.2, MaxLinger: *dayLinger,
		Now: func() time.Time { return d.clock }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		b.Fatal(err)
	}
	for range *dayLanes {
		d.lanes = append(d.lanes, &dayLane{table: newTable(), arrived: map[string]time.Time{}, parked: map[string]time.Time{}})
	}
	return d
}

// life are the deliveries of the call with a number, which begins at a time: those
// of its first day, and later ones.
func (d *day) life(number int, start time.Time) (first, later []traffic.Delivery) {
	g := traffic.New(traffic.Options{Seed: uint64(number) + 1, Start: start, FirstID: 1_000_000 + int64(number)*64})
	calls := []traffic.Call{g.Call()}
	if calls[0].Kind == traffic.TwoEnded {
		calls = append(calls, g.CallOf(traffic.TwoEnded))
	}
	for _, call := range calls {
		for _, e := range g.Deliver(call) {
			if e.At.Sub(start) > nextDay {
				later = append(later, e)
			} else {
				first = append(first, e)
			}
		}
	}
	return first, later
}

// moment is when in the working day a share of its calls has come.
func (d *day) moment(share float64) time.Time {
	for tenth, percent := range profile {
		if part := percent / 100; share > part && tenth < len(profile)-1 {
			share -= part
		} else {
			return d.begin.Add(time.Duration((float64(tenth) + share/part) / 10 * float64(d.length)))
		}
	}
	return d.begin
}

func (d *day) push(all []traffic.Delivery) {
	for _, e := range all {
		d.left[e.CallID]++
		heap.Push(&d.due, e)
	}
}

// yesterday has the calls written that are touched today, and what is done with
// them today come.
func (d *day) yesterday() {
	var today []traffic.Delivery
	for n := range d.calls {
		first, later := d.life(d.calls+n, d.moment(float64(n)/float64(d.calls)).Add(-24*time.Hour))
		if len(later) == 0 {
			continue
		}
		for _, e := range append(slices.Clone(first), later...) {
			d.left[e.CallID]++
		}
		for _, e := range first {
			d.arrive(e, d.begin)
		}
		for _, e := range later {
			ofDay := e.At.Sub(e.At.Truncate(24 * time.Hour))
			e.At = d.moment(float64(ofDay) / float64(24*time.Hour))
			today = append(today, e)
		}
	}
	for _, lane := range d.lanes {
		for len(lane.order) > 0 {
			d.turn(lane, d.begin)
		}
		lane.free = d.begin
	}
	for _, e := range today {
		heap.Push(&d.due, e)
	}
	d.rows, d.turns, d.createdAfter, d.heldAfter, d.before = 0, 0, nil, nil, d.requests()
}

func (d *day) run() {
	d.yesterday()
	for {
		lane, at := d.nextTurn()
		start := d.moment(float64(d.next) / float64(d.calls))
		switch {
		case d.next < d.calls && !start.After(at) && (len(d.due) == 0 || !start.After(d.due[0].At)):
			first, _ := d.life(d.next, start)
			d.push(first)
			d.next++
		case len(d.due) > 0 && !d.due[0].At.After(at):
			e := heap.Pop(&d.due).(traffic.Delivery)
			d.arrive(e, e.At)
		case lane != nil:
			d.turn(lane, at)
		default:
			return
		}
	}
}

// arrive folds an event, as the processor does.
func (d *day) arrive(e traffic.Delivery, at time.Time) {
	event, err := schemas.ParseEvent(e.Body)
	if err != nil {
		d.Fatal(err)
	}
	key := strconv.FormatInt(e.CallID, 10)
	d.states[key] = schemas.Fold(d.states[key], event, 1)
	d.left[e.CallID]--
	lane := d.lanes[int(e.CallID/64)%len(d.lanes)]
	if _, waits := lane.arrived[key]; !waits {
		lane.arrived[key] = at
		if lane.order = append(lane.order, key); len(lane.order) == 1 {
			lane.since = at
		}
	}
}

// nextTurn is the lane whose turn is next, and when that begins.
func (d *day) nextTurn() (next *dayLane, at time.Time) {
	at = d.begin.Add(1000 * time.Hour)
	for _, lane := range d.lanes {
		from := at
		if len(lane.order) > 0 {
			from = lane.since
		}
		for _, due := range lane.parked {
			from = earlier(from, due)
		}
		if len(lane.order)+len(lane.parked) == 0 {
			continue
		}
		if from.Before(lane.free) {
			from = lane.free
		}
		if from.Before(at) {
			next, at = lane, from
		}
	}
	return next, at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// batch is how many records a turn takes.
const batch = 4000

// turn is one turn of a lane.
func (d *day) turn(lane *dayLane, at time.Time) {
	keys := lane.order[:min(batch, len(lane.order))]
	lane.order = lane.order[len(keys):]
	in := input{states: lane.table}
	for _, key := range keys {
		value, err := schemas.Calls.Encode(d.states[key])
		if err != nil {
			d.Fatal(err)
		}
		in.records = append(in.records, &kgo.Record{
			Key: []byte(key), Value: value, Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}},
		})
	}
	for key, due := range lane.parked {
		if !due.After(at) {
			in.due = append(in.due, key)
		}
	}
	d.clock = at
	lane.changed = map[string]schemas.Outcome{}
	sent := d.client.Sent()
	if err := d.sink.handle(d.Context(), at, func() error { return nil }, []input{in}); err != nil {
		d.Fatal(err)
	}
	d.clock = at.Add(time.Duration(d.client.Sent()-sent) * 150 * time.Millisecond)
	d.turns++
	for key, o := range lane.changed {
		d.keep(lane, key, o)
	}
	lane.free = d.clock.Add(d.sink.Linger())
	if len(lane.order) > 0 {
		lane.free = d.clock // behind
	}
}

// keep takes a call's outcome.
func (d *day) keep(lane *dayLane, key string, o schemas.Outcome) {
	if came, ok := lane.arrived[key]; ok {
		switch o.Result {
		case schemas.Created:
			d.createdAfter = append(d.createdAfter, d.clock.Sub(came))
		case schemas.Updated:
			d.heldAfter = append(d.heldAfter, d.clock.Sub(came))
		}
	}
	if o.Result == schemas.Created || o.Result == schemas.Updated {
		d.rows++
	}
	delete(lane.arrived, key)
	delete(lane.parked, key)
	if due, ok := Timer(o); ok {
		lane.parked[key] = due
	}
	lane.stored[key] = o
	if id, _ := strconv.ParseInt(key, 10, 64); d.left[id] == 0 && lane.parked[key].IsZero() {
		delete(d.left, id)
		delete(d.states, key)
		delete(lane.stored, key)
	}
}

// requests are the API requests so far, by operation.
func (d *day) requests() map[string]float64 {
	families, err := d.registry.Gather()
	if err != nil {
		d.Fatal(err)
	}
	by := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "callfold_salesforce_requests_total" {
			continue
		}
		for _, m := range f.Metric {
			if operation := m.Label[0].GetValue(); operation != "sign_in" {
				by[operation] += m.GetCounter().GetValue()
			}
		}
	}
	return by
}

func (d *day) report() {
	total := 0.0
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%d calls in %.2f h, %d lanes, sink.max_linger %s: %d Tasks created or updated in %d turns\n\n", d.calls, *dayHours, *dayLanes, *dayLinger, d.rows, d.turns)
	fmt.Fprintln(w, "API requests\tnumber\ta call\t")
	by := d.requests()
	for _, operation := range slices.Sorted(maps.Keys(by)) {
		n := by[operation] - d.before[operation]
		total += n
		fmt.Fprintf(w, "%s\t%.0f\t%.4f\t\n", operation, n, n/float64(d.calls))
	}
	fmt.Fprintf(w, "all\t%.0f\t%.4f\t\n\n", total, total/float64(d.calls))
	fmt.Fprintln(w, "from the event to the Task\tmedian\t95 %\t99 %\tlongest\t")
	for _, row := range []struct {
		name string
		all  []time.Duration
	}{{"created", d.createdAfter}, {"updated", d.heldAfter}} {
		slices.Sort(row.all)
		at := func(share float64) time.Duration {
			if len(row.all) == 0 {
				return 0
			}
			return row.all[int(share*float64(len(row.all)-1))].Round(100 * time.Millisecond)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", row.name, at(.5), at(.95), at(.99), at(1))
	}
	if err := w.Flush(); err != nil {
		d.Fatal(err)
	}
	d.ReportMetric(total/float64(d.calls), "requests/call")
}
