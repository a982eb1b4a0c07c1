package p256

//lint:file-ignore SA1019 keys that are none can only be made of their coordinates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"math/big"
	"testing"
)

func TestOnlyPointsOnTheCurveAreKeys(t *testing.T) {
	t.Parallel()
	x, y := multipleOfG(t, scalarOf(9700))
	other, err := ecdsa.GenerateKey(elliptic.P384(), nil)
	if err != nil {
		t.Fatal(err)
	}
	plus := func(x *big.Int, n *big.Int) *big.Int { return new(big.Int).Add(x, n) }
	for _, tt := range []struct {
		name string
		key  *ecdsa.PublicKey
	}{
		{"nil", nil},
		{"zero", new(ecdsa.PublicKey)},
		{"P-384", &other.PublicKey},
		{"infinity", &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int), Y: new(big.Int)}},
		{"off the curve", &ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: plus(y, big.NewInt(1))}},
		{"coordinates exchanged", &ecdsa.PublicKey{Curve: elliptic.P256(), X: y, Y: x}},
		{"x + p", &ecdsa.PublicKey{Curve: elliptic.P256(), X: plus(x, bigP), Y: y}},
		{"y + p", &ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: plus(y, bigP)}},
		{"x = p", &ecdsa.PublicKey{Curve: elliptic.P256(), X: bigP, Y: y}},
		{"-x", &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).Neg(x), Y: y}},
		{"257 bits", &ecdsa.PublicKey{Curve: elliptic.P256(), X: plus(x, new(big.Int).Lsh(big.NewInt(1), 256)), Y: y}},
		{"other parameters", &ecdsa.PublicKey{Curve: elliptic.P256().Params(), X: x, Y: y}},
	} {
		k, err := NewKey(tt.key)
		if !errors.Is(err, ErrKey) || k != nil {
			t.Errorf("%s: got %v, %v, want no key and ErrKey", tt.name, k, err)
		}
	}
	k, err := NewKey(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := k.point.big(), (bigPoint{x, y}); !got.equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAKeyAsksAtItsSecondUse(t *testing.T) {
	t.Parallel()
	tables := NewTables(MinLimit)
	v := NewVerifier(tables)
	key := newKnown(t, scalarOf(9800))
	k, err := NewKey(key.public)
	if err != nil {
		t.Fatal(err)
	}
	tr := key.good(t, 0, 1)
	tr.job.Key = k
	jobs := []Job{tr.job}
	for use := range largeUses + 10 {
		v.Verify(jobs)
		want := Accepted
		if use < smallUses {
			want = Undetermined
		}
		if jobs[0].Result != want {
			t.Fatalf("use %d: got %v, want %v", use+1, jobs[0].Result, want)
		}
		if asked := len(tables.Asked()); asked != int(oneIf(use+1 == smallUses))+int(oneIf(use+1 == largeUses)) {
			t.Fatalf("use %d: %d keys ask", use+1, asked)
		}
		for len(tables.Asked()) > 0 {
			tables.Answer(<-tables.Asked())
		}
	}
	if got := tables.Stats(); got.Small != 0 || got.Large != 1 || got.Built != 2 || got.Failed != 0 {
		t.Errorf("got %+v, want one large table, and two built", got)
	}
}

func TestAKeyAsksOnceUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	tables := NewTables(MinLimit)
	keys := manyKeys(t)[:300] // more than the builder lets wait
	for _, k := range keys {
		for range 1000 {
			tables.use(k)
		}
	}
	if got := len(tables.Asked()); got != cap(tables.asked) {
		t.Errorf("%d keys ask, want %d", got, cap(tables.asked))
	}
	seen := make(map[*Key]bool)
	for len(tables.Asked()) > 0 {
		k := <-tables.Asked()
		if seen[k] {
			t.Fatal("a key asks twice")
		}
		seen[k] = true
		tables.Answer(k)
	}
	for _, k := range keys {
		if !seen[k] {
			tables.use(k)
		}
	}
	if got := len(tables.Asked()); got != len(keys)-len(seen) {
		t.Errorf("%d of the %d keys that nobody had time for ask again", got, len(keys)-len(seen))
	}
}

// TestAnswersInAnyOrderKeepTheAccounts answers keys that asked, or not, once or often.
func TestAnswersInAnyOrderKeepTheAccounts(t *testing.T) {
	t.Parallel()
	w := newTown(t, MinLimit)
	w.keys = w.keys[:60]
	of := uniform(len(w.keys))
	for range 400 / slowness() {
		k := w.keys[of()]
		for range 1 + 5*of() {
			w.tables.use(w.keys[of()])
		}
		w.tables.Answer(k)
		if of()%3 == 0 {
			w.tables.Answer(k)
		}
		got, want := w.tables.Stats(), w.count()
		if got.Small != want.Small || got.Large != want.Large || got.Bytes != want.Bytes || got.Bytes > MinLimit {
			t.Fatalf("Stats says %+v; the keys have %+v", got, want)
		}
	}
}
