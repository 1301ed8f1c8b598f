//go:build tools

// Package tools pins what helm is built from; see ../helm.ts.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
