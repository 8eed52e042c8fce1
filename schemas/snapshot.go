package schemas

import (
	"cmp"
	"math"
	"slices"
)

// snapshot collects what one event says. Everything known has the key
// sameAsNewest until it is stamped: the key is only complete when all was read.
type snapshot struct {
	call *Call
	// latest is the latest time inside.
	latest int64
	// tags is the length of the list of tags as it came.
	tags int
}

// known makes a value that the event carries.
func known[T any](v T) Latest[T] { return Latest[T]{At: sameAsNewest, Value: v} }

// knownUnlessZero is known, but for a zero value, which is no value: what is
// absent, null, empty or unusable never erases what was known.
func knownUnlessZero[T comparable](v T) Latest[T] {
	var zero T
	if v == zero {
		return Latest[T]{}
	}
	return known(v)
}

// stamp completes the state that knows nothing but this event.
func (s *snapshot) stamp(id int64, key Key) {
	c := s.call
	if c.Erased.Known() {
		c.Erased.At = key
		*c = erased(id, c.Erased)
		return
	}
	c.ID, c.Newest = id, key
	c.fillKeys()
	for i := range c.Agents {
		c.Agents[i].Seen = []int64{key.Time}
	}
	for i := range c.Transfers {
		c.Transfers[i].At = key
	}
	if c.EndedEvent != 0 {
		c.EndedEvent = key.Time
	}
}

// tie is the part of the key that orders tag events of one second.
func (s *snapshot) tie(event string) int32 {
	n := int32(min(s.tags, math.MaxInt32))
	switch event {
	case EventTagged:
		return n
	case EventUntagged:
		return -n
	}
	return 0
}

// readCommand reads an operator's command. It says nothing about the call.
func (s *snapshot) readCommand(event string, data *members) {
	command := known(Command{
		Who:       text(data.get("who"), maxName),
		Why:       text(data.get("why"), maxName),
		StateHash: text(data.get("state_hash"), maxName),
	})
	switch event {
	case EventRewrite:
		s.call.Rewrite = command
	case EventRematch:
		s.call.Rematch = command
	case EventRetry:
		s.call.Retry = command
	case EventErase:
		s.call.Erased = command
	}
}

// readCall reads a call as Aircall shows it (document "Aircall", the call
// object); the REST names of members are in brackets.
func (s *snapshot) readCall(event string, data *members) {
	c := s.call
	var sid string
	for _, m := range data.list {
		switch v := m.value; m.name {
		case "call_uuid":
			c.UUID = knownUnlessZero(text(v, maxName))
		case "sid":
			sid = text(v, maxName)
		case "direction":
			switch v.str() {
			case Inbound:
				c.Direction = known(Inbound)
			case Outbound:
				c.Direction = known(Outbound)
			}
		case "status":
			c.Status = statusOf(v.str())
		case "started_at":
			c.StartedAt = s.time(v)
		case "answered_at":
			c.AnsweredAt = s.time(v)
		case "ended_at":
			c.EndedAt = knownUnlessZero(s.time(v))
		case "missed_call_reason":
			c.MissedReason = knownUnlessZero(text(v, maxName))
		case "raw_digits":
			c.External = knownUnlessZero(text(v, maxName))
		case "external_transferred_to":
			c.ExternalTransfer = knownUnlessZero(outsideNumber(v))
		case "archived":
			if v == "true" || v == "false" {
				c.Archived = known(v == "true")
			}
		case "ivr_options_selected":
			c.IVROptions = ivrTitles(v)
		case "recording":
			c.Recording = knownUnlessZero(link(v))
		case "voicemail":
			c.Voicemail = knownUnlessZero(link(v))
		case "asset":
			c.Asset = knownUnlessZero(link(v))
		case "tags":
			s.readTags(v)
		case "comments":
			s.readComments(v)
		case "participants", "conference_participants":
			c.Conference = c.Conference || externals(v) > 1
		}
	}
	if !c.UUID.Known() {
		c.UUID = knownUnlessZero(sid)
	}
	o := &data.objects
	c.Number, c.Contact = o.number, o.contact
	if u := o.user; u.ID != 0 && handles(event) {
		c.Agents = []Agent{{ID: u.ID, Name: knownUnlessZero(u.Name), Email: knownUnlessZero(u.Email)}}
	}
	if o.assignedTo.ID != 0 {
		c.AssignedTo = known(o.assignedTo)
	}
	parties := TransferParties{By: o.transferredBy, To: o.transferredTo}
	switch event {
	case EventTransferred:
		c.Transfers = []Transfer{{TransferParties: parties}}
	case EventUnsuccessful:
		c.Transfers = []Transfer{{TransferParties: parties, Failed: true}}
	case EventREST:
		c.RESTTransfer = knownUnlessZero(parties)
		if c.Status == StatusDone {
			c.EndedEvent = pending
		}
	case EventEnded:
		c.EndedEvent = pending
	case EventVoicemail:
		c.VoicemailLeft = true
	}
}

// pending stands for the event's own time until the snapshot is stamped.
const pending = 1

// handles reports whether the user of such an event is on the phone (or was).
func handles(event string) bool {
	switch event {
	case EventRinging, EventDeclined, EventTransferred, EventUnsuccessful:
		return false
	}
	return true
}

// time reads a time inside the call and remembers the latest.
func (s *snapshot) time(v value) int64 {
	t := unixTime(v)
	s.latest = max(s.latest, t)
	return t
}

// numberOf reads number.
func numberOf(v value) (n Number) {
	for name, v := range v.members() {
		switch name {
		case "id":
			n.ID = knownUnlessZero(identifier(v))
		case "name":
			n.Name = knownUnlessZero(text(v, maxName))
		case "digits":
			n.Digits = knownUnlessZero(text(v, maxName))
		case "country":
			n.Country = knownUnlessZero(text(v, maxName))
		case "time_zone":
			n.TimeZone = knownUnlessZero(text(v, maxName))
		}
	}
	return n
}

// contactOf reads contact; one without any name is no value.
func contactOf(v value) Latest[Contact] {
	var c Contact
	for name, v := range v.members() {
		switch name {
		case "id":
			c.ID = identifier(v)
		case "first_name":
			c.FirstName = text(v, maxName)
		case "last_name":
			c.LastName = text(v, maxName)
		case "company_name":
			c.Company = text(v, maxName)
		}
	}
	if c.FirstName == "" && c.LastName == "" && c.Company == "" {
		return Latest[Contact]{}
	}
	return known(c)
}

// userOf reads a user as far as it goes.
func userOf(v value) (u User) {
	for name, v := range v.members() {
		switch name {
		case "id":
			u.ID = identifier(v)
		case "name":
			u.Name = text(v, maxName)
		case "email":
			u.Email = text(v, maxName)
		}
	}
	return u
}

// memberOf is one member of an object; "" where there is none.
func memberOf(v value, wanted string) (found value) {
	for name, v := range v.members() {
		if name == wanted {
			found = v
		}
	}
	return found
}

// outsideNumber reads external_transferred_to: documented as a text; an object
// with a number is taken as well.
func outsideNumber(v value) string {
	number := text(v, maxName)
	for name, v := range v.members() {
		switch name {
		case "phone_number", "number", "raw_digits", "digits", "value":
			number = cmp.Or(number, text(v, maxName))
		}
	}
	return number
}

// ivrTitles reads ivr_options_selected: objects with a title (and id, key,
// branch and times). An empty list is no value.
func ivrTitles(v value) Latest[[]string] {
	var titles []string
	left := maxIVRText
	for option := range v.elements() {
		title := text(memberOf(option, "title"), maxName)
		if left -= units(title); left < 0 || len(titles) == maxIVR {
			break
		}
		if title != "" {
			titles = append(titles, title)
		}
	}
	if len(titles) == 0 {
		return Latest[[]string]{}
	}
	return known(titles)
}

// externals counts the participants outside the company.
func externals(v value) (n int) {
	for participant := range v.elements() {
		if memberOf(participant, "type").str() == "external" {
			n++
		}
	}
	return n
}

// readTags reads tags: [] is a value, anything but a list is none. What has no
// name is no tag.
func (s *snapshot) readTags(v value) {
	if !v.isArray() {
		return
	}
	tags := []Tag{}
	for element := range v.elements() {
		s.tags++
		var t Tag
		var created int64
		for name, v := range element.members() {
			switch name {
			case "id":
				t.ID = identifier(v)
			case "name":
				t.Name = text(v, maxName)
			case "tagged_at":
				t.TaggedAt = s.time(v)
			case "created_at": // its name in the REST API
				created = s.time(v)
			case "tagged_by":
				t.By = identifier(memberOf(v, "id"))
			}
		}
		t.TaggedAt = cmp.Or(t.TaggedAt, created)
		if t.Name != "" {
			tags = append(tags, t)
		}
	}
	slices.SortFunc(tags, compareTags)
	left := maxTagText
	for i, t := range tags {
		if left -= units(t.Name); left < 0 || i == maxTags {
			tags = slices.Clone(tags[:i])
			break
		}
	}
	s.call.Tags = known(tags)
}

// readComments reads comments: [] is a value, anything but a list is none.
// What has no text is no note.
func (s *snapshot) readComments(v value) {
	if !v.isArray() {
		return
	}
	comments := []Comment{}
	for element := range v.elements() {
		var c Comment
		for name, v := range element.members() {
			switch name {
			case "id":
				c.ID = identifier(v)
			case "content":
				c.Content = text(v, MaxNote)
			case "posted_at":
				c.PostedAt = s.time(v)
			case "posted_by":
				c.By = userOf(v)
			}
		}
		if c.Content != "" {
			comments = append(comments, c)
		}
	}
	slices.SortFunc(comments, compareComments)
	// The newest are at the end. The newest of all always fits.
	first, left := len(comments), maxNoteText
	for first > 0 && len(comments)-first < maxComments {
		c := comments[first-1]
		if left -= units(c.Content) + units(c.By.Name) + units(c.By.Email); left < 0 {
			break
		}
		first--
	}
	if first > 0 {
		comments = slices.Clone(comments[first:])
	}
	s.call.Comments = known(comments)
}
