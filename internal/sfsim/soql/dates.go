package soql

import "time"

// dateLiteral computes the days that a date literal covers, from the first to
// the day after the last, given today (midnight UTC) and its count.
type dateLiteral struct {
	counted bool
	days    func(today time.Time, n int) (first, after time.Time)
}

// dateLiterals are those of "Date Literals" in the reference that are not fiscal
// or quarterly. Weeks begin on Sunday, as in an English (United States) org.
var dateLiterals = map[string]dateLiteral{
	"YESTERDAY":     {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(t, -1, 0) }},
	"TODAY":         {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(t, 0, 1) }},
	"TOMORROW":      {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(t, 1, 2) }},
	"LAST_WEEK":     {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(sunday(t), -7, 0) }},
	"THIS_WEEK":     {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(sunday(t), 0, 7) }},
	"NEXT_WEEK":     {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(sunday(t), 7, 14) }},
	"LAST_MONTH":    {false, func(t time.Time, _ int) (time.Time, time.Time) { return months(t, -1, 0) }},
	"THIS_MONTH":    {false, func(t time.Time, _ int) (time.Time, time.Time) { return months(t, 0, 1) }},
	"NEXT_MONTH":    {false, func(t time.Time, _ int) (time.Time, time.Time) { return months(t, 1, 2) }},
	"LAST_90_DAYS":  {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(t, -90, 1) }},
	"NEXT_90_DAYS":  {false, func(t time.Time, _ int) (time.Time, time.Time) { return days(t, 1, 91) }},
	"LAST_YEAR":     {false, func(t time.Time, _ int) (time.Time, time.Time) { return years(t, -1, 0) }},
	"THIS_YEAR":     {false, func(t time.Time, _ int) (time.Time, time.Time) { return years(t, 0, 1) }},
	"NEXT_YEAR":     {false, func(t time.Time, _ int) (time.Time, time.Time) { return years(t, 1, 2) }},
	"LAST_N_DAYS":   {true, func(t time.Time, n int) (time.Time, time.Time) { return days(t, -n, 1) }},
	"NEXT_N_DAYS":   {true, func(t time.Time, n int) (time.Time, time.Time) { return days(t, 1, n+1) }},
	"N_DAYS_AGO":    {true, func(t time.Time, n int) (time.Time, time.Time) { return days(t, -n, 1-n) }},
	"LAST_N_WEEKS":  {true, func(t time.Time, n int) (time.Time, time.Time) { return days(sunday(t), -7*n, 0) }},
	"LAST_N_MONTHS": {true, func(t time.Time, n int) (time.Time, time.Time) { return months(t, -n, 0) }},
}

// Days returns the days that a [Range] literal covers at the moment now, as the
// midnights (UTC, the simulator's org zone) of the first day and of the day after the last.
func (l Literal) Days(now time.Time) (first, after time.Time) {
	y, m, d := now.UTC().Date()
	return dateLiterals[l.name].days(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), l.count)
}

func days(t time.Time, from, to int) (time.Time, time.Time) {
	return t.AddDate(0, 0, from), t.AddDate(0, 0, to)
}

func months(t time.Time, from, to int) (time.Time, time.Time) {
	first := t.AddDate(0, 0, 1-t.Day())
	return first.AddDate(0, from, 0), first.AddDate(0, to, 0)
}

func years(t time.Time, from, to int) (time.Time, time.Time) {
	first := time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	return first.AddDate(from, 0, 0), first.AddDate(to, 0, 0)
}

func sunday(t time.Time) time.Time { return t.AddDate(0, 0, -int(t.Weekday())) }
