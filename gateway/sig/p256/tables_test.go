package p256

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"weak"
)

// publicKeys are as many as a trust list of many countries has, fewer on a slow machine.
var publicKeys = sync.OnceValues(func() (all []*ecdsa.PublicKey, err error) {
	for n := range uint64(max(3000/slowness(), 400)) {
		d := numberBytes(scalarOf(5000 + n))
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
		if err != nil {
			return nil, err
		}
		all = append(all, &private.PublicKey)
	}
	return all, nil
})

func manyKeys(t testing.TB) []*Key {
	t.Helper()
	all, err := publicKeys()
	if err != nil {
		t.Fatal(err)
	}
	keys := make([]*Key, len(all))
	for i, public := range all {
		if keys[i], err = NewKey(public); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// town is Tables, and the keys that are used there.
type town struct {
	tables *Tables
	limit  int64
	keys   []*Key
	uses   int
	slots  uint64 // small tables that there is room for
}

func newTown(t testing.TB, limit int64) *town {
	t.Helper()
	w := &town{tables: NewTables(limit), limit: limit, keys: manyKeys(t)}
	w.slots = uint64(limit-tableBytes(generatorWindow)) / uint64(tableBytes(smallWindow))
	return w
}

// mostBuilt is how many tables may be built for so many uses: what there is room for, and one for every hundred uses. More
// would cost more than the tables save: one takes as long to build as some ten signatures by crypto/ecdsa.
func (w *town) mostBuilt() uint64 { return w.slots + uint64(w.uses)/100 }

// use uses keys, and answers those that ask at once. It stops when too many tables were built, or memory is above the limit.
func (w *town) use(t testing.TB, uses int, next func() int) bool {
	t.Helper()
	for range uses {
		w.tables.count(1)
		w.tables.use(w.keys[next()])
		w.uses++
		for len(w.tables.Asked()) > 0 {
			w.tables.Answer(<-w.tables.Asked())
			s := w.tables.Stats()
			if s.Bytes > w.limit {
				t.Errorf("after %d uses: got %d bytes, want at most %d", w.uses, s.Bytes, w.limit)
				return false
			}
			if s.Built > w.mostBuilt() {
				t.Errorf("%d tables built for %d uses of %d keys, want at most %d", s.Built, w.uses, len(w.keys), w.mostBuilt())
				return false
			}
		}
	}
	return true
}

// count returns the tables that keys have: small, large, and their bytes with the generator's.
func (w *town) count() Stats {
	s := Stats{Bytes: int64(len(w.tables.generator.points)) * pointBytes}
	for _, k := range w.keys {
		if t := k.table.Load(); t != nil {
			s.Bytes += int64(len(t.points)) * pointBytes
			if t.window == largeWindow {
				s.Large++
			} else {
				s.Small++
			}
		}
	}
	return s
}

// rotation uses one key after the other, uniform any, and zipf few of them most of the time.
func rotation(keys int) func() int {
	at := -1
	return func() int {
		at = (at + 1) % keys
		return at
	}
}

func uniform(keys int) func() int {
	random := rand.New(rand.NewPCG(11, 12))
	return func() int { return random.IntN(keys) }
}

func zipf(keys int) func() int {
	z := rand.NewZipf(rand.New(rand.NewPCG(13, 14)), 1.1, 1, uint64(keys-1))
	return func() int { return int(z.Uint64()) }
}

func TestTablesStayWithinTheirLimitAndAreNotRebuiltForEver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		limit int64
		next  func(int) func() int
		least int // tables in the end
	}{
		{"least limit, rotation", MinLimit, rotation, 20},
		{"least limit, uniform", MinLimit, uniform, 20},
		{"least limit, Zipf", MinLimit, zipf, 20},
		{"24 MiB, rotation", 24 << 20, rotation, 100},
		{"24 MiB, uniform", 24 << 20, uniform, 100},
		{"24 MiB, Zipf", 24 << 20, zipf, 100},
		{"64 MiB, Zipf", 64 << 20, zipf, 300},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, tt.limit)
			w.use(t, 4*halfLife, tt.next(len(w.keys)))
			got, want := w.tables.Stats(), w.count()
			if got.Small != want.Small || got.Large != want.Large || got.Bytes != want.Bytes || got.Failed != 0 {
				t.Errorf("Stats says %+v; the keys have %+v", got, want)
			}
			if got.Small+got.Large < tt.least {
				t.Errorf("%d tables, want at least %d", got.Small+got.Large, tt.least)
			}
			t.Logf("%d uses of %d keys: %+v", w.uses, len(w.keys), got)
		})
	}
}

// TestPopularKeysHaveLargeTables has the keys of one day, and then those of another, be the popular ones.
func TestPopularKeysHaveLargeTables(t *testing.T) {
	t.Parallel()
	w := newTown(t, 24<<20)
	rank := zipf(len(w.keys))
	for _, of := range []struct {
		day string
		key func(rank int) int
	}{
		{"yesterday", func(rank int) int { return rank }},
		{"today", func(rank int) int { return len(w.keys) - 1 - rank }},
	} {
		if !w.use(t, 4*halfLife, func() int { return of.key(rank()) }) {
			return
		}
		for i := range 10 {
			if has := w.keys[of.key(i)].table.Load(); has == nil || has.window != largeWindow {
				t.Errorf("%s: the %d. of %d keys in popularity has no large table after %d uses", of.day, i+1, len(w.keys), w.uses)
			}
		}
	}
}

// TestAKeyThatIsTurnedAwayTakesNoTableAway has a key ask for a large table, for which not enough others may have to go.
func TestAKeyThatIsTurnedAwayTakesNoTableAway(t *testing.T) {
	t.Parallel()
	w := newTown(t, MinLimit)
	var busy *Key
	for i, k := range w.keys[:w.slots] { // two that are hardly used among many that are
		uses := 50
		if i == 0 {
			busy, uses = k, 63
		} else if i <= 2 {
			uses = smallUses
		}
		for range uses {
			w.tables.use(k)
			for len(w.tables.Asked()) > 0 {
				w.tables.Answer(<-w.tables.Asked())
			}
		}
	}
	before := w.tables.Stats()
	w.tables.use(busy)
	if len(w.tables.Asked()) != 1 {
		t.Fatalf("%d keys ask, want one; %+v", len(w.tables.Asked()), before)
	}
	w.tables.Answer(<-w.tables.Asked())
	after := w.tables.Stats()
	if after.Built == before.Built && after != before {
		t.Errorf("nothing was built, but %+v became %+v", before, after)
	}
	for use := range largeUses {
		if len(w.tables.Asked()) != 0 {
			t.Fatalf("asks again after %d uses", largeUses+use)
		}
		w.tables.use(busy)
	}
	if len(w.tables.Asked()) != 1 {
		t.Errorf("does not ask again after twice as many uses")
	}
}

// TestALargeTableTakesThePlaceOfTheSmallOne has room for a large table only if the small one goes.
func TestALargeTableTakesThePlaceOfTheSmallOne(t *testing.T) {
	t.Parallel()
	w := newTown(t, MinLimit)
	keys := w.keys[:int(w.slots)-int(tableBytes(largeWindow)/tableBytes(smallWindow))]
	for _, k := range keys {
		for range largeUses - 1 {
			w.tables.use(k)
			for len(w.tables.Asked()) > 0 {
				w.tables.Answer(<-w.tables.Asked())
			}
		}
	}
	w.tables.use(keys[0])
	for len(w.tables.Asked()) > 0 {
		w.tables.Answer(<-w.tables.Asked())
	}
	if got := w.tables.Stats(); got.Small != len(keys)-1 || got.Large != 1 {
		t.Errorf("got %+v, want one large table in place of one of %d small ones", got, len(keys))
	}
}

// TestBusyKeysDoNotLoseTheirTables has two keys be used for all but one use in ten.
func TestBusyKeysDoNotLoseTheirTables(t *testing.T) {
	t.Parallel()
	w := newTown(t, MinLimit)
	other, n := rotation(len(w.keys)), 0
	for range 20_000 {
		n++
		w.tables.use(w.keys[n%2])
		if n%10 == 0 {
			w.tables.use(w.keys[2+other()%(len(w.keys)-2)])
		}
		for len(w.tables.Asked()) > 0 {
			w.tables.Answer(<-w.tables.Asked())
		}
		for k := range 2 {
			if n > 1000 && w.keys[k].table.Load() == nil {
				t.Fatalf("use %d: key %d has no table", n, k)
			}
		}
	}
	for k := range 2 {
		if has := w.keys[k].table.Load(); has == nil || has.window != largeWindow {
			t.Errorf("key %d has no large table", k)
		}
	}
}

// TestStatsSayWhatTheHeapHolds is not parallel: it looks at the heap of all.
func TestStatsSayWhatTheHeapHolds(t *testing.T) {
	tables := NewTables(24 << 20) // and with it the generator's table, which stays
	keys := manyKeys(t)[:100]
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, stats := heap(), tables.Stats().Bytes
	for i, k := range keys {
		for range largeUses * 4 {
			if tables.use(k); i < 20 {
				for len(tables.Asked()) > 0 {
					tables.Answer(<-tables.Asked())
				}
			}
		}
		for len(tables.Asked()) > 0 {
			tables.Answer(<-tables.Asked())
		}
	}
	held, said := heap()-before, tables.Stats().Bytes-stats
	t.Logf("%+v: the heap holds %d bytes more, Stats says %d", tables.Stats(), held, said)
	if said < 5<<20 || held < said || held > said+said/10 {
		t.Errorf("the heap holds %d bytes more, but Stats says %d", held, said)
	}
	runtime.KeepAlive(keys)
}

// TestTablesThatWereTakenAwayAreGone has a Verifier use a table that is taken away: the memory limit holds only if the table
// can be collected, whatever the Verifier does next, even nothing.
func TestTablesThatWereTakenAwayAreGone(t *testing.T) {
	t.Parallel()
	tables := NewTables(MinLimit)
	v := NewVerifier(tables)
	key := newKnown(t, scalarOf(3000))
	for _, batch := range []int{1, Block} {
		tr := key.good(t, 0, 1)
		k := keyWith(t, key.public, largeWindow)
		jobs := make([]Job, batch)
		for i := range jobs {
			jobs[i] = tr.job
			jobs[i].Key = k
		}
		v.Verify(jobs)
		if jobs[0].Result != Accepted {
			t.Fatalf("got %v, want accepted", jobs[0].Result)
		}
		gone := weak.Make(&k.table.Load().points[0])
		k.table.Store(nil)
		runtime.GC()
		if gone.Value() != nil {
			t.Errorf("after a batch of %d the Verifier holds a table of %d bytes that its key does not have any more", batch, tableBytes(largeWindow))
		}
	}
	runtime.KeepAlive(v)
}
