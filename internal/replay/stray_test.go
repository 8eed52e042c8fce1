package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// orgOfTasks holds Tasks by their external ids, and does something while they are read.
type orgOfTasks struct {
	keys      []string
	meanwhile func()
}

func (o orgOfTasks) QueryAll(context.Context, string) ([]salesforce.Record, error) { return nil, nil }

func (o orgOfTasks) BulkQuery(_ context.Context, soql string, _ bool, each func(row map[string]string) error) error {
	if strings.Contains(soql, callObject+" != null") {
		return nil
	}
	for i, key := range o.keys {
		if err := each(map[string]string{"Id": fmt.Sprint("00T", i), "Aircall_Call_Id__c": key, "IsDeleted": fmt.Sprint(key == "gone")}); err != nil {
			return err
		}
	}
	o.meanwhile()
	return nil
}

// TestOrphans has Tasks without a call: of a call that came while they were read, of a
// deleted one, and of two for one id.
func TestOrphans(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "calls", "tasks"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(append(kafka.ProducerOptions(), kgo.SeedBrokers(cluster.ListenAddrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	orgClient, err := salesforce.New(salesforce.Options{LoginURL: "http://127.0.0.1:1", APIVersion: "64.0", Flow: salesforce.ClientCredentials{}})
	if err != nil {
		t.Fatal(err)
	}
	sink, err := sfsink.New(sfsink.Options{Client: orgClient, Settings: projector.DefaultSettings(), DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	org := orgOfTasks{keys: []string{"7", "8", "8", "gone", "not a call"}, meanwhile: func() {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "calls", Key: []byte("7"), Value: []byte("{}"), Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}}}).FirstErr(); err != nil {
			t.Error(err)
		}
	}}
	for _, test := range []struct {
		filter Filter
		want   string
	}{
		{Filter{}, "[8:2 not a call:1]"},
		{Filter{Kinds: []string{"missed"}}, "[]"}, // an orphan is of no kind
	} {
		var found []string
		o := Options{Kafka: client, Calls: "calls", Tasks: "tasks", Sink: sink, Org: org, Filter: test.filter, Progress: &Progress{}, Stray: func(s Stray) error {
			if s.Kind != Orphaned {
				t.Errorf("%+v", s)
			}
			found = append(found, fmt.Sprintf("%s:%d", s.Key, len(s.TaskIDs)))
			return nil
		}}
		if _, err := Make(t.Context(), o, func(Row) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if slices.Sort(found); fmt.Sprint(found) != test.want {
			t.Errorf("found %v, want %s", found, test.want)
		}
	}
}

// TestStraysOfACall has two Tasks of one call, and one of another integration.
func TestStraysOfACall(t *testing.T) {
	var found []string
	p := planner{
		Options: &Options{Stray: func(s Stray) error {
			found = append(found, fmt.Sprint(s))
			return nil
		}},
		foreign: func(string) (*heldTasks, error) {
			return &heldTasks{Alive: []salesforce.Record{{"Id": "c"}}}, nil
		},
	}
	two := &heldTasks{Alive: []salesforce.Record{{"Id": "a"}, {"Id": "b"}}}
	for _, action := range []projector.Action{projector.Log, projector.Skip, projector.Wait} {
		if err := p.tellStrays("7", sfsink.Preview{Decision: projector.Decision{Action: action}}, two); err != nil {
			t.Fatal(err)
		}
	}
	// Of a call that is not logged, others may hold what they like.
	if got := fmt.Sprint(found); got != "[{duplicated 7 [a b]} {foreign 7 [c]}]" {
		t.Errorf("found %s", got)
	}
}
