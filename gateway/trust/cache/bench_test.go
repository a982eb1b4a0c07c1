package cache

import (
	"fmt"
	"testing"
)

// BenchmarkStart is a gate's start: lock, both places read and compared, signatures verified, the list indexed.
func BenchmarkStart(b *testing.B) {
	for _, keys := range []int{610, 3_000} {
		b.Run(fmt.Sprint("keys=", keys), func(b *testing.B) {
			box := newBox(b, keys, 1)
			for b.Loop() {
				if s, info, err := loaded(b, box.dir, Options{}); err != nil || s.Len() != keys || len(info.Notes) != 0 {
					b.Fatal(info.Notes, err)
				}
			}
		})
	}
}

// BenchmarkTake is a new list of 3,000 keys, stored in both places.
func BenchmarkTake(b *testing.B) {
	box := newBox(b, 3_000)
	c := open(b, box.dir, Options{})
	defer closeCache(b, c)
	version := uint64(0)
	for b.Loop() {
		b.StopTimer()
		version++
		file := box.file(b, version)
		delete(box.files, version)
		b.StartTimer()
		take(b, c, file)
	}
}
