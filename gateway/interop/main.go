// Command interop holds Passerelle against certificates that others issued: `make interop`.
//
// Each row of CORPORA/hcert/payloads.jsonl is verified with the keys given (the row's certificate, else the list in
// CORPORA/trust/de-acceptance), imported and bundled as an operator would, at the row's clock or, without one, when it was
// issued. What upstream says of each step must agree. Where a decision of ours differs on purpose the row is disputed, and
// named with the reason; there may be at most MaxDisputes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	corpora := flag.String("corpora", "../shared/corpora", "folder of the public test data")
	flag.Parse()
	result, err := run(context.Background(), *corpora)
	if err != nil {
		fmt.Fprintf(os.Stderr, "interop: error: %v\n", err)
		os.Exit(2)
	}
	result.print(os.Stdout)
	if !result.pass() {
		os.Exit(1)
	}
}
