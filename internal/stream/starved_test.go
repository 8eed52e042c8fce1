//go:build synctests

package stream

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestStarved: a session reads nothing, though it is a member of the group and there is
// input: it is opened anew. One that has nothing to read is left alone.
func TestStarved(t *testing.T) {
	inWorld(t, func(w *world) {
		joins, starving := 0, true
		w.cluster.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			joins++
			return nil, nil, false
		})
		input := w.cluster.TopicInfo("in").TopicID
		w.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
			w.cluster.KeepControl()
			fetch := request.(*kmsg.FetchRequest)
			if !starving || len(fetch.Topics) == 0 || fetch.Topics[0].TopicID != input {
				return nil, nil, false
			}
			w.cluster.SleepControl(func() { time.Sleep(500 * time.Millisecond) }) // virtual
			return fetch.ResponseKind(), nil, true
		})
		s := w.start("a")
		w.wait("it has joined", s.ready)
		time.Sleep(5 * starvedFor) // virtual
		if joins != 1 {
			t.Fatalf("%d sessions without any input, want 1", joins)
		}
		w.send(40)
		time.Sleep(starvedFor / 2) // virtual
		if joins != 1 {
			t.Errorf("%d sessions within half of the time, want 1", joins)
		}
		time.Sleep(starvedFor) // virtual
		if joins < 2 {
			t.Errorf("%d sessions, want one that was opened anew", joins)
		}
		starving = false
		w.expect()
		s.stop()
	})
}
