package sfsink

import (
	"context"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// createdObject is the object for each value of match.create.
var createdObject = map[string]string{
	"contact": projector.Contact, "lead": projector.Lead, "account": projector.Account,
}

// createRecords makes a record for each number that matches none, where the
// settings want one (M6). Two calls from one number get one record (M7).
func (t *turn) createRecords(ctx context.Context, jobs []*job) error {
	if t.create == "" {
		return nil
	}
	byNumber := map[string][]*job{}
	for _, j := range jobs {
		switch {
		case j.outcome != nil || j.match != nil:
		case t.dryRun:
			j.notes = append(j.notes, "a "+t.create+" for this number: not created in a dry run (M6)")
		default:
			byNumber[j.lookup.Number] = append(byNumber[j.lookup.Number], j)
		}
	}
	// What stops one stops all: the others would be refused alike, one by one.
	var stopped atomic.Bool
	var g errgroup.Group
	g.SetLimit(t.slots.most)
	for _, jobs := range byNumber {
		g.Go(func() error {
			if stopped.Load() {
				return nil // it comes again with the turn
			}
			err := t.createRecord(ctx, jobs)
			if err != nil {
				stopped.Store(true)
			}
			return err
		})
	}
	return g.Wait()
}

// createRecord creates the record of one number, or finds the one that holds
// the number as its unique key already: somebody else was faster, or its phone
// was changed since.
func (t *turn) createRecord(ctx context.Context, jobs []*job) error {
	object, fields, wanted := t.rules.NewRecord(jobs[0].record, jobs[0].lookup)
	if !wanted {
		return nil
	}
	number := jobs[0].lookup.Number
	if err := t.slots.acquire(ctx); err != nil {
		return err
	}
	lost := t.owned()
	if lost == nil {
		lost = t.governor.over()
	}
	if lost != nil {
		t.slots.release(false)
		return lost
	}
	var id string
	var problem *problem
	defer func() { t.slots.release(t.crowded(problem)) }()
	problem = t.asking(ctx, func() (err error) {
		id, err = t.client.Create(ctx, object, fields, salesforce.NoAutoAssign, salesforce.AllowDuplicates)
		return err
	})
	var match *schemas.Match
	switch {
	case problem == nil:
		name := text(fields, "Name")
		if object != projector.Account {
			name = strings.TrimSpace(text(fields, "FirstName") + " " + text(fields, "LastName"))
		}
		match = &schemas.Match{
			Object: object, ID: id, Name: name, OwnerID: t.org.IntegrationUser,
			Reason: schemas.Reason{Rule: "M6", Why: "No record had the external number, so this one was created."},
		}
	case problem.error.Code == "DUPLICATE_VALUE":
		holder, err := t.holderOf(ctx, object, number)
		if err != nil {
			return err
		}
		if holder != nil && holder.ID == "" {
			for _, j := range jobs {
				j.notes = append(j.notes, holder.Reason.Why)
			}
			return nil // the call is logged without it
		}
		match = holder
	}
	if match == nil {
		return t.creationFailed(jobs, problem)
	}
	if match.Object == projector.Account || match.Object == projector.PersonAccount {
		match.WhatID = match.ID
	}
	for i, j := range jobs {
		t.matches.put(keyOf(j.lookup), match, t.now)
		j.match = copied(match)
		if problem == nil && i == 0 {
			j.match.Created = true
			j.created = copied(j.match)
		}
	}
	return nil
}

// holderOf is the record that holds a number as its key, through a Lead's
// conversion if it was converted; nil when there is none. A match without an Id
// says in its reason that the way leads nowhere.
func (t *turn) holderOf(ctx context.Context, object, number string) (*schemas.Match, error) {
	fields := []string{"Id", "Name", "OwnerId"}
	switch {
	case object == projector.Contact:
		fields = append(fields, "AccountId")
	case object == projector.Lead:
		fields = append(fields, "IsConverted", "ConvertedContactId")
	case t.org.personAccounts:
		fields = append(fields, "IsPersonAccount")
	}
	var record salesforce.Record
	found := false
	if err := t.loading(ctx, func() (err error) {
		record, found, err = t.client.GetByExternalID(ctx, object, t.createdKey, number, fields)
		return err
	}); err != nil || !found {
		return nil, err
	}
	if converted, _ := record["IsConverted"].(bool); converted {
		return t.convertedTo(ctx, text(record, "ConvertedContactId"))
	}
	return holder(object, record, "This "+object+" was created for the external number before."), nil
}

// convertedTo is the Contact that a Lead was converted to.
func (t *turn) convertedTo(ctx context.Context, contact string) (*schemas.Match, error) {
	fields := "Id, Name, OwnerId, AccountId"
	if t.org.personAccounts {
		fields += ", IsPersonAccount"
	}
	var contacts []salesforce.Record
	if err := t.loading(ctx, func() (err error) {
		contacts, err = t.client.Query(ctx, "SELECT "+fields+" FROM Contact WHERE Id = "+salesforce.QuoteSOQL(contact))
		return err
	}); err != nil {
		return nil, err
	}
	if len(contacts) == 0 {
		return &schemas.Match{Reason: schemas.Reason{Why: "the Lead that was created for this number was converted to a Contact that is gone (M7)"}}, nil
	}
	return holder(projector.Contact, contacts[0], "This is what the Lead was converted to that was created for the external number before."), nil
}

// holder is the match with a record; a Person Account counts as that whichever of
// its halves it is (M3).
func holder(object string, r salesforce.Record, why string) *schemas.Match {
	m := &schemas.Match{
		Object: object, ID: text(r, "Id"), Name: text(r, "Name"), OwnerID: text(r, "OwnerId"), AccountID: text(r, "AccountId"),
		Reason: schemas.Reason{Rule: "M7", Why: why},
	}
	if person, _ := r["IsPersonAccount"].(bool); person {
		if object == projector.Contact {
			m.ID = m.AccountID
		}
		m.Object, m.AccountID = projector.PersonAccount, ""
	}
	return m
}
