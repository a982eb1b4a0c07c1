package p256_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"passerelle/gateway/sig/p256"
)

// signer is a key with its private half.
type signer struct {
	private *ecdsa.PrivateKey
	key     *p256.Key
}

func newSigner(t testing.TB) signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := p256.NewKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return signer{private, key}
}

// sign returns a job that is to be accepted.
func (s signer) sign(t testing.TB, message uint64) p256.Job {
	t.Helper()
	j := p256.Job{Key: s.key, Digest: sha256.Sum256(binary.BigEndian.AppendUint64(nil, message)), Signature: make([]byte, 64)}
	r, ss, err := ecdsa.Sign(rand.Reader, s.private, j.Digest[:])
	if err != nil {
		t.Fatal(err)
	}
	r.FillBytes(j.Signature[:32])
	ss.FillBytes(j.Signature[32:])
	return j
}

// warm has every key of the jobs used until its table is of the size, and builds it.
func warm(t testing.TB, tables *p256.Tables, v *p256.Verifier, jobs []p256.Job, times int) {
	t.Helper()
	for range times {
		v.Verify(jobs)
		for len(tables.Asked()) > 0 {
			tables.Answer(<-tables.Asked())
		}
	}
}

func TestGoodSignaturesAreAcceptedInBatchesOfEverySize(t *testing.T) {
	t.Parallel()
	tables := p256.NewTables(64 << 20)
	v := p256.NewVerifier(tables)
	var signers []signer
	for range 5 {
		signers = append(signers, newSigner(t))
	}
	var jobs []p256.Job
	for i := range 200 {
		jobs = append(jobs, signers[i%len(signers)].sign(t, uint64(i)))
	}
	for round := range 4 {
		for n := 1; n <= len(jobs); n++ {
			v.Verify(jobs[:n])
			for i, j := range jobs[:n] {
				if j.Result == p256.Refused || j.Result == p256.Undetermined && round > 0 {
					t.Fatalf("round %d: %d of %d: %v", round, i, n, j.Result)
				}
			}
		}
		for len(tables.Asked()) > 0 {
			tables.Answer(<-tables.Asked())
		}
	}
	t.Log(tables.Stats())
}

func BenchmarkBatch64(b *testing.B)          { benchmarkBatch(b, 64, 1) }
func BenchmarkBatch64Of100Keys(b *testing.B) { benchmarkBatch(b, 64, 100) }
func BenchmarkSingle(b *testing.B)           { benchmarkBatch(b, 1, 1) }
func BenchmarkBatch4(b *testing.B)           { benchmarkBatch(b, 4, 1) }
func BenchmarkBatch3(b *testing.B)           { benchmarkBatch(b, 3, 1) }
func BenchmarkBatch5(b *testing.B)           { benchmarkBatch(b, 5, 1) }

func benchmarkBatch(b *testing.B, size, keys int) {
	tables := p256.NewTables(64 << 20)
	v := p256.NewVerifier(tables)
	var signers []signer
	for range keys {
		signers = append(signers, newSigner(b))
	}
	var jobs []p256.Job
	for i := range 1024 {
		jobs = append(jobs, signers[i%keys].sign(b, uint64(i)))
	}
	warm(b, tables, v, jobs, 20)
	b.ReportAllocs()
	b.ResetTimer()
	done := 0
	for b.Loop() {
		at := done % (1024 - size + 1) &^ (size - 1)
		v.Verify(jobs[at : at+size])
		done += size
	}
	for i := range jobs {
		if jobs[i].Result != p256.Accepted {
			b.Fatalf("%d: %v", i, jobs[i].Result)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(done), "ns/signature")
}

func BenchmarkStandard(b *testing.B) {
	s := newSigner(b)
	j := s.sign(b, 1)
	der, _ := s.private.Sign(rand.Reader, j.Digest[:], nil)
	for b.Loop() {
		if !ecdsa.VerifyASN1(&s.private.PublicKey, j.Digest[:], der) {
			b.Fatal()
		}
	}
}
