package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/projector"
)

// org looks at a Salesforce org as the integration user sees it.
type org struct {
	report
	options  Options
	client   *salesforce.Client
	settings settings.Settings
	rules    *projector.Rules
	timeout  time.Duration // of one request
	userID   string
	// objects are the descriptions that were asked for, nil where that failed.
	objects map[string]*salesforce.Object
}

func lookAtOrg(ctx context.Context, o Options, rules *projector.Rules) []Finding {
	look := &org{
		report: report{area: areaSalesforce}, options: o, client: o.Client, settings: o.Settings, rules: rules,
		timeout: o.Timeout / 3, objects: map[string]*salesforce.Object{},
	}
	known := look.version(ctx)
	if !look.signIn(ctx, known) || !known {
		look.advise("everything else", "could not be checked", "run callfold doctor again once sign-in and API version are right")
		return look.findings
	}
	look.task(ctx)
	look.tasksOfOthers(ctx)
	look.matched(ctx)
	look.created(ctx)
	look.related(ctx)
	look.users(ctx)
	look.allocation(ctx)
	return look.findings
}

// within bounds one request.
func (o *org) within(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return ask(ctx)
}

// query asks for records.
func (o *org) query(ctx context.Context, soql string) (records []salesforce.Record, err error) {
	err = o.within(ctx, func(ctx context.Context) error {
		records, err = o.client.Query(ctx, soql)
		return err
	})
	return records, err
}

// describe gives an object, or nil: then it has told why.
func (o *org) describe(ctx context.Context, name string) *salesforce.Object {
	if object, asked := o.objects[name]; asked {
		return object
	}
	var object *salesforce.Object
	err := o.within(ctx, func(ctx context.Context) (err error) {
		object, err = o.client.Describe(ctx, name)
		return err
	})
	switch {
	case hidden(err):
		object = nil
		o.wrong(name, "the integration user may not see this object", objectSettings(name, "Read"))
	case err != nil:
		object = nil
		o.wrong(name, "could not be checked: "+err.Error(), mendOf(err))
	}
	o.objects[name] = object
	return object
}

// hidden says whether Salesforce denies that the object exists, which it does
// where the user has no right to it.
func hidden(err error) bool {
	var refusal *salesforce.Error
	return errors.As(err, &refusal) && (refusal.Status == http.StatusNotFound || refusal.Code == "INVALID_TYPE")
}

// signIn tells who signs in; by name where the org knows the version of the API.
func (o *org) signIn(ctx context.Context, known bool) bool {
	err := o.within(ctx, func(ctx context.Context) (err error) {
		o.userID, err = o.client.UserID(ctx)
		return err
	})
	if err != nil {
		o.wrong("sign-in", err.Error(), mendOf(err))
		return false
	}
	if !known {
		o.ok("sign-in", "as user "+o.userID)
		return true
	}
	users, err := o.query(ctx, "SELECT Name, Username FROM User WHERE Id = "+salesforce.QuoteSOQL(o.userID))
	switch {
	case err != nil:
		o.wrong("sign-in", "as user "+o.userID+", and then: "+err.Error(), mendOf(err))
	case len(users) == 0:
		o.wrong("sign-in", "as user "+o.userID+", who may not see users: the rules O need them", "Setup > Permission Sets > the integration user's > System Permissions: tick View All Users")
	default:
		o.ok("sign-in", fmt.Sprintf("as %s, %s (%s)", text(users[0], "Name"), text(users[0], "Username"), o.userID))
	}
	return true
}

// version looks whether the org knows the version of the API. It is false when
// the org does not.
func (o *org) version(ctx context.Context) bool {
	wanted := o.settings.Salesforce.APIVersion
	const what = "API version"
	var versions []string
	err := o.within(ctx, func(ctx context.Context) (err error) {
		versions, err = o.client.Versions(ctx)
		return err
	})
	switch {
	case err != nil:
		o.advise(what, "could not be checked: "+err.Error(), "look at salesforce.login_url")
	case slices.Contains(versions, wanted):
		o.ok(what, wanted)
	case len(versions) == 0:
		o.advise(what, "could not be checked: the org names no versions", "look at salesforce.login_url")
	default:
		o.wrong(what, "the org does not know "+wanted+": it speaks "+versions[0]+" to "+versions[len(versions)-1], "set salesforce.api_version to one of these")
		return false
	}
	return true
}

// allocation looks at what is left of the org's API requests of a day.
func (o *org) allocation(ctx context.Context) {
	const what = "API requests of a day"
	var limits map[string]salesforce.Limit
	err := o.within(ctx, func(ctx context.Context) (err error) {
		limits, err = o.client.Limits(ctx)
		return err
	})
	limit, ok := limits["DailyApiRequests"]
	used, allowed := limit.Max-limit.Remaining, limit.Max
	if !ok {
		// Every answer says it in a header, too.
		usage, known := o.client.Usage()
		used, allowed, ok = usage.Used, usage.Allowed, known
	}
	if !ok || allowed <= 0 {
		found := "could not be checked: the org does not tell"
		if err != nil {
			found = "could not be checked: " + err.Error()
		}
		o.advise(what, found, "Setup > Company Information shows API Requests, Last 24 Hours")
		return
	}
	share := 1 - float64(used)/float64(allowed)
	reserve := o.settings.Salesforce.APIReserve
	found := fmt.Sprintf("%d of %d used, %.0f %% left, %.0f %% kept for others (salesforce.api_reserve)", used, allowed, 100*share, 100*reserve)
	const mend = "Setup > Company Information shows the use, Setup > System Overview who uses them; spend less elsewhere, lower salesforce.api_reserve, or buy more"
	switch {
	case share <= reserve:
		o.wrong(what, found+": the reserve is reached", mend)
	case share < 0.05:
		o.wrong(what, found+": nearly used up", mend)
	case share-reserve < 0.1:
		o.advise(what, found+": the reserve is near", mend)
	default:
		o.ok(what, found)
	}
}

// text is a text field of a record, empty for null.
func text(r salesforce.Record, field string) string {
	s, _ := r[field].(string)
	return s
}
