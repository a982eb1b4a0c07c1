package trust

import (
	"crypto/sha256"
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
	entries := make([]RevocationHash, 200_000)
	for i := range entries {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		entries[i] = RevocationHash(sum[:16])
	}
	s := newSnapshot(b, List{Revoked: []Revocation{{Country: "MA", Entries: entries}}})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if !s.Revoked("MA", RevokedUCI, entries[i%len(entries)]) {
			b.Fatal("not found")
		}
		i += 7919
	}
}

func BenchmarkNew3000(b *testing.B) {
	keys := manyKeys(b, 3_000)
	b.ReportAllocs()
	for b.Loop() {
		newSnapshot(b, List{Keys: keys})
	}
}
