package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The kinds of steps, as they are named in the log of events and in the report.
const (
	killStage   = "kill"           // SIGKILL, and start again
	termStage   = "term"           // SIGTERM, and start again
	wipeStage   = "wipe"           // SIGKILL, the state directory deleted, and start again
	pauseStage  = "zombie"         // SIGSTOP for longer than the session lasts, then SIGCONT
	takeOver    = "takeover"       // SIGKILL of a sink that waits for Salesforce's answer
	lostAnswer  = "lost answer"    // Salesforce does a sink's next write, and the answer is lost
	lateAnswer  = "late answer"    // Salesforce's answer comes a minute late
	everything  = "everything"     // SIGKILL of all stages and brokers at once
	bounceClean = "broker stopped" // SIGTERM of one broker, and start again
	bounceHard  = "broker killed"  // SIGKILL of one broker, and start again
	loseAnswers = "answers lost"   // requests reach the brokers, answers do not come back
	brokersAway = "brokers away"   // nobody reaches a broker
	network     = "network"        // one of toxiproxy's toxics on one broker
	leaderless  = "leaderless"     // two of three brokers stopped: no partition can be written
)

// step is one trouble.
type step struct {
	kind   string
	stage  string        // for the kinds that concern a process
	number int           // of the process or the node
	length time.Duration // how long what it takes away is away
	pause  time.Duration // before it
	toxic  toxic         // of network
}

func (s step) String() string {
	text := s.kind
	if s.stage != "" {
		text += fmt.Sprintf(" %s-%d", s.stage, s.number)
	} else if s.kind == bounceClean || s.kind == bounceHard || s.kind == network {
		text += fmt.Sprintf(" %d", s.number)
	}
	if s.kind == network {
		text += " " + s.toxic.String()
	}
	return fmt.Sprintf("%s for %v", text, s.length)
}

// schedule gives steps without end. It depends on its seed and on what the
// brokers can do, and on nothing that happens.
//
// Steps come in rounds. A round has every kind of trouble that a run must have
// met to prove anything, in an order left to chance; so the first one is done
// within a minute. Those that take long come from the second round on.
type schedule struct {
	random *rand.Rand
	nodes  int
	hard   bool // a broker may be killed alone
	round  int
	left   []step
}

func newSchedule(seed uint64, nodes int, hard bool) *schedule {
	return &schedule{random: rand.New(rand.NewPCG(seed, 1)), nodes: nodes, hard: hard}
}

// next is the next step. The second result is true for the first of a round.
func (s *schedule) next() (step, bool) {
	first := len(s.left) == 0
	if first {
		s.round++
		s.left = s.deal()
	}
	next := s.left[0]
	s.left = s.left[1:]
	return next, first
}

// deal makes a round.
func (s *schedule) deal() []step {
	steps := []step{
		s.process(killStage, "ingest"), s.process(killStage, "process"), s.process(killStage, "process"),
		s.process(killStage, "sink"), s.process(takeOver, "sink"), s.process(takeOver, "sink"),
		s.process(wipeStage, []string{"process", "sink"}[s.random.IntN(2)]),
		s.process(termStage, []string{"ingest", "process", "sink"}[s.random.IntN(3)]),
		{kind: pauseStage, stage: "process", number: s.random.IntN(perKind), length: s.seconds(7, 9)},
		{kind: loseAnswers, length: s.seconds(11, 12)},
		{kind: brokersAway, length: s.seconds(4, 6)},
		{kind: network, number: s.random.IntN(s.nodes), length: s.seconds(1, 3), toxic: s.toxic()},
		{kind: network, number: s.random.IntN(s.nodes), length: s.seconds(1, 3), toxic: s.toxic()},
		{kind: bounceClean, number: s.random.IntN(s.nodes), length: s.seconds(0.5, 3)},
		{kind: lostAnswer, stage: "sink", number: s.random.IntN(perKind)},
	}
	if s.hard {
		steps = append(steps, step{kind: bounceHard, number: s.random.IntN(s.nodes), length: s.seconds(0.5, 3)})
	}
	if s.round%2 == 0 {
		steps = append(steps, step{kind: lateAnswer, stage: "sink", number: s.random.IntN(perKind), length: time.Minute})
	}
	if s.round%3 == 0 {
		steps = append(steps, step{kind: pauseStage, stage: "sink", number: s.random.IntN(perKind), length: s.seconds(47, 55)})
	}
	s.random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	if s.hard || s.round%4 == 1 {
		// Last, since on brokers that do not survive it the stages come back
		// under other names, and the group waits for the old ones.
		steps = append(steps, step{kind: everything, length: s.seconds(0.1, 1)})
	}
	for i := range steps {
		steps[i].pause = s.seconds(0.2, 1.2)
	}
	return steps
}

// process is a step that ends a process of a stage for a moment.
func (s *schedule) process(kind, stage string) step {
	return step{kind: kind, stage: stage, number: s.random.IntN(perKind), length: s.seconds(0.05, 1)}
}

func (s *schedule) seconds(from, to float64) time.Duration {
	return time.Duration((from + (to-from)*s.random.Float64()) * float64(time.Second)).Truncate(time.Millisecond)
}

func (s *schedule) toxic() toxic {
	stream := []string{"upstream", "downstream"}[s.random.IntN(2)]
	switch s.random.IntN(6) {
	case 0:
		return toxic{"latency", stream, 1, map[string]int{"latency": 50 + s.random.IntN(300), "jitter": s.random.IntN(50)}}
	case 1:
		return toxic{"reset_peer", stream, 1, map[string]int{"timeout": s.random.IntN(500)}}
	case 2:
		return toxic{"timeout", stream, 0.5, map[string]int{"timeout": 500 + s.random.IntN(1000)}}
	case 3:
		return toxic{"limit_data", stream, 1, map[string]int{"bytes": 10_000 + s.random.IntN(500_000)}}
	case 4:
		return toxic{"slicer", stream, 1, map[string]int{"average_size": 1000, "size_variation": 500, "delay": 100}}
	}
	return toxic{Type: "down"}
}

// scenario gives the steps of one of the named scenarios instead, each before
// its fixed pause.
func scenario(name string, nodes int) ([]step, error) {
	const settled = 12 * time.Second
	switch name {
	case everything:
		again := step{kind: everything, length: time.Second, pause: settled}
		return []step{again, again, again}, nil
	case leaderless:
		if nodes < clusterNodes {
			return nil, fmt.Errorf("the scenario %s needs brokers that replicate: -broker apache", name)
		}
		return []step{{kind: leaderless, length: 30 * time.Second, pause: settled}}, nil
	}
	return nil, fmt.Errorf("there is no scenario %q: chaos, %s or %s", name, everything, leaderless)
}
