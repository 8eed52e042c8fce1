//go:build unix

// Package bench is what the benchmarks that are programs share: a program runs in several
// roles, each a process of its own (the embedded broker, and what is measured), so that
// CPU time and memory are then its own.
package bench
