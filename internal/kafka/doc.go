// Package kafka holds what every stage must agree on about the cluster: how to
// connect (Options), how to write (ProducerOptions), what topics and groups are
// called, how topics must be made (Topics, Create) and on which a stage must not
// start (Check, Refusal), and what an error of connecting means (Explain).
package kafka
