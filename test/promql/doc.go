// Package promql checks what the chart asks of Prometheus: every expression in
// its dashboards and alerts is parsed by Prometheus' own parser, and every
// metric that one names stands in docs/metrics.md, which is made from the code. With
// the tag prometheus a running Prometheus evaluates them on callfold dev.
//
// It is a module of its own, so that the product does not depend on Prometheus.
package promql
