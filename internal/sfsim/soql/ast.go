package soql

// Query is one parsed SELECT statement.
type Query struct {
	Count   bool   // SELECT COUNT(): no rows, only their number
	Fields  []Path // empty when Count
	From    Name
	Where   Expr // nil when there is no WHERE
	OrderBy []Order
	Limit   int // rows at most; -1 without LIMIT
	Offset  int // rows to pass over; 0 without OFFSET
	AllRows bool
}

// Name is an identifier and the byte offset at which it stands in the query.
type Name struct {
	Text string
	Pos  int
}

// Path is a field, reached through zero or more parent relationships:
// Account.Owner.Name has three parts.
type Path struct {
	Parts []string
	Pos   int
}

// String returns the path as it is written in a query.
func (p Path) String() string {
	s := p.Parts[0]
	for _, part := range p.Parts[1:] {
		s += "." + part
	}
	return s
}

// Order is one key of ORDER BY. Nulls come first unless the query says otherwise,
// whatever the direction ("ORDER BY" in the reference).
type Order struct {
	Path       Path
	Descending bool
	NullsLast  bool
}

// Expr is a condition: [And], [Or], [Not], [Comparison] or [Membership].
type Expr interface{ expr() }

// And holds when all of its terms hold.
type And struct{ Terms []Expr }

// Or holds when one of its terms holds.
type Or struct{ Terms []Expr }

// Not holds when its term does not.
type Not struct{ Term Expr }

// Comparison compares a field with one literal.
type Comparison struct {
	Path    Path
	Op      Op
	Literal Literal
}

// Membership is IN or NOT IN, over a list of literals or over the single field
// that a subquery selects (a semi-join or anti-join).
type Membership struct {
	Path     Path
	Negated  bool
	List     []Literal
	Subquery *Query
}

func (And) expr()        {}
func (Or) expr()         {}
func (Not) expr()        {}
func (Comparison) expr() {}
func (Membership) expr() {}

// Op is a comparison operator.
type Op string

// The comparison operators. <> is read as [NotEqual].
const (
	Equal          Op = "="
	NotEqual       Op = "!="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
	Like           Op = "LIKE"
)
