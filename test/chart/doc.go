// Package chart tests the Helm chart by what it renders: with helm's own library,
// with each file of values in charts/callfold/ci and charts/callfold/examples, each
// rendered object decoded strictly by the types of its owner, judged by Kubernetes'
// own evaluation of Pod Security, and its settings by the program itself.
//
// It is a module of its own, so that the product does not depend on Kubernetes. What
// needs an API server is in test/apiserver.
package chart
