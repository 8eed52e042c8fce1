package replay

import (
	"testing"

	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// TestRowIsAfterBothCommands: a plan with rematch sends two commands for a row. Both are to
// be newer than what was obeyed, whoever's clock was ahead then; else one is overtaken.
func TestRowIsAfterBothCommands(t *testing.T) {
	for _, obeyed := range []schemas.Commands{
		{Rewrite: schemas.Key{Time: 9}, Rematch: schemas.Key{Time: 5}},
		{Rewrite: schemas.Key{Time: 5}, Rematch: schemas.Key{Time: 9}},
	} {
		v := judge(sfsink.Preview{Decision: projector.Decision{Action: projector.Log}}, &sfsink.Known{Outcome: schemas.Outcome{Obeyed: obeyed}}, &heldTasks{})
		if v.row.Rewritten != 9 {
			t.Errorf("%+v: commands are to be after %d, want 9", obeyed, v.row.Rewritten)
		}
	}
}
