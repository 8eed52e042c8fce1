package traffic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// chore is something that happens a while after the hang-up.
type chore struct {
	after time.Duration
	do    func()
}

// wrapUp is what follows a hang-up: the ended event, the media, and what agents
// do with the call seconds, minutes or days later. More chores may be given.
func (l *life) wrapUp(chores ...chore) {
	chores = append(chores, l.ending()...)
	maybe := func(p float64, low, high time.Duration, do func()) {
		if l.chance(p) {
			chores = append(chores, chore{l.between(low, high), do})
		}
	}
	tag := func() { l.tag(l.worker()) }
	note := func() { l.note(pick(l.rng, noteTexts), l.worker()) }
	edit := func() { l.editNote() }

	busy := 1.0 // agents do more with the calls that they had
	if l.call.AnsweredAt == nil {
		busy = 0.3
	}
	maybe(0.35*busy, 2*time.Second, 25*time.Second, tag)
	maybe(0.12*busy, 2*time.Second, 40*time.Second, tag)
	maybe(0.25*busy, 5*time.Second, 120*time.Second, note)
	maybe(0.06*busy, 130*time.Second, 10*time.Minute, edit)
	maybe(0.08*busy, 20*time.Second, 5*time.Minute, l.untag)
	maybe(0.15, time.Minute, 10*time.Minute, l.assign)
	maybe(0.40, time.Minute, 45*time.Minute, l.archive)
	maybe(0.02, 20*time.Hour, 5*24*time.Hour, tag)
	maybe(0.02, 20*time.Hour, 5*24*time.Hour, note)

	slices.SortStableFunc(chores, func(a, b chore) int { return cmp.Compare(a.after, b.after) })
	hungUp := l.now
	for _, c := range chores {
		l.now = later(l.now, hungUp.Add(c.after))
		c.do()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ending is call.ended about thirty seconds after the hang-up, and the media
// with it or after it: voicemail_left three seconds later.
func (l *life) ending() []chore {
	ended := l.between(29500*time.Millisecond, 31500*time.Millisecond)
	recorded := l.call.AnsweredAt != nil && l.chance(0.7)
	atOnce := l.chance(0.75) // the media are ready when the call ends
	media := func() {
		switch {
		case l.mailed && l.voicemail == "":
			l.voicemail = mediaPath(l.rng, l.call.ID, "voicemail")
		case recorded && l.recording == "":
			l.recording = mediaPath(l.rng, l.call.ID, "recording")
		}
	}
	chores := []chore{{ended, func() {
		if !l.older && l.call.AnsweredAt != nil {
			l.call.Duration = *l.call.EndedAt - *l.call.AnsweredAt
		}
		if atOnce {
			media()
		}
		l.emit("call.ended")
	}}}
	if l.mailed {
		chores = append(chores, chore{ended + 3*time.Second, func() {
			media()
			l.emit("call.voicemail_left")
		}})
	}
	if recorded && (!atOnce || l.chance(0.3)) || l.mailed && l.chance(0.3) {
		chores = append(chores, chore{ended + l.between(4*time.Second, 60*time.Second), func() {
			media()
			l.emit("call.comm_assets_generated")
		}})
	}
	return chores
}

// worker is who does something with the call after it: mostly whose it was.
func (l *life) worker() *user {
	if l.agent != nil && l.chance(0.85) {
		return l.agent
	}
	return pick(l.rng, agents)
}

// tag adds one of the company's tags, or two in one second.
func (l *life) tag(by *user) {
	for range 1 + l.rng.IntN(3)/2 {
		i := l.rng.IntN(len(tagNames))
		l.addTag(int64(8801+i), tagNames[i], by)
		l.wait(10*time.Millisecond, 200*time.Millisecond)
	}
}

// addTag does nothing when the call has the tag.
func (l *life) addTag(id int64, name string, by any) {
	if slices.ContainsFunc(l.call.Tags, func(t tag) bool { return t.ID == id }) {
		return
	}
	l.call.Tags = append(slices.Clone(l.call.Tags), tag{ID: id, Name: name, TaggedAt: l.now.Unix(), TaggedBy: by})
	l.emit("call.tagged")
}

// systemTag adds a tag that Aircall sets by itself: nobody tagged.
func (l *life) systemTag(name string) { l.addTag(8800, name, struct{}{}) }

// untag takes one tag away, if there is one.
func (l *life) untag() {
	if n := len(l.call.Tags); n > 0 {
		i := l.rng.IntN(n)
		l.call.Tags = slices.Delete(slices.Clone(l.call.Tags), i, i+1)
		l.emit("call.untagged")
	}
}

// note adds a note; one in ten comes through the API and has no author.
func (l *life) note(content string, by *user) {
	if l.chance(0.1) {
		by = nil
	}
	l.call.Comments = append(slices.Clone(l.call.Comments), comment{
		ID:       l.call.ID*100 + int64(len(l.call.Comments)),
		Content:  content,
		PostedAt: l.now.Unix(),
		PostedBy: by,
	})
	l.emit("call.commented")
}

// editNote changes the newest note, if there is one: the same id, other words.
func (l *life) editNote() {
	if n := len(l.call.Comments); n > 0 {
		l.call.Comments = slices.Clone(l.call.Comments)
		l.call.Comments[n-1].Content += "\n" + pick(l.rng, editTexts)
		l.emit("call.commented")
	}
}

func (l *life) assign() {
	l.call.AssignedTo = l.worker()
	l.emit("call.assigned")
}

func (l *life) archive() {
	l.call.Archived = true
	l.emit("call.archived")
}

// tagged is a call with tags during and after it, one of which goes again.
func tagged(l *life) {
	l.answeredByAnyone()
	l.addTag(8801, tagNames[0], l.agent)
	l.wait(time.Second, 30*time.Second)
	l.hangUp()
	l.wrapUp(
		chore{4 * time.Second, func() { l.addTag(8802, tagNames[1], l.agent); l.addTag(8803, tagNames[2], l.agent) }},
		chore{50 * time.Second, l.untag},
		chore{l.between(24*time.Hour, 72*time.Hour), func() { l.tag(l.worker()) }},
	)
}

// noted is a call with notes during and after it, one of which is edited.
func noted(l *life) {
	l.answeredByAnyone()
	l.note(pick(l.rng, noteTexts), l.agent)
	l.wait(time.Second, 30*time.Second)
	l.hangUp()
	l.wrapUp(
		chore{87 * time.Second, func() { l.note(pick(l.rng, noteTexts), l.other(l.agent)) }},
		chore{4 * time.Minute, l.editNote},
	)
}

// longNote has a note of more than 40,000 characters: longer than Salesforce takes.
func longNote(l *life) {
	l.answeredByAnyone()
	l.hangUp()
	l.wrapUp(chore{time.Minute, func() {
		l.note(strings.Repeat(pick(l.rng, noteTexts)+" ", 40000/30), l.agent)
	}})
}

// manyTags has 300 tags, put on by a program in batches.
func manyTags(l *life) {
	l.answeredByAnyone()
	l.hangUp()
	var batches []chore
	for b := range 4 {
		batches = append(batches, chore{time.Duration(5+b) * time.Second, func() {
			l.call.Tags = slices.Clone(l.call.Tags)
			for i := range 75 {
				n := 75*b + i
				l.call.Tags = append(l.call.Tags, tag{
					ID: int64(9000 + n), Name: fmt.Sprintf("import-%03d", n), TaggedAt: l.now.Unix(), TaggedBy: l.agent,
				})
			}
			l.emit("call.tagged")
		}})
	}
	l.wrapUp(batches...)
}
