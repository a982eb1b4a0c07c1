package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// benchCodes are the public certificates as rows of JSON, and a file with the keys that verify most of them.
func benchCodes(b *testing.B) (rows []byte, list string) {
	b.Helper()
	root, err := moduleRoot()
	if err != nil {
		b.Fatal(err)
	}
	corpora := corporaFolder(root)
	rows, err = os.ReadFile(filepath.Join(corpora, "hcert", "payloads.jsonl"))
	if err != nil {
		b.Skipf("set CORPORA to the folder of public test data: %v", err)
	}
	folder := filepath.Join(corpora, "trust", "de-acceptance")
	var keys bytes.Buffer
	args := []string{"trust", "import", "--format", "de", "--list-key", filepath.Join(folder, "dsc-list-signing-key.pem"), filepath.Join(folder, "dsc-list.json")}
	if code := execute(b.Context(), args, streams{out: &keys, err: io.Discard}); code != exitOK {
		b.Fatalf("trust import ended with %d", code)
	}
	list = filepath.Join(b.TempDir(), "keys.toml")
	if err := os.WriteFile(list, keys.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return rows, list
}

// BenchmarkVerifyCommand is `passerelle verify --input jsonl --output json` over the public certificates again and again, with
// the list that verifies most of them: rows a second and allocations a row, from the bytes of the input to those of the output. One
// core verifies, or all; reading and writing come on top. Each runs on the tables of keys, and on crypto/ecdsa alone.
func BenchmarkVerifyCommand(b *testing.B) {
	rows, list := benchCodes(b)
	cores := []int{1}
	if all := runtime.GOMAXPROCS(0); all > 1 {
		cores = append(cores, all)
	}
	for _, p256 := range []string{p256Fast, p256Std} {
		for _, n := range cores {
			b.Run(fmt.Sprintf("p256=%s/cores=%d", p256, n), func(b *testing.B) { benchVerify(b, rows, list, p256, n) })
		}
	}
}

func benchVerify(b *testing.B, rows []byte, list, p256 string, cores int) {
	command := verifyCmd{Trust: list, Profile: "health", Now: "2021-10-10T18:00:00Z", Input: "jsonl", Output: "json", Cores: cores}
	job, err := command.prepare()
	if err != nil {
		b.Fatal(err)
	}
	n := bytes.Count(rows, []byte("\n"))
	std := streams{out: io.Discard, err: io.Discard}
	var second secondOpinion
	job.fast = (&verifyConfig{P256: p256}).accelerator(second.differs)
	second.start(job.fast)
	run := func(times int) {
		p := newVerifyPipeline(b.Context(), job, std, nil)
		in := io.LimitReader(&endless{text: rows}, int64(times*len(rows)))
		if done, err := p.finish(p.lines(in)); err != nil || done.rows != times*n {
			b.Fatalf("%d rows of %d, %v", done.rows, times*n, err)
		}
	}
	run(10) // until the tables that are asked for are there
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	run(b.N)
	b.StopTimer()
	runtime.ReadMemStats(&after)
	if err := second.end(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(n*b.N), "allocs/row")
}
