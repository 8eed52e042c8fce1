package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/callfold/callfold/internal/history"
	"github.com/callfold/callfold/schemas"
)

func TestSheetWraps(t *testing.T) {
	var s sheet
	s.wrap("name  ", strings.Repeat("word ", 20)+strings.Repeat("x", 100)+" end")
	s.wrap("", "")
	want := "name  " + strings.TrimSpace(strings.Repeat("word ", 15)) + "\n" +
		"      word word word word word\n" +
		"      " + strings.Repeat("x", 74) + "\n" +
		"      " + strings.Repeat("x", 26) + " end\n\n"
	if s.b.String() != want {
		t.Errorf("got\n%swant\n%s", s.b.String(), want)
	}
}

// TestPrintCallShowsTheRareThings: transfers, tags, notes, commands, and events
// that the log no longer has. No line is wider than a terminal.
func TestPrintCallShowsTheRareThings(t *testing.T) {
	at := schemas.Key{Time: 1772442060}
	now := time.Unix(at.Time, 0)
	long := strings.Repeat("Größe ", 40)
	c := history.Call{
		ID: 4711, FoldedAt: now, StateHash: "ab12",
		State: schemas.Call{
			ID: 4711, Newest: at, AnsweredAt: 1772442000,
			Direction:        schemas.Latest[string]{At: at, Value: schemas.Inbound},
			Agents:           []schemas.Agent{{ID: 7, At: at, Name: schemas.Latest[string]{At: at, Value: "Ada Agent"}}, {ID: 8, At: at}},
			ExternalTransfer: schemas.Latest[string]{At: at, Value: "+33 1 99 00 12 34"},
			Transfers: []schemas.Transfer{
				{At: at, Failed: true, TransferParties: schemas.TransferParties{By: schemas.User{ID: 7, Name: "Ada Agent"}}},
				{At: at, TransferParties: schemas.TransferParties{By: schemas.User{ID: 7, Name: "Ada Agent"}, To: schemas.User{ID: 8, Name: "Bo\tB"}}},
			},
			Tags:     schemas.Latest[[]schemas.Tag]{At: at, Value: []schemas.Tag{{ID: 1, Name: "VIP"}, {ID: 2, Name: long}}},
			Comments: schemas.Latest[[]schemas.Comment]{At: at, Value: []schemas.Comment{{ID: 1, Content: "a secret"}}},
			Rewrite:  schemas.Latest[schemas.Command]{At: at, Value: schemas.Command{Who: "ops", Why: "the pack changed"}},
		},
		Partial: true,
		Outcome: &schemas.Outcome{CallID: 4711, Result: schemas.Retrying, StateHash: "ab12", Attempts: 2, Error: &schemas.OutcomeError{Code: "UNABLE_TO_LOCK_ROW", Class: "transient"}},
		Events: []history.Event{
			{Time: now, Name: "call.tagged", Offset: 12, What: "tags: VIP, " + long},
			{Time: now, Name: "call.unsuccessful_transfer", Offset: 123456, Gone: true},
			{Time: now, Name: "rest.call", Offset: 123457, Source: schemas.Backfill, What: "archived", Changed: []history.Change{
				{Field: "archived", Before: jsontext.Value("false"), After: jsontext.Value("true")},
				{Field: "comments", After: jsontext.Value(`[{"id":1,"content":"a secret"}]`)},
				{Field: "ended_at", After: jsontext.Value("1772442060")},
				{Field: "recording", After: jsontext.Value(`"https://example.com/a secret"`)},
				{Field: "transfers", Before: jsontext.Value("[]"), After: jsontext.Value(`[{"failed":true,"by":{"id":7,"name":"Ada"},"to":{"id":8,"name":"Bo"}},{"by":{"id":8,"name":"Bo"},"to":{"id":9}}]`)},
			}},
		},
	}
	var out bytes.Buffer
	if err := printCall(&out, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"call 4711, inbound answered\n",
		"answered   2026-03-02 09:00:00\n",
		"agents     Ada Agent, user 8\n",
		"failed     Ada Agent to somebody\n",
		"transfer   Ada Agent to Bo B\n",
		"transfer   to +33 1 99 00 12 34\n",
		"tags       VIP, Größe",
		"notes      1\n",
		"rewrite    2026-03-02 09:01:00, ops, the pack changed\n",
		"outcome    retrying\n",
		"error      UNABLE_TO_LOCK_ROW\n",
		"attempts   2\n",
		" 2  2026-03-02 09:01:00  call.unsuccessful_transfer, offset 123456\n    no longer in the log\n",
		" 3  2026-03-02 09:01:00  rest.call, offset 123457\n    archived, by backfill\n      archived: false → true; comments: 1; ended_at: 2026-03-02 09:01:00;\n",
		"recording: a signed link; transfers: none → Ada to Bo (failed), Bo to",
		"Older ones are no longer known",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "a secret") {
		t.Error("it shows a note's text")
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line) - 1; n > lineWidth {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}
