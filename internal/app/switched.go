package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/callfold/callfold/internal/stream"
)

// switched is a check of topics that also wants a group to have been taken over to its
// input: a topic with a prefix of its own that the group has never read, while it has read
// another one, is one to which nobody has switched. What the stage remembers is about the
// other one's offsets then.
func switched(check func(context.Context, *kadm.Client) error, group, input, prefix string) func(context.Context, *kadm.Client) error {
	return func(ctx context.Context, adm *kadm.Client) error {
		if err := check(ctx, adm); err != nil || prefix == "" {
			return err
		}
		offsets, err := adm.FetchOffsets(ctx, group)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("asking for the offsets of the group %s: %w", group, err)
		}
		read, other := false, ""
		offsets.Each(func(o kadm.OffsetResponse) {
			switch {
			case o.At < 0:
			case o.Topic == input:
				read = true
			default:
				other = o.Topic
			}
		})
		if !read && other != "" {
			return &stream.TopicError{Problem: fmt.Sprintf(
				"the group %s has read %s and never %s: stop the processor and the sink, and switch with these settings: callfold replay state --to %s --switch (docs/rebuilding.md)", group, other, input, prefix)}
		}
		return nil
	}
}
