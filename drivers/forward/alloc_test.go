//go:build !race

package forward

import (
	"bytes"
	"testing"
	"time"
)

func TestForwardingDoesNotAllocateInTheLane(t *testing.T) {
	f := &Forward{opts: Options{Content: Both, Prefix: DefaultPrefix, Terminator: DefaultTerminator, Now: time.Now}, wake: -1}
	code := bytes.Repeat([]byte("x"), 540)
	if n := testing.AllocsPerRun(10*ringSize, func() {
		f.Scan(code)
		f.Verdict("admit", "already_used", 18446744073709551615)
	}); n != 0 {
		t.Errorf("%v allocations a scan and verdict, want 0", n)
	}
}

func BenchmarkScan(b *testing.B) {
	f := start(b, Options{To: "listen:127.0.0.1:0"})
	code := bytes.Repeat([]byte("x"), 540)
	b.ReportAllocs()
	for b.Loop() {
		f.Scan(code)
	}
}
