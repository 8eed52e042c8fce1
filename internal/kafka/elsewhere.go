package kafka

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// hiddenTopic stands for the topic of a group of which Kafka tells nothing, since this user
// may not describe all that is read.
const hiddenTopic = "a topic that this user may not see (the right DESCRIBE)"

// ReadElsewhere is a topic that the members of a group read at present while none of them
// reads the given one; empty where one does, or where the group has no members, or these
// are about to change. [kerr.GroupAuthorizationFailed] says that this user may not know
// (the right DESCRIBE on the group).
//
// The user needs DESCRIBE on the topic. Of a group of the protocol consumer Kafka hides all
// members as soon as one reads a topic that the user may not describe (KAFKA-18813), thus
// another one, though there may be members that read the given one: what is returned then is
// no name, and says so. Of a group of the protocol classic Kafka tells the names to everybody
// who may describe the group.
func ReadElsewhere(ctx context.Context, adm *kadm.Client, group, topic string) (string, error) {
	_, read, err := Members(ctx, adm, group)
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return hiddenTopic, nil
	}
	if err != nil || len(read) == 0 || slices.Contains(read, topic) {
		return "", err
	}
	return read[0], nil
}
