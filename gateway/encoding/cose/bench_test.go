package cose

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"passerelle/gateway/encoding/base45"
)

// BenchmarkDecodeStages decodes the workload of the benchmarks up to its
// signature: text → base45 → zlib → COSE → digest of what was signed, one payload
// an operation. The payloads are taken by the kind of their deflate block, because
// a dynamic one brings its codes along. The stages alone follow, each on what the
// one before it leaves.
func BenchmarkDecodeStages(b *testing.B) {
	d := newChain()
	workload := byBlock(b)
	for _, kind := range blocks {
		b.Run("block="+kind, func(b *testing.B) {
			benchmarkEach(b, workload[kind], func(text []byte) bool {
				layer, _ := d.open(text)
				return layer == ""
			})
		})
	}
	for _, kind := range []string{"fixed", "dynamic"} {
		benchmarkStages(b, kind, workload[kind])
	}
}

// BenchmarkHealthCertificate does the same and reads all claims besides.
func BenchmarkHealthCertificate(b *testing.B) {
	d := newChain()
	workload := byBlock(b)
	for _, kind := range blocks {
		b.Run("block="+kind, func(b *testing.B) {
			benchmarkEach(b, workload[kind], func(text []byte) bool {
				layer, _ := d.decode(text)
				return layer == ""
			})
		})
	}
}

var blocks = []string{"all", "fixed", "dynamic", "stored"}

// byBlock returns the payloads that can be decoded by the kind of their first
// deflate block.
func byBlock(b *testing.B) map[string][][]byte {
	b.Helper()
	payloads := map[string][][]byte{}
	d := newChain()
	for _, row := range certificates(b, "benchmark_mix.jsonl") {
		text := []byte(row.Payload)
		if layer, _ := d.decode(text); layer != "" { // a case that must be refused
			continue
		}
		kind := []string{"stored", "fixed", "dynamic"}[d.compressed[2]>>1&3]
		payloads[kind] = append(payloads[kind], text)
		payloads["all"] = append(payloads["all"], text)
	}
	return payloads
}

// benchmarkStages measures each stage alone.
func benchmarkStages(b *testing.B, kind string, texts [][]byte) {
	d := newChain()
	var compressed, messages, signed, payloads [][]byte
	for _, text := range texts {
		d.open(text)
		compressed = append(compressed, bytes.Clone(d.compressed))
		message, err := d.inflater.AppendZlib(make([]byte, Headroom), d.compressed, inflateMax)
		if err != nil {
			b.Fatal(err)
		}
		messages = append(messages, message)
		signed = append(signed, bytes.Clone(d.message.ToBeSigned()))
		payloads = append(payloads, bytes.Clone(d.message.Payload))
	}
	for _, stage := range []struct {
		name   string
		inputs [][]byte
		step   func(p []byte) bool
	}{
		{"base45", texts, func(p []byte) bool {
			var err error
			d.compressed, err = base45.AppendDecode(d.compressed[:0], p[len(hc1Prefix):])
			return err == nil
		}},
		{"zlib", compressed, func(p []byte) bool {
			var err error
			d.buf, err = d.inflater.AppendZlib(d.buf[:Headroom], p, inflateMax)
			return err == nil
		}},
		{"cose", messages, func(p []byte) bool {
			d.buf = append(d.buf[:0], p...) // ToBeSigned overwrites it
			return d.message.Parse(d.buf, Headroom) == nil && d.message.ToBeSigned() != nil
		}},
		{"sha256", signed, func(p []byte) bool { return sha256.Sum256(p) != [32]byte{} }},
		{"claims", payloads, func(p []byte) bool {
			d.claims.Reset(p)
			readItem(&d.claims)
			return d.claims.Err() == nil
		}},
	} {
		b.Run("block="+kind+"/stage="+stage.name, func(b *testing.B) { benchmarkEach(b, stage.inputs, stage.step) })
	}
}

// benchmarkEach takes one input an operation, all of them in turn.
func benchmarkEach(b *testing.B, inputs [][]byte, step func(p []byte) bool) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if !step(inputs[i]) {
			b.Fatalf("refused: %x", inputs[i])
		}
		if i++; i == len(inputs) {
			i = 0
		}
	}
}
