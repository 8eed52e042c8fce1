package projector

import (
	"math"
	"time"
	_ "time/tzdata" // zones must be the same on a machine without zone files

	"github.com/callfold/callfold/schemas"
)

// seconds is how long it took from one time to the other: never negative, and no
// more than a number field of Salesforce's takes (an int of 32 bits).
func seconds(from, to int64) int64 {
	return min(max(0, to-from), math.MaxInt32)
}

// talk is the whole seconds of talk (F6).
func talk(c *schemas.Call) int64 {
	if !answered(c) || c.EndedAt.Value == 0 {
		return 0
	}
	return seconds(c.AnsweredAt, c.EndedAt.Value)
}

// waiting is the whole seconds from reception to answer of an inbound call, or
// to its end when nobody answered (F7).
func waiting(c *schemas.Call) int64 {
	if c.Direction.Value != schemas.Inbound || c.StartedAt == 0 {
		return 0
	}
	end := c.AnsweredAt
	if !answered(c) {
		end = c.EndedAt.Value
	}
	return seconds(c.StartedAt, end)
}

// activityDate is the UTC date on which the call was created (F5).
func activityDate(c *schemas.Call) string {
	return time.Unix(c.StartedAt, 0).UTC().Format(time.DateOnly)
}

// zone is a time zone, or the knowledge that there is none of a name.
type zone struct{ location *time.Location }

// localTime is the time of day at which the call began in the Aircall number's
// zone, and whether that zone is valid; otherwise it is UTC (F14).
func (r *Rules) localTime(c *schemas.Call) (hhmm string, valid bool) {
	z := r.zones.get(c.Number.TimeZone.Value, loadZone)
	at := time.Unix(c.StartedAt, 0).UTC()
	if z.location != nil {
		at = at.In(z.location)
	}
	return at.Format("15:04"), z.location != nil
}

// loadZone finds a zone by its IANA name. "Local" is the machine's and no
// answer to where a number is.
func loadZone(name string) zone {
	if name == "" || name == "Local" {
		return zone{}
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return zone{}
	}
	return zone{location}
}
