//go:build tools

// Package tools pins what promtool is built from; see ../promtool.ts.
package tools

import _ "github.com/prometheus/prometheus/cmd/promtool"
