// Package dashboards makes the chart's Grafana dashboards. It is pure: a
// [Dashboard] says what a page shows and in which order, and JSON writes it as
// Grafana wants it. The files in charts/callfold/dashboards are made by
// go test ./internal/dashboards -update, and a test compares them.
//
// A panel answers a question of an operator; its description says what is good and
// what to do where it is not. An expression names only metrics of docs/metrics.md,
// which test/promql checks, with Prometheus' parser and on a running Prometheus.
//
// Expressions select by [here] instead of by job or pod, so that they hold for
// several releases and pods, and for callfold dev, where all stages are one process.
package dashboards
