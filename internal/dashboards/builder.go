package dashboards

import "strings"

// Dashboard is one page of Grafana.
type Dashboard struct {
	// Name is the file's, and with the prefix "callfold-" the uid, which never changes:
	// links point to it.
	Name        string
	Title       string
	Description string
	Rows        []Row
}

// Row is a heading and the panels below it, from left to right, in as many lines as
// they need.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel answers one question.
type Panel struct {
	Kind  Kind
	Title string
	// Description says what is good, and what to do where it is not.
	Description string
	// Unit is that of all values but those whose column has its own. A text has none.
	Unit Unit
	// Width is in columns, of which a line has 24, and Height in rows of the grid; 0 is
	// what is usual for the kind.
	Width, Height int
	Queries       []Query
	// Levels colour the values of a stat, a bar gauge and a table, and are lines in a
	// time series, in ascending order. What is below the first is good.
	Levels []Level
	// Words are shown instead of values.
	Words []Word
	// Max is where the scale of a bar gauge ends, 0 for where its values do.
	Max float64
	// Stacked puts the series of a time series on top of each other.
	Stacked bool
	// Columns are those of a table, in order. What is not named is not shown.
	Columns []Column
	// Markdown is what a text says.
	Markdown string
	// Empty is what is shown where there are no data.
	Empty string
	// Runbook is a page of docs/runbooks, without its suffix.
	Runbook string
	// More is the name of the dashboard that shows the cause.
	More string
}

// Kind is how a panel looks.
type Kind string

// The kinds, as Grafana calls them.
const (
	TimeSeries Kind = "timeseries"
	Stat       Kind = "stat"
	BarGauge   Kind = "bargauge"
	Table      Kind = "table"
	Text       Kind = "text"
)

// Unit is one of Grafana's.
type Unit string

// The units in use.
const (
	Count          Unit = "short"
	Seconds        Unit = "s"
	Bytes          Unit = "bytes"
	Share          Unit = "percentunit" // 0 to 1
	RequestsPerSec Unit = "reqps"
	RecordsPerSec  Unit = "recps"
	RowsPerSec     Unit = "rowsps"
	PerSecond      Unit = "ops"
)

// Query is one expression of a panel.
type Query struct {
	// Expr is PromQL. "$here" stands for the matchers of all that is chosen, see [here].
	Expr string
	// Legend names its series, with {{label}} for a label's value.
	Legend string
}

// Level is a colour from a value on.
type Level struct {
	From  float64
	Color Color
}

// Color is one of Grafana's.
type Color string

// The colours in use.
const (
	Green  Color = "green"
	Orange Color = "orange"
	Red    Color = "red"
)

// warn and alarm are levels: look at it, and do something.
func warn(from float64) Level  { return Level{from, Orange} }
func alarm(from float64) Level { return Level{from, Red} }

// Word is shown in place of a value.
type Word struct {
	Value, Text string
	Color       Color
}

// Column is one of a table.
type Column struct {
	// Field is a label, or "Value" for what the query gives: "Value #A" and so on where
	// there are several.
	Field, Title string
	Unit         Unit
	Words        []Word
	// Width is in pixels, 0 for what is left.
	Width int
}

// here selects what the variables at the top of each dashboard choose. Where no
// series has a label release, as outside of the chart, "All" selects it still.
const here = `namespace=~"$namespace",release=~"$release"`

// expression is a query's, with its selections.
func (q Query) expression() string { return strings.ReplaceAll(q.Expr, "$here", here) }

// All are the dashboards, in the order in which one looks at them.
func All() []Dashboard {
	return []Dashboard{overview(), ingest(), processor(), sink(), replays()}
}
