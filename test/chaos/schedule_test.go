package main

import (
	"slices"
	"testing"
)

// round gives the next round of a schedule.
func round(s *schedule) []step {
	next, _ := s.next()
	steps := []step{next}
	for len(s.left) > 0 {
		next, _ := s.next()
		steps = append(steps, next)
	}
	return steps
}

// TestScheduleIsItsSeed: a seed gives the same steps again, another one others.
func TestScheduleIsItsSeed(t *testing.T) {
	steps := func(seed uint64) (text []string) {
		s := newSchedule(seed, clusterNodes, true)
		for range 3 {
			for _, step := range round(s) {
				text = append(text, step.String())
			}
		}
		return text
	}
	if !slices.Equal(steps(1), steps(1)) {
		t.Error("one seed gave two schedules")
	}
	if slices.Equal(steps(1), steps(2)) {
		t.Error("two seeds gave one schedule")
	}
}

// TestRounds: each round has what a run must have met, on both kinds of brokers,
// and a broker that does not survive it is never killed alone.
func TestRounds(t *testing.T) {
	for _, hard := range []bool{false, true} {
		s := newSchedule(3, clusterNodes, hard)
		for range 8 {
			kinds := map[string]int{}
			for _, step := range round(s) {
				kinds[step.kind]++
				if step.number < 0 || step.stage != "" && step.number >= perKind || step.number >= clusterNodes {
					t.Errorf("%v: there is no such process", step)
				}
			}
			for _, kind := range []string{killStage, termStage, wipeStage, pauseStage, takeOver, lostAnswer, loseAnswers, brokersAway, network, bounceClean} {
				if kinds[kind] == 0 {
					t.Errorf("round %d has no step %q", s.round, kind)
				}
			}
			if !hard && kinds[bounceHard] > 0 {
				t.Errorf("round %d kills a broker that does not survive it", s.round)
			}
			if s.round == 1 && kinds[everything] == 0 {
				t.Error("the first round does not kill everything")
			}
		}
	}
}

// TestScenarios: those that exist have steps; one needs brokers that replicate.
func TestScenarios(t *testing.T) {
	if steps, err := scenario(everything, 1); err != nil || len(steps) == 0 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
	if steps, err := scenario(leaderless, clusterNodes); err != nil || len(steps) == 0 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
	if _, err := scenario(leaderless, 1); err == nil {
		t.Error("one broker can be leaderless by halves")
	}
	if _, err := scenario("calm", 1); err == nil {
		t.Error("there is a scenario calm")
	}
}
