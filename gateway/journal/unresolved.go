package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// MaxUnresolved is how many movements may wait at once to be resolved; one more is referred. A gate has one a lane, and a
// restart leaves those behind that it interrupted.
const MaxUnresolved = 1024

// Errors of Resolve and Free.
var (
	// ErrNotPending: the lane has no entry of that number that waits. It was resolved before, belongs to another lane, or never was.
	ErrNotPending = errors.New("journal: no such entry waits at this lane to be resolved")
	// ErrNothingToFree: the entry claimed nothing that it still holds.
	ErrNothingToFree = errors.New("journal: that entry holds no use")
	// ErrStillPending: the holder of what the entry claimed is on his way out, and that has to be resolved or freed first.
	ErrStillPending = errors.New("journal: a later movement of that credential waits to be resolved")
)

// Unresolved is a movement that was authorised, of which nobody said yet whether the person walked through.
type Unresolved struct {
	Sequence uint64
	Lane     string
	At       time.Time
	Zone     string
	Exit     bool
}

// waiting is an unresolved movement, with what the ledger said before it.
type waiting struct {
	sequence uint64
	at       int64 // unix milliseconds
	place    place
	exit     bool
	before   [maxChanges]before
	n        int
}

// before is a record as it was; known is false where there was none.
type before struct {
	key   useKey
	known bool
	was   useRecord
}

func waitingFrom(sequence uint64, at int64, where place, exit bool, changes []change) waiting {
	u := waiting{sequence: sequence, at: at, place: where, exit: exit, n: len(changes)}
	for i := range changes {
		u.before[i] = before{changes[i].key, changes[i].known, changes[i].was}
	}
	return u
}

const maxWaiting = 8 + 1 + 1 + MaxLane + 1 + MaxZone + maxChanges*(16+1+longRecord+MaxLane) // bytes of its value

// append writes: at 8, exit 1, lane and zone each behind its length, then for each record its key, its length and itself.
func (u *waiting) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(u.at))
	exit := byte(0)
	if u.exit {
		exit = 1
	}
	dst = append(dst, exit, byte(len(u.place.lane)))
	dst = append(append(dst, u.place.lane...), byte(len(u.place.zone)))
	dst = append(dst, u.place.zone...)
	for i := range u.before[:u.n] {
		b := &u.before[i]
		dst = append(append(dst, b.key[:]...), 0)
		if start := len(dst); b.known {
			dst = b.was.append(dst)
			dst[start-1] = byte(len(dst) - start)
		}
	}
	return dst
}

// parseWaiting reads what append writes.
func parseWaiting(sequence uint64, b []byte) (waiting, bool) {
	u := waiting{sequence: sequence}
	ok := true
	take := func(n int) []byte {
		if ok = ok && n <= len(b); !ok {
			return make([]byte, n)
		}
		taken := b[:n]
		b = b[n:]
		return taken
	}
	u.at = int64(binary.BigEndian.Uint64(take(8)))
	exit := take(1)[0]
	u.place.lane = string(take(int(take(1)[0])))
	u.place.zone = string(take(int(take(1)[0])))
	for ; ok && len(b) > 0 && u.n < maxChanges; u.n++ {
		at := &u.before[u.n]
		at.key = useKey(take(len(useKey{})))
		if n := int(take(1)[0]); n > 0 {
			at.known = true
			was, parsed := parseUse(take(n))
			at.was, ok = was, ok && parsed
		}
	}
	u.exit = exit == 1
	return u, ok && len(b) == 0 && exit <= 1 && len(u.place.lane) <= MaxLane && len(u.place.zone) <= MaxZone
}

func (u *waiting) digest() digest {
	var b [8 + maxWaiting]byte
	return sha256.Sum256(u.append(binary.BigEndian.AppendUint64(b[:0], u.sequence)))
}

// Unresolved returns the movements that wait, oldest first; after a restart too.
func (j *Journal) Unresolved() []Unresolved {
	j.published.RLock()
	all := make([]Unresolved, 0, len(j.unresolved))
	for _, u := range j.unresolved {
		all = append(all, Unresolved{u.sequence, u.place.lane, time.UnixMilli(u.at).UTC(), u.place.zone, u.exit})
	}
	j.published.RUnlock()
	slices.SortFunc(all, func(a, b Unresolved) int { return int(int64(a.Sequence - b.Sequence)) })
	return all
}

// Resolve says whether the person whom entry sequence of this lane let through did walk through, and returns the number of the
// entry that says so once it is on disk. If not, the ledger is as if that entry had never been.
func (j *Journal) Resolve(lane string, at time.Time, sequence uint64, passed bool) (uint64, error) {
	if err := checkOrigin(lane, at); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	w, err := j.begin()
	if err != nil {
		return 0, err
	}
	u, ok := j.unresolved[sequence]
	if !ok || u.place.lane != lane {
		return 0, w.abandon(fmt.Errorf("%w: entry %d, lane %q", ErrNotPending, sequence, lane))
	}
	r := resolution{lane: lane, at: at, event: eventAnnulled}
	if passed {
		r.event = eventPassed
	}
	return w.finish(w.resolve(&u, &r))
}

// Free has a supervisor take back what entry sequence claimed: the use may be claimed again, here and by the credential that
// was replaced. An entry that waits is annulled. The caller answers for what the deed says.
func (j *Journal) Free(lane string, at time.Time, sequence uint64, d Deed) error {
	if err := checkOrigin(lane, at); err != nil {
		return err
	}
	if !isName(d.Reason) || len(d.By) > MaxLane || len(d.Means) > MaxEvent {
		return fmt.Errorf("%w: reason %.*q, by %.*q", ErrLimit, MaxEvent, d.Reason, MaxLane, d.By)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	w, err := j.begin()
	if err != nil {
		return err
	}
	r := resolution{lane: lane, at: at, event: eventFreed, deed: d}
	if u, ok := j.unresolved[sequence]; ok {
		_, err = w.finish(w.resolve(&u, &r))
		return err
	}
	_, err = w.finish(w.takeBack(sequence, &r))
	return err
}

// resolution is what an entry says that resolves or frees another.
type resolution struct {
	lane  string // where it was said
	at    time.Time
	event string
	deed  Deed // of freed
}

// Deed is why a supervisor frees something, a word of a fixed list, who that is, and how he showed it.
type Deed struct{ Reason, By, Means string }

// finish commits what was appended, or abandons it, and returns the number of the last entry.
func (w *writer) finish(err error) (uint64, error) {
	if err != nil {
		return 0, w.abandon(err)
	}
	if err := w.commit(); err != nil {
		return 0, err
	}
	return w.last.sequence, nil
}

// resolve ends the waiting of u.
func (w *writer) resolve(u *waiting, r *resolution) error {
	e := &w.effects
	*e = effects{changes: e.changes[:0], unresolved: u.digest()}
	passed := r.event == eventPassed
	e.counts(u.place, u.exit, false, true, passed)
	for i := range u.before[:u.n] {
		b := &u.before[i]
		now, ok := w.j.ledger.find(b.key)
		if !ok {
			return fmt.Errorf("%w: the use of entry %d is not in the ledger", ErrDamaged, u.sequence)
		}
		c := change{key: b.key, known: true, was: now}
		switch {
		case !passed:
			c.now = b.restored(now.until)
		case now.has(flagWaiting):
			c.now = now
			c.now.flags &^= flagWaiting
		default:
			continue // of the credential that was replaced, in a journal from before that waited, too: nothing changes
		}
		c.now.changed = w.next()
		e.changes = append(e.changes, c)
	}
	w.gone = u.sequence
	if err := w.txn.Delete(unresolvedKey(u.sequence)); err != nil {
		return err
	}
	of := resolved{u.sequence, u.place.lane, u.place.zone, movementOf(u.exit)}
	return w.resolution(r, &of)
}

// restored returns the record as it was; where there was none, one that says that nothing happened.
func (b *before) restored(until int64) useRecord {
	r := b.was
	if !b.known {
		r.moved = never
	}
	r.until = until
	return r
}

// takeBack frees the uses that an entry which does not wait claimed. The ledger is searched for them: the entry itself may
// be dropped by now.
func (w *writer) takeBack(sequence uint64, r *resolution) error {
	own, lost := w.j.ledger.usedBy(sequence)
	switch {
	case own == nil && lost == nil, own != nil && own.was.has(flagFreed):
		return fmt.Errorf("%w: entry %d", ErrNothingToFree, sequence)
	case own != nil && own.was.has(flagWaiting):
		return fmt.Errorf("%w: entry %d", ErrStillPending, sequence)
	}
	e := &w.effects
	*e = effects{changes: e.changes[:0]}
	var lane string
	for _, c := range []*change{own, lost} {
		if c == nil {
			continue
		}
		lane = c.was.lane
		c.now = c.was
		c.now.changed, c.now.moved = w.next(), never
		if !c.was.has(flagVoid | flagAgain) {
			c.now.entries--
		}
		if c == lost && own != nil && own.now.entries > 0 {
			continue // the other may still come in again: this one stays void
		}
		c.now.flags = flagFreed
		e.changes = append(e.changes, *c)
	}
	return w.resolution(r, &resolved{Sequence: sequence, Lane: lane})
}

// usedBy returns the records that an entry wrote as the last that let in: the credential's own and that of the one which it
// replaces; nil for none.
func (l *ledger) usedBy(sequence uint64) (own, lost *change) {
	for k, u := range l.uses {
		if u.entry != sequence || u.entries == 0 && u.flags&flagVoid == 0 {
			continue
		}
		c := &change{key: k, known: true}
		c.was, _ = l.find(k)
		if c.was.has(flagVoid) {
			lost = c
		} else {
			own = c
		}
	}
	return own, lost
}

// resolution appends the entry of w.effects.
func (w *writer) resolution(r *resolution, of *resolved) error {
	if err := w.changeLedger(); err != nil {
		return err
	}
	return w.entry("", r.at, func(b []byte) []byte { return appendResolution(b, r, of, &w.effects) })
}

func unresolvedKey(sequence uint64) []byte { return appendNumberKey(nil, prefixWaiting, sequence) }

// eachWaiting calls fn for the stored movements that wait.
func eachWaiting(txn *badger.Txn, fn func(waiting) error) error {
	return eachUnder(txn, prefixWaiting, func(key, value []byte) error {
		u, ok := parseWaiting(sequenceOf(key), value)
		if !ok || u.sequence == 0 {
			return damagedf("unresolved: a record of %d and %d bytes that is none", len(key), len(value))
		}
		return fn(u)
	})
}
