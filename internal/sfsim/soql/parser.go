package soql

import (
	"strconv"
	"strings"
)

// The limits of "SOQL and SOSL Limits" in the reference.
const (
	MaxLength = 100_000 // characters of a query
	maxDepth  = 100     // nested parentheses; a bound of ours, so that no query can exhaust the stack
	maxOffset = 2000
)

// Parse reads one query. The error, if any, is a [*Error].
func Parse(query string) (*Query, error) {
	if len(query) > MaxLength && len([]rune(query)) > MaxLength {
		return nil, &Error{Code: "QUERY_TOO_COMPLICATED", Pos: -1,
			Message: "SOQL statements cannot be longer than 100000 characters."}
	}
	tokens, err := lex(query)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	q, err := p.query(false)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != end {
		return nil, p.unexpected()
	}
	return q, nil
}

type parser struct {
	tokens []token
	at     int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) take() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// accept takes the keyword if it is next.
func (p *parser) accept(keyword string) bool {
	if p.peek().is(keyword) {
		p.at++
		return true
	}
	return false
}

func (p *parser) acceptSymbol(s string) bool {
	if p.peek().symbol(s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) unexpected() *Error {
	t := p.peek()
	if t.kind == end {
		return malformed(t.pos, "unexpected token: '<EOF>'")
	}
	return malformed(t.pos, "unexpected token: '%s'", t.body)
}

func (p *parser) expect(keyword string) *Error {
	if !p.accept(keyword) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) expectSymbol(s string) *Error {
	if !p.acceptSymbol(s) {
		return p.unexpected()
	}
	return nil
}

// reserved words cannot be names ("Reserved Keywords" in the reference).
var reserved = map[string]bool{
	"and": true, "asc": true, "desc": true, "excludes": true, "first": true, "from": true, "group": true,
	"having": true, "in": true, "includes": true, "last": true, "like": true, "limit": true, "not": true,
	"null": true, "nulls": true, "or": true, "select": true, "using": true, "where": true, "with": true,
}

func (p *parser) query(sub bool) (*Query, *Error) {
	q := &Query{Limit: -1}
	if err := p.expect("SELECT"); err != nil {
		return nil, err
	}
	if err := p.selection(q); err != nil {
		return nil, err
	}
	if err := p.expect("FROM"); err != nil {
		return nil, err
	}
	from := p.peek()
	// GROUP is a reserved word and the name of an object.
	if from.kind != word || strings.ContainsAny(from.body, ".:") || reserved[strings.ToLower(from.body)] && !from.is("Group") {
		return nil, p.unexpected()
	}
	p.take()
	q.From = Name{from.body, from.pos}

	if p.accept("WHERE") {
		where, err := p.condition()
		if err != nil {
			return nil, err
		}
		q.Where = where
	}
	if sub {
		return q, nil
	}
	return q, p.tail(q)
}

func (p *parser) selection(q *Query) *Error {
	if p.peek().is("COUNT") && p.tokens[p.at+1].symbol("(") {
		p.at += 2
		q.Count = true
		return p.expectSymbol(")")
	}
	for {
		path, err := p.path()
		if err != nil {
			return err
		}
		q.Fields = append(q.Fields, path)
		if !p.acceptSymbol(",") {
			return nil
		}
	}
}

// tail reads everything that may follow WHERE, each clause at most once and in this order.
func (p *parser) tail(q *Query) *Error {
	if p.accept("ORDER") {
		if err := p.expect("BY"); err != nil {
			return err
		}
		for {
			order, err := p.order()
			if err != nil {
				return err
			}
			q.OrderBy = append(q.OrderBy, order)
			if !p.acceptSymbol(",") {
				break
			}
		}
	}
	if p.accept("LIMIT") {
		n, err := p.count()
		if err != nil {
			return err
		}
		q.Limit = n
	}
	if p.peek().is("OFFSET") {
		pos := p.take().pos
		n, err := p.count()
		if err != nil {
			return err
		}
		if n > maxOffset {
			return &Error{Code: "NUMBER_OUTSIDE_VALID_RANGE", Message: "Maximum SOQL offset allowed is 2000", Pos: pos}
		}
		q.Offset = n
	}
	if p.accept("ALL") {
		q.AllRows = true
		return p.expect("ROWS")
	}
	return nil
}

func (p *parser) order() (Order, *Error) {
	path, err := p.path()
	if err != nil {
		return Order{}, err
	}
	o := Order{Path: path}
	if p.accept("DESC") {
		o.Descending = true
	} else {
		p.accept("ASC")
	}
	if p.accept("NULLS") {
		switch {
		case p.accept("LAST"):
			o.NullsLast = true
		case !p.accept("FIRST"):
			return Order{}, p.unexpected()
		}
	}
	return o, nil
}

// count reads the number of LIMIT or OFFSET.
func (p *parser) count() (int, *Error) {
	t := p.peek()
	n, err := strconv.ParseUint(t.body, 10, 31)
	if t.kind != number || err != nil {
		return 0, p.unexpected()
	}
	p.take()
	return int(n), nil
}

func (p *parser) path() (Path, *Error) {
	t := p.peek()
	if t.kind != word || strings.Contains(t.body, ":") {
		return Path{}, p.unexpected()
	}
	parts := strings.Split(t.body, ".")
	for _, part := range parts {
		if part == "" || !isLetter(part[0]) {
			return Path{}, p.unexpected()
		}
	}
	if len(parts) == 1 && reserved[strings.ToLower(t.body)] {
		return Path{}, p.unexpected()
	}
	p.take()
	return Path{Parts: parts, Pos: t.pos}, nil
}

// condition reads terms joined by AND, or terms joined by OR, never both: the
// other operator is an unexpected token, as in Salesforce. NOT stands alone:
// "a AND NOT b" must be written "a AND (NOT b)".
func (p *parser) condition() (Expr, *Error) {
	if p.depth++; p.depth > maxDepth {
		return nil, malformed(p.peek().pos, "the condition is nested too deeply")
	}
	defer func() { p.depth-- }()

	if p.accept("NOT") {
		term, err := p.term()
		if err != nil {
			return nil, err
		}
		return Not{term}, nil
	}
	first, err := p.term()
	if err != nil {
		return nil, err
	}
	var joint string
	switch {
	case p.peek().is("AND"):
		joint = "AND"
	case p.peek().is("OR"):
		joint = "OR"
	default:
		return first, nil
	}
	terms := []Expr{first}
	for p.accept(joint) {
		term, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	if p.peek().is("AND") || p.peek().is("OR") {
		return nil, p.unexpected()
	}
	if joint == "AND" {
		return And{terms}, nil
	}
	return Or{terms}, nil
}

// term reads a parenthesised condition or a single comparison.
func (p *parser) term() (Expr, *Error) {
	if p.acceptSymbol("(") {
		inner, err := p.condition()
		if err != nil {
			return nil, err
		}
		return inner, p.expectSymbol(")")
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if p.peek().is("IN") || p.peek().is("NOT") {
		return p.membership(path)
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	literal, err := p.literal()
	if err != nil {
		return nil, err
	}
	return Comparison{Path: path, Op: op, Literal: literal}, nil
}

func (p *parser) operator() (Op, *Error) {
	t := p.peek()
	switch {
	case t.is("LIKE"):
		p.take()
		return Like, nil
	case t.symbol("<>"):
		p.take()
		return NotEqual, nil
	case t.kind == symbol:
		switch op := Op(t.body); op {
		case Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual:
			p.take()
			return op, nil
		}
	}
	return "", p.unexpected()
}

func (p *parser) membership(path Path) (Expr, *Error) {
	m := Membership{Path: path, Negated: p.accept("NOT")}
	if err := p.expect("IN"); err != nil {
		return nil, err
	}
	if err := p.expectSymbol("("); err != nil {
		return nil, err
	}
	if p.peek().is("SELECT") {
		if p.depth++; p.depth > maxDepth {
			return nil, malformed(p.peek().pos, "the condition is nested too deeply")
		}
		defer func() { p.depth-- }()
		sub, err := p.query(true)
		if err != nil {
			return nil, err
		}
		m.Subquery = sub
		return m, p.expectSymbol(")")
	}
	for {
		literal, err := p.literal()
		if err != nil {
			return nil, err
		}
		m.List = append(m.List, literal)
		if !p.acceptSymbol(",") {
			return m, p.expectSymbol(")")
		}
	}
}
