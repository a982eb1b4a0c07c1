package cose

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"os"
	"testing"
	"time"

	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cbor"
	"passerelle/gateway/encoding/inflate"
)

func walk(c *cbor.Cursor) {
	items++
	switch c.Kind() {
	case cbor.KindMap:
		for it := c.Map(); c.More(&it); {
			walk(c)
			walk(c)
		}
	case cbor.KindArray:
		for it := c.Array(); c.More(&it); {
			walk(c)
		}
	case cbor.KindText:
		c.Text()
	case cbor.KindBytes:
		c.Bytes()
	case cbor.KindInt, cbor.KindFloat:
		c.Number()
	case cbor.KindTag:
		c.Tag()
		walk(c)
	default:
		c.Skip()
	}
}

func TestDev(t *testing.T) {
	for _, name := range []string{"payloads", "benchmark_mix"} {
		f, _ := os.Open("/work/shared/corpora/hcert/" + name + ".jsonl")
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		var ps [][]byte
		for s.Scan() {
			var p struct{ Payload, Source string }
			json.Unmarshal(s.Bytes(), &p)
			ps = append(ps, []byte(p.Payload))
			if name == "payloads" {
				z, err := base45.AppendDecode(nil, []byte(p.Payload)[4:])
				if err != nil {
					t.Log(p.Source, err)
					continue
				}
				r, err := new(inflate.Decoder).AppendZlib(make([]byte, 16), z, 16384)
				if err != nil {
					t.Log(p.Source, err)
					continue
				}
				var m Message
				if err := m.Parse(r, 16); err != nil {
					t.Log(p.Source, err)
					continue
				}
				var c cbor.Cursor
				c.Reset(m.Payload)
				walk(&c)
				c.End()
				if c.Err() != nil {
					t.Log(p.Source, c.Err())
				}
			}
		}
		var d inflate.Decoder
		var m Message
		var c cbor.Cursor
		raw := make([]byte, 0, 4096)
		buf := make([]byte, 16, 1<<14+512)
		var sum [7]time.Duration
		for i := range sum {
			sum[i] = time.Hour
		}
		for range 300 {
			var st [7]time.Duration
			for _, p := range ps {
				t0 := time.Now()
				z, err := base45.AppendDecode(raw[:0], p[4:])
				if err != nil {
					continue
				}
				t1 := time.Now()
				r, err := d.AppendZlib(buf[:16], z, 16384)
				if err != nil {
					continue
				}
				t2 := time.Now()
				if err := m.Parse(r, 16); err != nil {
					continue
				}
				t3 := time.Now()
				tbs := m.ToBeSigned()
				t4 := time.Now()
				sha256.Sum256(tbs)
				t5 := time.Now()
				c.Reset(m.Payload)
				walk(&c)
				t6 := time.Now()
				st[0] += t1.Sub(t0)
				st[1] += t2.Sub(t1)
				st[2] += t3.Sub(t2)
				st[3] += t4.Sub(t3)
				st[4] += t5.Sub(t4)
				st[5] += t6.Sub(t5)
				st[6] += t6.Sub(t0)
			}
			for i := range st {
				sum[i] = min(sum[i], st[i])
			}
		}
		var o time.Duration
		t0 := time.Now()
		for range 10000 {
			x := time.Now()
			o += time.Since(x)
		}
		_ = t0
		for i := range sum {
			t.Log(name, []string{"base45", "inflate", "parse", "tbs", "sha", "walk", "all"}[i], sum[i]/time.Duration(len(ps)))
		}
		t.Log("clock", o/10000)
	}
}

func BenchmarkWalk(b *testing.B) {
	f, _ := os.Open("/work/shared/corpora/hcert/benchmark_mix.jsonl")
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	var ps [][]byte
	for s.Scan() {
		var p struct{ Payload, Source string }
		json.Unmarshal(s.Bytes(), &p)
		z, _ := base45.AppendDecode(nil, []byte(p.Payload)[4:])
		r, err := new(inflate.Decoder).AppendZlib(make([]byte, 16), z, 16384)
		if err != nil {
			continue
		}
		var m Message
		if err := m.Parse(r, 16); err != nil {
			continue
		}
		ps = append(ps, m.Payload)
	}
	var c cbor.Cursor
	n := 0
	for _, p := range ps {
		c.Reset(p)
		items = 0
		walk(&c)
		n += items
	}
	b.ReportMetric(float64(n)/float64(len(ps)), "items")
	b.Run("walk", func(b *testing.B) {
		i := 0
		for b.Loop() {
			c.Reset(ps[i])
			walk(&c)
			c.End()
			if i++; i == len(ps) {
				i = 0
			}
		}
		b.ReportMetric(float64(n)/float64(len(ps)), "items")
	})
	b.Run("skip", func(b *testing.B) {
		i := 0
		for b.Loop() {
			c.Reset(ps[i])
			c.Skip()
			c.End()
			if i++; i == len(ps) {
				i = 0
			}
		}
	})
}

var items int

func TestSame(t *testing.T) {
	f, _ := os.Open("/work/shared/corpora/hcert/benchmark_mix.jsonl")
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	k := 0
	for s.Scan() {
		if k++; k%80 != 0 {
			continue
		}
		var p struct{ Payload, Source string }
		json.Unmarshal(s.Bytes(), &p)
		z, _ := base45.AppendDecode(nil, []byte(p.Payload)[4:])
		r, err := new(inflate.Decoder).AppendZlib(make([]byte, 16), z, 16384)
		if err != nil {
			continue
		}
		var m Message
		if err := m.Parse(r, 16); err != nil {
			continue
		}
		var c cbor.Cursor
		items = 0
		best, best2 := time.Hour, time.Hour
		for range 200 {
			t0 := time.Now()
			for range 100 {
				c.Reset(m.Payload)
				walk(&c)
			}
			best = min(best, time.Since(t0)/100)
			t0 = time.Now()
			for range 100 {
				c.Reset(m.Payload)
				c.Skip()
			}
			best2 = min(best2, time.Since(t0)/100)
		}
		t.Log(items/20000, best, best2)
	}
}
