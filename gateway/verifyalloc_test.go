//go:build !race

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// TestRowsDoNotAllocate verifies batches of JSON rows, accepted and refused: with the keys' tables built, nothing is allocated for
// a row from the line to the result.
func TestRowsDoNotAllocate(t *testing.T) {
	var text bytes.Buffer
	for _, name := range []string{
		"valid-vaccination", "valid-test-laboratory", "valid-france", "valid-longest", "valid-alg-eddsa", "bad-signature-bit", "expired-years-ago",
		"malformed-base45-character", "malformed-zlib-damaged", "too-large-bomb", "unknown-issuer-stranger", "revoked-uci", "not-accepted-bcbp",
	} {
		if err := json.NewEncoder(&text).Encode(map[string]any{"id": 7, "payload": payloadOf(t, name), "now": "2026-06-15T09:30:00Z"}); err != nil {
			t.Fatal(err)
		}
	}
	profile := policy.Demo()
	list, err := openList(standardList(t), "")
	if err != nil {
		t.Fatal(err)
	}
	fast := (&verifyConfig{P256: p256Fast}).accelerator(nil)
	for _, jsonOut := range []bool{false, true} {
		v := newRowVerifier(&verifyJob{place: policy.Place{List: list, Now: policy.At(0), Profile: &profile}, fast: fast, jsonRows: true, jsonOut: jsonOut})
		b := newVerifyBatch()
		round := func() {
			b.reset()
			rest := text.Bytes()
			for len(b.rows) < verify.MaxBatch {
				line, after, _ := bytes.Cut(rest, []byte{'\n'})
				if rest = after; len(rest) == 0 {
					rest = text.Bytes()
				}
				b.add(inputRow{code: line})
			}
			v.verify(b)
		}
		for range 20 { // until the tables that are asked for are there
			round()
			fast.Settle()
		}
		if n := bytes.Count(b.out, []byte("admit")); n != 25 || len(b.notes) > 0 {
			t.Fatalf("%d codes were admitted: %s%s", n, b.out, b.notes)
		}
		if n := testing.AllocsPerRun(50, round); n != 0 {
			t.Errorf("JSON results %v: %v allocations a batch, want 0", jsonOut, n)
		}
	}
}

// TestReadingLinesDoesNotAllocate takes lines of a long input.
func TestReadingLinesDoesNotAllocate(t *testing.T) {
	r := lineReader{in: &endless{text: []byte(strings.Repeat("A", 700) + "\n")}, rest: make([]byte, 0, 4096)}
	c := new(chunk)
	if n := testing.AllocsPerRun(50, func() { r.fill(c) }); n != 0 || c.err != nil || len(c.text) < chunkBytes-701 {
		t.Errorf("%v allocations, want 0; %d bytes, %v", n, len(c.text), c.err)
	}
}
