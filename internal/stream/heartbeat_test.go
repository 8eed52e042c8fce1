//go:build synctests

package stream

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestTablesAfterASuspension: a process is suspended for longer than a table may
// be without its changelog (delete.retention.ms / 2), and loses its partitions
// meanwhile. What it has may have missed deletions, and must be restored from
// nothing. If it was suspended but kept its partitions, or was only quiet, nothing
// was missed.
func TestTablesAfterASuspension(t *testing.T) {
	for name, loses := range map[string]bool{"its partitions are lost": true, "its partitions are kept": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inWorld(t, func(w *world) {
				var slept atomic.Int64
				where := func(o *Options[tally]) {
					o.StateDir = dir
					o.Now = func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
				}
				w.send(60)
				s := w.start("a", where)
				w.expect()
				slept.Store(int64(20 * time.Hour))
				if loses {
					w.leave("g-a-0")
				}
				time.Sleep(10 * time.Second) // virtual; some heartbeats
				w.wait("it is ready", s.ready)
				if restored := s.counter("callfold_restored_records_total"); (restored > 0) != loses {
					t.Errorf("%v records were restored", restored)
				}
				s.stop()
				s = w.start("a", where)
				w.wait("it is ready", s.ready)
				if restored := s.counter("callfold_restored_records_total"); restored != 0 {
					t.Errorf("after a restart %v records were restored", restored)
				}
				w.send(60)
				w.expect()
			})
		})
	}
}

// leave takes a member out of the group.
func (w *world) leave(instance string) {
	w.t.Helper()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = "g"
	m := kmsg.NewLeaveGroupRequestMember()
	m.InstanceID = &instance
	req.Members = append(req.Members, m)
	_, err := req.RequestWith(context.Background(), w.client)
	w.check(err)
}
