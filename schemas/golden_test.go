package schemas

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden fails when the bytes of a published record change. If they must:
// read the evolution rule in doc.go first, then run with -update and have the
// difference reviewed.
func TestGolden(t *testing.T) {
	erasedCall := Fold(foldAll(fixtures(t, "voicemail")), fixtures(t, "command_erase")[0], 5)
	commanded := Fold(foldAll(fixtures(t, "answered_inbound")), fixtures(t, "command_rewrite")[0], 12)
	golden(t, "answered_inbound", Calls, foldAll(fixtures(t, "answered_inbound")))
	golden(t, "rewrite", Calls, commanded)
	golden(t, "voicemail", Calls, foldAll(fixtures(t, "voicemail")))
	golden(t, "outbound_unanswered", Calls, foldAll(fixtures(t, "outbound_unanswered")))
	golden(t, "rest_conference", Calls, foldAll(fixtures(t, "rest_conference")))
	golden(t, "erased", Calls, erasedCall)
	golden(t, "retrying", Outcomes, goldenOutcome(t))
	golden(t, "skipped", Outcomes, Outcome{CallID: 2000000104, Result: Skipped, Rule: "L7", StateHash: "0123456789abcdef0123456789abcdef", DecidedAt: 1767604999123})
	golden(t, "webhook", Rejects, RejectedRecord{
		Reason: BadID, Detail: "id is no whole number", Origin: Origin{Source: string(Webhook)},
		ReceivedAt: 1767604999123, Event: "call.answered", Body: `{"resource":"call"}`, BodySize: 19,
	})
	golden(t, "reader", Rejects, RejectedRecord{
		Reason: TooLarge, Origin: Origin{Source: string(Backfill), Topic: "aircall.events", Partition: 3, Offset: 77},
		CallID: 2000000101, BodyBase64: []byte{0xff, 0x00, 0x80}, BodySize: 2 << 20, Truncated: true,
	})
}

// goldenOutcome is an outcome with something in every field.
func goldenOutcome(t testing.TB) Outcome {
	parked := foldAll(fixtures(t, "outbound_unanswered"))
	return Outcome{
		CallID: 2000000103, Result: Retrying, Rule: "L2", Kind: "outbound_unanswered",
		StateHash: parked.State.Hash(), DecidedAt: 1767604999123, TaskID: "00T000000000001AAA",
		Written:     map[string]string{"Subject": "6f1ed002", "Status": "0b5c3a91", "CallDisposition": "a9993e36"},
		LastWritten: map[string]string{"Subject": "6f1ed002"}, Kept: []string{"Subject"},
		Match: &Match{
			Object: "Contact", ID: "003000000000001AAA", Name: "Marie Durand", WhatID: "500000000000001AAA", AccountID: "001000000000001AAA", OwnerID: "005000000000002AAA", Created: true,
			Reason: Reason{Rule: "M2", Why: "Modified last of two contacts.", Considered: []string{"003000000000002AAA: modified earlier"}},
		},
		Owner: &Owner{ID: "005000000000002AAA", Rung: "agent", AnsweredBy: 90001},
		Reasons: map[string]Reason{
			"Subject": {Rule: "F2", Why: "An outbound call that nobody answered.", Events: []string{"call.hungup@1767604220"}},
			"Status":  {Rule: "F17"},
		},
		Obeyed: Commands{Rewrite: Key{Time: 1767604001, Rank: 1}, Rematch: Key{Time: 1767604002, Rank: 1}, Retry: Key{Time: 1767604003, Rank: 1}},
		Error: &OutcomeError{
			Code: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access", Fields: []string{"WhoId"},
			Class: "transient", Fix: "Nothing to do: the row is tried again.",
		},
		Refused: "5e1f00d5", Attempts: 2, Since: 1767604900123, NextAttempt: 1767605009123, Parked: &parked, Unconfirmed: &parked,
		Bulk: &Bulk{Job: "750000000000001AAA", StateHash: parked.State.Hash(), Written: map[string]string{"Subject": "6f1ed003"}, Obeyed: Commands{Rewrite: Key{Time: 1767604001, Rank: 1}}},
	}
}

// golden compares an encoded record, indented for people, with a file.
func golden[T any](t *testing.T, name string, codec Codec[T], record T) {
	t.Helper()
	b, err := codec.Encode(record)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := codec.Decode(codec.Schema(), b)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := codec.Encode(decoded); err != nil || string(again) != string(b) {
		t.Errorf("%s: decoded and encoded again: %s, %v", name, again, err)
	}
	value := jsontext.Value(b)
	if err := value.Indent(); err != nil {
		t.Fatal(err)
	}
	got := string(value) + "\n"
	// The version is in the name: when it changes, the old files stay, and
	// with them the proof that old records can still be read.
	file := "testdata/golden/" + strings.ReplaceAll(codec.Schema(), "/", "-") + "." + name + ".json"
	if *update {
		if err := os.MkdirAll("testdata/golden", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: the bytes of a published record changed\n got  %s\n want %s", name, got, want)
	}
}
