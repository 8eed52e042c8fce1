package sfsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/sfsim/soql"
)

// condition turns a WHERE clause into a predicate. Logic is two-valued, as in
// SOQL: a comparison with null is false, != of null is true.
func (v view) condition(o *object, e soql.Expr) (func(row) bool, error) {
	switch e := e.(type) {
	case soql.And:
		terms, err := v.conditions(o, e.Terms)
		return func(r row) bool { return !slices.ContainsFunc(terms, func(t func(row) bool) bool { return !t(r) }) }, err
	case soql.Or:
		terms, err := v.conditions(o, e.Terms)
		return func(r row) bool { return slices.ContainsFunc(terms, func(t func(row) bool) bool { return t(r) }) }, err
	case soql.Not:
		term, err := v.condition(o, e.Term)
		return func(r row) bool { return !term(r) }, err
	case soql.Comparison:
		return v.comparison(o, e)
	case soql.Membership:
		return v.membership(o, e)
	}
	return nil, fmt.Errorf("a condition of type %T", e)
}

func (v view) conditions(o *object, exprs []soql.Expr) ([]func(row) bool, error) {
	var out []func(row) bool
	for _, e := range exprs {
		term, err := v.condition(o, e)
		if err != nil {
			return nil, err
		}
		out = append(out, term)
	}
	return out, nil
}

// filterable resolves a path that stands in WHERE.
func (v view) filterable(o *object, path soql.Path) (*reader, error) {
	rd, err := v.reader(o, path)
	if err != nil {
		return nil, err
	}
	if !rd.field.filterable {
		return nil, &soql.Error{Code: "INVALID_FIELD", Pos: path.Pos,
			Message: fmt.Sprintf("field '%s' can not be filtered in a query call", path)}
	}
	return rd, nil
}

func (v view) comparison(o *object, e soql.Comparison) (func(row) bool, error) {
	rd, err := v.filterable(o, e.Path)
	if err != nil {
		return nil, err
	}
	f, l := rd.field, e.Literal
	if l.Kind == soql.Null {
		switch e.Op {
		case soql.Equal:
			return func(r row) bool { return rd.read(r) == nil }, nil
		case soql.NotEqual:
			return func(r row) bool { return rd.read(r) != nil }, nil
		}
		return nil, wrongOperator(e, f)
	}
	if e.Op == soql.Like {
		if l.Kind != soql.Text || !f.kind.isText() {
			return nil, wrongOperator(e, f)
		}
		pattern := l.Pattern()
		return func(r row) bool {
			v, ok := rd.read(r).(string)
			return ok && pattern.Match(v)
		}, nil
	}
	ordered := e.Op != soql.Equal && e.Op != soql.NotEqual
	// A record's own Id has an order: Bulk API's "PK Chunking" asks for spans of it.
	if ordered && (f.kind == typeReference || f.kind == typeBoolean) {
		return nil, wrongOperator(e, f)
	}
	low, high, err := v.bounds(e.Path, f, l)
	if err != nil {
		return nil, err
	}
	return func(r row) bool {
		v := folded(f, rd.read(r))
		if v == nil {
			return e.Op == soql.NotEqual
		}
		return holds(e.Op, v, low, high)
	}, nil
}

// holds compares a value with the span from low up to, not including, high. When
// high is nil the span is the single value low.
func holds(op soql.Op, v, low, high any) bool {
	inside := compareValues(v, low) == 0
	below := compareValues(v, low) < 0
	if high != nil {
		inside = !below && compareValues(v, high) < 0
	}
	switch op {
	case soql.Equal:
		return inside
	case soql.NotEqual:
		return !inside
	case soql.Less:
		return below
	case soql.LessOrEqual:
		return below || inside
	case soql.Greater:
		return !below && !inside
	default:
		return !below
	}
}

func wrongOperator(e soql.Comparison, f *field) error {
	return &soql.Error{Code: "INVALID_QUERY_FILTER_OPERATOR", Pos: e.Path.Pos,
		Message: fmt.Sprintf("invalid operator on %s field", f.kind)}
}

// bounds converts a literal to the field's type, as a single value or, for date
// literals, as a span of days.
func (s *Server) bounds(path soql.Path, f *field, l soql.Literal) (low, high any, err error) {
	wrong := func(quoted string) error {
		return &soql.Error{Code: "INVALID_FIELD", Pos: path.Pos, Message: fmt.Sprintf(
			"value of filter criterion for field '%s' must be of type %s and should %sbe enclosed in quotes", path, f.kind, quoted)}
	}
	switch {
	case f.kind == typeID || f.kind == typeReference:
		if l.Kind != soql.Text {
			return nil, nil, wrong("")
		}
		id, ok := canonicalID(l.Text)
		if !ok {
			return nil, nil, &soql.Error{Code: "INVALID_QUERY_FILTER_OPERATOR", Pos: path.Pos, Message: "invalid ID field: " + l.Text}
		}
		return id, nil, nil
	case f.kind.isText():
		if l.Kind != soql.Text {
			return nil, nil, wrong("")
		}
		return strings.ToLower(l.Text), nil, nil
	case f.kind == typeBoolean:
		if l.Kind != soql.Boolean {
			return nil, nil, wrong("not ")
		}
		return l.Bool, nil, nil
	case f.kind.isNumber():
		if l.Kind != soql.Number {
			return nil, nil, wrong("not ")
		}
		return l.Number, nil, nil
	}
	layout := time.DateOnly
	if f.kind == typeDateTime {
		layout = dateTimeLayout
	}
	switch {
	case l.Kind == soql.Range:
		first, after := l.Days(s.now())
		return first.Format(layout), after.Format(layout), nil
	case f.kind == typeDate && l.Kind == soql.Date, f.kind == typeDateTime && l.Kind == soql.DateTime:
		return l.Time.Format(layout), nil, nil
	}
	return nil, nil, wrong("not ")
}

func (v view) membership(o *object, e soql.Membership) (func(row) bool, error) {
	rd, err := v.filterable(o, e.Path)
	if err != nil {
		return nil, err
	}
	f := rd.field
	if e.Subquery != nil {
		return v.semiJoin(e, rd)
	}
	values := make(map[any]bool, len(e.List))
	var spans [][2]any
	null := false
	for _, l := range e.List {
		if l.Kind == soql.Null {
			null = true
			continue
		}
		low, high, err := v.bounds(e.Path, f, l)
		if err != nil {
			return nil, err
		}
		if high != nil {
			spans = append(spans, [2]any{low, high})
		} else {
			values[low] = true
		}
	}
	return func(r row) bool {
		v := folded(f, rd.read(r))
		found := v == nil && null || v != nil && (values[v] ||
			slices.ContainsFunc(spans, func(s [2]any) bool { return holds(soql.Equal, v, s[0], s[1]) }))
		return found != e.Negated
	}, nil
}

// semiJoin evaluates the subquery once; Ids and references only, as in Salesforce.
func (v view) semiJoin(e soql.Membership, rd *reader) (func(row) bool, error) {
	sub, err := v.plan(e.Subquery, false)
	if err != nil {
		return nil, err
	}
	if e.Subquery.Count || len(e.Subquery.Fields) != 1 || rd.field.kind != typeID && rd.field.kind != typeReference {
		return nil, &soql.Error{Code: "MALFORMED_QUERY", Pos: e.Path.Pos,
			Message: "The inner and outer selected fields of a semi-join must be Ids or references, one each"}
	}
	inner, err := v.reader(sub.table.object, e.Subquery.Fields[0])
	if err != nil {
		return nil, err
	}
	if inner.field.kind != typeID && inner.field.kind != typeReference {
		return nil, &soql.Error{Code: "MALFORMED_QUERY", Pos: e.Subquery.Fields[0].Pos,
			Message: fmt.Sprintf("The inner select field '%s' cannot have more than one level and must be an Id or a reference", e.Subquery.Fields[0])}
	}
	values := map[any]bool{}
	for _, r := range sub.run() {
		if v := inner.read(r); v != nil {
			values[v] = true
		}
	}
	return func(r row) bool {
		v := rd.read(r)
		return (v != nil && values[v]) != e.Negated
	}, nil
}

// folded brings a stored value into the form in which it is compared: texts
// without case, the rest as it is.
func folded(f *field, v any) any {
	if s, ok := v.(string); ok && f.kind.isText() {
		return strings.ToLower(s)
	}
	return v
}

// compareValues orders two values of one type; null comes before everything.
func compareValues(a, b any) int {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case float64:
		if b, ok := b.(float64); ok {
			return cmp.Compare(a, b)
		}
	case bool:
		if b, ok := b.(bool); ok && a != b {
			if a {
				return 1
			}
			return -1
		}
		return 0
	case nil:
		if b == nil {
			return 0
		}
		return -1
	}
	return 1
}

// orderBy makes the comparison of one ORDER BY key.
func (v view) orderBy(o *object, key soql.Order) (func(a, b row) int, error) {
	rd, err := v.reader(o, key.Path)
	if err != nil {
		return nil, err
	}
	if !rd.field.filterable {
		return nil, &soql.Error{Code: "MALFORMED_QUERY", Pos: key.Path.Pos,
			Message: fmt.Sprintf("field '%s' can not be sorted in a query call", key.Path)}
	}
	return func(a, b row) int {
		va, vb := folded(rd.field, rd.read(a)), folded(rd.field, rd.read(b))
		switch {
		case va == nil && vb == nil:
			return 0
		case va == nil || vb == nil:
			if (va == nil) != key.NullsLast {
				return -1
			}
			return 1
		case key.Descending:
			return compareValues(vb, va)
		}
		return compareValues(va, vb)
	}, nil
}
