package projector

import (
	"testing"

	"github.com/callfold/callfold/schemas"
)

func user(id int64, name string) schemas.User { return schemas.User{ID: id, Name: name} }

func agent(id int64, name string, seen ...int64) schemas.Agent {
	return schemas.Agent{ID: id, At: key(seen[len(seen)-1]), Name: latest(name), Seen: seen[:min(len(seen), 16)]}
}

// An agent keeps its 16 earliest seconds: one that was on the phone long before
// a transfer came back to it is known to have picked up by its newest event.
func TestTakerBeyondTheSecondsKept(t *testing.T) {
	var early []int64
	for i := range int64(16) {
		early = append(early, 100+i)
	}
	c := &schemas.Call{
		AnsweredAt: 100,
		Agents:     []schemas.Agent{agent(1, "Ada", append(early, 400)...), agent(2, "Ben", 210, 220)},
		Transfers: []schemas.Transfer{
			{At: key(200), TransferParties: schemas.TransferParties{By: user(1, "Ada"), To: user(2, "Ben")}},
			{At: key(300), TransferParties: schemas.TransferParties{By: user(2, "Ben"), To: user(1, "Ada")}},
		},
	}
	h := handovers(c)
	if len(h) != 2 || h[0].taker.ID != 2 || h[0].takenAt != 210 || h[1].taker.ID != 1 || h[1].takenAt != 400 {
		t.Errorf("handovers: %+v", h)
	}
}

// Ties within one second are normal: who is seen in the transfer's own second
// has picked up.
func TestTakerInTheTransfersSecond(t *testing.T) {
	c := &schemas.Call{
		AnsweredAt: 100,
		Agents:     []schemas.Agent{agent(1, "Ada", 100), agent(2, "Ben", 200, 250)},
		Transfers:  []schemas.Transfer{{At: key(200), TransferParties: schemas.TransferParties{By: user(1, "Ada"), To: user(2, "Ben")}}},
	}
	if h := handovers(c); h[0].takenAt != 200 {
		t.Errorf("taken at %d, want 200", h[0].takenAt)
	}
}

// Two agents seen first in one second: the one to whom the call was transferred.
func TestTakerInOneSecond(t *testing.T) {
	c := &schemas.Call{
		AnsweredAt: 100,
		Agents:     []schemas.Agent{agent(1, "Ada", 100), agent(2, "Ben", 210), agent(3, "Chiara", 210)},
		Transfers:  []schemas.Transfer{{At: key(200), TransferParties: schemas.TransferParties{By: user(1, "Ada"), To: user(3, "Chiara")}}},
	}
	if h := handovers(c); h[0].taker.ID != 3 {
		t.Errorf("taker: %+v", h[0].taker)
	}
}

// The transfer of a REST call object counts only where nothing else tells of
// one, and only if somebody else than who transferred has answered.
func TestRESTTransfer(t *testing.T) {
	parties := latest(schemas.TransferParties{By: user(1, "Ada"), To: user(2, "Ben")})
	for _, tt := range []struct {
		name string
		call schemas.Call
		want string
	}{
		{"taken", schemas.Call{AnsweredAt: 100, Agents: []schemas.Agent{agent(2, "Ben", 150)}, RESTTransfer: parties}, "Ben"},
		{"taken by a colleague", schemas.Call{AnsweredAt: 100, Agents: []schemas.Agent{agent(3, "Chiara", 150)}, RESTTransfer: parties}, "Chiara"},
		{"not taken", schemas.Call{AnsweredAt: 100, Agents: []schemas.Agent{agent(1, "Ada", 150)}, RESTTransfer: parties}, ""},
		{"not answered", schemas.Call{Agents: []schemas.Agent{agent(2, "Ben", 150)}, RESTTransfer: parties}, ""},
		{"events tell that it failed", schemas.Call{
			AnsweredAt: 100, Agents: []schemas.Agent{agent(2, "Ben", 150)}, RESTTransfer: parties,
			Transfers: []schemas.Transfer{{At: key(120), Failed: true, TransferParties: parties.Value}},
		}, ""},
	} {
		if got, why, _ := transferredTo(&tt.call, handovers(&tt.call)); got != tt.want {
			t.Errorf("%s: %q (%s), want %q", tt.name, got, why, tt.want)
		}
	}
}
