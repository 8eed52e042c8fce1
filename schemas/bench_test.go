package schemas

import (
	"os"
	"slices"
	"testing"
)

// benchBody is a body of 3.4 KB, and the record that it is folded onto.
func benchBody(b *testing.B) ([]byte, CallRecord) {
	body, err := os.ReadFile("testdata/bodies/answered_inbound_11_ended.json")
	if err != nil {
		b.Fatal(err)
	}
	return body, foldAll(fixtures(b, "answered_inbound")[:10])
}

func BenchmarkParseAndFold(b *testing.B) {
	body, r := benchBody(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := ParseEvent(body)
		if err != nil {
			b.Fatal(err)
		}
		Fold(r, e, 10)
	}
}

func BenchmarkDecodeEncodeState(b *testing.B) {
	_, r := benchBody(b)
	value, err := Calls.Encode(r)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := Calls.Decode(Calls.Schema(), value)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Calls.Encode(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStateSize reports the median size of a state, and of a record with
// its trace, after each event of the fixtures' calls.
func BenchmarkStateSize(b *testing.B) {
	var states, records []int
	for b.Loop() {
		states, records = nil, nil
		for _, prefix := range []string{"answered_inbound", "voicemail", "outbound_unanswered", "rest_conference"} {
			var r CallRecord
			for i, e := range fixtures(b, prefix) {
				r = Fold(r, e, int64(1_000_000+i))
				state, err := encode(r.State)
				if err != nil {
					b.Fatal(err)
				}
				record, err := Calls.Encode(r)
				if err != nil {
					b.Fatal(err)
				}
				states, records = append(states, len(state)), append(records, len(record))
			}
		}
	}
	slices.Sort(states)
	slices.Sort(records)
	b.ReportMetric(float64(states[len(states)/2]), "state-bytes")
	b.ReportMetric(float64(records[len(records)/2]), "record-bytes")
	b.ReportMetric(float64(states[len(states)-1]), "largest-state-bytes")
}
