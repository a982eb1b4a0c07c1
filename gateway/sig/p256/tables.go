package p256

import (
	"sync"
	"sync/atomic"
)

// When a key gets a table, and how many get a large one.
const (
	smallUses = 2   // uses after which a key asks for a small table
	largeUses = 64  // and for a large one
	maxLarge  = 128 // keys with large tables, 32 MiB
)

// MinLimit is the least memory that Tables can do anything with, in bytes; the generator's table takes most of it.
const MinLimit = 8 << 20

// Tables are the tables of one process, within a limit of memory. Verifiers ask for them, and somebody off the hot
// path takes what is Asked and builds it with Answer. Safe for concurrent use.
type Tables struct {
	generator *table
	asked     chan *Key
	built     atomic.Uint64
	failed    atomic.Uint64
	halfLife  uint64        // in uses; halfLife but in tests
	uses      atomic.Uint64 // of all keys
	small     atomic.Int64  // keys with a small table
	large     atomic.Int64

	mu   sync.Mutex // the builder's
	room room
}

// Stats says what tables there are.
type Stats struct {
	Small, Large int    // keys that have one
	Bytes        int64  // of all, with the generator's
	Built        uint64 // tables so far
	Failed       uint64 // tables that failed their check and were dropped
}

// NewTables returns Tables of at most limit bytes, the generator's table among them, which is built at once. Below
// MinLimit, and if that table fails its check, it returns nil, and nil Tables have no table for anybody.
func NewTables(limit int64) *Tables {
	if limit < MinLimit || generatorTable() == nil {
		return nil
	}
	t := &Tables{generator: generatorTable(), asked: make(chan *Key, 256), halfLife: halfLife}
	t.room.free = limit - tableBytes(generatorWindow)
	t.room.most = min(maxLarge, t.room.free*3/5/tableBytes(largeWindow))
	return t
}

// count counts uses of all keys together.
func (t *Tables) count(uses int) {
	if t != nil {
		t.uses.Add(uint64(uses))
	}
}

// use counts a use of a key and returns its table, nil if it has none.
func (t *Tables) use(k *Key) *table {
	if t == nil {
		return nil
	}
	if k.uses.Add(1) >= k.asks.Load() && k.asked.CompareAndSwap(false, true) {
		select {
		case t.asked <- k:
		default:
			k.asked.Store(false) // the builder has enough to do
		}
	}
	return k.table.Load()
}

// Asked gives the keys that ask for a table, each of which is to be given to Answer; nil Tables never give any.
func (t *Tables) Asked() <-chan *Key {
	if t == nil {
		return nil
	}
	return t.asked
}

// Stats returns what there is now.
func (t *Tables) Stats() Stats {
	if t == nil {
		return Stats{}
	}
	small, large := t.small.Load(), t.large.Load()
	return Stats{
		Small: int(small), Large: int(large), Built: t.built.Load(), Failed: t.failed.Load(),
		Bytes: tableBytes(generatorWindow) + small*tableBytes(smallWindow) + large*tableBytes(largeWindow),
	}
}

// sized returns the counter of tables of that size.
func (t *Tables) sized(of *table) *atomic.Int64 {
	if of.window == largeWindow {
		return &t.large
	}
	return &t.small
}
