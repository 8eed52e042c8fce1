package sfsink

import (
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// lookup is one number that is looked up, for all jobs that have it.
type lookup struct {
	projector.Lookup
	jobs []*job
	// found are the records that hold the number.
	found []projector.Record
}

// find matches jobs by asking Salesforce for the records of their numbers: for
// as many numbers in a query, and as many queries in a request, as it takes.
// The queries find what may be one of the numbers; what really matches is for
// the projector to say (M4).
func (t *turn) find(ctx context.Context, jobs []*job) error {
	byNumber := map[numberKey]*lookup{}
	var lookups []*lookup
	for _, j := range jobs {
		k := keyOf(j.lookup)
		if byNumber[k] == nil {
			byNumber[k] = &lookup{Lookup: j.lookup}
			lookups = append(lookups, byNumber[k])
		}
		byNumber[k].jobs = append(byNumber[k].jobs, j)
	}
	accounts, err := t.candidates(ctx, lookups)
	if err != nil {
		return err
	}
	for _, l := range lookups {
		match := t.rules.Choose(l.Lookup, l.found)
		if match != nil && match.Object == projector.Contact {
			match.AccountID = accounts[match.ID]
		}
		t.matches.put(keyOf(l.Lookup), match, t.now)
		t.metrics.lookups.WithLabelValues(lookupQueried).Inc()
		for _, j := range l.jobs {
			j.match = copied(match)
		}
	}
	return nil
}

// candidates gives each number the records that hold it, and the accounts of
// those that are Contacts.
func (t *turn) candidates(ctx context.Context, lookups []*lookup) (accounts map[string]string, err error) {
	accounts = map[string]string{}
	var questions []question
	for _, object := range []string{projector.Contact, projector.Lead, projector.Account} {
		if len(t.org.phoneFields[object]) > 0 && len(lookups) > 0 {
			questions = append(questions, question{object: object, lookups: lookups})
		}
	}
	for len(questions) > 0 {
		level := t.lookupLevel.Load()
		questions = t.split(questions, level)
		some := questions[:min(len(questions), lookupsAtOnce*queriesAt(level))]
		answers, narrower, err := t.allAnswers(ctx, some, level)
		if err != nil {
			return nil, err
		}
		if narrower {
			continue // the same questions, in smaller pieces
		}
		questions = questions[len(some):]
		for i, q := range some {
			for _, r := range answers[i] {
				if q.object == projector.Contact {
					accounts[text(r, "Id")] = text(r, "AccountId")
				}
			}
			questions = append(questions, t.rest(q, answers[i])...)
		}
	}
	return accounts, nil
}

// lookupsAtOnce is how many requests of lookups a turn has under way at a time: while
// they are, it writes nothing.
const lookupsAtOnce = 4

// allAnswers is answers for as many requests as it takes.
func (t *turn) allAnswers(ctx context.Context, questions []question, level int32) ([][]salesforce.Record, bool, error) {
	all := make([][]salesforce.Record, len(questions))
	var narrower atomic.Bool
	g, ctx := errgroup.WithContext(ctx)
	most := queriesAt(level)
	for from := 0; from < len(questions); from += most {
		g.Go(func() error {
			answers, less, err := t.answers(ctx, questions[from:min(from+most, len(questions))], level)
			if less {
				narrower.Store(true)
			}
			copy(all[from:], answers)
			return err
		})
	}
	err := g.Wait()
	return all, narrower.Load(), err
}

// answers asks questions in one request. It reports narrower where they were too
// much for Salesforce and can be made smaller.
func (t *turn) answers(ctx context.Context, questions []question, level int32) (answers [][]salesforce.Record, narrower bool, err error) {
	soqls := make([]string, len(questions))
	for i, q := range questions {
		soqls[i] = t.soql(q)
	}
	err = t.loading(ctx, func() (err error) {
		answers, err = t.client.Queries(ctx, soqls)
		if err != nil && ctx.Err() == nil && tooMuch(err) && level < narrowest {
			t.lookupLevel.CompareAndSwap(level, min(level+3, narrowest))
			narrower = true
			return nil
		}
		return err
	})
	return answers, narrower, err
}

// rest gives the records of an answer to the numbers that they hold, and the
// question for what was cut off. The newest come first, so that a number whose
// match is there already needs no more of them (M2): one that is on very many
// records costs no more than others.
func (t *turn) rest(q question, answer []salesforce.Record) []question {
	for _, r := range answer {
		c := t.candidate(q.object, r)
		for _, l := range q.lookups {
			if t.rules.Holds(l.Lookup, c) {
				l.found = append(l.found, c)
			}
		}
	}
	if len(answer) < lookupRows {
		return nil
	}
	open := slices.DeleteFunc(slices.Clone(q.lookups), func(l *lookup) bool { return t.settled(q.object, l) })
	if len(open) == 0 {
		return nil
	}
	last := answer[len(answer)-1]
	return []question{{object: q.object, lookups: open, after: text(last, "Id"), modified: moment(last, "LastModifiedDate")}}
}

// settled tells whether no older record of the object can be the match of a
// number.
func (t *turn) settled(object string, l *lookup) bool {
	of := slices.DeleteFunc(slices.Clone(l.found), func(r projector.Record) bool { return r.Object != object })
	m := t.rules.Choose(l.Lookup, of)
	return m != nil && m.Object == t.org.firstKind[object]
}

func (t *turn) candidate(object string, r salesforce.Record) projector.Record {
	c := projector.Record{
		Object: object, ID: text(r, "Id"), Name: text(r, "Name"), OwnerID: text(r, "OwnerId"),
		LastModified: moment(r, "LastModifiedDate"), Phones: map[string]string{},
	}
	for _, f := range t.org.phoneFields[object] {
		c.Phones[f] = text(r, f)
	}
	c.IsConverted, _ = r["IsConverted"].(bool)
	c.IsPersonAccount, _ = r["IsPersonAccount"].(bool)
	return c
}
