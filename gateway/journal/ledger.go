package journal

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"math"

	"passerelle/gateway/policy"
)

// useKey is HMAC-SHA256(event key, use id and zone) cut to 128 bits: what the ledger knows a use by.
type useKey [16]byte

const (
	daySecond = 24 * 60 * 60
	// forever is the last day of the year 9999.
	forever = 253402300800
)

// remember rounds the end of a credential up to a day: the exact second of a certificate is nearly a name. A credential
// that does not say when it ends is remembered for good.
func remember(expires int64) int64 {
	if expires <= 0 || expires >= forever {
		return forever
	}
	return (expires + daySecond - 1) / daySecond * daySecond
}

// toggle adds a record to the digest of a set, or takes it out: the exclusive or of each member's SHA-256. It finds every
// accident; against somebody who edits the store stands the chain, which Verify holds against the ledger.
func (d *digest) toggle(k useKey, r useRecord) {
	var b [len(k) + longRecord + MaxLane]byte
	sum := sha256.Sum256(r.append(append(b[:0], k[:]...)))
	d.merge(sum)
}

func (d *digest) merge(o digest) {
	for i := range d {
		d[i] ^= o[i]
	}
}

// ledger holds every use that is remembered, in memory: the writer never asks Badger, for which a broken block is an
// absent key.
type ledger struct {
	mac   hash.Hash
	id    policy.UseID      // scratch: what goes through the hash's interface would escape
	zone  []byte            // scratch
	sum   [sha256.Size]byte // scratch
	uses  map[useKey]heldUse
	lanes []string // interned
}

// heldUse is a useRecord in 40 bytes.
type heldUse struct {
	changed, entry uint64
	at, moved      int64
	day            uint32 // of until
	lane           uint16
	entries        uint8
	flags          useFlags
}

func newLedger() ledger { return ledger{uses: make(map[useKey]heldUse)} }

func (l *ledger) setKey(key []byte) { l.mac = hmac.New(sha256.New, key) }

// keyOf does not allocate once it saw a zone as long. The use id has a fixed length, so no two pairs make the same message;
// without a zone it is the use id alone.
func (l *ledger) keyOf(id policy.UseID, zone string) useKey {
	l.id, l.zone = id, append(l.zone[:0], zone...)
	l.mac.Reset()
	l.mac.Write(l.id[:])
	l.mac.Write(l.zone)
	l.mac.Sum(l.sum[:0])
	clear(l.id[:])
	return useKey(l.sum[:len(useKey{})])
}

func (l *ledger) find(k useKey) (useRecord, bool) {
	u, ok := l.uses[k]
	if !ok {
		return useRecord{}, false
	}
	return useRecord{
		changed: u.changed, entry: u.entry, at: u.at, moved: u.moved, until: int64(u.day) * daySecond,
		entries: u.entries, flags: u.flags, lane: l.lanes[u.lane],
	}, true
}

// set reports false when there are more lanes than a ledger can name, or the end of the use is not that of a day.
func (l *ledger) set(k useKey, r useRecord) bool {
	lane, ok := l.intern(r.lane)
	if !ok || r.until%daySecond != 0 || r.until < 0 || r.until > forever {
		return false
	}
	l.uses[k] = heldUse{r.changed, r.entry, r.at, r.moved, uint32(r.until / daySecond), lane, r.entries, r.flags}
	return true
}

func (l *ledger) intern(lane string) (uint16, bool) {
	for i, s := range l.lanes {
		if s == lane {
			return uint16(i), true
		}
	}
	if len(l.lanes) > math.MaxUint16 {
		return 0, false
	}
	l.lanes = append(l.lanes, lane)
	return uint16(len(l.lanes) - 1), true
}
