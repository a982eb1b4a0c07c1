package journal

import (
	"encoding/binary"
	"math"
)

// useRecord is what the ledger knows of one use in one zone. Its bytes on disk and in bodies, numbers big-endian:
//
//	entry 8, at 8, until 8, lane                                             if nothing but one entry happened
//	1, flags 1, entries 1, changed 8, entry 8, at 8, moved 8, until 8, lane  else
//
// No sequence reaches 2^56, so the first byte tells them apart. A record has one form only: digests are made of it.
type useRecord struct {
	changed uint64 // the entry that wrote this record
	entry   uint64 // the verdict that let in last; 0 for none
	at      int64  // of that, unix milliseconds
	moved   int64  // the last entry or exit, unix milliseconds; never for none
	until   int64  // unix seconds, the end of a day
	entries uint8  // that count as uses
	flags   useFlags
	lane    string // of the verdict that let in last
}

// useFlags say where the holder is and what the last verdict still means.
type useFlags uint8

const (
	flagInside  useFlags = 1 << iota
	flagWaiting          // the last movement is not resolved
	flagVoid             // replaced by another credential, which was let in by entry
	flagFreed            // a supervisor took entry back
	flagAgain            // entry was a re-entry, which counted no use

	allFlags = flagInside | flagWaiting | flagVoid | flagFreed | flagAgain
)

const (
	shortRecord = 8 + 8 + 8
	longRecord  = 1 + 1 + 1 + 8 + 8 + 8 + 8 + 8
	longMark    = 1

	// never is the time of a movement that was not.
	never = math.MinInt64
)

func (r *useRecord) has(f useFlags) bool { return r.flags&f != 0 }

// isShort reports whether the short form says it all.
func (r *useRecord) isShort() bool {
	return r.entries == 1 && r.flags == flagInside && r.changed == r.entry && r.moved == r.at
}

func (r *useRecord) append(dst []byte) []byte {
	if !r.isShort() {
		dst = append(dst, longMark, byte(r.flags), r.entries)
		dst = binary.BigEndian.AppendUint64(dst, r.changed)
	}
	dst = binary.BigEndian.AppendUint64(dst, r.entry)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.at))
	if !r.isShort() {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.moved))
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.until))
	return append(dst, r.lane...)
}

// parseUse reads what append writes, and nothing else. The lane is a copy.
func parseUse(b []byte) (useRecord, bool) {
	if len(b) == 0 {
		return useRecord{}, false
	}
	if b[0] == 0 {
		return parseShort(b)
	}
	if b[0] != longMark || len(b) < longRecord || len(b) > longRecord+MaxLane {
		return useRecord{}, false
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(b[3+8*i:]) }
	r := useRecord{
		flags: useFlags(b[1]), entries: b[2],
		changed: word(0), entry: word(1), at: int64(word(2)), moved: int64(word(3)), until: int64(word(4)),
		lane: string(b[longRecord:]),
	}
	return r, r.flags&^allFlags == 0 && !r.isShort()
}

func parseShort(b []byte) (useRecord, bool) {
	if len(b) < shortRecord || len(b) > shortRecord+MaxLane {
		return useRecord{}, false
	}
	entry, at := binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))
	return useRecord{
		changed: entry, entry: entry, at: at, moved: at, until: int64(binary.BigEndian.Uint64(b[16:])),
		entries: 1, flags: flagInside, lane: string(b[shortRecord:]),
	}, true
}

// change is one record of the ledger before and after an entry of the chain.
type change struct {
	key   useKey
	known bool // there was a record before
	was   useRecord
	now   useRecord
}
