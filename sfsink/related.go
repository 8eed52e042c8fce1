package sfsink

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// idsAQuery is how many Ids one query asks for.
const idsAQuery = 500

// relate completes freshly matched Contacts with their open Case or Opportunity
// and creates a Case where one is wanted and none is open (M5).
func (t *turn) relate(ctx context.Context, jobs []*job) error {
	if t.rules.RelatedObject() == "" {
		return nil
	}
	contacts := map[string][]*job{}
	var ids []string
	for _, j := range jobs {
		if j.outcome == nil && j.match != nil && j.match.Object == projector.Contact {
			if contacts[j.match.ID] == nil {
				ids = append(ids, j.match.ID)
			}
			contacts[j.match.ID] = append(contacts[j.match.ID], j)
		}
	}
	related, err := t.related(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, j := range contacts[id] {
			j.match = t.rules.Relate(j.match, related)
		}
		if err := t.createCase(ctx, contacts[id]); err != nil {
			return err
		}
	}
	return nil
}

// related are the open Cases or Opportunities of Contacts.
func (t *turn) related(ctx context.Context, contacts []string) ([]projector.Related, error) {
	object := t.rules.RelatedObject()
	var related []projector.Related
	for ids := range slices.Chunk(contacts, idsAQuery) {
		soql := "SELECT Id, ContactId, LastModifiedDate FROM Case WHERE IsClosed = false AND ContactId IN " + salesforce.InSOQL(ids)
		if object == projector.Opportunity {
			soql = "SELECT ContactId, OpportunityId, Opportunity.LastModifiedDate FROM OpportunityContactRole WHERE Opportunity.IsClosed = false AND ContactId IN " + salesforce.InSOQL(ids)
		}
		var records []salesforce.Record
		if err := t.loading(ctx, func() (err error) {
			records, err = t.client.Query(ctx, soql)
			return err
		}); err != nil {
			return nil, err
		}
		for _, r := range records {
			x := projector.Related{Object: object, ID: text(r, "Id"), ContactID: text(r, "ContactId"), LastModified: moment(r, "LastModifiedDate")}
			if object == projector.Opportunity {
				opportunity, _ := r["Opportunity"].(salesforce.Record)
				x.ID, x.LastModified = text(r, "OpportunityId"), moment(opportunity, "LastModifiedDate")
			}
			related = append(related, x)
		}
	}
	return related, nil
}

// createCase makes one Case for the calls of one Contact that has none open. A
// Case has no key that would make this repeatable: it is done under the lock of
// the Contact and its account, after another look, and never repeated without one.
func (t *turn) createCase(ctx context.Context, jobs []*job) error {
	fields, wanted := t.rules.NewCase(jobs[0].record, jobs[0].lookup, jobs[0].match)
	if !wanted || t.dryRun {
		return nil
	}
	if err := t.governor.over(); err != nil {
		return err
	}
	contact := jobs[0].match.ID
	locked := []string{contact}
	if account := jobs[0].match.AccountID; account != "" {
		locked = append(locked, account)
	}
	release, err := t.locks.acquire(ctx, locked)
	if err != nil {
		return err
	}
	defer release()
	if slices.ContainsFunc(jobs, func(j *job) bool { return j.repeated }) {
		t.cases.add(contact, t.Sink.now()) // another process may have asked for one
	}
	if wait := t.cases.wait(contact, t.Sink.now()); wait > 0 {
		for _, j := range jobs {
			j.refused(unsureCase(wait))
		}
		return nil
	}
	related, err := t.related(ctx, []string{contact})
	if err != nil {
		return err
	}
	if again := t.rules.Relate(jobs[0].match, related); again.WhatID != "" {
		setWhat(jobs, again.WhatID)
		return nil
	}
	if err := t.owned(); err != nil {
		return err
	}
	id, err := t.client.Create(ctx, projector.Case, fields, salesforce.NoAutoAssign)
	if err != nil {
		if unanswered(err) {
			t.cases.add(contact, t.Sink.now())
		}
		return t.creationFailed(jobs, requestProblem(err))
	}
	setWhat(jobs, id)
	return nil
}

func setWhat(jobs []*job, id string) {
	for _, j := range jobs {
		j.match.WhatID = id
	}
}

// creationFailed ends the jobs that need a record which could not be created,
// or the turn where that concerns everybody. Either way the jobs come again and
// look first whether it was done after all.
func (t *turn) creationFailed(jobs []*job, p *problem) error {
	var refusal *salesforce.Error
	if _, known := taxonomy[p.error.Code]; !known && errors.As(p.cause, &refusal) && refusal.Status == http.StatusBadRequest {
		p.class = classUnknown // the request is one row
	}
	if p.class.stops() {
		return p.stopped()
	}
	for _, j := range jobs {
		j.refused(p)
	}
	return nil
}
