//go:build tools

// Package tools pins what the local control plane is built from; see ../binaries.ts.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
