package projector

import "github.com/callfold/callfold/schemas"

// countedTags are the names of the tags that count, in order of tagged_at, then
// id. After a transfer that somebody took, tags put before it was taken are
// dropped, unless that user put them; a tag without a time stays.
func countedTags(c *schemas.Call, handed []handover) (names []string, dropped int) {
	for i := range c.Tags.Value {
		if t := &c.Tags.Value[i]; counts(t, handed) {
			names = append(names, t.Name)
		} else {
			dropped++
		}
	}
	return names, dropped
}

func counts(t *schemas.Tag, handed []handover) bool {
	for _, h := range handed {
		if h.taker != nil && t.TaggedAt != 0 && t.TaggedAt < h.takenAt && t.By != h.taker.ID {
			return false
		}
	}
	return true
}
