package jcs_test

import (
	"testing"

	"passerelle/gateway/encoding/jcs"
)

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"vds-nc/aus-validVDSJson.json", "vds-nc/kde-test.txt", "jcs/input/weird.json"} {
		b.Run(name, func(b *testing.B) {
			src := read(b, corpora(b, name))
			dst := make([]byte, 0, 2*len(src))
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = jcs.Append(dst[:0], src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppendHostile is the most that a text may cost: members in the wrong order, in objects in each other.
func BenchmarkAppendHostile(b *testing.B) {
	src := hostile()
	dst := make([]byte, 0, 8*len(src))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		var err error
		if dst, err = jcs.Append(dst[:0], src); err != nil {
			b.Fatal(err)
		}
	}
}
