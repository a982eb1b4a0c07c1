// Command vectors holds Passerelle's readers against data that others published: `make vectors`.
//
// Each folder of the public test data has a file here that knows how its cases are written and what is expected of each. A case
// agrees or is wrong; one that differs on purpose is listed by name with the reason, and at most MaxListed percent of a folder may be.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	corpora := flag.String("corpora", "../shared/corpora", "folder of the public test data")
	flag.Parse()
	r, err := run(*corpora)
	if err != nil {
		fmt.Fprintf(os.Stderr, "vectors: error: %v\n", err)
		os.Exit(2)
	}
	r.print(os.Stdout)
	if !r.pass() {
		os.Exit(1)
	}
}
