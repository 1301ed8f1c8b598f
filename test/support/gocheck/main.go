// Gocheck reads a JSON array of {"crt", "key"} from standard input and prints a JSON array with one string for each:
// what a server written in Go says when it loads the pair, and its clients when they parse the chain; "" if it is good.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
)

type pair struct{ Crt, Key string }

func check(p pair) string {
	loaded, err := tls.X509KeyPair([]byte(p.Crt), []byte(p.Key))
	if err != nil {
		return err.Error()
	}
	for i, der := range loaded.Certificate {
		if _, err := x509.ParseCertificate(der); err != nil {
			return fmt.Sprintf("certificate %d: %v", i+1, err)
		}
	}
	return ""
}

func main() {
	var pairs []pair
	if err := json.NewDecoder(os.Stdin).Decode(&pairs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	verdicts := make([]string, len(pairs))
	for i, p := range pairs {
		verdicts[i] = check(p)
	}
	json.NewEncoder(os.Stdout).Encode(verdicts)
}
