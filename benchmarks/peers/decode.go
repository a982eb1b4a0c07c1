package main

import (
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/ours"
	"passerelle/benchmarks/workload"
)

// derSignature encodes a signature as crypto/ecdsa.VerifyASN1 takes it (RFC 3279, section 2.2.3).
func derSignature(r, s *big.Int) []byte {
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		panic("a signature of two positive numbers cannot be encoded: " + err.Error())
	}
	return der
}

// decode is all but the signature and the verdict: base45, inflate, CBOR, the hash of what was signed, the claims.
func (b *bench) decode(set *workload.Set) (result, error) {
	if len(set.Codes) == 0 {
		return result{Skipped: "no such code in the mix"}, nil
	}
	d := ours.NewDecoder()
	entrants := []entrant{decoding("ours", set, d.Decode)}
	for _, z := range zlibs {
		s := newStack(z.open, set.List)
		entrants = append(entrants, decoding(z.stackName(), set, s.decode))
	}
	return b.contest(entrants[0], entrants[1:]...)
}

func decoding(name string, set *workload.Set, decode func([]byte) ([sha256.Size]byte, error)) entrant {
	pass := func() {
		for i := range set.Scans {
			_, _ = decode(set.Scans[i].Data)
		}
	}
	return entrant{measure.Side{Name: name, Count: len(set.Codes), Pass: pass}, func() error {
		for i := range set.Scans {
			got, err := decode(set.Scans[i].Data)
			if err != nil {
				return fmt.Errorf("payload %d: %w", i, err)
			}
			if want := sha256.Sum256(set.Codes[i].Signed); got != want {
				return fmt.Errorf("payload %d: hash %x, want %x", i, got, want)
			}
		}
		return nil
	}}
}
