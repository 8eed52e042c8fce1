package kafka

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/callfold/callfold/internal/kafka"
)

// TestTransactionThatHangs: a lane's former self has left offsets behind in a
// transaction of which the coordinator knows nothing, as Kafka 4.4.0 does at times
// when a broker is stopped in order. No timeout ends it. The lane goes on all the
// same, and leaves out none of the input that those offsets are beyond of.
func TestTransactionThatHangs(t *testing.T) {
	only(t, "the embedded broker's coordinator knows of every open transaction", one, three)
	w := newWorldOn(t, shared)
	p := w.processor("a")
	w.load(manyCalls / 3)
	w.drained()
	p.stop()
	w.load(manyCalls / 3)
	w.hang(w.group() + "-a-0")
	p = w.processor("a")
	p.ready()
	w.load(manyCalls / 3)
	w.drained()
	w.verify()
	p.stop()
}

// hang leaves offsets of the group in a transaction that its coordinator does not
// know, as a client from before transaction.version 2 can where brokers do not ask.
func (w *world) hang(id string) {
	w.Helper()
	const asks = "transaction.partition.verification.enable"
	w.configureBrokers(asks, "false")
	defer w.configureBrokers(asks, "true")
	cl := w.newClient(kgo.TransactionalID(id), kgo.MaxVersions(kversion.V2_8_0()))
	producer, epoch, err := cl.ProducerID(w.patiently())
	check(w.T, err)
	var ends kadm.ListedOffsets
	w.eventually("every partition has an end", func(ctx context.Context) error {
		var err error
		if ends, err = w.adm.ListEndOffsets(ctx, w.topic(kafka.Events)); err != nil {
			return err
		}
		return ends.Error()
	})
	w.eventually("offsets hang", func(ctx context.Context) error {
		commit := kmsg.NewPtrTxnOffsetCommitRequest()
		commit.TransactionalID, commit.Group, commit.Generation = id, w.group(), -1
		commit.ProducerID, commit.ProducerEpoch = producer, epoch
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		topic.Topic = w.topic(kafka.Events)
		ends.Each(func(end kadm.ListedOffset) {
			offset := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			offset.Partition, offset.Offset = end.Partition, end.Offset
			topic.Partitions = append(topic.Partitions, offset)
		})
		commit.Topics = append(commit.Topics, topic)
		answer, err := commit.RequestWith(ctx, cl)
		if err != nil {
			return err
		}
		for _, p := range answer.Topics[0].Partitions {
			err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
		}
		return err
	})
	var known kadm.DescribedTransaction
	w.eventually("the coordinator tells of its transactions", func(ctx context.Context) error {
		all, err := w.adm.DescribeTransactions(ctx, id)
		if err != nil {
			return err
		}
		known, err = all.On(id, nil)
		return errors.Join(err, known.Err)
	})
	if known.State != "Empty" {
		w.Fatalf("the coordinator knows of the transaction: it is %s", known.State)
	}
}

func (w *world) configureBrokers(name, value string) {
	w.Helper()
	answers, err := w.adm.AlterBrokerConfigs(w.patiently(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}})
	check(w.T, err)
	for _, a := range answers {
		check(w.T, a.Err)
	}
}
