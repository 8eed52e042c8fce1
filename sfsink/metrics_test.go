package sfsink

import (
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/schemas"
)

// moved are the series of a metric with one label that are not 0, by the label's value.
func moved(t *testing.T, g prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if v := m.GetCounter().GetValue() + m.GetGauge().GetValue(); f.GetName() == name && v != 0 {
				label := ""
				if len(m.GetLabel()) > 0 {
					label = m.GetLabel()[0].GetValue()
				}
				values[label] = v
			}
		}
	}
	return values
}

// A rewrite that waits counts once as put off, however often it is looked at.
func TestRewritesAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) { o.Registerer, o.APIReserve = registry, 0.2 })
	check := func(when string, want map[string]float64) {
		t.Helper()
		if got := moved(t, registry, "callfold_sink_rewrites_total"); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.turn()
	check("without a rewrite", map[string]float64{})
	b.spoil(1)
	b.rewrite(1, 4000)
	b.turn()
	check("carried out", map[string]float64{"updated": 1})
	b.sim.SetUsage(61_000) // less than twice the reserve is left
	b.missed(9, curieNumber)
	b.turn() // learns of it
	b.rewrite(2, 4000)
	b.turn()
	b.later(time.Hour)
	b.turn()
	check("waiting", map[string]float64{"updated": 1, "put_off": 1})
	b.sim.SetUsage(0)
	b.later(time.Hour)
	b.turn()
	b.outcome(2, schemas.Updated)
	check("done in the end", map[string]float64{"updated": 2, "put_off": 1})
}

func TestRewritesByBulkAreCounted(t *testing.T) {
	b := manyCalls(t)
	registry := prometheus.NewRegistry()
	registry.MustRegister(b.sink.metrics.rewrites)
	b.rewriteAll(4000)
	for range 3 {
		b.turn()
		b.sim.JobsEnd()
		b.later(bulkLook)
	}
	want := map[string]float64{"bulk": many, "updated": many}
	if got := moved(t, registry, "callfold_sink_rewrites_total"); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := newBench(t, func(o *Options) { o.Registerer = registry })
	b.missed(1, curieNumber)
	b.missed(2, curieNumber)
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"1"}, Code: "STRING_TOO_LONG", Times: 1})
	b.sim.Fail(sfsim.Fault{ExternalIDs: []string{"2"}, Code: "UNABLE_TO_LOCK_ROW", Times: 1})
	b.turn()
	b.outcome(1, schemas.Rejected)
	b.outcome(2, schemas.Retrying)
	if got := moved(t, registry, "callfold_sink_refusals_total"); !maps.Equal(got, map[string]float64{"permanent": 1}) {
		t.Errorf("refusals: %v", got)
	}
}
