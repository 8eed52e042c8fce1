package dashboards

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	tag      = "callfold"
	runbooks = "https://github.com/callfold/callfold/blob/main/docs/runbooks/"
)

// prometheus is the data source that the variable chooses.
var prometheus = datasource{Type: "prometheus", UID: "${datasource}"}

// UID names the dashboard in Grafana, for links.
func (d Dashboard) UID() string { return tag + "-" + d.Name }

// JSON is the dashboard as Grafana reads it, ending in a line feed. The same
// dashboard gives the same bytes.
func (d Dashboard) JSON() ([]byte, error) {
	p := page{
		Annotations:   object{"list": []any{}},
		Description:   d.Description,
		GraphTooltip:  1, // one crosshair for all panels
		Links:         []link{{Title: "callfold", Type: "dashboards", Icon: "external link", Tags: []string{tag}, IncludeVars: true, KeepTime: true}},
		Refresh:       "30s",
		SchemaVersion: schemaVersion,
		Tags:          []string{tag},
		Timepicker:    object{},
		Timezone:      "browser",
		Title:         d.Title,
		UID:           d.UID(),
	}
	p.Templating.List = variables()
	p.Time.From, p.Time.To = "now-6h", "now"
	places := layout(d.Rows)
	for _, row := range d.Rows {
		p.Panels = append(p.Panels, rowPanel{GridPos: places[len(p.Panels)], ID: len(p.Panels) + 1, Panels: []any{}, Title: row.Title, Type: "row"})
		for _, x := range row.Panels {
			p.Panels = append(p.Panels, x.render(len(p.Panels)+1, places[len(p.Panels)]))
		}
	}
	text, err := json.Marshal(p, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("encoding the dashboard %s: %w", d.Name, err)
	}
	return append(text, '\n'), nil
}

// anyStage are metrics of which each process of a stage has one.
const anyStage = `__name__=~"callfold_(records_in_total|ingest_requests_total)"`

// variables are what is chosen at the top.
func variables() []variable {
	all := func() object { return object{"text": []string{"All"}, "value": []string{"$__all"}} }
	values := func(name, label, from string) variable {
		query := "label_values(" + from + ", " + name + ")"
		return variable{
			Name: name, Label: label, Type: "query", Datasource: &prometheus, Definition: query,
			Query: object{"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
			Multi: true, IncludeAll: true, AllValue: ".*", Current: all(), Options: []any{}, Refresh: 2, Sort: 1,
		}
	}
	return []variable{
		{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Current: object{"text": "default", "value": "default"}, Options: []any{}, Refresh: 1},
		values("namespace", "Namespace", "{"+anyStage+"}"),
		values("release", "Release", "{"+anyStage+`,namespace=~"$namespace"}`),
	}
}

// render makes the panel of a place.
func (p Panel) render(id int, at gridPos) panel {
	out := panel{
		Description: p.Description, GridPos: at, ID: id, Title: p.Title, Type: string(p.Kind),
		Links: p.links(), Options: p.options(), FieldConfig: p.fields(),
	}
	if p.Kind == Text {
		return out
	}
	out.Datasource = &prometheus
	for i, q := range p.Queries {
		format := "time_series"
		if p.Kind == Table {
			format = "table"
		}
		now := p.Kind != TimeSeries // so that nothing is shown of what is gone
		out.Targets = append(out.Targets, target{
			Datasource: prometheus, EditorMode: "code", Expr: q.expression(), Format: format,
			Instant: now, Range: !now, LegendFormat: q.Legend, RefID: string(rune('A' + i)),
		})
	}
	if p.Kind == Table {
		out.Transformations = p.transformations()
	}
	return out
}

// links lead to the runbook, and to the dashboard that shows more.
func (p Panel) links() []link {
	var links []link
	if p.More != "" {
		links = append(links, link{Title: "More", Type: "link", Tags: []string{}, URL: "/d/" + tag + "-" + p.More + "?${__url_time_range}&${__all_variables}"})
	}
	if p.Runbook != "" {
		links = append(links, link{Title: "Runbook", Type: "link", Tags: []string{}, TargetBlank: true, URL: runbooks + p.Runbook + ".md"})
	}
	return links
}

// options are those of the kind.
func (p Panel) options() object {
	last := object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	switch p.Kind {
	case TimeSeries:
		return object{
			"legend":  object{"calcs": []string{"lastNotNull", "max"}, "displayMode": "table", "placement": "bottom", "showLegend": true},
			"tooltip": object{"mode": "multi", "sort": "desc"},
		}
	case Stat:
		return object{
			"colorMode": "background", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "percentChangeColorMode": "standard",
			"reduceOptions": last, "showPercentChange": false, "textMode": "auto", "wideLayout": true,
		}
	case BarGauge:
		return object{
			"displayMode": "basic", "legend": object{"calcs": []string{}, "displayMode": "list", "placement": "bottom", "showLegend": false},
			"maxVizHeight": 300, "minVizHeight": 16, "minVizWidth": 8, "namePlacement": "auto", "orientation": "horizontal",
			"reduceOptions": last, "showUnfilled": true, "sizing": "auto", "valueMode": "color",
		}
	case Table:
		return object{
			"cellHeight": "sm", "frameIndex": 0, "showHeader": true,
			"footer": object{"countRows": false, "fields": "", "reducer": []string{"sum"}, "show": false},
		}
	}
	return object{"code": object{"language": "plaintext", "showLineNumbers": false, "showMiniMap": false}, "content": p.Markdown, "mode": "markdown"}
}

// fields say how values look.
func (p Panel) fields() fieldConfig {
	f := fieldConfig{Defaults: object{}, Overrides: []override{}}
	if p.Kind == Text {
		return f
	}
	steps := []object{{"color": string(Green), "value": nil}}
	for _, l := range p.Levels {
		steps = append(steps, object{"color": string(l.Color), "value": l.From})
	}
	f.Defaults = object{
		"color": object{"mode": "thresholds"}, "mappings": mappings(p.Words), "min": 0,
		"thresholds": object{"mode": "absolute", "steps": steps}, "unit": string(p.Unit),
	}
	if p.Max != 0 {
		f.Defaults["max"] = p.Max
	}
	if p.Unit == Count && p.Kind != TimeSeries {
		f.Defaults["decimals"] = 0 // what Prometheus extrapolates is no whole number
	}
	if p.Empty != "" {
		f.Defaults["noValue"] = p.Empty
	}
	switch p.Kind {
	case TimeSeries:
		f.Defaults["color"] = object{"mode": "palette-classic"}
		f.Defaults["custom"] = p.lines()
	case Table:
		f.Defaults["custom"] = object{"align": "auto", "cellOptions": object{"type": "auto", "wrapText": true}, "inspect": false}
		for _, c := range p.Columns {
			f.Overrides = append(f.Overrides, c.override())
		}
	}
	return f
}

// lines say how a time series is drawn.
func (p Panel) lines() object {
	stacking, fill, levels := "none", 0, "off"
	if p.Stacked {
		stacking, fill = "normal", 25
	}
	if len(p.Levels) > 0 {
		levels = "line"
	}
	return object{
		"axisPlacement": "auto", "drawStyle": "line", "fillOpacity": fill, "lineInterpolation": "linear", "lineWidth": 1,
		"showPoints": "auto", "spanNulls": false, "stacking": object{"group": "A", "mode": stacking}, "thresholdsStyle": object{"mode": levels},
	}
}

// mappings show words in place of values.
func mappings(words []Word) []object {
	out := []object{}
	if len(words) == 0 {
		return out
	}
	options := object{}
	for i, w := range words {
		shown := object{"index": i, "text": w.Text}
		if w.Color != "" {
			shown["color"] = string(w.Color)
		}
		options[w.Value] = shown
	}
	return append(out, object{"type": "value", "options": options})
}

// override is what is special about a column, by the name that it is given.
func (c Column) override() override {
	o := override{Matcher: property{ID: "byName", Options: c.Title}, Properties: []property{}}
	if c.Unit != "" {
		o.Properties = append(o.Properties, property{ID: "unit", Value: string(c.Unit)})
	}
	if len(c.Words) > 0 {
		o.Properties = append(o.Properties, property{ID: "mappings", Value: mappings(c.Words)})
	}
	if c.Width > 0 {
		o.Properties = append(o.Properties, property{ID: "custom.width", Value: c.Width})
	}
	return o
}

// transformations join the queries of a table by their labels, leave out rows in which
// every value is 0, and put the columns in order.
func (p Panel) transformations() []object {
	order, names, shown, filters := object{}, object{}, []string{}, []object{}
	for i, c := range p.Columns {
		order[c.Field], names[c.Field] = i, c.Title
		shown = append(shown, c.Field)
		if strings.HasPrefix(c.Field, "Value") {
			filters = append(filters, object{"fieldName": c.Field, "config": object{"id": "greater", "options": object{"value": 0}}})
		}
	}
	return []object{
		{"id": "merge", "options": object{}},
		{"id": "filterByValue", "options": object{"filters": filters, "match": "any", "type": "include"}},
		{"id": "filterFieldsByName", "options": object{"include": object{"names": shown}}},
		{"id": "organize", "options": object{"excludeByName": object{}, "indexByName": order, "renameByName": names}},
	}
}
