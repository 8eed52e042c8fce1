// Package apiserver installs the chart on a real Kubernetes API server, as a
// user does: with the helm command, into a namespace that enforces the
// restricted Pod Security Standard.
//
// What runs is etcd, kube-apiserver and kube-controller-manager, so that
// validation, defaulting, admission, immutable fields, rolling updates, hooks and
// garbage collection are those of Kubernetes. There is no node. A stand-in for
// kubelets (kubelet_test.go) says of every Pod that it runs, or, if it is one that
// ends, that it succeeded, once everything that it mounts or has in its
// environment is there. No container is started: what the stages do when they
// are stopped by a kubelet is in test/kafka (termination_test.go).
//
// The programs are built from the versions pinned in tools/kube-apiserver and
// tools/helm, which takes some minutes the first time; etcd comes from the
// system (Debian: etcd-server). It is a module of its own, so that the product
// does not depend on Kubernetes.
package apiserver
