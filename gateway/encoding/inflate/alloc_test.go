//go:build !race

package inflate

import (
	"compress/zlib"
	"slices"
	"testing"
)

func TestNothingIsAllocated(t *testing.T) {
	p := certificate()
	dynamic := compress(t, zlib.HuffmanOnly, longCertificate())
	wrongChecksum := slices.Clone(dynamic)
	wrongChecksum[len(wrongChecksum)-1]++
	var d Decoder
	dst := make([]byte, 0, testLimit)
	for _, tt := range []struct {
		name   string
		stream []byte
		limit  int
		want   error
	}{
		{"fixed", fixedStream(p), testLimit, nil},
		{"dynamic", dynamic, testLimit, nil},
		{"stored", compress(t, zlib.NoCompression, p), testLimit, nil},
		{"matches", compress(t, zlib.BestCompression, make([]byte, 2000)), testLimit, nil},
		{"cut", dynamic[:len(dynamic)/2], testLimit, ErrCorrupt},
		{"wrong checksum", wrongChecksum, testLimit, ErrCorrupt},
		{"over the limit", dynamic, len(longCertificate()) - 1, ErrTooLarge},
		{"trailing", append(slices.Clone(dynamic), 0), testLimit, ErrTrailing},
		{"no header", nil, testLimit, ErrCorrupt},
	} {
		var err error
		n := testing.AllocsPerRun(100, func() { _, err = d.AppendZlib(dst, tt.stream, tt.limit) })
		if n != 0 || err != tt.want {
			t.Errorf("%s: %v allocations, %v, want 0, %v", tt.name, n, err, tt.want)
		}
	}
}
