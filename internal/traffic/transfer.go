package traffic

import "time"

// handOver is the agent transferring the call to another, who then rings. The
// body's user is mostly the agent who transfers, at times already the other.
func (l *life) handOver(to *user) {
	l.call.TransferredBy, l.call.TransferredTo = l.agent, to
	user := l.agent
	if l.chance(0.3) {
		user = to
	}
	l.emit("call.transferred", as(user))
	l.wait(100*time.Millisecond, 2*time.Second)
	if l.chance(0.8) {
		l.emit("call.ringing_on_agent", as(to))
		l.wait(2*time.Second, 12*time.Second)
	}
}

// takeOver is u taking the transferred call. Sometimes Aircall says so with an
// event, whose answered_at may be the second answer; sometimes only the user of
// later bodies tells. The direction of an outbound call may flip.
func (l *life) takeOver(u *user) {
	l.agent, l.call.User = u, u
	if l.call.Direction == "outbound" && l.chance(0.2) {
		l.call.Direction = "inbound"
	}
	switch {
	case l.chance(0.3):
		at := l.now.Unix()
		l.call.AnsweredAt = &at
		l.emit("call.answered")
	case l.chance(0.4):
		l.emit("call.answered")
	}
	l.talk()
}

// fallBack is the transfer failing: the first agent has the caller again, and
// the bodies keep naming both.
func (l *life) fallBack() {
	to := l.call.TransferredTo
	if l.chance(0.4) {
		l.emit("call.agent_declined", as(to))
	}
	l.wait(time.Second, 20*time.Second)
	user := l.agent
	if l.chance(0.3) {
		user = to
	}
	l.emit("call.unsuccessful_transfer", as(user))
	l.wait(5*time.Second, 90*time.Second)
}

// answeredByAnyone begins a call, in or out, that somebody answers.
func (l *life) answeredByAnyone() {
	if l.chance(0.3) {
		dialAndTalk(l)
		return
	}
	comeInAndTalk(l)
}

func transferAnswered(l *life) {
	l.answeredByAnyone()
	to := l.other(l.agent)
	l.handOver(to)
	l.takeOver(to)
	l.hangUp()
	l.wrapUp()
}

func transferFailed(l *life) {
	l.answeredByAnyone()
	l.handOver(l.other(l.agent))
	l.fallBack()
	l.hangUp()
	l.wrapUp()
}

func transferRetried(l *life) {
	l.answeredByAnyone()
	first := l.other(l.agent)
	l.handOver(first)
	l.fallBack()
	second := l.other(l.agent, first)
	l.handOver(second)
	l.takeOver(second)
	l.hangUp()
	l.wrapUp()
}

// transferTeam goes to a team: transferred_to names its first member, and any
// may pick up, or nobody.
func transferTeam(l *life) {
	l.answeredByAnyone()
	g := pick(l.rng, groups)
	l.call.Teams = []team{g.team}
	l.handOver(g.members[0])
	if l.chance(0.2) {
		l.fallBack()
	} else {
		l.takeOver(l.otherOf(g.members, l.agent))
	}
	l.hangUp()
	l.wrapUp()
}

// transferExternal hands the caller to an outside number: the call ends for the
// company, and what follows is a call of its own.
func transferExternal(l *life) {
	l.answeredByAnyone()
	outside := pick(l.rng, known).digits
	l.emit("call.external_transferred", func(o *object) { o.ExternalTransferredTo = outside })
	l.wait(200*time.Millisecond, 2*time.Second)
	l.hangUp()
	l.wrapUp()
}
