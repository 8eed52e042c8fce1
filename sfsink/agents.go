package sfsink

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callfold/callfold/projector"
)

const (
	// agentsFor is how old a call may be for its agent to count, and for how long an
	// agent counts after it.
	agentsFor = 24 * time.Hour
	// maxAgents bounds the memory of agents.
	maxAgents = 10_000
)

// agents remembers which Aircall users took or placed calls lately without being
// Salesforce users (O1): their calls go to the next rung of the owner's ladder.
type agents struct {
	now  func() time.Time
	mu   sync.Mutex
	seen map[int64]time.Time // by Aircall's id of the user: the newest call
}

func newAgents(r prometheus.Registerer, now func() time.Time) *agents {
	a := &agents{now: now, seen: map[int64]time.Time{}}
	if r != nil {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "callfold_sink_unmapped_agents",
			Help: "Aircall users who took or placed calls of the last 24 hours that this process looked at, and are no active Salesforce users by e-mail or alias (O1): " +
				"their calls go to the next rung of the owner's ladder. callfold doctor names them. Several processes may count the same agent.",
		}, a.unmapped))
	}
	return a
}

// note takes the agent of a call that is looked at. Old calls, as a rewrite brings
// them, say nothing about the agents of today.
func (a *agents) note(j *job) {
	agent := projector.Agent(j.record)
	at := time.Unix(j.record.State.StartedAt, 0)
	if agent == nil || j.now.Sub(at) > agentsFor {
		return
	}
	mapped := j.rules.HasUser(agent.Email.Value, j.org.Org)
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := a.seen[agent.ID]
	switch {
	case mapped:
		delete(a.seen, agent.ID)
	case known && a.seen[agent.ID].After(at):
	case known || len(a.seen) < maxAgents:
		a.seen[agent.ID] = at
	}
}

// unmapped is how many there are.
func (a *agents) unmapped() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, at := range a.seen {
		if a.now().Sub(at) > agentsFor {
			delete(a.seen, id)
		}
	}
	return float64(len(a.seen))
}
