package ingest

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/ingest/journal"
)

const (
	// replayRecords and replayBytes bound what is on its way from the journal to
	// Kafka at a time: a small part of the client's buffer, so that live webhooks
	// find room beside it.
	replayRecords = 256
	replayBytes   = 8 << 20
	// replayTimeout is how long the client may try a record that it did not send yet.
	replayTimeout = 10 * time.Second
	// replayEvery is how often the journal is looked at, and the pause after
	// Kafka took nothing.
	replayEvery = time.Second
	// blockedEvery is the pause after a topic refused everything: it does not
	// exist, or we have no right to write to it.
	blockedEvery = 30 * time.Second
	// refusedEvery is how often a record is tried again that Kafka refuses for good.
	refusedEvery = 10 * time.Minute
)

// standing is how far a record of the journal has come.
type standing uint8

const (
	waiting  standing = iota
	underway          // handed to the client, which has not said anything yet
	suspect           // refused for good, perhaps because of another one in its batch
	refused           // refused for good, alone in its batch
	taken             // on all in-sync replicas
)

// replay publishes the journal. It lives in one goroutine; nothing of it is on
// disk, so that after a crash a segment is published from its beginning.
//
// A record is handed to the client once and not again before the client has
// said what became of it, which it may not say before the broker is back: then
// it writes what it holds by itself, and that is how an outage ends.
type replay struct {
	s       *Server
	journal *journal.Journal
	results chan delivery
	// stuck counts the records that Kafka refuses for good.
	stuck atomic.Int64

	segments map[*journal.Segment]*segmentState
	records  int   // underway
	bytes    int64 // underway
	// resumeAt is when the next pass may begin.
	resumeAt time.Time
	// Of the present pass:
	acked, failed int
	blocked       map[string]bool // topics that take nothing
}

type segmentState struct {
	standing  []standing
	left      int       // not taken
	notBefore time.Time // when the refused ones are tried again
}

// delivery is what became of a record.
type delivery struct {
	segment *journal.Segment
	index   int
	record  *kgo.Record
	alone   bool
	started time.Time
	err     error
}

func newReplay(s *Server) *replay {
	return &replay{
		s: s, journal: s.o.Journal,
		results:  make(chan delivery, replayRecords), // a promise must never block
		segments: map[*journal.Segment]*segmentState{},
	}
}

// run publishes what is in the journal until ctx ends.
func (p *replay) run(ctx context.Context) {
	tick := time.NewTicker(replayEvery)
	defer tick.Stop()
	for {
		if (p.journal.Stats().Events > 0 || len(p.segments) > 0) && !time.Now().Before(p.resumeAt) {
			p.pass(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case d := <-p.results:
			p.note(d)
		}
	}
}

// pass tries every record once that waits, oldest first. It ends early when
// Kafka takes none at all.
func (p *replay) pass(ctx context.Context) {
	p.acked, p.failed, p.blocked = 0, 0, map[string]bool{}
	segments := p.journal.Sealed()
	for _, segment := range segments {
		if !p.publish(ctx, segment) {
			break
		}
	}
	p.collect(ctx)
	for _, segment := range segments {
		p.tryAlone(ctx, segment)
		p.settle(segment)
	}
	p.countStuck()
	if len(p.blocked) > 0 {
		p.resumeAt = time.Now().Add(blockedEvery)
	}
	if p.acked > 0 {
		held := p.journal.Stats()
		p.s.o.Logger.Info("published events from the journal", "events", p.acked, "left", held.Events)
	}
}

// publish hands the waiting records of a segment to the client. It returns false
// when there is no use in going on.
func (p *replay) publish(ctx context.Context, segment *journal.Segment) bool {
	state := p.segments[segment]
	if state != nil && !state.due() {
		return true
	}
	records, err := p.journal.Read(segment)
	if err != nil {
		p.s.o.Logger.Error("the journal cannot be read; it is tried again", "err", err)
		return true
	}
	if state == nil {
		state = &segmentState{standing: make([]standing, len(records)), left: len(records)}
		p.segments[segment] = state
	}
	for i, r := range records {
		if state.standing[i] != waiting || p.blocked[r.Topic] {
			continue
		}
		if !p.room(ctx, int64(len(r.Value))) {
			return false
		}
		p.hand(ctx, delivery{segment: segment, index: i, record: r})
	}
	return true
}

// due makes the refused records wait again when their time has come, and
// reports whether any record waits.
func (s *segmentState) due() bool {
	due := false
	again := !time.Now().Before(s.notBefore)
	for i, standing := range s.standing {
		if standing == refused && again {
			s.standing[i] = waiting
		}
		due = due || s.standing[i] == waiting
	}
	return due
}

// room waits until a record of the size may be on its way too. It returns false
// when ctx ended, or Kafka takes nothing.
func (p *replay) room(ctx context.Context, size int64) bool {
	for {
		select {
		case d := <-p.results:
			p.note(d)
			continue
		default:
		}
		if ctx.Err() != nil || p.failed > 0 && p.acked == 0 {
			return false
		}
		if p.records < replayRecords && (p.bytes+size <= replayBytes || p.records == 0) {
			return true
		}
		select {
		case d := <-p.results:
			p.note(d)
		case <-ctx.Done():
		}
	}
}

// hand gives a record to the client.
func (p *replay) hand(ctx context.Context, d delivery) {
	p.segments[d.segment].standing[d.index] = underway
	p.records++
	p.bytes += int64(len(d.record.Value))
	d.started = time.Now()
	ctx, cancel := context.WithTimeout(ctx, replayTimeout)
	p.s.o.Producer.TryProduce(ctx, p.s.published(d.record), func(_ *kgo.Record, err error) {
		d.err = ownError(ctx, err)
		cancel()
		p.results <- d
	})
}

// note takes down what became of a record.
func (p *replay) note(d delivery) {
	p.records--
	p.bytes -= int64(len(d.record.Value))
	state := p.segments[d.segment]
	switch {
	case d.err == nil:
		state.standing[d.index] = taken
		state.left--
		p.acked++
		p.journal.Published(d.segment)
		p.settle(d.segment)
	case refusedForGood(d.err) && d.alone:
		state.standing[d.index] = refused
		state.notBefore = time.Now().Add(refusedEvery)
		p.s.o.Logger.Error("Kafka refuses an event for good; it stays in the journal and is tried again every ten minutes and at each start",
			"err", d.err, "topic", p.s.published(d.record).Topic, "call", string(d.record.Key), "bytes", len(d.record.Value))
	case refusedForGood(d.err):
		state.standing[d.index] = suspect
	case refusedForTopic(d.err):
		state.standing[d.index] = waiting
		p.blocked[d.record.Topic] = true
	default:
		state.standing[d.index] = waiting
		p.failed++
	}
	p.s.broker.produced(d.started, d.err)
}

// collect waits for what is on its way, for as long as the client may take to
// give up, or until a look at the journal is due when it does not say.
func (p *replay) collect(ctx context.Context) {
	patience := time.NewTimer(replayTimeout + replayEvery)
	defer patience.Stop()
	for p.records > 0 {
		select {
		case d := <-p.results:
			p.note(d)
		case <-patience.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// tryAlone hands over the suspects of a segment one at a time: Kafka refuses a
// batch as a whole, be it for a single record in it or for their number.
func (p *replay) tryAlone(ctx context.Context, segment *journal.Segment) {
	state := p.segments[segment]
	if state == nil || p.records > 0 || !state.any(suspect) {
		return
	}
	records, err := p.journal.Read(segment)
	if err != nil {
		p.s.o.Logger.Error("the journal cannot be read; it is tried again", "err", err)
		return
	}
	for i, r := range records {
		if state.standing[i] != suspect {
			continue
		}
		p.hand(ctx, delivery{segment: segment, index: i, record: r, alone: true})
		if p.collect(ctx); p.records > 0 {
			return
		}
	}
}

func (s *segmentState) any(wanted standing) bool {
	return slices.Contains(s.standing, wanted)
}

// settle removes a segment whose records are all in Kafka. Of one that has only
// refused records left these are kept, in a segment of their own.
func (p *replay) settle(segment *journal.Segment) {
	state := p.segments[segment]
	if state == nil {
		return
	}
	var err error
	switch {
	case state.left == 0:
		if err = p.journal.Remove(segment); err == nil {
			delete(p.segments, segment)
		}
	case state.any(waiting) || state.any(underway) || state.any(suspect) || state.left == len(state.standing):
		return // not yet, or nothing but refused records
	default:
		err = p.keepRefused(segment, state)
	}
	if err != nil {
		p.s.o.Logger.Error("the journal cannot be emptied; it is tried again, and after a restart its events are published twice", "err", err)
	}
}

func (p *replay) keepRefused(segment *journal.Segment, state *segmentState) error {
	records, err := p.journal.Read(segment)
	if err != nil {
		return err
	}
	var keep []*kgo.Record
	for i, r := range records {
		if state.standing[i] == refused {
			keep = append(keep, r)
		}
	}
	kept, err := p.journal.Replace(segment, keep)
	if kept != nil {
		own := &segmentState{standing: make([]standing, len(keep)), left: len(keep), notBefore: state.notBefore}
		for i := range own.standing {
			own.standing[i] = refused
		}
		p.segments[kept] = own
	}
	switch {
	case err == nil:
		delete(p.segments, segment)
	case kept != nil:
		// The old one is still there, with nothing in it that is still wanted.
		state.left = 0
		for i := range state.standing {
			state.standing[i] = taken
		}
	}
	return err
}

func (p *replay) countStuck() {
	n := 0
	for _, state := range p.segments {
		for _, standing := range state.standing {
			if standing == refused {
				n++
			}
		}
	}
	p.stuck.Store(int64(n))
}
