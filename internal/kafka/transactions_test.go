//go:build synctests

package kafka_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/kafka/bubble"
)

// TestTransactionVersionBesideASilentBroker: the others tell, and soon enough for what a
// stage's look at its topics, of ten seconds, has to ask after that.
func TestTransactionVersionBesideASilentBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := bubble.Start(t, kfake.NumBrokers(3), kfake.Ports(9093, 9094, 9095))
		client := broker.Client()
		defer client.Close()
		adm := kadm.NewClient(client)
		_, err := adm.BrokerMetadata(t.Context()) // it knows the brokers
		if err != nil {
			t.Fatal(err)
		}
		silent := make(chan struct{})
		defer close(silent)
		broker.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
			broker.KeepControl()
			if broker.CurrentNode() == 2 {
				broker.SleepControl(func() { <-silent })
			}
			return nil, nil, false
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		found, err := kafka.CheckTransactions(ctx, adm)
		if err != nil || !found.OK || ctx.Err() != nil {
			t.Errorf("got %+v, %v; time is left: %v", found, err, ctx.Err() == nil)
		}
	})
}
