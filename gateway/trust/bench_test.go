package trust

import (
	"crypto/sha256"
	"slices"
	"testing"
)

func BenchmarkKeys(b *testing.B) {
	s := newSnapshot(b, List{Keys: manyKeys(b, 3_000)})
	var ids [1024]KeyID
	for i := range ids {
		ids[i] = keyID(i*2 + 1)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if len(s.Keys(HCERT, ids[i%len(ids)])) != 1 {
			b.Fatal("not found")
		}
		i++
	}
}

func BenchmarkRevoked200000(b *testing.B) {
	hashes := make([]RevocationHash, 400_000)
	for i := range hashes {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		hashes[i] = RevocationHash(sum[:16])
	}
	listed, others := hashes[:200_000], hashes[200_000:]
	hostile := slices.Clone(listed)
	for i := range hostile {
		hostile[i][0], hostile[i][1], hostile[i][2] = 0, 0, 0
	}
	for _, bm := range []struct {
		name     string
		list, in []RevocationHash
		want     bool
	}{
		{"listed", listed, listed, true},
		{"not listed", listed, others, false},
		{"one beginning", hostile, hostile, true},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s := newSnapshot(b, List{Revoked: []Revocation{{Country: "MA", Entries: bm.list}}})
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if s.Revoked("MA", RevokedUCI, bm.in[i%len(bm.in)]) != bm.want {
					b.Fatalf("on the list: %t", !bm.want)
				}
				i += 7919
			}
		})
	}
}

func BenchmarkNew3000(b *testing.B) {
	keys := manyKeys(b, 3_000)
	b.ReportAllocs()
	for b.Loop() {
		newSnapshot(b, List{Keys: keys})
	}
}
