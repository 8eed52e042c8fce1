// Package standin writes in the place of a stage that was stopped: as the only member of
// its consumer group. Its transactions commit offsets in the name of the group's
// generation in which it was alone; Kafka refuses them once anybody else has joined.
package standin
