//go:build synctests

package backfill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/aircall"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// generator makes calls that began so long before the bubble's present. No two have
// ids in common.
func (w *world) generator(ago time.Duration) *traffic.Generator {
	w.firstID += 1_000_000
	return traffic.New(traffic.Options{Seed: 11, Start: time.Now().Add(-ago), FirstID: w.firstID})
}

const day = 24 * time.Hour

// TestBusyDay: a day of 25,000 calls is two and a half times what a list of
// Aircall's has. Every one of them comes into the log, at Aircall's pace.
func TestBusyDay(t *testing.T) {
	inWorld(t, func(w *world) {
		const many = 25_000
		began := time.Now().Add(-3 * day)
		want := map[int64]bool{}
		for len(want) < many { // the generator's own calls come ten seconds apart
			g := w.generator(3*day - time.Duration(len(want))*3*time.Second)
			c := g.CallOf(traffic.MissedNoAgent) // the cheapest to make
			if len(want)%20 == 0 {
				c = g.Call()
			}
			w.aircall.Add(c)
			want[c.ID] = true
		}
		start := time.Now()
		report, err := w.backfill().Once(context.Background(), began, began.Add(day))
		w.check(err)
		got := map[int64]bool{}
		for _, r := range w.process() {
			e, err := schemas.ParseEvent(r.Value)
			w.check(err)
			got[e.CallID] = true
		}
		if !maps.Equal(got, want) || report.Read != many || len(report.Missing) != many || report.Published != many || len(report.Short) != 0 {
			t.Errorf("%d of %d calls are in the log; %d read, %d published, %d missing, short %v", len(got), many, report.Read, report.Published, len(report.Missing), report.Short)
		}
		// 500 pages and some; 48 requests a minute are ours.
		if took := time.Since(start); took < 10*time.Minute || took > 13*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// TestComplete: what the log lacks comes, what it has stays, and a second time
// nothing is published and no state changes.
func TestComplete(t *testing.T) {
	inWorld(t, func(w *world) {
		g := w.generator(8 * day)
		var missing, closed []int64
		for i, kind := range slices.Repeat(traffic.Kinds(), 3) {
			c := g.CallOf(kind)
			w.aircall.Add(c)
			switch i % 3 {
			case 0:
				missing = append(missing, c.ID)
			case 1: // the webhook was switched off after its first event
				first := c.Events[0]
				w.receive(c, func(d traffic.Delivery) bool { return d.At.Equal(first.At) && d.Event == first.Event })
				closed = append(closed, c.ID)
			default:
				w.receive(c, nil)
			}
		}
		w.process()
		for id, r := range w.folded {
			if !hasEnded(&r.State) && !slices.Contains(closed, id) {
				closed = append(closed, id)
			}
		}
		before := maps.Clone(w.folded)
		slices.Sort(missing)
		slices.Sort(closed)
		from, to := time.Now().Add(-10*day), time.Now()

		dry, err := w.backfill(func(o *Options) { o.DryRun = true }).Once(context.Background(), from, to)
		w.check(err)
		if n := len(w.process()); n != 0 || !slices.Equal(dry.Missing, missing) || !slices.Equal(dry.Closed, closed) {
			t.Errorf("the dry run published %d; %d missing, %d closed", n, len(dry.Missing), len(dry.Closed))
		}
		registry := prometheus.NewRegistry()
		report, err := w.backfill(func(o *Options) { o.Registerer = registry }).Once(context.Background(), from, to)
		w.check(err)
		for name, want := range map[string]float64{
			"callfold_backfill_calls_total": float64(report.Published), "callfold_backfill_missing_total": float64(len(missing)),
			"callfold_backfill_closed_total": float64(len(closed)), "callfold_backfill_read_until_seconds": float64(to.Unix()),
		} {
			if got := sum(t, registry, name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if !slices.Equal(report.Missing, missing) || !slices.Equal(report.Closed, closed) {
			t.Errorf("missing %v, want %v\nclosed %v, want %v", report.Missing, missing, report.Closed, closed)
		}
		for _, r := range w.process() {
			if header(r, schemas.HeaderSource) != "backfill" || header(r, schemas.HeaderEvent) != schemas.EventREST {
				t.Fatalf("headers %v", r.Headers)
			}
		}
		for id, r := range w.folded {
			if !hasEnded(&r.State) {
				t.Errorf("call %d has no end", id)
			}
			lostNothing(t, before[id].State, r.State)
		}
		hashes := w.hashes()
		time.Sleep(25*time.Hour + time.Minute) // virtual: links are signed anew, users are in other calls
		again, err := w.backfill().Once(context.Background(), from, to)
		w.check(err)
		if n := len(w.process()); n != 0 || again.Unchanged != report.Read || len(again.Missing)+len(again.Closed) != 0 {
			t.Errorf("the second time %d were published, %d of %d unchanged", n, again.Unchanged, report.Read)
		}
		if !maps.Equal(w.hashes(), hashes) {
			t.Error("states changed")
		}
	})
}

// sum adds up a metric over its labels.
func sum(t *testing.T, registry *prometheus.Registry, name string) (total float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return total
}

// TestReadAgainBeforeItWasFolded: the same call twice in the log changes nothing.
func TestReadAgainBeforeItWasFolded(t *testing.T) {
	inWorld(t, func(w *world) {
		g := w.generator(8 * day)
		for _, kind := range traffic.Kinds() {
			w.aircall.Add(g.CallOf(kind))
		}
		once := func() {
			_, err := w.backfill().Once(context.Background(), time.Now().Add(-10*day), time.Now())
			w.check(err)
		}
		once()
		time.Sleep(61 * time.Minute) // virtual: links are signed anew, users are in other calls
		once()
		first := map[int64]string{}
		read := w.process()
		for _, r := range read {
			e, err := schemas.ParseEvent(r.Value)
			w.check(err)
			if state := schemas.Of(e); first[e.CallID] == "" {
				first[e.CallID] = state.Hash()
			}
		}
		if len(read) != 2*len(first) || !maps.Equal(w.hashes(), first) {
			t.Errorf("%d events of %d calls; the second reading changed states", len(read), len(first))
		}
		for id, r := range w.folded {
			if len(r.Trace.Events) != 1 {
				t.Errorf("call %d has %d events, want the same twice", id, len(r.Trace.Events))
			}
		}
	})
}

// lostNothing wants everything that was known of a call to be known still.
func lostNothing(t *testing.T, before, after schemas.Call) {
	t.Helper()
	if before.ID == 0 {
		return
	}
	for _, n := range before.Comments.Value {
		i := slices.IndexFunc(after.Comments.Value, func(m schemas.Comment) bool { return m.ID == n.ID })
		if i < 0 || n.By.ID != 0 && after.Comments.Value[i].By.ID == 0 {
			t.Errorf("call %d lost a note or its author", before.ID)
		}
	}
	for _, tag := range before.Tags.Value {
		i := slices.IndexFunc(after.Tags.Value, func(m schemas.Tag) bool { return m.ID == tag.ID })
		if i >= 0 && tag.By != 0 && after.Tags.Value[i].By == 0 {
			t.Errorf("call %d lost who put a tag", before.ID)
		}
	}
	for _, gone := range []bool{
		len(after.Agents) < len(before.Agents), before.Contact.Known() && !after.Contact.Known(), before.Asset.Known() && !after.Asset.Known(),
		before.AnsweredAt != 0 && after.AnsweredAt == 0, before.MissedReason.Known() && !after.MissedReason.Known(),
		before.ExternalTransfer.Known() && !after.ExternalTransfer.Known(), before.IVROptions.Known() && !after.IVROptions.Known(),
		len(after.Transfers) < len(before.Transfers), before.Recording.Known() && !after.Recording.Known(),
	} {
		if gone {
			t.Errorf("call %d lost something: was\n%+v\nis\n%+v", before.ID, before, after)
		}
	}
}

// TestDeletedAgents: Aircall strips a deleted user from past calls. What the log
// knows of him stays: who answered, who wrote and who tagged.
func TestDeletedAgents(t *testing.T) {
	inWorld(t, func(w *world) {
		g := w.generator(8 * day)
		for range 20 {
			for _, kind := range []traffic.Kind{traffic.Noted, traffic.Tagged, traffic.TransferAnswered} {
				c := g.CallOf(kind)
				w.aircall.Add(c)
				w.receive(c, nil)
			}
		}
		w.process()
		before := maps.Clone(w.folded)
		authors := 0
		for _, r := range before {
			for _, n := range r.State.Comments.Value {
				if n.By.ID != 0 {
					authors++
				}
			}
			for _, a := range r.State.Agents {
				w.aircall.DeleteUser(a.ID)
			}
		}
		if authors == 0 {
			t.Fatal("no note has an author")
		}
		report, err := w.backfill().Once(context.Background(), time.Now().Add(-10*day), time.Now())
		w.check(err)
		if report.Published == 0 {
			t.Fatal("nothing was published")
		}
		w.process()
		for id, r := range w.folded {
			was, is := before[id].State, r.State
			lostNothing(t, was, is)
			if len(is.Agents) != len(was.Agents) || fmt.Sprint(is.Tags.Value) != fmt.Sprint(was.Tags.Value) {
				t.Errorf("call %d had %d agents and the tags %v, has %d and %v", id, len(was.Agents), was.Tags.Value, len(is.Agents), is.Tags.Value)
			}
		}
	})
}

// TestLateNotes: what comes days later is found when the call is read again, and a
// newer webhook's list stays.
func TestLateNotes(t *testing.T) {
	inWorld(t, func(w *world) {
		c := w.generator(time.Hour).CallOf(traffic.Tagged) // one tag comes days later
		w.aircall.Add(c)
		w.receive(c, func(d traffic.Delivery) bool { return !d.At.After(time.Now()) })
		w.process()
		from := time.Now().Add(-day)
		read := func() []schemas.Tag {
			_, err := w.backfill().Once(context.Background(), from, time.Now())
			w.check(err)
			w.process()
			return w.folded[c.ID].State.Tags.Value
		}
		early := read()
		time.Sleep(6 * day) // virtual
		late := read()
		if len(late) <= len(early) {
			t.Fatalf("%d tags, then %d", len(early), len(late))
		}
		// The webhooks that come after all change nothing about the tags.
		w.receive(c, nil)
		w.process()
		if got := w.folded[c.ID].State.Tags.Value; fmt.Sprint(got) != fmt.Sprint(late) {
			t.Errorf("%v, want %v", got, late)
		}
	})
}

// TestErased: an erased call does not come back into the log.
func TestErased(t *testing.T) {
	inWorld(t, func(w *world) {
		c := w.generator(3 * day).CallOf(traffic.AnsweredInbound)
		w.aircall.Add(c)
		w.receive(c, nil)
		w.put(events, c.ID, fmt.Appendf(nil, `{"resource":"callfold","event":"callfold.erase","timestamp":%d,"data":{"id":%d,"who":"ada","why":"asked to"}}`, time.Now().Unix(), c.ID), schemas.EventSchema)
		w.process()
		report, err := w.backfill().Once(context.Background(), time.Now().Add(-4*day), time.Now())
		w.check(err)
		if n := len(w.process()); n != 0 || report.Erased != 1 || len(report.Missing) != 0 {
			t.Errorf("%d published, %+v", n, report)
		}
	})
}

// failing lets so many requests pass, then none. A list of more than an hour is as
// long as one can be.
type failing struct {
	next http.RoundTripper
	left int
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.left--; f.left < 0 {
		return nil, errors.New("cable cut")
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	to, _ := strconv.Atoi(r.URL.Query().Get("to"))
	if to-from > 3600 {
		w := httptest.NewRecorder()
		_, _ = fmt.Fprintf(w, `{"calls":[],"meta":{"total":%d,"next_page_link":null}}`, mostListed)
		return w.Result(), nil
	}
	return f.next.RoundTrip(r)
}

// TestGoesOn: a backfill that was ended goes on where it was, with one report.
func TestGoesOn(t *testing.T) {
	inWorld(t, func(w *world) {
		g := w.generator(day)
		const many = 1000 // in three hours
		for range many {
			w.aircall.Add(g.CallOf(traffic.MissedNoReason))
		}
		from, to := time.Now().Add(-25*time.Hour), time.Now().Add(-20*time.Hour)
		through := func(requests int) *Backfill {
			return w.backfill(func(o *Options) {
				var err error
				line := &failing{w.aircall.Client().Transport, requests}
				o.Aircall, err = aircall.New(aircall.Options{URL: "http://aircall.test", ID: "dev", Token: "dev", Tries: 3, HTTPClient: &http.Client{Transport: line}})
				w.check(err)
			})
		}
		const few = 20 // requests are too few for all of it, and enough for what is left
		part, err := through(few).Once(context.Background(), from, to)
		if err == nil || part.Read == 0 || part.Read == many {
			t.Fatalf("%d read, %v", part.Read, err)
		}
		// The last line was being written when the power went.
		files, _ := filepath.Glob(filepath.Join(w.dir, "from-*.jsonl"))
		if len(files) != 1 {
			t.Fatalf("files %v", files)
		}
		file, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
		w.check(err)
		_, err = file.WriteString(`{"until":99999`)
		w.check(errors.Join(err, file.Close()))

		report, err := through(few).Once(context.Background(), from, to)
		w.check(err)
		w.process()
		if report.Read != many || len(report.Missing) != many || len(w.folded) != many {
			t.Errorf("%d read, %d missing, %d in the log, want %d", report.Read, len(report.Missing), len(w.folded), many)
		}
		if files, _ := filepath.Glob(filepath.Join(w.dir, "*")); len(files) != 0 {
			t.Errorf("left behind: %v", files)
		}
	})
}

// full says of every second that it has as many calls as a list can have, and
// gives one.
type full struct{ asked int }

func (f *full) RoundTrip(*http.Request) (*http.Response, error) {
	f.asked++
	w := httptest.NewRecorder()
	_, _ = fmt.Fprintf(w, `{"calls":[{"id":7,"direction":"inbound","started_at":946684700}],"meta":{"total":%d,"next_page_link":null}}`, mostListed)
	return w.Result(), nil
}

// TestSecondTooFull: more calls in one second than a list has are told, not lost
// in silence.
func TestSecondTooFull(t *testing.T) {
	inWorld(t, func(w *world) {
		api := &full{}
		b := w.backfill(func(o *Options) {
			var err error
			o.Aircall, err = aircall.New(aircall.Options{URL: "http://aircall.test", HTTPClient: &http.Client{Transport: api}})
			w.check(err)
		})
		report, err := b.Once(context.Background(), time.Unix(946684700, 0), time.Unix(946684702, 0))
		w.check(err)
		want := []Short{{946684700, 946684701, mostListed, 1}, {946684701, 946684702, mostListed, 1}}
		if !slices.Equal(report.Short, want) || report.Read != 1 || api.asked != 1+2*mostReadings {
			t.Errorf("%d read in %d requests, short %+v, want %+v", report.Read, api.asked, report.Short, want)
		}
	})
}

// TestEvery: rounds go on, read the window again, and leave no gap after a time
// in which nothing ran.
func TestEvery(t *testing.T) {
	inWorld(t, func(w *world) {
		run := func(d time.Duration) (rounds int) {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			w.check(w.backfill().Every(ctx, day, 2*day, time.Time{}, func(err error) {
				w.check(err)
				rounds++
			}))
			return rounds
		}
		add := func() int64 {
			c := w.generator(time.Hour).CallOf(traffic.AnsweredInbound)
			w.aircall.Add(c)
			return c.ID
		}
		first := add()
		if n := run(3*day - time.Hour); n != 3 {
			t.Errorf("%d rounds", n)
		}
		w.process()
		second := add()
		time.Sleep(10 * day) // virtual: the process is away
		run(time.Hour)
		w.process()
		for _, id := range []int64{first, second} {
			if _, ok := w.folded[id]; !ok {
				t.Errorf("call %d is not in the log", id)
			}
		}
	})
}

// broken fails a number of requests first.
type broken struct {
	next  http.RoundTripper
	times int
}

func (b *broken) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.times--; b.times >= 0 {
		return nil, errors.New("cable cut")
	}
	return b.next.RoundTrip(r)
}

// TestRoundFails: a round that fails is told, and tried again soon.
func TestRoundFails(t *testing.T) {
	inWorld(t, func(w *world) {
		c := w.generator(10 * day).CallOf(traffic.AnsweredInbound)
		w.aircall.Add(c)
		began := time.Now()
		var told []string
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		b := w.backfill(func(o *Options) {
			var err error
			o.Aircall, err = aircall.New(aircall.Options{URL: "http://aircall.test", ID: "dev", Token: "dev", HTTPClient: &http.Client{Transport: &broken{w.aircall.Client().Transport, 2}}})
			w.check(err)
		})
		w.check(b.Every(ctx, day, 2*day, time.Now().Add(-20*day), func(err error) {
			told = append(told, fmt.Sprint(time.Since(began).Round(time.Minute), err != nil))
		}))
		w.process()
		if _, ok := w.folded[c.ID]; !ok || !slices.Equal(told, []string{"0s true", "5m0s true", "10m0s false"}) {
			t.Errorf("in the log: %v; told %v", ok, told)
		}
	})
}

// TestARoundThatHangs: an Aircall that is away, and the pause between two rounds, make no
// backfill one that hangs; a request that never comes back does.
func TestARoundThatHangs(t *testing.T) {
	inWorld(t, func(w *world) {
		const asked = 8 // for a page of calls, as the stage does
		ctx, cancel := context.WithCancel(context.Background())
		var let chan struct{}
		b := w.backfill(func(o *Options) {
			let = make(chan struct{})
			requests := 0
			way := roundTripper(func(r *http.Request) (*http.Response, error) {
				switch requests++; {
				case requests <= 3*asked:
					<-r.Context().Done()
					return nil, r.Context().Err()
				case requests == 3*asked+2:
					<-let
				}
				return w.aircall.Client().Transport.RoundTrip(r)
			})
			var err error
			o.Aircall, err = aircall.New(aircall.Options{URL: "http://aircall.test", ID: "dev", Token: "dev", Tries: asked, HTTPClient: &http.Client{Transport: way}})
			w.check(err)
		})
		var done atomic.Int32 // rounds that ended well
		ended := make(chan error)
		go func() {
			ended <- b.Every(ctx, day, 2*day, time.Time{}, func(err error) {
				if err == nil {
					done.Add(1)
				}
			})
		}()
		for began := time.Now(); done.Load() == 0 || time.Since(began) < day; {
			time.Sleep(time.Minute) // virtual
			if err := b.Alive(); err != nil {
				t.Fatalf("it is said to hang after %d rounds: %v", done.Load(), err)
			}
		}
		time.Sleep(3 * time.Hour) // virtual
		if b.Alive() == nil {
			t.Error("nothing is said of a round that hangs")
		}
		close(let)
		time.Sleep(time.Minute) // virtual
		if err := b.Alive(); err != nil || done.Load() != 2 {
			t.Errorf("it goes on (%d rounds), and is said to hang: %v", done.Load(), err)
		}
		cancel()
		w.check(<-ended)
	})
}

// roundTripper is a function that answers requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestStuck: calls without an end are listed, and closed as far as Aircall knows.
func TestStuck(t *testing.T) {
	inWorld(t, func(w *world) {
		g := w.generator(8 * day)
		add := func(kind traffic.Kind, events int, known bool) int64 {
			c := g.CallOf(kind)
			if known {
				w.aircall.Add(c)
			}
			n := 0
			w.receive(c, func(traffic.Delivery) bool { n++; return n <= events })
			return c.ID
		}
		lost := add(traffic.AnsweredInbound, 2, true)
		unknown := add(traffic.AnsweredInbound, 2, false)
		add(traffic.AnsweredInbound, 1000, true) // has an end
		w.put(events, lost, fmt.Appendf(nil, `{"resource":"callfold","event":%q,"timestamp":%d,"data":{"id":%d,"who":"ann","why":"test"}}`, schemas.EventRewrite, time.Now().Unix(), lost), schemas.EventSchema)
		g = w.generator(time.Minute)
		young := add(traffic.Held, 1, true)
		w.process()
		find := func() []int64 {
			stuck, _, err := FindStuck(context.Background(), w.client, calls, time.Now().Add(-6*time.Hour))
			w.check(err)
			w.check(w.backfill().Close(context.Background(), stuck))
			w.process()
			var ids []int64
			for _, s := range stuck {
				ids = append(ids, s.ID)
				want := map[int64]Closing{lost: Closed, unknown: Unknown}[s.ID]
				if schemas.IsCommand(s.Event) || time.Since(s.EventAt) < day {
					t.Errorf("call %d: the newest event is %s at %v", s.ID, s.Event, s.EventAt)
				}
				if s.Result != want || s.Status == "" || s.Event == "" || s.Since.IsZero() {
					t.Errorf("%+v, want %s", s, want)
				}
			}
			return ids
		}
		if got := find(); !slices.Equal(got, []int64{lost, unknown}) {
			t.Errorf("stuck are %v, want %d and %d; not %d", got, lost, unknown, young)
		}
		if got := find(); !slices.Equal(got, []int64{unknown}) {
			t.Errorf("then %v, want %d", got, unknown)
		}
	})
}
