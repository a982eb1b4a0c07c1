package p256

import (
	"math"
	"slices"
)

// room is the memory for tables, and who has it. When it is full, the key that is used least makes room for one that is used
// more than twice as often; keys that are all used alike do not push each other out. Uses are forgotten by halves, so that what
// was popular yesterday goes.
type room struct {
	keys []*Key // that have tables; each knows its place
	free int64  // bytes
	most int64  // large tables; three fifths of the memory at most
}

const (
	halfLife = 1 << 16 // uses of all keys together, after which those of each count half
	margin   = 16      // uses that a key must have above twice another's: a table costs as much as some ten signatures by crypto/ecdsa
)

// Answer gives a key that asks a table, or a larger one in place of the one that it has, or turns it away until it was used
// twice as often. It reports false if a table failed its check: then this machine computes wrongly, and no table is to be
// trusted.
func (t *Tables) Answer(k *Key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer k.asked.Store(false)
	if k.uses.Load() < k.asks.Load() {
		return true // it asked a second time while it was answered
	}
	window := uint(smallWindow)
	if k.table.Load() != nil {
		window = largeWindow
	} else if t.inherit(k) {
		return true
	}
	if !t.makeRoom(k, window) {
		k.asks.Store(max(smallUses, 2*k.uses.Load()))
		return true
	}
	built := newTable(&k.point, window)
	if built.check(&k.point) != nil {
		t.failed.Add(1)
		t.remove(k)
		k.asks.Store(math.MaxUint64)
		return false
	}
	t.remove(k)
	t.put(k, built)
	t.built.Add(1)
	return true
}

// inherit gives k the table of the same key as it stood on another trust list, the one before, and reports whether there was
// such a table. The other goes on with it as long as it lives, but has no place in the room any more, and asks for nothing.
func (t *Tables) inherit(k *Key) bool {
	for _, other := range t.room.keys {
		if other.point == k.point {
			k.uses.Add(t.recent(other))
			found := other.table.Load()
			t.remove(other)
			other.asks.Store(math.MaxUint64)
			other.table.Store(found)
			t.put(k, found)
			return true
		}
	}
	return false
}

// makeRoom takes tables away from keys that are used less than k, until there is room for one of that window in place of its
// own. It reports whether there is; if not, it has taken none.
func (t *Tables) makeRoom(k *Key, window uint) bool {
	free := t.room.free
	if old := k.table.Load(); old != nil {
		free += tableBytes(old.window)
	}
	var victims []*Key
	take := func(window uint) bool {
		least := t.least(k, window, victims)
		if least == nil {
			return false
		}
		victims = append(victims, least)
		free += tableBytes(least.table.Load().window)
		return true
	}
	if window == largeWindow && t.large.Load() >= t.room.most && !take(largeWindow) {
		return false
	}
	for free < tableBytes(window) {
		if !take(0) {
			return false
		}
	}
	for _, other := range victims {
		t.take(other)
	}
	return true
}

// take takes a key's table away, and has the key begin anew.
func (t *Tables) take(k *Key) {
	t.remove(k)
	k.uses.Store(0)
	k.asks.Store(smallUses)
}

// least returns the key that is used least, of those with tables of that window unless it is 0, and not among others; nil if k
// is not used enough more.
func (t *Tables) least(k *Key, window uint, others []*Key) *Key {
	var least *Key
	uses := t.recent(k)
	for _, other := range t.room.keys {
		if other == k || window != 0 && other.table.Load().window != window || slices.Contains(others, other) {
			continue
		}
		if n := t.recent(other); 2*n+margin <= uses {
			least, uses = other, 2*n+margin-1
		}
	}
	return least
}

// recent returns the uses of a key, after halving them for the time that went by since they were looked at.
func (t *Tables) recent(k *Key) uint64 {
	if now := t.uses.Load() / t.halfLife; now > k.halved {
		by := min(now-k.halved, 63)
		k.uses.Store(k.uses.Load() >> by)
		if asks := k.asks.Load(); asks != math.MaxUint64 {
			least := uint64(smallUses)
			if k.table.Load() != nil {
				least = largeUses
			}
			k.asks.Store(max(least, asks>>by))
		}
		k.halved = now
	}
	return k.uses.Load()
}

func (t *Tables) put(k *Key, built *table) {
	t.sized(built).Add(1)
	t.room.free -= tableBytes(built.window)
	k.place = len(t.room.keys)
	t.room.keys = append(t.room.keys, k)
	k.table.Store(built)
	if built.window == largeWindow {
		k.asks.Store(math.MaxUint64)
	} else {
		k.asks.Store(max(largeUses, 2*k.uses.Load()))
	}
}

// remove takes a key's table away, if it has one. Who is using it goes on with it.
func (t *Tables) remove(k *Key) {
	old := k.table.Swap(nil)
	if old == nil {
		return
	}
	t.sized(old).Add(-1)
	t.room.free += tableBytes(old.window)
	last := t.room.keys[len(t.room.keys)-1]
	t.room.keys[k.place], last.place = last, k.place
	t.room.keys[len(t.room.keys)-1] = nil
	t.room.keys = t.room.keys[:len(t.room.keys)-1]
}
