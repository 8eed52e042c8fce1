package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// succeed ends what a predecessor of the lane, or its last session, may have left
// behind: its transaction, and its membership of the group.
func (l *lane[V]) succeed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeouts.Transaction)
	defer cancel()
	// These versions of two requests are those of clients older than
	// transaction.version 2: they name the partitions of a transaction themselves, and
	// ending it leaves the producer's epoch as it is.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.AddPartitionsToTxn), 3)
	versions.SetMaxKeyVersion(int16(kmsg.EndTxn), 4)
	cl, err := kgo.NewClient(append(l.opts.Client(),
		kgo.TransactionalID(l.id+l.opts.TransactionalSuffix),
		kgo.TransactionTimeout(l.opts.Timeouts.Transaction),
		kgo.MaxVersions(versions),
	)...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	if err := l.endOpen(ctx, cl); err != nil {
		return fmt.Errorf("ending the predecessor's transaction: %w", err)
	}
	if l.opts.GroupProtocol != ConsumerProtocol {
		return nil
	}
	return l.takeBack(ctx, cl)
}

// endOpen ends the transaction that the predecessor left open. While it is open,
// nobody can restore the partitions that it wrote to, and the group tells nobody the
// offsets that it committed.
//
// Taking the transactional id aborts what the coordinator knows. A broker that is
// stopped in order may leave more: Kafka 4.4.0 can then call a transaction complete
// that has a marker in some of its partitions, or in none, and no timeout ever ends it
// in the others. So one more transaction is ended, which has all partitions that any
// of the lane's may have had: its markers end whatever the same producer has open.
//
// It is a commit. If the coordinator had committed, that is what the lane was told
// and has in its tables. If it had aborted, either states or offsets may now be
// committed without the other, and the guard finds that and has input handled again.
// An abort could take states back that the tables have and whose offsets were
// committed: nobody would find that. So what was begun is tried until it is answered:
// taking the transactional id once more would abort it.
func (l *lane[V]) endOpen(ctx context.Context, cl *kgo.Client) error {
	id, epoch, err := cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	topics, all, err := l.written(ctx, cl)
	if err != nil {
		return err
	}
	l.whole = all
	for _, step := range []func() error{
		func() error { return l.addPartitions(ctx, cl, topics, id, epoch) },
		func() error { return l.addOffsets(ctx, cl, id, epoch) },
		func() error { return l.endWithCommit(ctx, cl, id, epoch) },
	} {
		for wait := newBackOff(); ; {
			err := step()
			if err == nil {
				break
			}
			if final(err) || !pause(ctx, wait.NextBackOff()) {
				return err
			}
		}
	}
	return nil
}

// final tells whether a broker has answered with an error that will stay.
func final(err error) bool {
	var answer *kerr.Error
	return errors.As(err, &answer) && !answer.Retriable && !errors.Is(err, kerr.ConcurrentTransactions) && !errors.Is(err, kerr.UnknownServerError)
}

// written lists the partitions that the lane may have written to, and tells whether
// these are all. Those that take no writes are left out: the coordinator would wait
// for them, and the lane with it.
func (l *lane[V]) written(ctx context.Context, cl *kgo.Client) (topics []kmsg.AddPartitionsToTxnRequestTopic, all bool, err error) {
	found, err := kadm.NewClient(cl).ListTopics(ctx, l.opts.Changelog, l.opts.Rejected)
	if err != nil {
		return nil, false, fmt.Errorf("asking for the topics: %w", err)
	}
	all = true
	for _, t := range found {
		if t.Err != nil {
			return nil, false, fmt.Errorf("asking for the topic %s: %w", t.Topic, t.Err)
		}
		topic := kmsg.NewAddPartitionsToTxnRequestTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			if p.Leader < 0 || p.Err != nil || 2*len(p.ISR) <= len(p.Replicas) {
				all = false
				continue
			}
			topic.Partitions = append(topic.Partitions, p.Partition)
		}
		if len(topic.Partitions) > 0 {
			topics = append(topics, topic)
		}
	}
	return topics, all, nil
}

func (l *lane[V]) addPartitions(ctx context.Context, cl *kgo.Client, topics []kmsg.AddPartitionsToTxnRequestTopic, id int64, epoch int16) error {
	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Topics = l.id+l.opts.TransactionalSuffix, id, epoch, topics
	added, err := add.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("adding partitions to a transaction: %w", err)
	}
	for _, t := range added.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("adding %s, partition %d, to a transaction: %w", t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

// addOffsets makes the group's offsets part of the open transaction.
func (l *lane[V]) addOffsets(ctx context.Context, cl *kgo.Client, id int64, epoch int16) error {
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.Group = l.id+l.opts.TransactionalSuffix, l.opts.Group
	add.ProducerID, add.ProducerEpoch = id, epoch
	added, err := add.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(added.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("adding offsets to a transaction: %w", err)
	}
	return nil
}

func (l *lane[V]) endWithCommit(ctx context.Context, cl *kgo.Client, id int64, epoch int16) error {
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID, end.Commit = l.id+l.opts.TransactionalSuffix, true
	end.ProducerID, end.ProducerEpoch = id, epoch
	ended, err := end.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(ended.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("ending a transaction: %w", err)
	}
	return nil
}

// endRest ends the session when partitions take writes again that [lane.endOpen] had to
// leave out: the next one ends what is open in them.
func (l *lane[V]) endRest(ctx context.Context) error {
	if l.whole || l.opts.Now().Before(l.lookAgain) {
		return nil
	}
	l.lookAgain = l.opts.Now().Add(restEvery)
	ctx, cancel := context.WithTimeout(ctx, restEvery)
	defer cancel()
	if _, all, err := l.written(ctx, l.session.Client()); err != nil || !all {
		return nil //nolint:nilerr // it is looked at again
	}
	return errRest
}

// restEvery is how often a lane looks whether partitions take writes again.
const restEvery = 10 * time.Second

var errRest = errors.New("partitions take writes again that did not when the session began")

// takeBack makes the way free for a lane that comes back under the protocol
// "consumer". There the coordinator refuses a member whose instance id is taken
// (UNRELEASED_INSTANCE_ID), and so one that was killed would have to wait for the
// session timeout of its former self. So the lane takes leave for it, with the
// epoch that says that the instance will be back: that keeps its partitions for
// it. The classic protocol replaces the former member of an instance id unasked.
func (l *lane[V]) takeBack(ctx context.Context, cl *kgo.Client) error {
	old, err := l.oldCoordinator(ctx, cl)
	if err != nil || old {
		return err // the client will join an old one by the classic protocol
	}
	adm := kadm.NewClient(cl)
	groups, err := adm.DescribeConsumerGroups(ctx, l.opts.Group)
	if err == nil {
		err = groups[l.opts.Group].Err
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return nil // it will be a new group
	case errors.Is(err, kerr.UnsupportedVersion):
		return nil // the cluster's feature group.version is off: as with an old coordinator
	case err != nil:
		return fmt.Errorf("asking for the group's members: %w", err)
	}
	for _, m := range groups[l.opts.Group].Members {
		if m.InstanceID == nil || *m.InstanceID != l.id || m.MemberEpoch == awayEpoch {
			continue
		}
		away := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		away.Group, away.MemberID, away.InstanceID, away.MemberEpoch = l.opts.Group, m.MemberID, m.InstanceID, awayEpoch
		resp, err := away.RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil && !errors.Is(err, kerr.UnknownMemberID) {
			return fmt.Errorf("taking leave for the former member: %w", err)
		}
	}
	return nil
}

// oldCoordinator tells whether the group's coordinator is older than Kafka 4.0, with which
// a client does not use the protocol "consumer". It tells by the version in which it says
// something of the group (KIP-1043); what it says does not matter. Only the coordinator is
// asked: another broker may be silent.
func (l *lane[V]) oldCoordinator(ctx context.Context, cl *kgo.Client) (bool, error) {
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{l.opts.Group}
	described, err := describe.RequestWith(ctx, cl)
	if err != nil {
		return false, fmt.Errorf("asking for the group: %w", err)
	}
	return described.Version < 6, nil
}

// awayEpoch is the epoch of a static member that is away and will be back (KIP-848).
const awayEpoch = -2
