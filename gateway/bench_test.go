package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkVerifyCommand is `passerelle verify --input jsonl --output json` over the public certificates, with the list
// that verifies most of them: rows a second on one core, and allocations a row, JSON and signatures included.
func BenchmarkVerifyCommand(b *testing.B) {
	corpora := os.Getenv("CORPORA")
	if corpora == "" {
		corpora = filepath.Join("..", "..", "shared", "corpora")
	}
	rows, err := os.ReadFile(filepath.Join(corpora, "hcert", "payloads.jsonl"))
	if err != nil {
		b.Skipf("set CORPORA to the folder of public test data: %v", err)
	}
	folder := filepath.Join(corpora, "trust", "de-acceptance")
	var keys bytes.Buffer
	args := []string{"trust", "import", "--format", "de", "--list-key", filepath.Join(folder, "dsc-list-signing-key.pem"), filepath.Join(folder, "dsc-list.json")}
	if code := execute(b.Context(), args, streams{out: &keys, err: io.Discard}); code != exitOK {
		b.Fatalf("trust import ended with %d", code)
	}
	list := filepath.Join(b.TempDir(), "keys.toml")
	if err := os.WriteFile(list, keys.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	command := verifyCmd{Trust: list, Profile: "checkpoint", Now: "2021-10-10T18:00:00Z", Input: "jsonl", Output: "json"}
	run, err := command.prepare(streams{out: io.Discard, err: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	n := bytes.Count(rows, []byte("\n"))
	b.ReportAllocs()
	for b.Loop() {
		if err := run.rows(bytes.NewReader(rows)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(n), "rows/op")
}
