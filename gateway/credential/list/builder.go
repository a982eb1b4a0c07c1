package list

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Errors of Builder.Add. None names the code or the secret.
var (
	ErrCode   = fmt.Errorf("a code has 1 to %d bytes", MaxCode)
	ErrState  = errors.New("not a state")
	ErrTimes  = errors.New("times lie between 1970 and 9999, the end not before the start")
	ErrZone   = fmt.Errorf("a zone is UTF-8 of at most %d bytes", MaxZone)
	ErrZones  = fmt.Errorf("more than %d zones", MaxZones)
	ErrSecret = fmt.Errorf("a one-time suffix needs a secret of %d to %d bytes, and nothing else does", MinSecret, MaxSecret)
	ErrSuffix = fmt.Errorf("a one-time suffix has 6 or 8 digits that last %d to %d seconds", MinPeriod, MaxPeriod)
	ErrMany   = fmt.Errorf("more than %d codes", MaxCodes)
	ErrTwice  = errors.New("stand on the list with different entries")
)

// Builder makes a Set. It is for one goroutine.
type Builder struct {
	key        *Key
	ids, masks mac
	codes      []listed
	groups     []group
	groupOf    map[group]uint32
	secrets    [][MaxSecret]byte // masked
	zones      []string
	zoneOf     map[string]uint16
}

// listed is a code that was added.
type listed struct {
	id     [idBytes]byte
	group  uint32
	secret uint32 // number of its secret, if its group has one
}

// NewBuilder returns a Builder for an empty list under a key.
func NewBuilder(key *Key) *Builder {
	own := *key
	return &Builder{
		key: &own, ids: own.purpose(forIDs), masks: own.purpose(forMasks),
		groupOf: make(map[group]uint32), zones: []string{""}, zoneOf: map[string]uint16{"": 0},
	}
}

// Add puts a code on the list, with the secret of its one-time suffix if it has one. The Builder keeps neither. After an error,
// one of this package's, it is as it was.
func (b *Builder) Add(code []byte, e Entry, secret []byte) error {
	if len(code) == 0 || len(code) > MaxCode {
		return ErrCode
	}
	if len(b.codes) == MaxCodes {
		return ErrMany
	}
	g, err := newGroup(&e, secret)
	if err != nil {
		return err
	}
	if g.zone, err = b.zone(e.Zone); err != nil {
		return err
	}
	number, ok := b.groupOf[g]
	if !ok {
		number = uint32(len(b.groups))
		b.groups = append(b.groups, g)
		b.groupOf[g] = number
	}
	sum := b.ids.sum(code)
	c := listed{id: [idBytes]byte(sum[:]), group: number}
	if e.OneTime {
		c.secret = uint32(len(b.secrets))
		b.secrets = append(b.secrets, b.mask(code, secret))
	}
	b.codes = append(b.codes, c)
	return nil
}

// newGroup returns what an entry says, its zone aside.
func newGroup(e *Entry, secret []byte) (group, error) {
	g := group{state: e.State, from: e.From, until: e.Until, uses: max(e.Uses, 1)}
	switch {
	case e.State >= numStates:
		return group{}, ErrState
	case !validTimes(e.From, e.Until):
		return group{}, ErrTimes
	case !validZone(e.Zone):
		return group{}, ErrZone
	case !e.OneTime && (len(secret) > 0 || e.Digits != 0 || e.Period != 0 || e.SHA256):
		return group{}, ErrSecret
	case !e.OneTime:
		return g, nil
	case len(secret) < MinSecret, len(secret) > MaxSecret:
		return group{}, ErrSecret
	}
	g.secret, g.sha256, g.digits, g.period = uint8(len(secret)), e.SHA256, e.Digits, e.Period
	if g.digits == 0 {
		g.digits = defaultDigits
	}
	if g.period == 0 {
		g.period = defaultPeriod
	}
	if !g.valid() {
		return group{}, ErrSuffix
	}
	return g, nil
}

func (b *Builder) zone(name string) (uint16, error) {
	n, ok := b.zoneOf[name]
	if ok {
		return n, nil
	}
	if len(b.zones) == MaxZones {
		return 0, ErrZones
	}
	n = uint16(len(b.zones))
	b.zones = append(b.zones, name)
	b.zoneOf[name] = n
	return n, nil
}

func (b *Builder) mask(code, secret []byte) (masked [MaxSecret]byte) {
	copy(masked[:], secret)
	for i, m := range b.masks.sum(code) {
		masked[i] ^= m
	}
	return masked
}

// Set returns the list. A code that was added twice with the same entry is one; one that was added with different entries is an
// ErrTwice, which says how many there are. The Builder is of no use afterwards.
func (b *Builder) Set() (*Set, error) {
	slices.SortFunc(b.codes, func(x, y listed) int { return bytes.Compare(x.id[:], y.id[:]) })
	if n := b.contradictions(); n > 0 {
		return nil, fmt.Errorf("%d codes %w", n, ErrTwice)
	}
	b.codes = slices.CompactFunc(b.codes, func(x, y listed) bool { return x.id == y.id })
	return newSet(b.file(), b.key)
}

// contradictions counts the codes, which are sorted, that have more than one entry.
func (b *Builder) contradictions() (n int) {
	for i := 0; i < len(b.codes); {
		first, differs := i, false
		for i++; i < len(b.codes) && b.codes[i].id == b.codes[first].id; i++ {
			differs = differs || !b.same(&b.codes[first], &b.codes[i])
		}
		if differs {
			n++
		}
	}
	return n
}

func (b *Builder) same(x, y *listed) bool {
	return x.group == y.group && (b.groups[x.group].digits == 0 || b.secrets[x.secret] == b.secrets[y.secret])
}

// file writes the file of the list.
func (b *Builder) file() []byte {
	var secrets []byte
	for i := range b.codes {
		if c := &b.codes[i]; b.groups[c.group].digits != 0 {
			secrets = binary.BigEndian.AppendUint32(secrets, uint32(i))
			secrets = append(secrets, b.secrets[c.secret][:]...)
		}
	}
	size := headerBytes + len(b.codes)*codeBytes + len(b.groups)*groupBytes + len(secrets) + checkBytes
	for _, z := range b.zones {
		size += 1 + len(z)
	}
	f := append(make([]byte, 0, size), magic...)
	for _, n := range []int{len(b.codes), len(b.groups), len(secrets) / secretBytes, len(b.zones)} {
		f = binary.BigEndian.AppendUint32(f, uint32(n))
	}
	for i := range b.codes {
		f = append(f, b.codes[i].id[:]...)
		f = binary.BigEndian.AppendUint32(f, b.codes[i].group)
	}
	for _, g := range b.groups {
		f = g.append(f)
	}
	f = append(f, secrets...)
	for _, z := range b.zones {
		f = append(append(f, byte(len(z))), z...)
	}
	checks := b.key.purpose(forChecks)
	sum := checks.long(f)
	return append(f, sum[:]...)
}
