package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// forgetful is a producer that takes everything at once and keeps nothing.
type forgetful struct{}

func (forgetful) TryProduce(_ context.Context, r *kgo.Record, promise func(*kgo.Record, error)) {
	promise(r, nil)
}

// typicalBody is a webhook of the usual shape and of 3.4 KB.
func typicalBody() []byte {
	user := `{"id":%d,"direct_link":"https://api.aircall.io/v1/users/%[1]d","name":"Ada Agent","email":"ada@example.com","available":true,"availability_status":"available","created_at":"2024-01-15T09:00:00.000Z","time_zone":"Europe/Paris","language":"en-US","wrap_up_time":0}`
	head := `{"resource":"call","event":"call.tagged","timestamp":1772445590,"token":"8f14e45fceea167a5a36dedd4bea2543","data":{"id":812345678,"direct_link":"https://api.aircall.io/v1/calls/812345678","call_uuid":"CA0123456789abcdef","direction":"inbound","status":"done","missed_call_reason":null,"started_at":1772445000,"answered_at":1772445012,"ended_at":1772445500,"duration":500,"cost":"0.0","hangup_cause":"normal","voicemail":null,"recording":"https://media.example.com/calls/812345678/recording?X-Amz-Signature=` +
		strings.Repeat("0a1b2c3d", 40) + `","asset":"https://assets.example.com/calls/812345678/recording","raw_digits":"+33 1 23 45 67 89","user":` + fmt.Sprintf(user, 1) + `,"assigned_to":` + fmt.Sprintf(user, 2) +
		`,"contact":{"id":77,"first_name":"Marie","last_name":"Curie","company_name":"Institut","emails":[{"id":1,"label":"Work","value":"marie@example.com"}],"phone_numbers":[{"id":2,"label":"Work","value":"+33123456789"}]},"number":{"id":9,"name":"Support","digits":"+33 1 98 76 54 32","country":"FR","time_zone":"Europe/Paris","open":true,"is_ivr":false,"messages":{`
	tail := `}},"archived":false,"teams":[],"participants":[{"phone_number":"+33123456789","type":"external"},{"id":1,"name":"Ada Agent","type":"user"}],"comments":[{"id":5,"content":"Asked for a new invoice; to be called back on Tuesday.","posted_at":1772445480,"posted_by":` + fmt.Sprintf(user, 1) +
		`}],"tags":[{"id":3,"name":"Billing","tagged_at":1772445590,"tagged_by":` + fmt.Sprintf(user, 1) + `}]}}`
	var messages []string
	for i := 0; len(head)+len(strings.Join(messages, ","))+len(tail) < 3400; i++ {
		messages = append(messages, fmt.Sprintf(`"message_%d":"https://media.example.com/tracks/%030d.mp3"`, i, i))
	}
	return []byte(head + strings.Join(messages, ",") + tail)
}

// BenchmarkHandler is the whole handler but for the network and the broker.
func BenchmarkHandler(b *testing.B) {
	o := testOptions()
	o.Producer, o.Tokens = forgetful{}, []string{"8f14e45fceea167a5a36dedd4bea2543", "45c48cce2e2d7fbdea1afc51c7c6ad26"}
	s, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	body := typicalBody()
	reader := bytes.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, Path, io.NopCloser(reader))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		w := discard{header: http.Header{}}
		s.ServeHTTP(&w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

// BenchmarkStripToken is the part of it that finds the members and copies the
// body without its token.
func BenchmarkStripToken(b *testing.B) {
	body := typicalBody()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if out := scanEnvelope(body).withoutTokens(body); len(out) >= len(body) {
			b.Fatal("nothing was taken out")
		}
	}
}

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
