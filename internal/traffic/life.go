package traffic

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"
)

// life is one call in the making: its state, its clock, and the events so far.
// Scripts move the clock with wait, change the state, and emit.
type life struct {
	rng   *rand.Rand
	token string
	now   time.Time
	call  object

	// older bodies have no call_uuid, no participants and no country_code_a2,
	// and a duration that always counts the ringing.
	older     bool
	agent     *user    // who talks, or talked last; nil before an answer
	externals []string // outside parties on the line now
	mailed    bool     // the caller spoke on the voicemail

	recording, voicemail string // media links without signature, once there are any

	events    []Delivery
	snapshots []Snapshot // after each event
	twin      *life      // the other end of a two-ended call
}

func newLife(rng *rand.Rand, token string, id int64, start time.Time) *life {
	l := &life{rng: rng, token: token, now: start, older: true}
	l.call = object{
		ID:         id,
		DirectLink: fmt.Sprintf("https://api.aircall.io/v1/calls/%d", id),
		Status:     "initial",
		Cost:       "0.0",
	}
	if l.chance(0.85) {
		l.modernise()
	}
	return l
}

// modernise makes the call one of today's, not an older one.
func (l *life) modernise() {
	if l.older {
		l.older = false
		l.call.CallUUID = "CA" + randomHex(l.rng, 16)
	}
}

// chance is true with probability p.
func (l *life) chance(p float64) bool { return l.rng.Float64() < p }

// between draws a duration in whole milliseconds.
func (l *life) between(low, high time.Duration) time.Duration {
	return low + time.Duration(l.rng.Int64N(int64((high-low)/time.Millisecond)+1))*time.Millisecond
}

// wait moves the clock on.
func (l *life) wait(low, high time.Duration) { l.now = l.now.Add(l.between(low, high)) }

// emit appends an event whose body is the call as it is now, with the changes
// that hold for this event only.
func (l *life) emit(event string, changes ...func(*object)) {
	shown := l.call
	for _, change := range changes {
		change(&shown)
	}
	if !l.older {
		shown.Participants = l.participants(shown.User)
	}
	l.hide(event, &shown)
	l.linkMedia(&shown)
	b, err := json.Marshal(body{
		Resource:  "call",
		Event:     event,
		Timestamp: l.now.Unix(),
		Token:     l.token,
		Data:      shown,
	})
	if err != nil {
		panic(fmt.Sprintf("traffic: encoding a webhook body: %v", err)) // only a token that is no UTF-8 can do this
	}
	l.events = append(l.events, Delivery{At: l.now, CallID: l.call.ID, Event: event, Body: b})
	l.snapshots = append(l.snapshots, l.snapshot())
}

// as makes u the user of one event.
func as(u *user) func(*object) { return func(o *object) { o.User = u } }

// carriers are the events that always carry their user: they would say nothing
// without one.
var carriers = map[string]bool{
	"call.ringing_on_agent": true, "call.agent_declined": true, "call.answered": true,
	"call.transferred": true, "call.unsuccessful_transfer": true, "call.hungup": true,
}

// hide takes away from one body what Aircall leaves out now and then.
func (l *life) hide(event string, o *object) {
	if o.User != nil && !carriers[event] && l.chance(0.06) {
		o.User = nothing[*user](l.rng)
	}
	if o.Contact != nil && l.chance(0.12) {
		o.Contact = nothing[*contact](l.rng)
	}
	if o.TransferredBy != nil && event == "call.ended" && l.chance(0.25) {
		o.TransferredBy = nil
	}
}

// nothing draws one of the ways to have no value: missing, null, {}.
func nothing[T any](rng *rand.Rand) any {
	var null T
	return pick(rng, []any{nil, nil, null, struct{}{}})
}

func (l *life) participants(u any) []participant {
	var list []participant
	for _, digits := range l.externals {
		list = append(list, participant{PhoneNumber: digits, Type: "external"})
	}
	if u, ok := u.(*user); ok && u != nil {
		list = append(list, participant{ID: u.ID, Name: u.Name, Type: "user"})
	}
	return list
}

// linkMedia puts the media that exist into a body, signed now.
func (l *life) linkMedia(o *object) {
	asset := fmt.Sprintf("https://assets.aircall.io/calls/%d/", o.ID)
	if l.recording != "" {
		link, page := l.recording+signature(l.rng, l.now), asset+"recording"
		o.Recording, o.Asset = &link, &page
	}
	if l.voicemail != "" {
		link, page := l.voicemail+signature(l.rng, l.now), asset+"voicemail"
		o.Voicemail, o.Asset = &link, &page
	}
}

// begin sets what is known of a call from its first second.
func (l *life) begin(direction string, on *line, with person) {
	l.call.Direction = direction
	l.call.Number = on
	l.call.StartedAt = l.now.Unix()
	l.call.RawDigits = with.digits
	l.externals = []string{with.digits}
	if c := with.contact(); c != nil {
		l.call.Contact = c
	}
	if l.older {
		return
	}
	var country *string
	if with.country != "" {
		country = &with.country
	}
	l.call.CountryCode = country
}

// comeIn is an inbound call that reaches a line.
func (l *life) comeIn(on *line, from person) {
	l.begin("inbound", on, from)
	l.emit("call.created")
}

// dial is an agent who calls out. Aircall's first word comes some seconds later.
func (l *life) dial(u *user, on *line, to person) {
	l.begin("outbound", on, to)
	l.agent, l.call.User = u, u
	l.wait(time.Second, 3*time.Second)
	l.emit("call.created")
}

// ring lets agents ring, all at once or one after the other, some of whom decline.
func (l *life) ring(us ...*user) {
	together := l.chance(0.5)
	for _, u := range us {
		l.wait(20*time.Millisecond, 300*time.Millisecond)
		l.emit("call.ringing_on_agent", as(u))
		if together {
			continue
		}
		l.wait(4*time.Second, 15*time.Second)
		if l.chance(0.25) {
			l.emit("call.agent_declined", as(u))
		}
	}
	l.wait(2*time.Second, 12*time.Second)
}

// answer is u picking up.
func (l *life) answer(u *user) {
	at := l.now.Unix()
	l.call.AnsweredAt = &at
	l.call.Status = "answered"
	l.agent, l.call.User = u, u
	l.emit("call.answered")
}

// talk passes time on the phone, in which now and then something is done.
func (l *life) talk() {
	l.wait(8*time.Second, 150*time.Second)
	if l.chance(0.12) {
		l.hold()
	}
	if l.chance(0.12) {
		l.tag(l.agent)
		l.wait(time.Second, 20*time.Second)
	}
	if l.chance(0.1) {
		l.note(pick(l.rng, noteTexts), l.agent)
		l.wait(time.Second, 60*time.Second)
	}
}

// hold puts the caller on hold for a while; the bodies do not tell.
func (l *life) hold() {
	l.emit("call.hold")
	l.wait(time.Second, 90*time.Second)
	l.emit("call.unhold")
	l.wait(time.Second, 40*time.Second)
}

// miss says why nobody answered.
func (l *life) miss(reason string) { l.call.MissedCallReason = &reason }

// hangUpUnheard ends the conversation, of which no webhook ever tells. The REST
// API shows it.
func (l *life) hangUpUnheard() {
	l.wait(time.Second, 5*time.Minute)
	at := l.now.Unix()
	l.call.EndedAt, l.call.Status = &at, "done"
	l.snapshots = append(l.snapshots, l.snapshot())
}

// hangUp ends the conversation. In one missed call of ten the reason is not yet known.
func (l *life) hangUp() {
	at := l.now.Unix()
	l.call.EndedAt = &at
	l.call.Status = "done"
	l.call.Duration = at - l.call.StartedAt
	l.emit("call.hungup", func(o *object) {
		if o.MissedCallReason != nil && l.chance(0.1) {
			o.MissedCallReason = nil
		}
	})
}
