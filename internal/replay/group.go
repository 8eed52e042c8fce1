package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// What Kafka tells of the sink's group.

// lag is how many records the sink is behind.
func (a *apply) lag(ctx context.Context) (int64, error) {
	adm := kadm.NewClient(a.Kafka)
	ends, err := adm.ListEndOffsets(ctx, a.Calls)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("asking Kafka where %s ends: %w", a.Calls, err)
	}
	reached, err := a.reached(ctx)
	if err != nil {
		return 0, err
	}
	var behind int64
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := reached.Lookup(a.Calls, end.Partition) // 0 where it never began
		behind += max(0, end.Offset-max(0, at.At))
	})
	return behind, nil
}

// reached are the offsets of the sink's group. Where it has none, this is another group
// than the sink's, or there was never a sink.
func (a *apply) reached(ctx context.Context) (kadm.OffsetResponses, error) {
	reached, err := kadm.NewClient(a.Kafka).FetchOffsets(ctx, a.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("asking Kafka how far the sink is, in the group %s: %w", a.Group, err)
	}
	for _, o := range reached[a.Calls] {
		if o.At >= 0 {
			return reached, nil
		}
	}
	return nil, fmt.Errorf("the group %s has read nothing of %s yet: a sink must run, with the same kafka.group_prefix", a.Group, a.Calls)
}
