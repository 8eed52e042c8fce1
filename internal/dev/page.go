package dev

import (
	_ "embed"
	"html/template"
	"net/http"
	"time"

	"github.com/callfold/callfold/ingest"
	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// row is one call on the page.
type row struct {
	ID                    int64
	When, Kind, External  string
	Number, Result, Class string
	Detail, TaskID        string
}

// page shows the stages and the newest calls.
func (b *board) page(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var rows []row
		for _, e := range b.newest(50) {
			rows = append(rows, describe(e))
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		data := struct {
			Components                               []observe.Component
			Rows                                     []row
			Listen, Path, Kafka, Salesforce, Command string
		}{b.app.Health.Components(), rows, o.Listen, ingest.Path, o.Kafka, o.Salesforce, o.command()}
		if err := pageTemplate.Execute(w, data); err != nil {
			b.app.Logger.Debug("writing the page", "cause", err)
		}
	}
}

func describe(e entry) row {
	c, out := &e.Call, &e.Outcome
	r := row{
		ID:       c.ID,
		Kind:     string(projector.KindOf(c)),
		External: c.External.Value,
		Number:   c.Number.Name.Value,
		Result:   string(out.Result),
		TaskID:   out.TaskID,
		Class:    "fine",
	}
	if c.StartedAt > 0 {
		r.When = time.Unix(c.StartedAt, 0).UTC().Format("2006-01-02 15:04:05")
	}
	switch out.Result {
	case "":
		r.Result, r.Class = "not yet looked at", "waiting"
	case schemas.Waiting, schemas.Skipped:
		r.Class, r.Detail = "waiting", out.Rule
	case schemas.Retrying, schemas.Rejected:
		r.Class = "bad"
		if out.Error != nil {
			r.Detail = out.Error.Code
		}
	}
	return r
}
