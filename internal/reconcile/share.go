package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// States are the outcomes in the tables of a sink; its engine has them.
type States interface {
	// Owned are the partitions that the process owns, each with the offset of the topic
	// calls before which all was handled.
	Owned() (map[int32]int64, error)
	// Get is the outcome of a call, by the key of its records.
	Get(partition int32, key string) (o schemas.Outcome, ok bool, err error)
}

// Share is what a process of the sink knows of the log: the calls of its partitions, and
// what it remembers of them.
type Share struct {
	// Kafka makes a client, which is closed after use: it is used seldom.
	Kafka func() (*kgo.Client, error)
	// Readers is the error that nobody reads the topic Events, if that is so: nothing is
	// looked at then, since nobody would mend it. nil where nothing is sent.
	Readers func(context.Context, *kadm.Client) error
	// Calls and Events are the names of the topics.
	Calls, Events string
	States        States
}

// Place is how far the calls of a process were looked at: up to an offset of a partition
// of the topic calls with an id, since in another one the offsets are of other calls. Until
// is where the next partition follows: what came since this one was begun with is for the
// next round, lest a busy partition keep a walk for ever. The zero Place is before all of
// them.
type Place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Until     int64  `json:"until"`
}

// mostRecords is how many records are read for one look: of a call that changed since the
// topic was compacted there are several, of which the newest counts.
const mostRecords = 10 * callsALook

// ErrBehind says that the sink has to catch up first: what it has not handled yet it does
// not know.
var ErrBehind = errors.New("the sink has more input to handle than can be looked through: looking later")

// mostWaiting is how many offsets of a partition are looked through for calls that the
// sink has not handled yet.
const mostWaiting = 10_000

// open makes a client, where somebody reads what is sent.
func (s *Share) open(ctx context.Context) (*kgo.Client, error) {
	client, err := s.Kafka()
	if err != nil || s.Readers == nil {
		return client, err
	}
	if err := s.Readers(ctx, kadm.NewClient(client)); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// look looks up the topic calls, and then what the process owns of it.
func (s *Share) look(ctx context.Context, f func(calls *partition.Topics, owned map[int32]int64) error) error {
	client, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	topics, err := partition.Lookup(ctx, client, s.Calls)
	if err != nil {
		return err
	}
	owned, err := s.States.Owned()
	if err != nil {
		return err
	}
	return f(topics, owned)
}

// Owns tells whether the process owns anything, and has restored it.
func (s *Share) Owns() (bool, error) {
	owned, err := s.States.Owned()
	return len(owned) > 0, err
}

// Known gives up to most calls of the partitions that the process owns, from a place on,
// each with its outcome, or the zero one for a call that has none though the sink was to
// handle it. Left out are states that are not the newest, and those that the sink could not
// read. next is where to go on; end is true where nothing is behind it.
func (s *Share) Known(ctx context.Context, from Place, most int) (calls []sfsink.Known, next Place, end bool, err error) {
	g := gathering{states: s.States, most: most, calls: map[string]sfsink.Known{}, next: from}
	err = s.look(ctx, func(topics *partition.Topics, owned map[int32]int64) error {
		for _, n := range slices.Sorted(maps.Keys(owned)) {
			p, err := topics.Partition(s.Calls, n)
			if err != nil {
				return err
			}
			if topic := p.TopicID().String(); topic != g.next.Topic {
				g.next = Place{Topic: topic}
			}
			if n < g.next.Partition {
				continue
			}
			if n > g.next.Partition || g.next.Until == 0 {
				g.next = Place{Topic: g.next.Topic, Partition: n, Until: owned[n]}
			}
			if err := g.read(ctx, p.From(g.next.Offset), min(g.next.Until, owned[n])); err != nil {
				return err
			}
		}
		return nil
	})
	for _, key := range slices.Sorted(maps.Keys(g.calls)) {
		calls = append(calls, g.calls[key])
	}
	if errors.Is(err, errEnough) {
		return calls, g.next, false, nil
	}
	return calls, g.next, err == nil, err
}

// gathering are calls in the making.
type gathering struct {
	states  States
	most    int                     // calls
	records int                     // that were read
	calls   map[string]sfsink.Known // by key
	next    Place
}

// errEnough ends the reading.
var errEnough = errors.New("enough was read")

// read reads a partition up to an offset. Where an open transaction hides the rest, that is
// enough: it is for the next look.
func (g *gathering) read(ctx context.Context, p *partition.Partition, until int64) error {
	complete, err := p.Until(until).Read(ctx, func(records []*kgo.Record, _ int64) error {
		return g.take(records, until)
	})
	if err == nil && !complete {
		return errEnough
	}
	return err
}

// take takes records of a partition, up to an offset.
func (g *gathering) take(records []*kgo.Record, until int64) error {
	for _, r := range records {
		if r.Offset >= until {
			return nil
		}
		if len(g.calls) == g.most || g.records == mostRecords {
			return errEnough
		}
		if err := g.add(r); err != nil {
			return err
		}
		g.next.Offset = r.Offset + 1
		g.records++
	}
	return nil
}

func (g *gathering) add(r *kgo.Record) error {
	key := string(r.Key)
	if r.Value == nil {
		delete(g.calls, key) // 'callfold verify --repair' took away a state that no event makes
		return nil
	}
	record, err := sfsink.Decode(r)
	if err != nil {
		return nil // it is a marker, or the sink rejected it
	}
	o, _, err := g.states.Get(r.Partition, key)
	if err != nil {
		return err
	}
	known := sfsink.Known{Record: record, Outcome: o}
	if known.Current() {
		g.calls[key] = known
	}
	return nil
}

// Still gives those of some calls at which the sink has not looked meanwhile.
func (s *Share) Still(ctx context.Context, calls []sfsink.Known) (same []sfsink.Known, err error) {
	err = s.look(ctx, func(topics *partition.Topics, _ map[int32]int64) error {
		for _, k := range calls {
			key := strconv.FormatInt(k.Record.State.ID, 10)
			n, err := topics.NumberOf(s.Calls, key)
			if err != nil {
				return err
			}
			o, _, err := s.States.Get(n, key)
			if err != nil {
				return err
			}
			if o.DecidedAt == k.Outcome.DecidedAt {
				same = append(same, sfsink.Known{Record: k.Record, Outcome: o})
			}
		}
		return nil
	})
	return same, err
}

// Kept tells of which of some calls the newest record of the topic calls is a state. It is
// not where 'callfold verify --repair' took the state away, and then the records before that
// are still there until the topic is compacted. The calls' partitions are read for it. The
// error may be [ErrBehind].
func (s *Share) Kept(ctx context.Context, calls []sfsink.Known) (map[int64]bool, error) {
	keys := make([]string, len(calls))
	for i, k := range calls {
		keys[i] = strconv.FormatInt(k.Record.State.ID, 10)
	}
	client, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	kept, hidden, err := partition.Kept(ctx, client, s.Calls, keys, &partition.Progress{})
	switch {
	case err != nil:
		return nil, err
	case len(hidden) > 0:
		return nil, ErrBehind
	}
	ids := map[int64]bool{}
	for i, k := range calls {
		ids[k.Record.State.ID] = kept[keys[i]]
	}
	return ids, nil
}

// Unknown gives those of some external ids of Tasks that belong to the partitions of the
// process, and of which the log has no call. The Tasks must have been read before: a
// call whose Task is there is in the topic calls. The sink has an outcome for each that it
// handled, and those that it has not are looked for. The error may be [ErrBehind].
func (s *Share) Unknown(ctx context.Context, keys []string) (unknown []string, err error) {
	err = s.look(ctx, func(topics *partition.Topics, owned map[int32]int64) error {
		suspects, err := s.withoutOutcome(topics, owned, keys)
		if err != nil {
			return err
		}
		for n, keys := range suspects {
			p, err := topics.Partition(s.Calls, n)
			if err != nil {
				return err
			}
			if err := leaveWaiting(ctx, p.From(owned[n]), keys); err != nil {
				return err
			}
			unknown = slices.AppendSeq(unknown, maps.Keys(keys))
		}
		return nil
	})
	slices.Sort(unknown)
	return unknown, err
}

// withoutOutcome are those of some keys that belong to owned partitions and have no
// outcome, by partition.
func (s *Share) withoutOutcome(topics *partition.Topics, owned map[int32]int64, keys []string) (map[int32]map[string]bool, error) {
	found := map[int32]map[string]bool{}
	for _, key := range keys {
		n, err := topics.NumberOf(s.Calls, key)
		if err != nil {
			return nil, err
		}
		if _, own := owned[n]; !own {
			continue
		}
		_, known, err := s.States.Get(n, key)
		if err != nil {
			return nil, err
		}
		if known {
			continue
		}
		if found[n] == nil {
			found[n] = map[string]bool{}
		}
		found[n][key] = true
	}
	return found, nil
}

// leaveWaiting takes those keys away of which there are records in what waits.
func leaveWaiting(ctx context.Context, waiting *partition.Partition, keys map[string]bool) error {
	if waiting.Len() > mostWaiting {
		return ErrBehind
	}
	complete, err := waiting.Read(ctx, func(records []*kgo.Record, _ int64) error {
		for _, r := range records {
			delete(keys, string(r.Key))
		}
		return nil
	})
	if err == nil && !complete {
		return ErrBehind
	}
	return err
}

// Send publishes commands.
func (s *Share) Send(ctx context.Context, commands []command.Command, order command.Order) error {
	client, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = command.Send(ctx, client, s.Events, commands, order, time.Now)
	return err
}
