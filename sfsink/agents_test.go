package sfsink

import (
	"testing"
	"time"
)

// TestUnmappedAgents: who took a call lately and is no Salesforce user counts, until
// somebody mends it or a day has passed.
func TestUnmappedAgents(t *testing.T) {
	b := newBench(t, nil)
	want := func(n float64) {
		t.Helper()
		if got := b.sink.agents.unmapped(); got != n {
			t.Errorf("%v unmapped agents, want %v", got, n)
		}
	}
	b.answered(1, curieNumber, "ada")
	b.answered(2, curieNumber, "stranger")
	b.answered(3, unknownNumber, "gone") // is inactive; the call matches nothing
	b.answered(4, curieNumber, "stranger")
	b.missed(5, curieNumber)
	b.turn()
	want(2)
	b.load(`{"User":[{"Id":"005000000000009AAA","Name":"Stranger","Username":"s@example.com","Email":"Stranger@example.com","IsActive":true,"CreatedDate":"2024-01-01T00:00:00.000+0000"}]}`)
	b.later(2 * time.Hour)
	b.hungup(4)
	b.turn()
	want(1)
	b.later(23 * time.Hour)
	want(0)
	b.answered(6, curieNumber, "gone") // a day ago: as a rewrite of old calls brings it
	b.turn()
	want(0)
}
