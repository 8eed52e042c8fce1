//go:build synctests

package backfill

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// TestTasksStay: a call of which all webhooks came has the same Task when it was
// read from the API too, so the sink has nothing to write.
func TestTasksStay(t *testing.T) {
	rules, err := projector.New(projector.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	org, err := projector.ParseOrg(traffic.SampleOrg())
	if err != nil {
		t.Fatal(err)
	}
	inWorld(t, func(w *world) {
		task := func(r schemas.CallRecord) map[string]string {
			fields := map[string]string{}
			for _, f := range rules.Project(r, org, time.Now()).Task.Fields {
				fields[f.Name] = fmt.Sprint(f.Value)
			}
			return fields
		}
		g := w.generator(20 * day)
		for range 10 {
			for _, kind := range traffic.Kinds() {
				c := g.CallOf(kind)
				w.aircall.Add(c)
				w.receive(c, nil)
			}
		}
		w.process()
		before := maps.Clone(w.folded)
		_, err := w.backfill().Once(context.Background(), time.Now().Add(-21*day), time.Now())
		w.check(err)
		w.process()
		for id, r := range w.folded {
			was, is := task(before[id]), task(r)
			if state := before[id].State; !hasEnded(&state) {
				delete(was, "CallDurationInSeconds") // its end is news
				delete(is, "CallDurationInSeconds")
			}
			if !maps.Equal(was, is) {
				t.Errorf("call %d was\n%v\nis\n%v", id, was, is)
			}
		}
	})
}
