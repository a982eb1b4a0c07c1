package p256

import "math"

// slots are the places for tables of one size. When all are taken a hand goes round and halves the uses of the keys that it
// passes, until it meets one with half the uses of the key that wants in: what was popular yesterday makes room, and keys
// that are all used alike do not push each other out for ever.
type slots struct {
	keys []*Key
	hand int
}

// looks is how many slots the hand passes for one key before that is turned away.
const looks = 8

// find returns the slot for a key of so many uses, and whether there is one.
func (s *slots) find(uses uint64) (int, bool) {
	for i, k := range s.keys {
		if k == nil {
			return i, true
		}
	}
	for range min(looks, len(s.keys)) {
		at := s.hand
		s.hand = (s.hand + 1) % len(s.keys)
		k := s.keys[at]
		if k.uses.Load() <= uses/2 {
			return at, true
		}
		k.uses.Store(k.uses.Load() / 2)
	}
	return 0, false
}

// Answer gives a key that asks a table, or a larger one in place of the one that it has, or turns it away until it was used
// twice as often.
func (t *Tables) Answer(k *Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer k.asked.Store(false)
	window, room := uint(smallWindow), &t.small
	if k.table.Load() != nil {
		window, room = largeWindow, &t.large
	}
	uses := k.uses.Load()
	at, ok := room.find(uses)
	if !ok {
		k.asks.Store(max(smallUses, 2*uses))
		return
	}
	built := newTable(&k.point, window)
	if built.check(&k.point) != nil {
		t.failed.Add(1)
		k.asks.Store(math.MaxUint64) // crypto/ecdsa does this key
		return
	}
	t.remove(k)
	if other := room.keys[at]; other != nil {
		t.remove(other)
		other.uses.Store(0)
		other.asks.Store(smallUses)
	}
	room.keys[at] = k
	k.table.Store(built)
	t.built.Add(1)
	if window == largeWindow {
		t.stats[1].Add(1)
		k.asks.Store(math.MaxUint64)
		return
	}
	t.stats[0].Add(1)
	k.asks.Store(max(largeUses, 2*uses))
}

// remove takes a key's table away, if it has one. Who is using it goes on with it.
func (t *Tables) remove(k *Key) {
	if k.table.Swap(nil) == nil {
		return
	}
	for n, room := range []*slots{&t.small, &t.large} {
		for i := range room.keys {
			if room.keys[i] == k {
				room.keys[i] = nil
				t.stats[n].Add(-1)
			}
		}
	}
}
