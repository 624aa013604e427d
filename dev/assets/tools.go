//go:build tools

// Package assets pins the control plane that the demo and the tests run: `dev/control-plane assets` builds these three programs.
package assets

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
