//go:build synctests

package stream

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestStarved: a session reads nothing, though it is a member of the group and there is
// input: it is opened anew, again and again, each time after twice as long. One that has
// nothing to read is left alone.
func TestStarved(t *testing.T) {
	inWorld(t, func(w *world) {
		var joins atomic.Int32
		var answered atomic.Bool
		w.cluster.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			joins.Add(1)
			return nil, nil, false
		})
		input := w.cluster.TopicInfo("in").TopicID
		w.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			fetch := request.(*kmsg.FetchRequest)
			if answered.Load() || len(fetch.Topics) == 0 || fetch.Topics[0].TopicID != input {
				return nil, nil, false
			}
			w.cluster.SleepControl(func() { time.Sleep(500 * time.Millisecond) }) // virtual
			return fetch.ResponseKind(), nil, true
		})
		s := w.start("a")
		w.wait("it has joined", s.ready)
		time.Sleep(5 * starvedFor) // virtual
		if joins.Load() != 1 {
			t.Fatalf("%d sessions without any input, want 1", joins.Load())
		}
		w.send(40)
		time.Sleep(starvedFor / 2) // virtual
		if joins.Load() != 1 {
			t.Errorf("%d sessions within half of the time, want 1", joins.Load())
		}
		time.Sleep(starvedFor) // virtual
		if joins.Load() < 2 {
			t.Errorf("%d sessions, want one that was opened anew", joins.Load())
		}
		before := joins.Load()
		time.Sleep(20 * starvedFor) // virtual
		if more := joins.Load() - before; more < 1 || more > 5 {
			t.Errorf("%d more sessions in twenty minutes, want 1 to 5", more)
		}
		answered.Store(true)
		w.expect()
		s.stop()
	})
}
