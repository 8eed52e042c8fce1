package sfsink

import (
	"context"
	"slices"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// handover is a record that goes to the agent who was on the phone (O6).
type handover struct {
	object, id string
	user       string
	jobs       []*job // the calls that are matched to it
}

// takeOver changes the owner of records of the integration user (O6). It comes
// after the Tasks, so that a turn that is done twice finds the owner as it was.
// A record that cannot be changed for the moment makes its calls come again.
func (t *turn) takeOver(ctx context.Context) error {
	if t.dryRun {
		return nil
	}
	handovers := t.handovers()
	for _, object := range []string{projector.Contact, projector.Lead, projector.Account} {
		of := slices.DeleteFunc(slices.Clone(handovers), func(h *handover) bool { return h.object != object })
		for some := range slices.Chunk(of, salesforce.MaxRows) {
			if err := t.handOver(ctx, object, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// handovers are what the written calls ask for; of two calls of one record the
// first decides.
func (t *turn) handovers() []*handover {
	var list []*handover
	byRecord := map[string]*handover{}
	for _, j := range t.jobs {
		switch j.outcome.Result {
		case schemas.Created, schemas.Updated, schemas.Unchanged:
		default:
			continue
		}
		m := j.outcome.Match
		user, _ := t.rules.TakeOver(j.record, m, t.org.Org)
		if user == "" {
			continue
		}
		h := byRecord[m.ID]
		if h == nil {
			h = &handover{object: m.Object, id: m.ID, user: user}
			if m.Object == projector.PersonAccount {
				h.object = projector.Account
			}
			byRecord[m.ID] = h
			list = append(list, h)
		}
		h.jobs = append(h.jobs, j)
	}
	return list
}

// handOver changes the owner of up to 200 records of one object, of those that
// belong to the integration user still.
func (t *turn) handOver(ctx context.Context, object string, handovers []*handover) error {
	ids := make([]string, len(handovers))
	var accounts []string
	for i, h := range handovers {
		ids[i] = h.id
		accounts = append(accounts, h.id)
		if a := h.jobs[0].outcome.Match.AccountID; a != "" && !slices.Contains(accounts, a) {
			accounts = append(accounts, a)
		}
	}
	release, err := t.locks.acquire(ctx, accounts)
	if err != nil {
		return err
	}
	defer release()

	var records []salesforce.Record
	if err := t.loading(ctx, func() (err error) {
		records, err = t.client.Query(ctx, "SELECT Id, OwnerId FROM "+object+" WHERE Id IN "+salesforce.InSOQL(ids))
		return err
	}); err != nil {
		return err
	}
	owners := map[string]string{}
	for _, r := range records {
		owners[text(r, "Id")] = text(r, "OwnerId")
	}
	var rows []salesforce.Record
	var changing []*handover
	for _, h := range handovers {
		switch owners[h.id] {
		case "": // it is gone, which the next write finds out
		case t.org.IntegrationUser:
			rows = append(rows, salesforce.Record{"id": h.id, "OwnerId": h.user})
			changing = append(changing, h)
		default:
			h.belongsTo(owners[h.id])
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := t.owned(); err != nil {
		return err
	}
	var results []salesforce.RowResult
	if p := t.asking(ctx, func() (err error) {
		results, err = t.client.CollectionsUpdate(ctx, object, rows)
		return err
	}); p != nil {
		if p.class.stops() {
			return p.stopped()
		}
		for _, h := range changing {
			h.again(p)
		}
		return nil
	}
	for i, h := range changing {
		if results[i].Success {
			h.belongsTo(h.user)
			continue
		}
		p := t.rowProblem(&row{}, results[i].Errors)
		switch p.class {
		case classSignIn, classConfig, classOrg:
			return p.stopped()
		case classContention, classCollateral, classHeavy, classThrottle, classOutage:
			h.again(p)
		default:
			h.keeps(p)
		}
	}
	return nil
}

// belongsTo notes the record's owner, so that it is not changed once more.
func (h *handover) belongsTo(user string) {
	for _, j := range h.jobs {
		j.outcome.Match.OwnerID = user
		j.matches.forget(keyOf(j.lookup))
	}
}

// again makes the calls come again; their Tasks are written.
func (h *handover) again(p *problem) {
	for _, j := range h.jobs {
		written := *j.outcome
		if j.refused(p); j.outcome.Result == schemas.Rejected {
			j.outcome = &written // often enough: the Task is what counts
			continue
		}
		j.outcome.TaskID, j.outcome.Written = written.TaskID, written.Written
		j.outcome.LastWritten, j.outcome.Kept = nil, written.Kept
		j.outcome.Match, j.outcome.Owner, j.outcome.Reasons = written.Match, written.Owner, written.Reasons
	}
}

// keeps notes that the record stays with the integration user.
func (h *handover) keeps(p *problem) {
	note := "O6: the owner of the record could not be changed: " + p.error.Code
	for _, j := range h.jobs {
		m := j.outcome.Match
		if !slices.Contains(m.Reason.Considered, note) {
			m.Reason.Considered = append(slices.Clone(m.Reason.Considered), note)
		}
		j.log.Warn("a record of the integration user could not be given to the agent", "call_id", j.key, "code", p.error.Code)
	}
}
