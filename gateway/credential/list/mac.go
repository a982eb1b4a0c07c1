package list

import "crypto/sha256"

// mac is HMAC-SHA-256 (RFC 2104) under one key, over short messages, without allocation.
type mac struct {
	inner, outer [sha256.BlockSize]byte // the key, padded, with the two constants
}

// Purposes of the keys that are made from a Key.
const (
	forIDs    = "passerelle list: id of a code"
	forMasks  = "passerelle list: mask of a secret"
	forChecks = "passerelle list: checksum"
)

// purpose returns the mac for one purpose: under a key of its own, which is the HMAC of the purpose's name.
func (k *Key) purpose(name string) mac {
	whole := newMAC((*[32]byte)(k))
	own := whole.sum([]byte(name))
	return newMAC(&own)
}

func newMAC(key *[32]byte) (m mac) {
	for i := range m.inner {
		var k byte
		if i < len(key) {
			k = key[i]
		}
		m.inner[i], m.outer[i] = k^0x36, k^0x5c
	}
	return m
}

// sum returns the HMAC of a message of at most MaxCode bytes.
func (m *mac) sum(message []byte) [sha256.Size]byte {
	var first [sha256.BlockSize + MaxCode]byte
	copy(first[:], m.inner[:])
	n := copy(first[sha256.BlockSize:], message)
	inner := sha256.Sum256(first[:sha256.BlockSize+n])
	return m.finish(&inner)
}

// long returns the HMAC of a message of any length. It allocates.
func (m *mac) long(message []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(m.inner[:])
	h.Write(message)
	var inner [sha256.Size]byte
	h.Sum(inner[:0])
	return m.finish(&inner)
}

func (m *mac) finish(inner *[sha256.Size]byte) [sha256.Size]byte {
	var second [sha256.BlockSize + sha256.Size]byte
	copy(second[:], m.outer[:])
	copy(second[sha256.BlockSize:], inner[:])
	return sha256.Sum256(second[:])
}
