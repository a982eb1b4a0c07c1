package sig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"testing"
)

// fault is an accelerator that has, for one key, what belongs to another: a table that went bad in memory after its check, or
// arithmetic with a fault that this key meets.
type fault struct {
	*Accelerator
	told    []Difference
	key     Key
	genuine []Job // by key, which the fast path refuses
	forged  []Job // by the other key, which it accepts
}

// algorithms are those that have a fast path.
var algorithms = []Algorithm{ES256, PS256}

func newFault(t *testing.T, alg Algorithm) *fault {
	t.Helper()
	f := new(fault)
	f.Accelerator = NewAccelerator(AcceleratorOptions{Memory: 16 << 20, Differ: func(d Difference) { f.told = append(f.told, d) }})
	right, key := newSigner(t, alg)
	wrong, other := newSigner(t, alg)
	f.key = key
	f.key.fast, f.key.pss = other.fast, other.pss
	for range sampleEvery {
		f.genuine = append(f.genuine, f.job(t, right, alg))
		f.forged = append(f.forged, f.job(t, wrong, alg))
	}
	v := NewVerifier(f.Accelerator)
	for range 3 {
		v.Verify([]Job{f.genuine[0]})
		f.Settle()
	}
	if s := f.Stats(); s.Standard || s.Checked != 0 || s.Tables.Built == 0 && alg == ES256 {
		t.Fatalf("before the first difference: %+v", s)
	}
	return f
}

func newSigner(t *testing.T, alg Algorithm) (crypto.Signer, Key) {
	t.Helper()
	var private crypto.Signer
	var err error
	if alg == PS256 {
		private, err = rsa.GenerateKey(rand.Reader, MinRSABits)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return private, key
}

func (f *fault) job(t *testing.T, private crypto.Signer, alg Algorithm) Job {
	t.Helper()
	j := Job{Key: &f.key, Alg: alg, Message: []byte("shown at a gate")}
	sum := sha256.Sum256(j.Message)
	if alg == PS256 {
		var err error
		if j.Signature, err = private.Sign(rand.Reader, sum[:], pssOptions); err != nil {
			t.Fatal(err)
		}
		return j
	}
	r, s, err := ecdsa.Sign(rand.Reader, private.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	j.Signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return j
}

// wantStandard wants the alarm to have been raised n times, and the standard library to decide.
func (f *fault) wantStandard(t *testing.T, v *Verifier, n int, accepted bool) {
	t.Helper()
	want := slices.Repeat([]Difference{{Key: f.key.Fingerprint(), Accepted: accepted}}, n)
	if s := f.Stats(); !s.Standard || s.Differed != uint64(n) || !slices.Equal(f.told, want) {
		t.Errorf("the guard: %+v, told %+v, want %+v", s, f.told, want)
	}
	jobs := []Job{f.forged[0], f.genuine[0], f.forged[1], f.genuine[1]}
	v.Verify(jobs)
	if jobs[0].OK || !jobs[1].OK || jobs[2].OK || !jobs[3].OK {
		t.Errorf("after the alarm: forged %v and %v, genuine %v and %v", jobs[0].OK, jobs[2].OK, jobs[1].OK, jobs[3].OK)
	}
}

func TestAForgeryThatTheFastPathAcceptsIsNotConfirmed(t *testing.T) {
	t.Parallel()
	for _, alg := range algorithms {
		t.Run(alg.String(), func(t *testing.T) {
			t.Parallel()
			f := newFault(t, alg)
			v := NewVerifier(f.Accelerator)
			jobs := slices.Clone(f.forged[:10])
			v.Verify(jobs)
			if !jobs[9].OK {
				t.Fatal("the fast path has no fault: nothing is tested")
			}
			if v.Recheck(&jobs[9]) {
				t.Error("a forgery is confirmed")
			}
			f.wantStandard(t, v, 1, true)
		})
	}
}

func TestASampleFindsAFaultOfTheFastPath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		jobs     func(*fault) []Job
		accepted bool // by the fast path
	}{
		{"that accepts forgeries", func(f *fault) []Job { return f.forged }, true},
		{"that refuses genuine signatures", func(f *fault) []Job { return f.genuine }, false},
	} {
		for _, alg := range algorithms {
			t.Run(alg.String()+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				f := newFault(t, alg)
				v := NewVerifier(f.Accelerator)
				jobs := slices.Clone(tt.jobs(f))
				v.Verify(jobs[:sampleEvery-1])
				if f.Settle(); jobs[0].OK != tt.accepted || len(f.told) != 0 {
					t.Fatalf("the first %d: verified = %v, told %+v", sampleEvery-1, jobs[0].OK, f.told)
				}
				v.Verify(jobs[sampleEvery-1:])
				if f.Settle(); f.Stats().Checked != 1 {
					t.Errorf("checked: %+v", f.Stats())
				}
				f.wantStandard(t, v, 1, tt.accepted)
			})
		}
	}
}

// TestEachSampleThatDiffersIsTold: those that wait when the alarm is raised are still looked at.
func TestEachSampleThatDiffersIsTold(t *testing.T) {
	t.Parallel()
	for _, alg := range algorithms {
		t.Run(alg.String(), func(t *testing.T) {
			t.Parallel()
			f := newFault(t, alg)
			put := func(j Job, accepted bool) {
				s := sample{key: j.Key, alg: alg, digest: sha256.Sum256(j.Message), size: len(j.Signature), accepted: accepted}
				copy(s.signature[:], j.Signature)
				f.samples <- s
			}
			put(f.genuine[0], true)
			put(f.forged[0], false)
			if f.Settle(); f.Stats().Checked != 2 || f.Stats().Standard || len(f.told) != 0 {
				t.Fatalf("two right samples: %+v, told %+v", f.Stats(), f.told)
			}
			put(f.genuine[1], false)
			put(f.genuine[2], true)
			put(f.genuine[3], false)
			if f.Settle(); f.Stats().Checked != 5 {
				t.Errorf("checked: %+v", f.Stats())
			}
			f.wantStandard(t, NewVerifier(f.Accelerator), 2, false)
		})
	}
}
