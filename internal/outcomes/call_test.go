package outcomes

import (
	"testing"

	"github.com/callfold/callfold/internal/command"
	"github.com/callfold/callfold/schemas"
)

// TestRetryKnowsWhatWasSeen wants a retry to be newer than the last one that was
// obeyed, and to say which state it is about.
func TestRetryKnowsWhatWasSeen(t *testing.T) {
	o := outcome(7, schemas.Rejected, "STRING_TOO_LONG", 1)
	o.StateHash, o.Obeyed.Retry = "ab12", schemas.Key{Time: 1772442000}
	c, err := parse(o.CallID, outcomeRecord(t, o).Value, map[Verdict]*Verdict{})
	if err != nil {
		t.Fatal(err)
	}
	want := command.Command{Event: schemas.EventRetry, CallID: 7, StateHash: "ab12", After: 1772442000}
	if got := c.Retry(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
