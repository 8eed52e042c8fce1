package traffic

import (
	"fmt"
	"slices"
	"time"
)

// The scripts of the kinds, but for transfers (transfer.go).

// other draws an agent who is none of those given.
func (l *life) other(not ...*user) *user { return l.otherOf(agents, not...) }

func (l *life) otherOf(from []*user, not ...*user) *user {
	for {
		if u := pick(l.rng, from); !slices.Contains(not, u) {
			return u
		}
	}
}

// some draws up to n different agents.
func (l *life) some(n int) []*user {
	var us []*user
	for range 1 + l.rng.IntN(n) {
		us = append(us, l.other(us...))
	}
	return us
}

// comeInAndTalk is an inbound call to an agent, until before the hang-up.
func comeInAndTalk(l *life) {
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	ringing := l.some(4)
	l.ring(ringing...)
	l.answer(ringing[len(ringing)-1])
	l.talk()
}

// dialAndTalk is an outbound call that is picked up, until before the hang-up.
func dialAndTalk(l *life) {
	l.dial(pick(l.rng, agents), pick(l.rng, lines), drawPerson(l.rng))
	l.wait(2*time.Second, 25*time.Second)
	l.call.Cost = fmt.Sprintf("%.2f", 0.01+l.rng.Float64())
	l.answer(l.agent)
	l.talk()
}

func answeredInbound(l *life) {
	comeInAndTalk(l)
	l.hangUp()
	l.wrapUp()
}

func answeredOutbound(l *life) {
	dialAndTalk(l)
	l.hangUp()
	l.wrapUp()
}

func unansweredOutbound(l *life) {
	l.dial(pick(l.rng, agents), pick(l.rng, lines), drawPerson(l.rng))
	l.wait(5*time.Second, 45*time.Second)
	if l.chance(0.03) {
		l.miss("agents_did_not_answer")
	}
	l.hangUp()
	l.wrapUp()
}

// Missed calls. The unanswered inbound ones have no user but while ringing.

func missedAgentsSilent(l *life) {
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	l.ring(l.some(4)...)
	l.giveUp("agents_did_not_answer")
}

func missedNoAgent(l *life) {
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	l.wait(5*time.Second, 60*time.Second)
	l.giveUp("no_available_agent")
}

func missedShortAbandoned(l *life) {
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	if l.chance(0.5) {
		l.emit("call.ringing_on_agent", as(pick(l.rng, agents)))
	}
	l.wait(500*time.Millisecond, 8*time.Second)
	l.giveUp("short_abandoned")
}

func missedAbandonedIVR(l *life) {
	l.comeIn(menuLine, drawPerson(l.rng))
	l.wait(3*time.Second, 30*time.Second)
	if l.chance(0.4) {
		l.choose(1 + l.rng.IntN(len(menuOptions)))
	}
	l.giveUp("abandoned_in_ivr")
}

func missedAbandonedClassic(l *life) {
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	l.wait(10*time.Second, 90*time.Second)
	l.giveUp("abandoned_in_classic")
}

func missedAbandoned(l *life) {
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	l.ring(l.some(2)...)
	l.giveUp("abandoned")
}

func missedNoReason(l *life) {
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	l.ring(l.some(3)...)
	l.hangUp()
	l.wrapUp()
}

func outOfOpeningHours(l *life) {
	l.comeInClosed()
	l.giveUp("out_of_opening_hours")
}

func voicemail(l *life) {
	l.mailed = true
	if l.chance(0.25) {
		l.comeInClosed()
		l.giveUp("out_of_opening_hours")
		return
	}
	l.comeIn(pick(l.rng, lines), drawPerson(l.rng))
	l.ring(l.some(3)...)
	if l.chance(0.2) {
		l.hangUp() // no reason, as in a fifth of them
		l.wrapUp()
		return
	}
	l.giveUp(pick(l.rng, []string{"agents_did_not_answer", "agents_did_not_answer", "no_available_agent"}))
}

// comeInClosed is an inbound call to a line out of its opening hours.
func (l *life) comeInClosed() {
	shut := *pick(l.rng, lines)
	shut.Open, shut.AvailabilityStatus = false, "close"
	l.comeIn(&shut, drawPerson(l.rng))
	l.wait(4*time.Second, 40*time.Second)
}

// giveUp ends a call that nobody answered.
func (l *life) giveUp(reason string) {
	l.miss(reason)
	l.hangUp()
	l.wrapUp()
}

// choose picks an option of the menu; only this event tells which.
func (l *life) choose(key int) {
	chosen := []ivrOption{{
		ID:        randomHex(l.rng, 8),
		Title:     menuOptions[key-1],
		Key:       fmt.Sprint(key),
		Branch:    fmt.Sprintf("main/%d", key),
		CreatedAt: l.now.UTC().Format(time.RFC3339),
	}}
	l.emit("call.ivr_option_selected", func(o *object) { o.IVROptions = chosen })
	l.wait(300*time.Millisecond, 5*time.Second)
}

// ivr goes through the menu to a line behind it. A webhook on both sends
// call.created twice.
func ivr(l *life) {
	l.comeIn(menuLine, drawPerson(l.rng))
	l.wait(3*time.Second, 20*time.Second)
	l.choose(1 + l.rng.IntN(len(menuOptions)))
	if l.chance(0.5) {
		behind := pick(l.rng, lines)
		l.emit("call.created", func(o *object) { o.Number = behind })
	}
	ringing := l.some(3)
	l.ring(ringing...)
	if l.chance(0.2) {
		l.giveUp("agents_did_not_answer")
		return
	}
	l.answer(ringing[0])
	l.talk()
	l.hangUp()
	l.wrapUp()
}

func held(l *life) {
	l.answeredByAnyone()
	for range 1 + l.rng.IntN(3) {
		l.hold()
	}
	l.hangUp()
	l.wrapUp()
}

func conference(l *life) {
	l.modernise()
	l.answeredByAnyone()
	if l.chance(0.6) {
		l.emit("call.hold")
		l.wait(10*time.Second, 40*time.Second)
		l.externals = append(slices.Clone(l.externals), pick(l.rng, known[5:9]).digits)
		l.emit("call.unhold")
		l.wait(30*time.Second, 300*time.Second)
		l.externals = l.externals[:1] // the guest leaves first
	} else {
		l.systemTag(conferenceTag)
		l.wait(30*time.Second, 300*time.Second)
	}
	l.hangUp()
	l.wrapUp()
}

func anonymous(l *life) {
	l.comeIn(pick(l.rng, lines), withheld)
	ringing := l.some(3)
	l.ring(ringing...)
	if l.chance(0.4) {
		l.giveUp("agents_did_not_answer")
		return
	}
	l.answer(ringing[0])
	l.talk()
	l.hangUp()
	l.wrapUp()
}

// twoEnded is one company line calling another: two calls, each with the other
// line as its external number. Either an agent answers, or the voicemail does:
// answered on the one end, missed on the other.
func twoEnded(l *life) {
	from := pick(l.rng, lines)
	to := from
	for to == from {
		to = pick(l.rng, lines)
	}
	caller := pick(l.rng, agents)
	l.twin = newLife(l.rng, l.token, l.call.ID+1+l.rng.Int64N(60), l.now)
	in := l.twin
	l.dial(caller, from, person{digits: to.Digits, country: to.Country})
	in.now = l.now
	in.wait(50*time.Millisecond, 2*time.Second)
	in.comeIn(to, person{digits: from.Digits, country: from.Country})
	ringing := in.otherOf(agents, caller)
	in.ring(ringing)
	l.now = in.now
	l.answer(caller)
	if in.chance(0.5) {
		in.answer(ringing)
		in.wait(10*time.Second, 200*time.Second)
	} else {
		in.mailed = true
		in.miss("agents_did_not_answer")
		in.wait(5*time.Second, 40*time.Second)
	}
	l.now = in.now
	l.hangUp()
	in.hangUp()
	l.wrapUp()
	in.wrapUp()
}

// neverEnds is a call that Aircall's backend loses: after the hang-up or before.
func neverEnds(l *life) {
	l.answeredByAnyone()
	if l.chance(0.5) {
		l.hangUp()
		return
	}
	l.hold()
	l.hangUpUnheard()
}

// unusualNames has names in right-to-left script or with emoji on every side.
func unusualNames(l *life) {
	u := pick(l.rng, unusualAgents)
	l.comeIn(pick(l.rng, lines[5:7]), pick(l.rng, unusual))
	l.ring(u)
	l.answer(u)
	l.talk()
	l.hangUp()
	l.wrapUp(chore{5 * time.Second, func() { l.note(pick(l.rng, unusualNotes), u) }})
}
