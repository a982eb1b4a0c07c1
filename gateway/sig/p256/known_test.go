package p256

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/big"
	"testing"
	"time"
)

// known is a key whose private half d is known, so that where its sums meet an exception can be told from multiples of the
// generator, as numbers modulo n.
type known struct {
	d      *big.Int
	public *ecdsa.PublicKey
	keys   map[uint]*Key // by the window of their table; 0: none
}

func newKnown(t testing.TB, d *big.Int) *known {
	t.Helper()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return &known{d, &private.PublicKey, make(map[uint]*Key)}
}

// key returns the key with a table of that window, or without any for 0.
func (k *known) key(t testing.TB, window uint) *Key {
	t.Helper()
	if k.keys[window] == nil {
		k.keys[window] = keyWith(t, k.public, window)
	}
	return k.keys[window]
}

// keyWith makes a Key with a table of that window, or without any for 0. It never asks for another.
func keyWith(t testing.TB, public *ecdsa.PublicKey, window uint) *Key {
	t.Helper()
	k, err := NewKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if window != 0 {
		k.table.Store(newTable(&k.point, window))
	}
	k.asks.Store(math.MaxUint64)
	return k
}

// pseudorandom returns a number below 2²⁵⁶ that n stands for.
func pseudorandom(n uint64) *big.Int {
	h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("p256"), n))
	return new(big.Int).SetBytes(h[:])
}

// scalarOf returns such a number from 1 to n-1.
func scalarOf(n uint64) *big.Int {
	x := new(big.Int).Mod(pseudorandom(n), new(big.Int).Sub(bigN, big.NewInt(1)))
	return x.Add(x, big.NewInt(1))
}

func modN(x *big.Int) *big.Int { return x.Mod(x, bigN) }

// times returns x·y mod n.
func times(x, y *big.Int) *big.Int { return modN(new(big.Int).Mul(x, y)) }

// over returns x/y mod n.
func over(x, y *big.Int) *big.Int { return times(x, new(big.Int).ModInverse(y, bigN)) }

func minus(x *big.Int) *big.Int { return modN(new(big.Int).Neg(x)) }

// multipleOfG returns the coordinates of k·G, for k from 1 to n-1.
func multipleOfG(t testing.TB, k *big.Int) (x, y *big.Int) {
	t.Helper()
	private, err := ecdh.P256().NewPrivateKey(k.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	b := private.PublicKey().Bytes()
	return new(big.Int).SetBytes(b[1:33]), new(big.Int).SetBytes(b[33:])
}

// joined returns r‖s.
func joined(r, s *big.Int) []byte {
	b := make([]byte, SignatureSize)
	r.FillBytes(b[:32])
	s.FillBytes(b[32:])
	return b
}

// made returns what to sign and a signature, good unless u1·G + u2·Q is infinity, for which these are u1 and u2 (not 0).
func (k *known) made(t testing.TB, u1, u2 *big.Int) (e, r, s *big.Int) {
	t.Helper()
	r = modN(new(big.Int).Add(u1, times(u2, k.d)))
	if r.Sign() != 0 {
		r, _ = multipleOfG(t, r)
		modN(r)
	}
	if r.Sign() == 0 {
		r = big.NewInt(7)
	}
	s = over(r, u2)
	return times(u1, s), r, s
}

// meets says where the sum of a signature comes upon two points with one x coordinate: at which level of the tree, and at which
// of the additions of a signature alone; -1 if it does not.
func (k *known) meets(u1, u2 *big.Int, window uint) (level, addition int) {
	values := append(multiples(u1, generatorWindow, big.NewInt(1)), multiples(u2, window, k.d)...)
	addition = -1
	if len(values) == 0 {
		return -1, -1
	}
	total := new(big.Int).Set(values[0])
	for i, x := range values[1:] {
		if sameX(total, x) {
			addition = i
			break
		}
		modN(total.Add(total, x))
	}
	for level = 0; len(values) > 1; level++ {
		var sums []*big.Int
		for i := 0; i+1 < len(values); i += 2 {
			if sameX(values[i], values[i+1]) {
				return level, addition
			}
			sums = append(sums, modN(new(big.Int).Add(values[i], values[i+1])))
		}
		values = append(sums, values[len(values)&^1:]...)
	}
	return -1, addition
}

// multiples returns the terms of u·P as multiples of the generator, where P is d of it.
func multiples(u *big.Int, window uint, d *big.Int) []*big.Int {
	var terms [maxTerms]term
	var values []*big.Int
	for _, n := range terms[:recode(terms[:], scalar(numberOf(u)), window)] {
		values = append(values, times(termValue(n, window), d))
	}
	return values
}

// termValue returns the multiple of its table's point that a term names.
func termValue(n term, window uint) *big.Int {
	each := uint(1) << (window - 1)
	index := uint(n >> 1)
	x := new(big.Int).Lsh(big.NewInt(int64(index%each)+1), window*(index/each))
	if n&1 != 0 {
		x.Neg(x)
	}
	return x
}

func sameX(x, y *big.Int) bool {
	return x.Cmp(y) == 0 || new(big.Int).Add(x, y).Cmp(bigN) == 0
}

// standard is what crypto/ecdsa says of a signature.
func standard(public *ecdsa.PublicKey, digest [DigestSize]byte, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	return ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// trial is a job and what may come out.
type trial struct {
	job   Job
	valid bool // crypto/ecdsa accepts it
	open  bool // Undetermined is right, for the sum meets an exception
	must  bool // Undetermined alone is right, for there is no table
}

// trial makes one for a key with a table of that window.
func (k *known) trial(t testing.TB, window uint, digest [DigestSize]byte, signature []byte) trial {
	t.Helper()
	tr := trial{
		job:   Job{Key: k.key(t, window), Digest: digest, Signature: signature},
		valid: standard(k.public, digest, signature), must: window == 0,
	}
	if tr.must || len(signature) != SignatureSize {
		return tr
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if r.Sign() == 0 || s.Sign() == 0 || r.Cmp(bigN) >= 0 || s.Cmp(bigN) >= 0 {
		return tr
	}
	level, addition := k.meets(over(new(big.Int).SetBytes(digest[:]), s), over(r, s), window)
	tr.open = level >= 0 || addition >= 0
	return tr
}

// good returns a trial with a good signature of what n stands for; it meets no exception.
func (k *known) good(t testing.TB, window uint, n uint64) trial {
	t.Helper()
	e, r, s := k.made(t, scalarOf(2*n), scalarOf(2*n+1))
	return k.trial(t, window, numberBytes(e), joined(r, s))
}

// bad returns a trial with a signature of something else.
func (k *known) bad(t testing.TB, window uint, n uint64) trial {
	t.Helper()
	e, r, s := k.made(t, scalarOf(2*n), scalarOf(2*n+1))
	digest := numberBytes(e)
	digest[n%DigestSize] ^= 1 << (n % 8)
	return k.trial(t, window, digest, joined(r, s))
}

func numberBytes(x *big.Int) [32]byte { return [32]byte(x.FillBytes(make([]byte, 32))) }

// judge verifies trials together and reports results that are not right.
func judge(t testing.TB, v *Verifier, trials []trial) {
	t.Helper()
	jobs := make([]Job, len(trials))
	for i := range trials {
		jobs[i] = trials[i].job
		jobs[i].Signature = bytes.Clone(jobs[i].Signature)
		jobs[i].Result = Result(i % 3) // whatever was there before
	}
	v.Verify(jobs)
	for i := range trials {
		tr, got := &trials[i], &jobs[i]
		if got.Key != tr.job.Key || got.Digest != tr.job.Digest || !bytes.Equal(got.Signature, tr.job.Signature) {
			t.Fatalf("%d of %d: the job changed from %+v to %+v", i, len(jobs), tr.job, *got)
		}
		if why := tr.wrong(got.Result); why != "" {
			t.Fatalf("%d of %d, digest %x, signature %x: %s", i, len(jobs), tr.job.Digest, tr.job.Signature, why)
		}
		tr.job.Result = got.Result
	}
}

// wrong says what is wrong about a result; nothing is "".
func (tr *trial) wrong(got Result) string {
	switch {
	case got == Undetermined && !tr.open && !tr.must:
		return "undetermined, without an exception"
	case got != Undetermined && tr.must:
		return "determined, without a table"
	case got == Accepted && !tr.valid:
		return "accepted, against crypto/ecdsa"
	case got == Refused && tr.valid:
		return "refused, against crypto/ecdsa"
	case got > Accepted:
		return "no result at all"
	}
	return ""
}

// verifiers are one for each way of summing up that this processor and build have.
func verifiers() map[string]*Verifier {
	plain := NewVerifier(NewTables(MinLimit))
	if !dropVectors(plain) {
		return map[string]*Verifier{"plain": plain}
	}
	return map[string]*Verifier{"plain": plain, "vectors": NewVerifier(NewTables(MinLimit))}
}

// slowness is how many times as long this machine takes as a fast one, at least 1 and at most 50: an emulated one, or one
// under the race detector, does fewer of the same.
func slowness() int {
	least := time.Hour
	for range 3 {
		start := time.Now()
		newTable(&generator, smallWindow)
		least = min(least, time.Since(start))
	}
	return int(min(max(least/(700*time.Microsecond), 1), 50))
}
