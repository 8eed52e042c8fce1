package sfsim

import (
	"cmp"
	"fmt"
)

// Rule judges a record that is about to be stored, new or changed, as a validation
// rule or a trigger of an org does; nil when nothing is wrong with it. The record
// is a copy like those of [Server.Records]. A rule runs while nobody else can use
// the org, so it must not call the server.
type Rule func(record map[string]any) *Violation

// Violation is why a rule refuses a record.
type Violation struct {
	Code    string // default FIELD_CUSTOM_VALIDATION_EXCEPTION
	Message string
	Fields  []string // none: the message stands at the top of the page
}

// AddRule makes every request that writes records of an object obey a rule; the
// rows that break it are refused. Records that were there before may break it until
// they are changed.
func (s *Server) AddRule(object string, rule Rule) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.schema.object(object)
	if o == nil {
		return fmt.Errorf("adding a rule for %s: no such object", object)
	}
	s.rules[o] = append(s.rules[o], rule)
	return nil
}

// checkRules applies the org's own rules to a record.
func (t *tx) checkRules(o *object, next row) (errs []*rowError) {
	if t.load {
		return nil
	}
	for _, rule := range t.s.rules[o] {
		if v := rule(o.record(next)); v != nil {
			errs = append(errs, refuse(cmp.Or(v.Code, "FIELD_CUSTOM_VALIDATION_EXCEPTION"), v.Fields, "%s", v.Message))
		}
	}
	return errs
}

// record copies a row for those who use the org from Go.
func (o *object) record(r row) map[string]any {
	out := make(map[string]any, len(o.fields))
	for _, f := range o.fields {
		if !f.absent {
			out[f.name] = r[f.index]
		}
	}
	return out
}
