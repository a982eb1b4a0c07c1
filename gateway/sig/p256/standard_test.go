package p256

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// relation is a key chosen so that u1·G + u2·Q meets an exception if u1 is this one and u2 is low, alone or with more digits
// above those of low.
type relation struct {
	name    string
	key     *known
	window  uint
	u1, low *big.Int
	free    uint // low is below 2^free
	level   int  // of the tree where low alone meets it; -1 if it does not
	at      int  // the addition, one after the other, that meets it; -1 if none does
}

// deepest is the deepest level of relations: twice 16 terms.
const deepest = 4

// digitsOf returns the sum of n digits, none of them 0, with their windows, and the digits; which says which.
func digitsOf(n int, window uint, which uint64) (x *big.Int, each []*big.Int) {
	x = new(big.Int)
	half := uint64(1) << (window - 1)
	for i := range n {
		d := new(big.Int).SetUint64(1 + pseudorandom(which+uint64(i)).Uint64()%(half-1)) // below half, so no carry
		d.Lsh(d, window*uint(i))
		each = append(each, d)
		x.Add(x, d)
	}
	return x, each
}

func newRelation(t testing.TB, name string, window uint, u1, low, d *big.Int) relation {
	t.Helper()
	r := relation{name: name, window: window, u1: u1, low: low, key: newKnown(t, over(d, low))}
	r.free = window * ((uint(low.BitLen()) + window - 1) / window)
	r.level, r.at = r.key.meets(u1, low, window)
	return r
}

// trial returns one with a signature that is good, unless the sum is infinity.
func (r *relation) trial(t testing.TB, u2 *big.Int) trial {
	t.Helper()
	e, x, s := r.key.made(t, r.u1, u2)
	return r.key.trial(t, r.window, numberBytes(e), joined(x, s))
}

// forged returns one with the same sum and another r, that is bad.
func (r *relation) forged(t testing.TB, u2 *big.Int) trial {
	t.Helper()
	x := scalarOf(600)
	s := over(x, u2)
	return r.key.trial(t, r.window, numberBytes(times(r.u1, s)), joined(x, s))
}

// relations are of all kinds, and for both signs: a doubling, and a sum infinity.
func relations(t testing.TB) []relation {
	t.Helper()
	var all []relation
	for _, negative := range []bool{false, true} {
		signed := func(x *big.Int) *big.Int {
			if negative {
				return minus(x)
			}
			return x
		}
		for level := range deepest + 1 {
			u1, _ := digitsOf(1<<level, generatorWindow, 100+uint64(level))
			for _, window := range []uint{smallWindow, largeWindow} {
				low, _ := digitsOf(1<<level, window, 200+uint64(level))
				r := newRelation(t, fmt.Sprintf("at level %d, window %d", level, window), window, u1, low, signed(u1))
				if r.level != level {
					t.Fatalf("%s: meets an exception at level %d", r.name, r.level)
				}
				all = append(all, r)
			}
			r := newRelation(t, fmt.Sprintf("after %d additions", 1<<level-1), largeWindow, u1, big.NewInt(1), signed(u1))
			if r.at != 1<<level-1 {
				t.Fatalf("%s: meets an exception after %d additions", r.name, r.at)
			}
			all = append(all, r)
		}
		all = append(all, laneRelations(t, signed)...)
	}
	u1, each := digitsOf(15, generatorWindow, 500) // so that the key's first comes into the last lane
	others := new(big.Int).Sub(u1, each[7])
	d := modN(new(big.Int).Sub(others, each[7]))
	return append(all, newRelation(t, "between seven lanes and the last", smallWindow, u1, big.NewInt(1), d))
}

// laneRelations meet exceptions when terms are summed up in eight lanes, and the lanes then; not in other orders.
func laneRelations(t testing.TB, signed func(*big.Int) *big.Int) []relation {
	t.Helper()
	var all []relation
	for _, digits := range []int{8, 9, 15, 16, 17} { // the key's first comes into the lane of these many, modulo eight
		u1, each := digitsOf(digits, generatorWindow, 300)
		lane := new(big.Int)
		for i := digits % 8; i < digits; i += 8 {
			lane.Add(lane, each[i])
		}
		all = append(all, newRelation(t, fmt.Sprintf("within lane %d, after %d digits", digits%8, digits), smallWindow, u1, big.NewInt(1), signed(lane)))
	}
	u1, each := digitsOf(9, generatorWindow, 400) // so that the key's first comes into the second lane
	first := new(big.Int).Add(each[0], each[8])
	d := modN(new(big.Int).Sub(signed(first), each[1]))
	all = append(all, newRelation(t, "between the first lane and the second", smallWindow, u1, big.NewInt(1), d))
	for _, r := range all {
		if r.level >= 0 || r.at >= 0 {
			t.Fatalf("%s: meets an exception in another order too: level %d, after %d additions", r.name, r.level, r.at)
		}
	}
	return all
}

// ring is the keys that trials are made with.
type ring struct {
	keys      []*known
	relations []relation
}

func newRing(t testing.TB) *ring {
	t.Helper()
	r := new(ring)
	add := func(d *big.Int) {
		r.keys = append(r.keys, newKnown(t, d), newKnown(t, minus(d)))
	}
	for _, d := range []int64{1, 2, 3, 5, 16, 128, 1 << (generatorWindow - 1)} { // Q is an entry of G's table
		add(big.NewInt(d))
	}
	for _, window := range []uint{generatorWindow, largeWindow, smallWindow} {
		for _, i := range []int{1, digits(window) / 2, digits(window) - 1} {
			add(new(big.Int).Lsh(big.NewInt(1), window*uint(i)))
		}
	}
	for n := range uint64(8) {
		r.keys = append(r.keys, newKnown(t, scalarOf(n)))
	}
	r.relations = relations(t)
	return r
}

// choices turns bytes into decisions; when they run out, all decisions are 0.
type choices struct{ bytes []byte }

func (c *choices) next() uint64 {
	if len(c.bytes) == 0 {
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return uint64(b)
}

func (c *choices) pick(n int) int { return int(c.next()) % n }

// number chooses a number below 2²⁵⁶, more often than not one where something changes.
func (c *choices) number() *big.Int {
	shifted := func(m *big.Int) *big.Int { // m ± a little, which must not leave the range
		x := new(big.Int).Add(m, big.NewInt(int64(c.next())-128))
		return x.Mod(x, new(big.Int).Lsh(big.NewInt(1), 256))
	}
	power := func() *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(c.next())) }
	switch c.pick(20) {
	case 0:
		return new(big.Int)
	case 1:
		return big.NewInt(1)
	case 2:
		return new(big.Int).Sub(bigN, big.NewInt(1))
	case 3:
		return new(big.Int).Set(bigN)
	case 4:
		return new(big.Int).Add(bigN, big.NewInt(1))
	case 5:
		return new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	case 6:
		return shifted(bigP)
	case 7:
		return shifted(bigN)
	case 8:
		return shifted(bigOf(halfOrder))
	case 9:
		return shifted(new(big.Int).Sub(bigP, bigN)) // r + n is below p up to here
	case 10:
		return power()
	case 11:
		return new(big.Int).Sub(bigN, new(big.Int).Mod(power(), bigN))
	case 12:
		return new(big.Int).SetUint64(c.next())
	case 13:
		return c.halves()
	case 14, 15:
		return c.sparse()
	case 16:
		x := new(big.Int)
		for range 32 {
			x.Lsh(x, 8).Add(x, new(big.Int).SetUint64(c.next()))
		}
		return x
	}
	return pseudorandom(c.next()<<8 | c.next())
}

// halves chooses a number of digits that are all half of their range, where the sign of a digit changes, or one above.
func (c *choices) halves() *big.Int {
	window := []uint{smallWindow, largeWindow, generatorWindow}[c.pick(3)]
	more := int64(c.pick(2))
	x := new(big.Int)
	for range c.pick(digits(window)) {
		x.Lsh(x, window).Add(x, big.NewInt(1<<(window-1)+more))
	}
	return x.Mod(x, new(big.Int).Lsh(big.NewInt(1), 256))
}

// sparse chooses a number most of whose digits are 0.
func (c *choices) sparse() *big.Int {
	window := []uint{smallWindow, largeWindow, generatorWindow}[c.pick(3)]
	x := new(big.Int)
	for range 1 + c.pick(5) {
		d := new(big.Int).SetUint64(c.next())
		x.Xor(x, d.Lsh(d, window*uint(c.pick(digits(window)))))
	}
	return x.Mod(x, bigN)
}

// digest chooses one of the two numbers of 256 bits that e is the rest of.
func (c *choices) digest(e *big.Int) [DigestSize]byte {
	if x := new(big.Int).Add(e, bigN); c.pick(2) == 1 && x.BitLen() <= 256 {
		return numberBytes(x)
	}
	return numberBytes(e)
}

// trial chooses a key and a signature.
func (c *choices) trial(t testing.TB, r *ring) trial {
	t.Helper()
	window := []uint{smallWindow, largeWindow, smallWindow, largeWindow, smallWindow, largeWindow, smallWindow, 0}[c.pick(8)]
	key := r.keys[c.pick(len(r.keys))]
	var u1, u2 *big.Int
	switch c.pick(8) {
	case 0: // anything
		return key.trial(t, window, numberBytes(c.number()), joined(c.number(), c.number()))
	case 1: // u1·G = ±u2·Q
		u2 = modN(c.number())
		if u1 = times(u2, key.d); c.pick(2) == 1 {
			u1 = minus(u1)
		}
	case 2, 3, 4: // the two meet on the way
		rel := &r.relations[c.pick(len(r.relations))]
		key, u1 = rel.key, rel.u1
		if window != 0 {
			window = rel.window
		}
		u2 = new(big.Int).Lsh(c.number(), rel.free)
		u2 = modN(u2.Add(u2, rel.low))
		if c.pick(2) == 1 {
			u2 = rel.low
		}
		if window != 0 && u2.Sign() != 0 && c.pick(4) == 1 {
			return rel.forged(t, u2)
		}
	default:
		u1, u2 = modN(c.number()), modN(c.number())
	}
	if u2.Sign() == 0 {
		u2 = big.NewInt(1)
	}
	e, x, s := key.made(t, u1, u2)
	tr := key.trial(t, window, c.digest(e), joined(x, s))
	if tr.job.Key != nil && tr.valid != (modN(new(big.Int).Add(u1, times(u2, key.d))).Sign() != 0) {
		t.Fatalf("crypto/ecdsa gives %v for a signature made of u1 = %x, u2 = %x, d = %x", tr.valid, u1, u2, key.d)
	}
	return c.mutate(t, key, window, tr)
}

// mutate leaves a trial as it is, or changes its signature.
func (c *choices) mutate(t testing.TB, key *known, window uint, tr trial) trial {
	t.Helper()
	digest := tr.job.Digest
	r, s := new(big.Int).SetBytes(tr.job.Signature[:32]), new(big.Int).SetBytes(tr.job.Signature[32:])
	switch c.pick(16) {
	case 1:
		s.Sub(bigN, s) // as good
	case 2:
		digest[c.pick(DigestSize)] ^= 1 << c.pick(8)
	case 3:
		r.SetBit(r, int(c.next()), 1)
	case 4:
		s.SetBit(s, int(c.next()), 1)
	case 5:
		r, s = s, r
	case 6:
		r.Mod(r.Add(r, bigN), new(big.Int).Lsh(big.NewInt(1), 256))
	case 7:
		r = c.number()
	case 8:
		s = c.number()
	case 9:
		return key.trial(t, window, digest, tr.job.Signature[:c.pick(SignatureSize)])
	case 10:
		return key.trial(t, window, digest, append(tr.job.Signature, byte(c.next())))
	case 11:
		return trial{job: Job{Digest: digest, Signature: tr.job.Signature}, must: true} // no key at all
	default:
		return tr
	}
	return key.trial(t, window, digest, joined(r, s))
}

// batch chooses trials to be verified together.
func (c *choices) batch(t testing.TB, r *ring) []trial {
	t.Helper()
	n := 1 + c.pick(12)
	if c.pick(16) == 15 {
		n += Block - 6
	}
	var trials []trial
	for len(trials) < n {
		if copied := c.pick(4); len(trials) > 0 && (copied == 0 || len(trials) >= 16) {
			trials = append(trials, trials[c.pick(len(trials))])
			continue
		}
		trials = append(trials, c.trial(t, r))
	}
	return trials
}

// seeds are random choices.
func seeds(n, size int) [][]byte {
	random := rand.New(rand.NewPCG(7, 8))
	all := make([][]byte, n)
	for i := range all {
		b := make([]byte, size)
		for j := range b {
			b[j] = byte(random.Uint32())
		}
		all[i] = b
	}
	return all
}

func TestVerdictsAreThoseOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	var batches [][]trial
	var total, valid, open int
	for _, b := range seeds(600/slowness()+20, 500) {
		trials := (&choices{b}).batch(t, r)
		batches = append(batches, trials)
		for i := range trials {
			total++
			valid += int(oneIf(trials[i].valid))
			open += int(oneIf(trials[i].open))
		}
	}
	for name, v := range verifiers() {
		undetermined := 0
		for _, trials := range batches {
			judge(t, v, trials)
			for i := range trials {
				undetermined += int(oneIf(trials[i].open && trials[i].job.Result == Undetermined))
			}
		}
		t.Logf("%s: %d signatures: %d are good; %d may meet an exception, %d did", name, total, valid, open, undetermined)
		if valid < total/10 || valid > total*9/10 || open < total/20 || undetermined == 0 {
			t.Error("that is too one-sided to show anything")
		}
	}
}

func oneIf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func FuzzAgainstStandard(f *testing.F) {
	for _, b := range seeds(40, 300) {
		f.Add(b)
	}
	r, all := newRing(f), verifiers()
	f.Fuzz(func(t *testing.T, b []byte) {
		trials := (&choices{b}).batch(t, r)
		for _, v := range all {
			judge(t, v, trials)
		}
	})
}

func TestRandomSignaturesAreNeverUndetermined(t *testing.T) {
	t.Parallel()
	for _, window := range []uint{smallWindow, largeWindow} {
		key := newKnown(t, scalarOf(1000))
		var trials []trial
		for n := range uint64(512 / slowness()) {
			trials = append(trials, key.good(t, window, n), key.bad(t, window, n))
		}
		for _, tr := range trials {
			if tr.open {
				t.Fatalf("signature %x meets an exception: chance does not do that", tr.job.Signature)
			}
		}
		for _, v := range verifiers() {
			judge(t, v, trials)
			for i := range trials {
				judge(t, v, trials[i:i+1])
			}
		}
	}
}

// TestSumsThatMeetAnExceptionAreUndetermined shows for each relation that what it is made for happens; vectors may sum up in
// another order, and so come to a result.
func TestSumsThatMeetAnExceptionAreUndetermined(t *testing.T) {
	t.Parallel()
	all := verifiers()
	key := newKnown(t, scalarOf(2000))
	var ordinary []trial
	for n := range uint64(Block) {
		ordinary = append(ordinary, key.good(t, []uint{smallWindow, largeWindow}[n%2], n%16))
	}
	for _, rel := range relations(t) {
		for _, more := range []*big.Int{new(big.Int), new(big.Int).Lsh(big.NewInt(5), 200), new(big.Int).Lsh(scalarOf(2001), rel.free)} {
			u2 := new(big.Int).Mod(more, new(big.Int).Lsh(big.NewInt(1), 250))
			u2.Add(u2, rel.low)
			level, addition := rel.key.meets(rel.u1, u2, rel.window)
			for _, tr := range []trial{rel.trial(t, u2), rel.forged(t, u2)} {
				for _, batch := range []struct {
					size int
					met  bool
				}{{1, addition >= 0}, {treeFrom, level >= 0}, {Block, level >= 0}} {
					trials := append([]trial{tr}, ordinary[:batch.size-1]...)
					for name, v := range all {
						judge(t, v, trials)
						undetermined := trials[0].job.Result == Undetermined
						if name == "plain" && undetermined != batch.met || undetermined && !batch.met {
							t.Errorf("%s: %s, u2 = %x, in a batch of %d: undetermined %v, but an exception met %v",
								name, rel.name, u2, batch.size, undetermined, batch.met)
						}
					}
				}
			}
		}
	}
}
