package inflate

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/json"
	"io"
	"os"
	"testing"
	"time"

	"passerelle/gateway/encoding/base45"
)

func load(b testing.TB, mode int) (r [][]byte) {
	f, err := os.Open("/work/shared/corpora/hcert/payloads.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var p struct{ Payload string }
		json.Unmarshal(s.Bytes(), &p)
		z, err := base45.AppendDecode(nil, []byte(p.Payload[4:]))
		if err != nil {
			continue
		}
		if _, err := new(Decoder).AppendZlib(nil, z, 1<<14); err != nil {
			continue
		}
		if mode < 0 || int(z[2]>>1&3) == mode {
			r = append(r, z)
		}
	}
	return
}

func TestDev(t *testing.T) {
	ps := load(t, -1)
	t.Log(len(ps))
	var d Decoder
	for _, p := range ps {
		got, err := d.AppendZlib(nil, p, 1<<14)
		zr, _ := zlib.NewReader(bytes.NewReader(p))
		want, err2 := io.ReadAll(zr)
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Error(err, err2)
		}
	}
}

func bench(t *testing.T, name string, mode int) {
	ps := load(t, mode)
	buf := make([]byte, 0, 1<<14+512)
	var d Decoder
	best := time.Hour
	for range 300 {
		t0 := time.Now()
		for _, p := range ps {
			if _, err := d.AppendZlib(buf, p, 1<<14); err != nil {
				t.Fatal(err)
			}
		}
		best = min(best, time.Since(t0))
	}
	t.Log(name, len(ps), best/time.Duration(len(ps)))
}
func TestSpeed(t *testing.T) {
	bench(t, "stored", 0)
	bench(t, "fixed", 1)
	bench(t, "dynamic", 2)
	bench(t, "all", -1)
	p := make([]byte, 377)
	best := time.Hour
	for range 300 {
		t0 := time.Now()
		for range 100 {
			adler32(p)
		}
		best = min(best, time.Since(t0))
	}
	t.Log("adler", best/100)
}

func BenchmarkDyn(b *testing.B) {
	ps := load(b, 2)
	buf := make([]byte, 0, 1<<14+512)
	var d Decoder
	b.ResetTimer()
	i := 0
	for b.Loop() {
		d.AppendZlib(buf, ps[i], 1<<14)
		if i++; i == len(ps) {
			i = 0
		}
	}
}

func TestOne(t *testing.T) {
	ps := load(t, 1)
	ps = ps[100:101]
	buf := make([]byte, 0, 1<<14+512)
	var d Decoder
	out, _ := d.AppendZlib(buf, ps[0], 1<<14)
	best := time.Hour
	for range 300 {
		t0 := time.Now()
		for range 100 {
			if _, err := d.AppendZlib(buf, ps[0], 1<<14); err != nil {
				t.Fatal(err)
			}
		}
		best = min(best, time.Since(t0)/100)
	}
	t.Log(len(out), best)
	d.in = bitReader{src: ps[0], pos: 2}
	d.in.take(3)
	d.out.reset(buf, 1<<14)
	in := d.in
	o := d.out
	best = time.Hour
	for range 300 {
		t0 := time.Now()
		for range 100 {
			d.in = in
			d.out = o
			d.literals(fixedLitLen)
		}
		best = min(best, time.Since(t0)/100)
	}
	t.Log(d.out.n, best)
}

func TestLits(t *testing.T) {
	var z bytes.Buffer
	w, _ := zlib.NewWriterLevel(&z, zlib.HuffmanOnly)
	p := make([]byte, 344)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
		if i%3 != 0 {
			p[i] &= 0x7f
		}
	}
	_ = w
	// fixed literals by hand
	var acc []byte
	var bb uint64
	var nb uint
	put := func(v uint64, n uint) {
		bb |= v << nb
		nb += n
		for nb >= 8 {
			acc = append(acc, byte(bb))
			bb >>= 8
			nb -= 8
		}
	}
	put(1, 1)
	put(1, 2)
	for _, c := range p {
		v, n := uint64(c)+0x30, uint(8)
		if c >= 144 {
			v, n = uint64(c)-144+0x190, 9
		}
		var r uint64
		for i := range n {
			r |= v >> i & 1 << (n - 1 - i)
		}
		put(r, n)
	}
	put(0, 7)
	put(0, 7)
	acc = append(acc, 0, 0, 0, 0)
	var d Decoder
	best := time.Hour
	buf := make([]byte, 0, 1<<14+512)
	for range 300 {
		t0 := time.Now()
		for range 100 {
			d.in = bitReader{src: acc}
			d.in.take(3)
			d.out.reset(buf, 1<<14)
			d.literals(fixedLitLen)
		}
		best = min(best, time.Since(t0)/100)
	}
	t.Log(d.out.n, best, bytes.Equal(d.out.written(), p[:d.out.n]))
}
