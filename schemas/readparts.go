package schemas

// call reads a state.
func (r *reader) call(c *Call) {
	r.want(`{"id":`)
	c.ID = r.int()
	r.want(`,"newest":`)
	c.Newest = r.key()
	r.newest = c.Newest
	r.latestText(`,"uuid":`, &c.UUID)
	r.latestText(`,"direction":`, &c.Direction)
	if r.member(`,"status":`) {
		if c.Status = statusOf(r.str()); c.Status == StatusUnknown {
			r.fail()
		}
	}
	r.number(`,"started_at":`, &c.StartedAt)
	r.number(`,"answered_at":`, &c.AnsweredAt)
	r.latestInt(`,"ended_at":`, &c.EndedAt)
	r.number(`,"ended_event":`, &c.EndedEvent)
	r.flag(`,"voicemail_left":true`, &c.VoicemailLeft)
	r.flag(`,"conference":true`, &c.Conference)
	r.latestText(`,"missed_reason":`, &c.MissedReason)
	r.latestText(`,"external":`, &c.External)
	r.callNumber(&c.Number)
	if r.member(`,"contact":`) {
		c.Contact.At = r.opened()
		r.contact(&c.Contact.Value)
		r.want(`}`)
	}
	r.agents(&c.Agents)
	r.transfers(&c.Transfers)
	if r.member(`,"rest_transfer":`) {
		c.RESTTransfer.At = r.opened()
		r.open()
		r.parties(&c.RESTTransfer.Value)
		r.close()
		r.want(`}`)
	}
	r.latestText(`,"external_transfer":`, &c.ExternalTransfer)
	if r.member(`,"assigned_to":`) {
		c.AssignedTo.At = r.opened()
		r.user(&c.AssignedTo.Value)
		r.want(`}`)
	}
	if r.member(`,"archived":`) {
		c.Archived.At = r.opened()
		if c.Archived.Value = r.have(`true`); !c.Archived.Value {
			r.want(`false`)
		}
		r.want(`}`)
	}
	r.ivrOptions(&c.IVROptions)
	r.latestText(`,"recording":`, &c.Recording)
	r.latestText(`,"voicemail":`, &c.Voicemail)
	r.latestText(`,"asset":`, &c.Asset)
	r.tags(&c.Tags)
	r.comments(&c.Comments)
	r.latestCommand(`,"rewrite":`, &c.Rewrite)
	r.latestCommand(`,"rematch":`, &c.Rematch)
	r.latestCommand(`,"retry":`, &c.Retry)
	r.latestCommand(`,"erased":`, &c.Erased)
	r.want(`}`)
}

// The methods below read a member, if it is what comes.

func (r *reader) latestText(name string, l *Latest[string]) {
	if r.member(name) {
		l.At = r.opened()
		l.Value = r.str()
		r.want(`}`)
	}
}

func (r *reader) latestInt(name string, l *Latest[int64]) {
	if r.member(name) {
		l.At = r.opened()
		l.Value = r.int()
		r.want(`}`)
	}
}

func (r *reader) latestCommand(name string, l *Latest[Command]) {
	if r.member(name) {
		l.At = r.opened()
		r.open()
		r.string(`,"who":`, &l.Value.Who)
		r.string(`,"why":`, &l.Value.Why)
		r.string(`,"state_hash":`, &l.Value.StateHash)
		r.close()
		r.want(`}`)
	}
}

func (r *reader) number(name string, n *int64) {
	if r.member(name) {
		*n = r.int()
	}
}

func (r *reader) string(name string, s *string) {
	if r.member(name) {
		*s = r.str()
	}
}

func (r *reader) flag(member string, f *bool) {
	if r.have(member) {
		*f = true
	}
}

func (r *reader) callNumber(n *Number) {
	if r.member(`,"number":`) {
		r.open()
		r.latestInt(`,"id":`, &n.ID)
		r.latestText(`,"name":`, &n.Name)
		r.latestText(`,"digits":`, &n.Digits)
		r.latestText(`,"country":`, &n.Country)
		r.latestText(`,"time_zone":`, &n.TimeZone)
		r.close()
	}
}

func (r *reader) agents(agents *[]Agent) {
	if !r.member(`,"agents":[`) {
		return
	}
	for r.element(len(*agents)) {
		var a Agent
		r.want(`{"id":`)
		a.ID = r.int()
		if a.At = r.newest; r.member(`,"at":`) {
			a.At = r.key()
		}
		r.latestText(`,"name":`, &a.Name)
		r.latestText(`,"email":`, &a.Email)
		r.want(`,"seen":[`)
		a.Seen = []int64{}
		for r.element(len(a.Seen)) {
			a.Seen = append(a.Seen, r.int())
		}
		r.want(`}`)
		*agents = append(*agents, a)
	}
	if len(*agents) == 0 {
		r.fail()
	}
}

func (r *reader) transfers(transfers *[]Transfer) {
	if !r.member(`,"transfers":[`) {
		return
	}
	for r.element(len(*transfers)) {
		var t Transfer
		r.want(`{"at":`)
		t.At = r.key()
		r.flag(`,"failed":true`, &t.Failed)
		r.parties(&t.TransferParties)
		r.want(`}`)
		*transfers = append(*transfers, t)
	}
	if len(*transfers) == 0 {
		r.fail()
	}
}

func (r *reader) ivrOptions(l *Latest[[]string]) {
	if !r.member(`,"ivr_options":`) {
		return
	}
	l.At = r.opened()
	l.Value = []string{}
	r.want(`[`)
	for r.element(len(l.Value)) {
		l.Value = append(l.Value, r.str())
	}
	r.want(`}`)
}

func (r *reader) tags(l *Latest[[]Tag]) {
	if !r.member(`,"tags":`) {
		return
	}
	l.At = r.opened()
	l.Value = []Tag{}
	r.want(`[`)
	for r.element(len(l.Value)) {
		var t Tag
		r.want(`{"id":`)
		t.ID = r.int()
		r.want(`,"name":`)
		t.Name = r.str()
		r.number(`,"tagged_at":`, &t.TaggedAt)
		r.number(`,"by":`, &t.By)
		r.want(`}`)
		l.Value = append(l.Value, t)
	}
	r.want(`}`)
}

func (r *reader) comments(l *Latest[[]Comment]) {
	if !r.member(`,"comments":`) {
		return
	}
	l.At = r.opened()
	l.Value = []Comment{}
	r.want(`[`)
	for r.element(len(l.Value)) {
		var c Comment
		r.want(`{"id":`)
		c.ID = r.int()
		r.want(`,"content":`)
		c.Content = r.str()
		r.number(`,"posted_at":`, &c.PostedAt)
		if r.member(`,"by":`) {
			r.user(&c.By)
		}
		r.want(`}`)
		l.Value = append(l.Value, c)
	}
	r.want(`}`)
}

func (r *reader) parties(p *TransferParties) {
	if r.member(`,"by":`) {
		r.user(&p.By)
	}
	if r.member(`,"to":`) {
		r.user(&p.To)
	}
}

func (r *reader) user(u *User) {
	r.want(`{"id":`)
	u.ID = r.int()
	r.string(`,"name":`, &u.Name)
	r.string(`,"email":`, &u.Email)
	r.want(`}`)
}

func (r *reader) contact(c *Contact) {
	r.open()
	r.number(`,"id":`, &c.ID)
	r.string(`,"first_name":`, &c.FirstName)
	r.string(`,"last_name":`, &c.LastName)
	r.string(`,"company":`, &c.Company)
	r.close()
}
