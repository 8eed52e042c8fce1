// Package kafka holds what every stage must agree on about the cluster: how to
// connect (Options), how to write (ProducerOptions), what topics and groups are
// called, and how topics must be made (Topics, Create, Check).
package kafka
