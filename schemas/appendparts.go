package schemas

import "strconv"

// latestWriter appends what carries a key, which is left out where it equals
// the state's Newest, see wire.go.
type latestWriter struct{ newest Key }

// at begins a Latest, up to its value.
func (w latestWriter) at(b []byte, at Key) []byte {
	b = append(b, '{')
	if at != w.newest && at != sameAsNewest {
		b = append(appendKey(append(b, `"at":`...), at), ',')
	}
	return append(b, `"v":`...)
}

func (w latestWriter) text(b []byte, name string, l *Latest[string]) []byte {
	if !l.Known() {
		return b
	}
	b = w.at(append(b, name...), l.At)
	return append(appendString(b, l.Value), '}')
}

func (w latestWriter) number(b []byte, name string, l *Latest[int64]) []byte {
	if !l.Known() {
		return b
	}
	b = w.at(append(b, name...), l.At)
	return append(strconv.AppendInt(b, l.Value, 10), '}')
}

func (w latestWriter) texts(b []byte, name string, l *Latest[[]string]) []byte {
	if !l.Known() {
		return b
	}
	b = append(w.at(append(b, name...), l.At), '[')
	for i, s := range l.Value {
		b = appendString(appendComma(b, i), s)
	}
	return append(b, `]}`...)
}

func (w latestWriter) command(b []byte, name string, l *Latest[Command]) []byte {
	if !l.Known() {
		return b
	}
	b = append(w.at(append(b, name...), l.At), '{')
	from := len(b)
	b = appendText(b, `,"who":`, l.Value.Who)
	b = appendText(b, `,"why":`, l.Value.Why)
	b = appendText(b, `,"state_hash":`, l.Value.StateHash)
	return append(dropComma(b, from), `}}`...)
}

func (w latestWriter) callNumber(b []byte, n *Number) []byte {
	if *n == (Number{}) {
		return b
	}
	b = append(b, `,"number":{`...)
	from := len(b)
	b = w.number(b, `,"id":`, &n.ID)
	b = w.text(b, `,"name":`, &n.Name)
	b = w.text(b, `,"digits":`, &n.Digits)
	b = w.text(b, `,"country":`, &n.Country)
	b = w.text(b, `,"time_zone":`, &n.TimeZone)
	return append(dropComma(b, from), '}')
}

func (w latestWriter) agents(b []byte, agents []Agent) []byte {
	if len(agents) == 0 {
		return b
	}
	b = append(b, `,"agents":[`...)
	for i := range agents {
		a := &agents[i]
		b = strconv.AppendInt(append(appendComma(b, i), `{"id":`...), a.ID, 10)
		if a.At != w.newest && !a.At.IsZero() {
			b = appendKey(append(b, `,"at":`...), a.At)
		}
		b = w.text(b, `,"name":`, &a.Name)
		b = w.text(b, `,"email":`, &a.Email)
		b = append(b, `,"seen":[`...)
		for i, t := range a.Seen {
			b = strconv.AppendInt(appendComma(b, i), t, 10)
		}
		b = append(b, `]}`...)
	}
	return append(b, ']')
}

func (w latestWriter) tags(b []byte, l *Latest[[]Tag]) []byte {
	if !l.Known() {
		return b
	}
	b = append(w.at(append(b, `,"tags":`...), l.At), '[')
	for i := range l.Value {
		t := &l.Value[i]
		b = strconv.AppendInt(append(appendComma(b, i), `{"id":`...), t.ID, 10)
		b = appendString(append(b, `,"name":`...), t.Name)
		b = appendInt(b, `,"tagged_at":`, t.TaggedAt)
		b = appendInt(b, `,"by":`, t.By)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

func (w latestWriter) comments(b []byte, l *Latest[[]Comment]) []byte {
	if !l.Known() {
		return b
	}
	b = append(w.at(append(b, `,"comments":`...), l.At), '[')
	for i := range l.Value {
		c := &l.Value[i]
		b = strconv.AppendInt(append(appendComma(b, i), `{"id":`...), c.ID, 10)
		b = appendString(append(b, `,"content":`...), c.Content)
		b = appendInt(b, `,"posted_at":`, c.PostedAt)
		if c.By != (User{}) {
			b = appendUser(append(b, `,"by":`...), &c.By)
		}
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// appendTransfers appends the member transfers, unless there are none.
func appendTransfers(b []byte, transfers []Transfer) []byte {
	if len(transfers) == 0 {
		return b
	}
	b = append(b, `,"transfers":[`...)
	for i := range transfers {
		t := &transfers[i]
		b = appendKey(append(appendComma(b, i), `{"at":`...), t.At)
		b = appendTrue(b, `,"failed":true`, t.Failed)
		b = appendParties(b, &t.TransferParties)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendParties appends the members of TransferParties, each with a comma before it.
func appendParties(b []byte, p *TransferParties) []byte {
	if p.By != (User{}) {
		b = appendUser(append(b, `,"by":`...), &p.By)
	}
	if p.To != (User{}) {
		b = appendUser(append(b, `,"to":`...), &p.To)
	}
	return b
}

func appendUser(b []byte, u *User) []byte {
	b = strconv.AppendInt(append(b, `{"id":`...), u.ID, 10)
	b = appendText(b, `,"name":`, u.Name)
	b = appendText(b, `,"email":`, u.Email)
	return append(b, '}')
}

func appendContact(b []byte, c *Contact) []byte {
	b = append(b, '{')
	from := len(b)
	b = appendInt(b, `,"id":`, c.ID)
	b = appendText(b, `,"first_name":`, c.FirstName)
	b = appendText(b, `,"last_name":`, c.LastName)
	b = appendText(b, `,"company":`, c.Company)
	return append(dropComma(b, from), '}')
}

// dropComma takes away the comma before the first member of an object whose
// members begin at from, and may all be left out.
func dropComma(b []byte, from int) []byte {
	if len(b) == from {
		return b
	}
	return append(b[:from], b[from+1:]...)
}
