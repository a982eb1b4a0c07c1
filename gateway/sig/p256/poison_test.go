package p256

import (
	"math/big"
	"testing"
)

// poison is a signature that must not change what comes out for others in its batch.
type poison struct {
	name  string
	trial trial
}

// poisons are all kinds that a batch has to deal with.
func poisons(t testing.TB) []poison {
	t.Helper()
	key := newKnown(t, scalarOf(8000))
	good := key.good(t, largeWindow, 1).job
	r, s := new(big.Int).SetBytes(good.Signature[:32]), new(big.Int).SetBytes(good.Signature[32:])
	zero, highest := new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	all := []poison{{"another digest", key.bad(t, smallWindow, 2)}}
	signed := func(name string, signature []byte) {
		all = append(all, poison{name, key.trial(t, largeWindow, good.Digest, signature)})
	}
	signed("another s", joined(r, new(big.Int).Sub(s, big.NewInt(1))))
	signed("r = 0", joined(zero, s))
	signed("s = 0", joined(r, zero))
	signed("both 0", joined(zero, zero))
	signed("r = n", joined(bigN, s))
	signed("s = n", joined(r, bigN))
	signed("both 2²⁵⁶-1", joined(highest, highest))
	signed("63 bytes", good.Signature[:63])
	signed("65 bytes", append(joined(r, s), 0))
	signed("no signature", nil)
	all = append(all,
		poison{"a key without a table", key.trial(t, 0, good.Digest, good.Signature)},
		poison{"no key", trial{job: Job{Digest: good.Digest, Signature: good.Signature}, must: true}})

	exception := func(name string, k *known, window uint, u1, u2 *big.Int) {
		t.Helper()
		e, r, s := k.made(t, u1, u2)
		tr := k.trial(t, window, numberBytes(e), joined(r, s))
		if !tr.open {
			t.Fatalf("%s: meets no exception", name)
		}
		all = append(all, poison{name, tr})
	}
	for _, rel := range relations(t) {
		all = append(all, poison{rel.name, rel.trial(t, rel.low)})
	}
	u := scalarOf(8001)
	exception("the sum infinity", key, largeWindow, minus(times(u, key.d)), u)
	exception("G and G", newKnown(t, big.NewInt(1)), smallWindow, big.NewInt(1), big.NewInt(1))
	return all
}

func TestAPoisonedSignatureChangesNoOther(t *testing.T) {
	t.Parallel()
	kinds := poisons(t)
	one, other := newKnown(t, scalarOf(8100)), newKnown(t, scalarOf(8101))
	var others []trial
	for n := range uint64(12) {
		others = append(others, one.good(t, largeWindow, n), other.bad(t, smallWindow, n), other.good(t, smallWindow, n))
	}
	stride := slowness()
	for name, v := range verifiers() {
		// put verifies a batch with a poison at a position.
		put := func(kind, size, at int) {
			t.Helper()
			batch := make([]trial, size)
			for i := range batch {
				batch[i] = others[(i+size)%len(others)]
			}
			batch[at] = kinds[kind].trial
			judge(t, v, batch)
			if t.Failed() {
				t.Fatalf("%s: %s at %d of %d", name, kinds[kind].name, at, size)
			}
		}
		for size := 1; size <= Block; size++ {
			for at := (size - 1) % stride; at < size; at += stride {
				put((size+at)%len(kinds), size, at)
			}
		}
		for _, size := range []int{Block + 1, 2*Block + 2} {
			for at := 0; at < size; at += 2*stride - 1 {
				put(at%len(kinds), size, at)
			}
		}
		for kind := range kinds {
			for _, at := range []int{0, 1, 7, 8, Block - 2, Block - 1} {
				put(kind, Block, at)
			}
		}
	}
}

// TestABatchOfPoisonsAlone has nobody left to share an inversion with.
func TestABatchOfPoisonsAlone(t *testing.T) {
	t.Parallel()
	for _, v := range verifiers() {
		var all []trial
		for _, kind := range poisons(t) {
			all = append(all, kind.trial)
			batch := make([]trial, Block)
			for i := range batch {
				batch[i] = kind.trial
			}
			for _, size := range []int{1, 2, treeFrom - 1, treeFrom, treeFrom + 1, Block} {
				judge(t, v, batch[:size])
			}
		}
		judge(t, v, all)
	}
}
