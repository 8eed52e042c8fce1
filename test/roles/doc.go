//go:build linux

// Package roles runs a benchmark's own program in several roles, each a process of
// its own: the embedded broker, and what is measured, whose CPU time and memory are
// then its own.
package roles
