package journal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"

	"passerelle/gateway/policy"
)

// useKey is HMAC-SHA256(event key, use id) cut to 128 bits: what the ledger knows a use by.
type useKey [16]byte

// useRecord says which entry claimed a use, and how long that is remembered.
type useRecord struct {
	sequence uint64
	at       int64 // unix milliseconds
	until    int64 // unix seconds, the end of a day
	lane     string
}

const (
	useHeader = 8 + 8 + 8
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

func (r *useRecord) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.sequence)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.at))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.until))
	return append(dst, r.lane...)
}

// parseUse reads what append writes. The lane is a copy.
func parseUse(b []byte) (useRecord, bool) {
	if len(b) < useHeader || len(b) > useHeader+MaxLane {
		return useRecord{}, false
	}
	return useRecord{
		sequence: binary.BigEndian.Uint64(b),
		at:       int64(binary.BigEndian.Uint64(b[8:])),
		until:    int64(binary.BigEndian.Uint64(b[16:])),
		lane:     string(b[useHeader:]),
	}, true
}

// toggle adds a use to the digest of a set, or takes it out: the exclusive or of each member's SHA-256. It finds every
// accident; against somebody who edits the store stands the chain, which Verify holds against the ledger.
func (d *digest) toggle(k useKey, r useRecord) {
	var b [len(k) + useHeader + MaxLane]byte
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
	sum   [sha256.Size]byte // scratch
	uses  map[useKey]heldUse
	lanes []string // interned
}

type heldUse struct {
	sequence uint64
	at       int64
	until    int64
	lane     uint16
}

func newLedger() ledger { return ledger{uses: make(map[useKey]heldUse)} }

func (l *ledger) setKey(key []byte) { l.mac = hmac.New(sha256.New, key) }

// keyOf does not allocate.
func (l *ledger) keyOf(id policy.UseID) useKey {
	l.id = id
	l.mac.Reset()
	l.mac.Write(l.id[:])
	l.mac.Sum(l.sum[:0])
	clear(l.id[:])
	return useKey(l.sum[:len(useKey{})])
}

func (l *ledger) find(k useKey) (useRecord, bool) {
	u, ok := l.uses[k]
	if !ok {
		return useRecord{}, false
	}
	return useRecord{sequence: u.sequence, at: u.at, until: u.until, lane: l.lanes[u.lane]}, true
}

// add reports false when there are more lanes than a ledger can name.
func (l *ledger) add(k useKey, r useRecord) bool {
	lane, ok := l.intern(r.lane)
	if ok {
		l.uses[k] = heldUse{r.sequence, r.at, r.until, lane}
	}
	return ok
}

func (l *ledger) remove(k useKey) { delete(l.uses, k) }

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
