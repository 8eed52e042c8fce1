// Package settings reads the one settings file of callfold.
//
// Settings come from three places, the later one winning key by key: the
// defaults (Default), a YAML file, and the environment (CALLFOLD_ and the key in
// upper case with _ for each dot). Reading is strict: a key or variable that
// does not exist, or a value of the wrong type, is a Problem and never ignored.
//
// Secrets come from files (the keys that end in _file) or the environment, not
// from the settings file; the one exception is ingest.tokens. A Secret shows
// itself only to the code that asks for it with Reveal.
//
// Nothing stops at the first mistake. Load and Check gather every problem and
// return them together, each with its key, its value, what is wrong and how to
// mend it.
package settings
