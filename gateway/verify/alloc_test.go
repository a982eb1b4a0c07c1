//go:build !race

package verify_test

import (
	"slices"
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// What one signature may allocate, by the key and the algorithm that it is checked with. All else works in memory that New
// allocated, and so do ES256 by P-256 keys that have a table, and PS256. What the standard library needs for the others is pinned in
// package sig, whether it accepts or refuses; here it may be no more.
const (
	allocsEdDSARefused = 1 // the error of crypto/ed25519
	allocsECDSA        = 28
)

// allocsOf returns what the signature check of the last code may allocate.
func allocsOf(v *verify.Verifier, c *policy.Candidate, list *trust.Snapshot) (n int) {
	r := v.Result(0)
	if r.Layer < verify.LayerSignature {
		return 0
	}
	keys := list.Keys(trust.HCERT, c.Key)
	for i := range keys {
		alg := sig.Algorithm(r.Message.Alg)
		switch name := keys[i].Public.String(); {
		case !keys[i].Allows(alg) || alg == sig.PS256 || name == "P-256":
		case alg == sig.EdDSA:
			if r.Key == nil {
				n += allocsEdDSARefused
			}
		default:
			n += allocsECDSA
		}
	}
	return n
}

func TestACodeAllocatesNothingButInTheStandardLibrary(t *testing.T) {
	fast := accelerator(t)
	free, seen := 0, map[sig.Algorithm]int{}
	dst := make([]policy.Candidate, 0, 1)
	cases := loadCases(t)
	for _, list := range []string{"standard", "twins", "expired", "late", "empty"} {
		of := slices.DeleteFunc(slices.Clone(cases), func(c loaded) bool { return c.Trust != list || c.Profile != "demo" })
		if len(of) == 0 {
			t.Fatalf("no case has the list %s", list)
		}
		codes := make([][]byte, len(of))
		for i := range of {
			codes[i] = of[i].Payload
		}
		warm(fast, of[0].list, of[0].profile, codes)
		v := verify.New(of[0].profile, fast)
		for _, c := range of {
			scans, now := []verify.Scan{{Data: c.Payload}}, policy.At(c.Now.Unix())
			dst = v.Verify(dst[:0], scans, c.list, now)
			allowed := allocsOf(v, &dst[0], c.list)
			if m := v.Result(0).Message; m != nil && v.Result(0).Layer >= verify.LayerSignature {
				seen[sig.Algorithm(m.Alg)]++
			}
			if allowed == 0 {
				free++
			}
			n := testing.AllocsPerRun(10, func() { dst = v.Verify(dst[:0], scans, c.list, now) })
			if n > float64(allowed) {
				t.Errorf("%s (%v): %v allocations, at most %v", c.Name, dst[0].Reason(), n, allowed)
			}
		}
	}
	if free < 250 || seen[sig.ES256] < 100 || seen[sig.PS256] < 3 || seen[sig.EdDSA] < 2 {
		t.Errorf("%d cases may allocate nothing; signatures by algorithm: %v", free, seen)
	}
}

// TestABatchAllocatesNothing takes all cases together that need nothing alone, good and bad in turns.
func TestABatchAllocatesNothing(t *testing.T) {
	fast := accelerator(t)
	cases, now := sameList(t)
	list, profile := cases[0].list, cases[0].profile
	var codes [][]byte
	v := verify.New(profile, nil)
	for _, c := range cases {
		got := v.Verify(nil, []verify.Scan{{Data: c.Payload}}, list, now)
		if allocsOf(v, &got[0], list) == 0 {
			codes = append(codes, c.Payload)
		}
	}
	warm(fast, list, profile, codes)
	wantNoAllocation(t, fast, list, profile, now, codes)
}

// TestTheCorpusAllocatesNothing: real certificates are signed by P-256 and RSA keys alone.
func TestTheCorpusAllocatesNothing(t *testing.T) {
	rows := readRows(t)
	profile := policy.Health()
	list, fast := snapshot(t, allKeys(t, rows)), accelerator(t)
	codes := make([][]byte, len(rows))
	for i, r := range rows {
		codes[i] = []byte(r.Payload)
	}
	warm(fast, list, &profile, codes)
	wantNoAllocation(t, fast, list, &profile, policy.At(sometime), codes)
}

func wantNoAllocation(t *testing.T, fast *sig.Accelerator, list *trust.Snapshot, profile *policy.Profile, now policy.Now, codes [][]byte) {
	t.Helper()
	v := verify.New(profile, fast)
	dst := make([]policy.Candidate, 0, verify.MaxBatch)
	for part := range slices.Chunk(codes, verify.MaxBatch) {
		scans := make([]verify.Scan, len(part))
		for i := range part {
			scans[i].Data = part[i]
		}
		if n := testing.AllocsPerRun(10, func() { dst = v.Verify(dst[:0], scans, list, now) }); n != 0 {
			t.Errorf("a batch of %d with %q: %v allocations, want 0", len(part), part[0], n)
		}
	}
}
