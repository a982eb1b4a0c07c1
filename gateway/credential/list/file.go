package list

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The file of a Set, numbers big-endian:
//
//	header   "PLS1", then four bytes each: codes, groups, secrets, zones
//	codes    16 bytes id, 4 bytes number of the group; sorted by id
//	groups   what entries say, each once; see group
//	secrets  4 bytes place of the code, 32 bytes masked; sorted by place
//	zones    1 byte length, name; the first is empty
//	check    HMAC-SHA-256 of all before
const (
	magic       = "PLS1"
	headerBytes = len(magic) + 4*4
	idBytes     = 16
	codeBytes   = idBytes + 4
	groupBytes  = 24
	secretBytes = 4 + MaxSecret
	checkBytes  = 32
)

// ErrFile is wrapped by every error of ParseSet: the bytes are damaged, or no Set's, or were made under another key.
var ErrFile = errors.New("list file")

// layout finds its way in the file of a Set.
type layout struct {
	file                   []byte
	codes, groups, secrets int
	groupsAt, secretsAt    int
	zones                  []string // the first is ""
	digits                 uint16   // bit n: some codes have suffixes of n digits
}

// AppendBinary appends the Set's file to dst. Neither codes nor secrets can be read in it without the Key and the codes.
func (s *Set) AppendBinary(dst []byte) ([]byte, error) {
	if s.file == nil {
		return dst, errors.New("an empty list that no Builder made has no file")
	}
	return append(dst, s.file...), nil
}

// ParseSet makes a Set of the file in b, made under the same Key. The Set keeps b, which must not change any more; besides, it
// takes at most a tenth of len(b), and the zones. Every change of a byte is refused.
func ParseSet(b []byte, key *Key) (*Set, error) {
	if len(b) < headerBytes+checkBytes || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: not a list", ErrFile)
	}
	checks := key.purpose(forChecks)
	if sum := checks.long(b[:len(b)-checkBytes]); !bytes.Equal(sum[:], b[len(b)-checkBytes:]) {
		return nil, fmt.Errorf("%w: damaged, or made under another key", ErrFile)
	}
	return newSet(b, key)
}

// newSet makes a Set of a file whose check is right. The rest is looked at all the same: Find relies on it.
func newSet(b []byte, key *Key) (*Set, error) {
	s := &Set{ids: key.purpose(forIDs), masks: key.purpose(forMasks)}
	for _, step := range []func([]byte) error{s.readHeader, s.readZones, s.checkGroups, s.checkCodes, s.checkSecrets} {
		if err := step(b); err != nil {
			return nil, err
		}
	}
	s.index()
	return s, nil
}

// readHeader finds the parts of fixed size.
func (l *layout) readHeader(b []byte) error {
	u32 := func(i int) uint32 { return binary.BigEndian.Uint32(b[len(magic)+4*i:]) }
	codes, groups, secrets := u32(0), u32(1), u32(2)
	if codes > MaxCodes || groups > codes || secrets > codes {
		return fmt.Errorf("%w: %d codes, %d groups, %d secrets", ErrFile, codes, groups, secrets)
	}
	l.file, l.codes, l.groups, l.secrets = b, int(codes), int(groups), int(secrets)
	l.groupsAt = headerBytes + l.codes*codeBytes
	l.secretsAt = l.groupsAt + l.groups*groupBytes
	if l.zonesAt() > len(b)-checkBytes {
		return fmt.Errorf("%w: too short", ErrFile)
	}
	return nil
}

func (l *layout) zonesAt() int { return l.secretsAt + l.secrets*secretBytes }

func (l *layout) readZones(b []byte) error {
	count := binary.BigEndian.Uint32(b[headerBytes-4:])
	rest := b[l.zonesAt() : len(b)-checkBytes]
	if count == 0 || count > MaxZones {
		return fmt.Errorf("%w: %d zones", ErrFile, count)
	}
	l.zones = make([]string, count)
	for i := range l.zones {
		if len(rest) == 0 || int(rest[0]) >= len(rest) {
			return fmt.Errorf("%w: zone %d", ErrFile, i)
		}
		size := int(rest[0])
		name := string(rest[1 : 1+size])
		if !validZone(name) || i == 0 != (size == 0) {
			return fmt.Errorf("%w: zone %d", ErrFile, i)
		}
		l.zones[i], rest = name, rest[1+size:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrFile, len(rest))
	}
	return nil
}

func (l *layout) checkGroups([]byte) error {
	for i := range l.groups {
		g := l.group(i)
		if !g.valid() || int(g.zone) >= len(l.zones) {
			return fmt.Errorf("%w: group %d", ErrFile, i)
		}
		l.digits |= 1 << g.digits
	}
	return nil
}

// checkCodes checks that the codes are sorted and that each has a group.
func (l *layout) checkCodes([]byte) error {
	for i := range l.codes {
		if i > 0 && bytes.Compare(l.id(i-1), l.id(i)) >= 0 || l.groupOf(i) >= l.groups {
			return fmt.Errorf("%w: entry %d", ErrFile, i)
		}
	}
	return nil
}

// checkSecrets checks that just the codes that need a secret have one.
func (l *layout) checkSecrets([]byte) error {
	next := 0
	for i := range l.codes {
		if l.group(l.groupOf(i)).digits == 0 {
			continue
		}
		if next == l.secrets || l.secretPlace(next) != i {
			return fmt.Errorf("%w: secret of entry %d", ErrFile, i)
		}
		next++
	}
	if next != l.secrets {
		return fmt.Errorf("%w: %d secrets for %d codes", ErrFile, l.secrets, next)
	}
	return nil
}

func (l *layout) id(i int) []byte { return l.file[headerBytes+i*codeBytes:][:idBytes] }

func (l *layout) groupOf(i int) int {
	return int(binary.BigEndian.Uint32(l.file[headerBytes+i*codeBytes+idBytes:]))
}

func (l *layout) group(i int) group { return readGroup(l.file[l.groupsAt+i*groupBytes:]) }

func (l *layout) secretPlace(i int) int {
	return int(binary.BigEndian.Uint32(l.file[l.secretsAt+i*secretBytes:]))
}

func (l *layout) masked(i int) []byte {
	return l.file[l.secretsAt+i*secretBytes+4:][:MaxSecret]
}

func (l *layout) hasDigits(n uint8) bool { return l.digits&(1<<n) != 0 }

// group is what many entries have in common.
type group struct {
	from, until int64
	zone        uint16 // number of the zone
	period      uint16 // seconds; 0 without suffix, and so are the others
	state       State
	uses        uint8
	digits      uint8
	secret      uint8 // bytes of the secret; in a file, plus 128 for SHA-256
	sha256      bool
}

const flagSHA256 = 0x80

func readGroup(b []byte) group {
	return group{
		from:   int64(binary.BigEndian.Uint64(b)),
		until:  int64(binary.BigEndian.Uint64(b[8:])),
		zone:   binary.BigEndian.Uint16(b[16:]),
		period: binary.BigEndian.Uint16(b[18:]),
		state:  State(b[20]), uses: b[21], digits: b[22], secret: b[23] &^ flagSHA256, sha256: b[23]&flagSHA256 != 0,
	}
}

func (g group) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(g.from))
	dst = binary.BigEndian.AppendUint64(dst, uint64(g.until))
	dst = binary.BigEndian.AppendUint16(dst, g.zone)
	dst = binary.BigEndian.AppendUint16(dst, g.period)
	secret := g.secret
	if g.sha256 {
		secret |= flagSHA256
	}
	return append(dst, byte(g.state), g.uses, g.digits, secret)
}

// valid reports whether a group is one that a Builder makes.
func (g group) valid() bool {
	if g.state >= numStates || g.uses == 0 || !validTimes(g.from, g.until) {
		return false
	}
	if g.digits == 0 {
		return g.period == 0 && g.secret == 0 && !g.sha256
	}
	return (g.digits == 6 || g.digits == 8) && g.period >= MinPeriod && g.period <= MaxPeriod && g.secret >= MinSecret && g.secret <= MaxSecret
}

func validTimes(from, until int64) bool {
	return from >= 0 && until >= 0 && max(from, until) <= MaxTime && (until == 0 || from <= until)
}

func validZone(name string) bool { return len(name) <= MaxZone && utf8.ValidString(name) }
