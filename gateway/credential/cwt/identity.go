package cwt

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// NameChars is how much of a name HolderHash looks at: the name field of a TD1 card (ICAO 9303, part 5).
const NameChars = 30

// AppendIdentity appends what the credential id of issuer is known by in ledgers and block lists: each of the two after its length
// (a varint, as in encoding/binary), so that no two pairs append the same bytes. With Claims.Replaces for id it is the identity
// of the lost credential. It appends at most 3+MaxIssuer+MaxID bytes for what Parse accepts.
func AppendIdentity(dst, issuer, id []byte) []byte {
	return appendCounted(appendCounted(dst, issuer), id)
}

// HolderHash binds a credential to a person without naming that person: the first 16 bytes of the SHA-256 of salt, name and birth,
// each after its length (a varint, as in encoding/binary).
//
// The name is FAMILY<<GIVEN in the letters of the machine-readable zone (ICAO 9303, part 3). Only its first NameChars characters
// count, without fillers at their end, because that is what the smallest zone holds, a TD1 card's: a TD2 card has room for 31 and
// a passport for 39 characters, and the same person must give the same hash with each of them. So a name may be given as it stands
// in any zone. (States may shorten a name that does not fit by other rules than cutting it; then the hashes differ and a person
// must compare.) birth is YYMMDD, as every zone has it: no zone tells the century.
//
// The salt is not secret, it stands beside the hash. It keeps two credentials of one person from being linked by their hash, and
// one table of all names and days from serving for all credentials; it does not stop anybody who has one code from trying out a
// list of people. It does not allocate for what Parse accepts.
func HolderHash(salt []byte, name, birth string) [HolderBytes]byte {
	name = strings.TrimRight(name[:min(len(name), NameChars)], "<")
	var scratch [128]byte
	b := appendCounted(scratch[:0], salt)
	b = appendCounted(b, name)
	b = appendCounted(b, birth)
	sum := sha256.Sum256(b)
	return [HolderBytes]byte(sum[:])
}

func appendCounted[T string | []byte](dst []byte, s T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
