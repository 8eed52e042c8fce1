package doctor

import "strings"

// Severity is how bad a finding is that is not ok.
type Severity string

const (
	// Wrong keeps calls from being logged as the settings say.
	Wrong Severity = "wrong"
	// Advice is a choice, or what could not be checked.
	Advice Severity = "advice"
)

// The areas of findings, in the order in which they are told.
const (
	areaKafka      = "kafka"
	areaSalesforce = "salesforce"
	areaAircall    = "aircall"
)

// Finding is one thing that was looked at, right or wrong.
type Finding struct {
	// Area is kafka, salesforce or aircall.
	Area string `json:"area"`
	// What was looked at, such as "sign-in" or "Task.Type".
	What string `json:"what"`
	OK   bool   `json:"ok"`
	// Found is what is there and, where it is not ok, what follows from it.
	Found string `json:"found"`
	// Severity is how bad it is, and Mend how to mend it; both are empty when OK.
	Severity Severity `json:"severity,omitempty"`
	Mend     string   `json:"mend,omitempty"`
}

// Level is ok, wrong or advice.
func (f Finding) Level() string {
	if f.OK {
		return "ok"
	}
	return string(f.Severity)
}

// String is the finding in one line.
func (f Finding) String() string {
	line := f.What + ": " + f.Found
	if f.Mend != "" {
		line += "; " + f.Mend
	}
	return f.Area + "  " + strings.Join(strings.Fields(line), " ") // the others' messages may have several lines
}

// report gathers the findings of one area.
type report struct {
	area     string
	findings []Finding
}

func (r *report) ok(what, found string) {
	r.findings = append(r.findings, Finding{Area: r.area, What: what, OK: true, Found: found})
}

func (r *report) wrong(what, found, mend string) {
	r.findings = append(r.findings, Finding{Area: r.area, What: what, Found: found, Severity: Wrong, Mend: mend})
}

func (r *report) advise(what, found, mend string) {
	r.findings = append(r.findings, Finding{Area: r.area, What: what, Found: found, Severity: Advice, Mend: mend})
}

// listed is a list of names for a person.
func listed(names []string) string { return strings.Join(names, ", ") }
