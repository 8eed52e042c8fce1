// Package dev runs everything in one process: the embedded broker, the
// Salesforce simulator, all stages, generated traffic, and a plain page that
// shows the newest calls. It is `callfold dev`.
//
// The stages are those of production, put together by package app; only where
// they find Kafka and Salesforce is different. Everything is kept in one
// directory, so that a restart, also after a kill, goes on where it was.
package dev
