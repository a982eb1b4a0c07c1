package sig

import "testing"

// TestAVerifierThatPanickedKeepsNothing: what a panic left of a batch must not be written into the jobs of the next.
func TestAVerifierThatPanickedKeepsNothing(t *testing.T) {
	t.Parallel()
	a := NewAccelerator(AcceleratorOptions{Memory: 16 << 20})
	right, key := newSigner(t, ES256)
	_, rsaKey := newSigner(t, PS256)
	f := &fault{key: key}
	good := f.job(t, right, ES256)
	good.Key = &key
	v := NewVerifier(a)
	for range 3 {
		v.Verify([]Job{good})
		a.Settle()
	}
	_, other := newSigner(t, ES256)
	broken := key
	broken.ec, broken.fast = nil, other.fast // no table: crypto/ecdsa is asked, and panics
	jobs := []Job{good, {Key: &broken, Alg: ES256, Message: good.Message, Signature: good.Signature}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		v.Verify(jobs)
	}()
	broken.ec = key.ec
	jobs = jobs[:1] // the same memory
	jobs[0] = Job{Key: &rsaKey, Alg: PS256, Message: []byte("another"), Signature: make([]byte, rsaKey.sigLen), OK: true}
	if v.Verify(jobs); jobs[0].OK {
		t.Error("a signature of zeros is accepted")
	}
}
