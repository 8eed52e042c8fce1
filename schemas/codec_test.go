package schemas

import (
	"errors"
	"strings"
	"testing"
)

func TestSchemaHeader(t *testing.T) {
	if got := Calls.Schema(); got != "callfold.call/1" {
		t.Errorf("%q", got)
	}
	value, err := Calls.Encode(foldAll(fixtures(t, "voicemail")))
	if err != nil {
		t.Fatal(err)
	}
	for schema, want := range map[string]error{
		"callfold.call/1":                     nil,
		"callfold.call/2":                     ErrNewerSchema,
		"callfold.call/999":                   ErrNewerSchema,
		"callfold.outcome/1":                  ErrUnknownSchema,
		"callfold.call":                       ErrUnknownSchema,
		"callfold.call/0":                     ErrUnknownSchema,
		"callfold.call/-1":                    ErrUnknownSchema,
		"callfold.call/99999999999999999999x": ErrUnknownSchema,
		"":                                    ErrUnknownSchema,
	} {
		if _, err := Calls.Decode(schema, value); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", schema, err, want)
		}
	}
	for schema, want := range map[string]error{EventSchema: nil, "": nil, "callfold.event/2": ErrNewerSchema, "callfold.call/1": ErrUnknownSchema} {
		if err := CheckEventSchema(schema); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", schema, err, want)
		}
	}
}

func TestDecodeRefusesWhatIsNoRecord(t *testing.T) {
	for _, value := range []string{"", "{", "[]", `{"state":7}`, `{"state":{"id":"7"}}`, `{"state":{"newest":"1.2.3"}}`, `{"state":{"status":"upside down"}}`} {
		if r, err := Calls.Decode(Calls.Schema(), []byte(value)); err == nil || errors.Is(err, ErrNewerSchema) || r.State.ID != 0 {
			t.Errorf("%q: %+v, %v", value, r, err)
		}
	}
}

// TestUnknownFieldsSurvive is the evolution rule: an older binary that folds
// on and writes a record again keeps the fields of a newer one.
func TestUnknownFieldsSurvive(t *testing.T) {
	events := fixtures(t, "answered_inbound")
	b, err := Calls.Encode(foldAll(events[:5]))
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.NewReplacer(
		`{"state":{`, `{"more":[1,{"b":9007199254740993,"a":null}],"state":{"mood":{"v":"cheerful"},`,
		`"trace":{`, `"trace":{"folded":5,`,
	).Replace(string(b))
	r, err := Calls.Decode(Calls.Schema(), []byte(newer))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events[5:] {
		r = Fold(r, e, int64(5+i))
	}
	got, err := Calls.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"more":[1,{"b":9007199254740993,"a":null}]`, `"mood":{"v":"cheerful"}`, `"folded":5`} {
		if !strings.Contains(string(got), field) {
			t.Errorf("%s was lost: %s", field, got)
		}
	}
	// Without them it is what this binary alone would have made.
	r.Unknown, r.State.Unknown, r.Trace.Unknown = nil, nil, nil
	alone, _ := Calls.Encode(r)
	if want, _ := Calls.Encode(foldAll(events)); string(alone) != string(want) {
		t.Errorf("got  %s\nwant %s", alone, want)
	}

	for _, value := range []string{`{"call_id":1,"result":"created","state_hash":"","decided_at":1,"new":{"x":1}}`} {
		o, err := Outcomes.Decode(Outcomes.Schema(), []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := Outcomes.Encode(o); err != nil || string(b) != value {
			t.Errorf("%s, %v", b, err)
		}
	}
	rejected := `{"reason":"no_id","origin":{"source":"webhook"},"body_size":1,"new":true}`
	j, err := Rejects.Decode(Rejects.Schema(), []byte(rejected))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Rejects.Encode(j); err != nil || string(b) != rejected {
		t.Errorf("%s, %v", b, err)
	}
}

// TestErasureTakesUnknownFields: they may hold what is to be erased.
func TestErasureTakesUnknownFields(t *testing.T) {
	r := foldAll(fixtures(t, "voicemail"))
	r.State.Unknown = []byte(`{"transcript":"secret"}`)
	r = Fold(r, fixtures(t, "command_erase")[0], 9)
	if b, err := Calls.Encode(r); err != nil || strings.Contains(string(b), "secret") || strings.Contains(string(b), "Paris") {
		t.Errorf("%s, %v", b, err)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	o := goldenOutcome(t)
	want, err := Outcomes.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if got, _ := Outcomes.Encode(o); string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// TestEncodeTakesAnyText: what Salesforce says must never keep an outcome from
// being written.
func TestEncodeTakesAnyText(t *testing.T) {
	b, err := Outcomes.Encode(Outcome{Error: &OutcomeError{Message: "a\xffb"}})
	if err != nil || !strings.Contains(string(b), "a\ufffdb") {
		t.Errorf("%s, %v", b, err)
	}
}

// TestLeftOutKeys pins that keys that equal the newest are left out.
func TestLeftOutKeys(t *testing.T) {
	b, err := encode(Of(fixtures(t, "answered_inbound_04")[0]))
	if err != nil || strings.Contains(string(b), `"at"`) || !strings.Contains(string(b), `"archived":{"v":false}`) {
		t.Errorf("%s, %v", b, err)
	}
}
