// Package kafka holds what every stage must agree on about the cluster: how to
// connect (Options), how to write (ProducerOptions), what topics and groups are
// called, how topics must be made (Topics, Create) and on which a stage must not
// start (Check, Refusal), who is in a group and whether they read a topic (Members,
// ReadElsewhere), and what an error of connecting means (Explain).
package kafka
