package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// Keys of the store: one letter, then the number or id. Entries sort by sequence.
const (
	prefixEntry   = 'e' // sequence, 8 bytes big-endian → previous hash, own hash, body
	prefixUse     = 'u' // use key → useRecord
	prefixSegment = 's' // segment, 8 bytes big-endian → segmentEnd
	prefixCount   = 'n' // lane and zone → counter
	prefixWaiting = 'p' // sequence, 8 bytes big-endian → movement that is not resolved
	keyMeta       = "m"
	keyCheckpoint = "c"
	keyAcked      = "a" // sequence, 8 bytes big-endian
)

const entryHeader = 32 + 32 // bytes before the body

func appendNumberKey(dst []byte, prefix byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, prefix), n)
}

func entryKey(sequence uint64) []byte { return appendNumberKey(nil, prefixEntry, sequence) }

// sequenceOf reads a key's number; 0, which nothing has, if it is not one.
func sequenceOf(key []byte) uint64 {
	if len(key) != 1+8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[1:])
}

func segmentKey(segment uint64) []byte { return appendNumberKey(nil, prefixSegment, segment) }

// link is a place in the chain: an entry's number and hash. The zero link is what the first entry follows.
type link struct {
	sequence uint64
	hash     [32]byte
}

// hasher computes entry hashes (package doc, "The chain") without allocating.
type hasher struct {
	sha    hash.Hash
	prefix [4 + 16 + 4 + 8 + 4 + 32 + 4]byte
}

func newHasher(id journalID) *hasher {
	h := &hasher{sha: sha256.New()}
	binary.BigEndian.PutUint32(h.prefix[0:], uint32(len(id)))
	copy(h.prefix[4:], id[:])
	binary.BigEndian.PutUint32(h.prefix[20:], 8)
	binary.BigEndian.PutUint32(h.prefix[32:], 32)
	return h
}

// appendHash appends the hash of the entry that follows previous.
func (h *hasher) appendHash(dst []byte, previous link, body []byte) []byte {
	binary.BigEndian.PutUint64(h.prefix[24:], previous.sequence+1)
	copy(h.prefix[36:], previous.hash[:])
	binary.BigEndian.PutUint32(h.prefix[68:], uint32(len(body)))
	h.sha.Reset()
	h.sha.Write(h.prefix[:])
	h.sha.Write(body)
	return h.sha.Sum(dst)
}

// brokenAt is damage of the chain: the first entry that is missing or wrong.
type brokenAt struct {
	sequence uint64
	why      string
}

func (b *brokenAt) Error() string { return fmt.Sprintf("entry %d: %s", b.sequence, b.why) }

// follow checks that a stored value is the entry after previous, and returns it. The entry points into value.
func (h *hasher) follow(previous link, value []byte) (Entry, error) {
	e := Entry{Sequence: previous.sequence + 1}
	if len(value) < entryHeader {
		return Entry{}, &brokenAt{e.Sequence, "too short"}
	}
	e.Previous, e.Hash, e.Body = [32]byte(value[:32]), [32]byte(value[32:64]), value[entryHeader:]
	if e.Previous != previous.hash {
		return Entry{}, &brokenAt{e.Sequence, "does not follow the entry before it"}
	}
	var sum [32]byte
	if h.appendHash(sum[:0], previous, e.Body); sum != e.Hash {
		return Entry{}, &brokenAt{e.Sequence, "hash is wrong"}
	}
	return e, nil
}
