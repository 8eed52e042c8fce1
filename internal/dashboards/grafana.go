package dashboards

// The classic model of a dashboard, in the parts that are used; see Grafana's
// "Dashboard JSON model". Every field that Grafana 12 always writes is there.

// schemaVersion is the one of Grafana 12.0. Later ones read it, and so do those of
// Grafana 11, for which nothing in it is new.
const schemaVersion = 41

// object is a part of the model that differs between the kinds of panels.
type object = map[string]any

type page struct {
	Annotations   object   `json:"annotations"`
	Description   string   `json:"description"`
	Editable      bool     `json:"editable"`
	GraphTooltip  int      `json:"graphTooltip"`
	Links         []link   `json:"links"`
	Panels        []any    `json:"panels"`
	Preload       bool     `json:"preload"`
	Refresh       string   `json:"refresh"`
	SchemaVersion int      `json:"schemaVersion"`
	Tags          []string `json:"tags"`
	Templating    struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Time struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"time"`
	Timepicker object `json:"timepicker"`
	Timezone   string `json:"timezone"`
	Title      string `json:"title"`
	UID        string `json:"uid"`
}

type link struct {
	AsDropdown  bool     `json:"asDropdown"`
	Icon        string   `json:"icon"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
	Tags        []string `json:"tags"`
	TargetBlank bool     `json:"targetBlank"`
	Title       string   `json:"title"`
	Tooltip     string   `json:"tooltip"`
	Type        string   `json:"type"`
	URL         string   `json:"url"`
}

type variable struct {
	AllValue   string      `json:"allValue,omitzero"`
	Current    object      `json:"current"`
	Datasource *datasource `json:"datasource,omitzero"`
	Definition string      `json:"definition,omitzero"`
	Hide       int         `json:"hide"`
	IncludeAll bool        `json:"includeAll"`
	Label      string      `json:"label"`
	Multi      bool        `json:"multi"`
	Name       string      `json:"name"`
	Options    []any       `json:"options"`
	Query      any         `json:"query"`
	Refresh    int         `json:"refresh"`
	Regex      string      `json:"regex"`
	Sort       int         `json:"sort,omitzero"`
	Type       string      `json:"type"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type rowPanel struct {
	Collapsed bool    `json:"collapsed"`
	GridPos   gridPos `json:"gridPos"`
	ID        int     `json:"id"`
	Panels    []any   `json:"panels"`
	Title     string  `json:"title"`
	Type      string  `json:"type"`
}

type panel struct {
	Datasource      *datasource `json:"datasource,omitzero"`
	Description     string      `json:"description"`
	FieldConfig     fieldConfig `json:"fieldConfig"`
	GridPos         gridPos     `json:"gridPos"`
	ID              int         `json:"id"`
	Links           []link      `json:"links,omitzero"`
	Options         object      `json:"options"`
	Targets         []target    `json:"targets,omitzero"`
	Title           string      `json:"title"`
	Transformations []object    `json:"transformations,omitzero"`
	Type            string      `json:"type"`
}

type fieldConfig struct {
	Defaults  object     `json:"defaults"`
	Overrides []override `json:"overrides"`
}

type override struct {
	Matcher    property   `json:"matcher"`
	Properties []property `json:"properties"`
}

// property is a name with what belongs to it; a matcher calls it options.
type property struct {
	ID      string `json:"id"`
	Options any    `json:"options,omitzero"`
	Value   any    `json:"value,omitzero"`
}

type target struct {
	Datasource   datasource `json:"datasource"`
	EditorMode   string     `json:"editorMode"`
	Expr         string     `json:"expr"`
	Format       string     `json:"format"`
	Instant      bool       `json:"instant"`
	LegendFormat string     `json:"legendFormat"`
	Range        bool       `json:"range"`
	RefID        string     `json:"refId"`
}
