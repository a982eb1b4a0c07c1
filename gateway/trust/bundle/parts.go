package bundle

import (
	"fmt"

	"passerelle/gateway/trust"
)

// The parts that this program reads.
const (
	partAcceptance  = "acceptance"
	partAuthorities = "authorities"
	partCarriers    = "carriers"
	partDelegates   = "delegates"
	partDisabled    = "disabled"
	partKeys        = "keys"
	partRevocations = "revocations"
)

var (
	// partNames rise; a manifest's parts stand in this order.
	partNames = [...]string{partAcceptance, partAuthorities, partCarriers, partDelegates, partDisabled, partKeys, partRevocations}
	// firstParts are in every manifest.
	firstParts = [...]string{partAcceptance, partDisabled, partKeys, partRevocations}
	// laterParts are in none that an older program built, and all in the others. They need no new level: an older program passes over
	// what it does not know, and nothing that they say makes it admit more.
	laterParts = [...]string{partAuthorities, partCarriers, partDelegates}
)

// keyWire is one element of the array that the part "keys" is.
type keyWire struct {
	ID         []byte   `cbor:"1,keyasint"`
	Country    string   `cbor:"2,keyasint"`
	Issuer     string   `cbor:"3,keyasint,omitempty"`
	Public     []byte   `cbor:"4,keyasint"` // SubjectPublicKeyInfo
	Usages     []string `cbor:"5,keyasint"`
	Algorithms []int64  `cbor:"6,keyasint"` // COSE
	NotBefore  int64    `cbor:"7,keyasint"`
	NotAfter   int64    `cbor:"8,keyasint"`
	Disabled   bool     `cbor:"9,keyasint,omitempty"`
	Source     string   `cbor:"10,keyasint,omitempty"`
}

type disabledWire struct {
	Fingerprint []byte `cbor:"1,keyasint"`
	Reason      string `cbor:"2,keyasint,omitempty"`
}

type acceptanceWire struct {
	Country string   `cbor:"1,keyasint"`
	Usages  []string `cbor:"2,keyasint"`
	From    int64    `cbor:"3,keyasint"`
	Until   int64    `cbor:"4,keyasint,omitempty"`
}

type revocationWire struct {
	Country string `cbor:"1,keyasint"`
	Kind    uint64 `cbor:"2,keyasint"`
	Expires int64  `cbor:"3,keyasint"`
	Entries []byte `cbor:"4,keyasint"` // 16 bytes each
}

func encodeContent(c *Content) (map[string][]byte, error) {
	keys := make([]keyWire, 0, len(c.Keys))
	for i := range c.Keys {
		keys = append(keys, c.Keys[i].wire())
	}
	disabled := make([]disabledWire, 0, len(c.Disabled))
	for i := range c.Disabled {
		disabled = append(disabled, disabledWire{Fingerprint: c.Disabled[i].Fingerprint[:], Reason: c.Disabled[i].Reason})
	}
	acceptance := make([]acceptanceWire, 0, len(c.Acceptance))
	for _, a := range c.Acceptance {
		acceptance = append(acceptance, acceptanceWire{Country: a.Country, Usages: a.Usages.Names(), From: a.From, Until: a.Until})
	}
	revocations := make([]revocationWire, 0, len(c.Revoked))
	for _, l := range c.Revoked {
		w := revocationWire{Country: l.Country, Kind: uint64(l.Kind), Expires: l.Expires, Entries: make([]byte, 0, 16*len(l.Entries))}
		for i := range l.Entries {
			w.Entries = append(w.Entries, l.Entries[i][:]...)
		}
		revocations = append(revocations, w)
	}
	raw := make(map[string][]byte)
	for name, part := range map[string]any{
		partKeys: keys, partDisabled: disabled, partAcceptance: acceptance, partRevocations: revocations,
		partAuthorities: c.authorityWires(), partCarriers: c.carrierWires(), partDelegates: c.delegateWires(),
	} {
		b, err := encMode.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %v", ErrContent, name, err)
		}
		raw[name] = b
	}
	return raw, nil
}

func (e *Entry) wire() keyWire {
	return keyWire{
		ID: e.ID[:], Country: e.Country, Issuer: e.Issuer, Public: e.Public.SPKI(), Usages: e.UsageNames(), Algorithms: numbersOf(e.Algorithms),
		NotBefore: e.NotBefore, NotAfter: e.NotAfter, Disabled: e.Disabled, Source: e.Source,
	}
}

// decodeContent reads parts that hash to what their manifest names.
func decodeContent(raw map[string][]byte) (Content, []Skipped, error) {
	c := Content{}
	skipped, err := c.decodeKeys(raw[partKeys])
	if err != nil {
		return Content{}, nil, err
	}
	for _, d := range []struct {
		decode func(part []byte) ([]Skipped, error)
		part   string
	}{{c.decodeAuthorities, partAuthorities}, {c.decodeDelegates, partDelegates}} {
		more, err := d.decode(raw[d.part])
		if err != nil {
			return Content{}, nil, err
		}
		skipped = append(skipped, more...)
	}
	if err := c.decodeCarriers(raw[partCarriers]); err != nil {
		return Content{}, nil, err
	}
	if err := c.decodeDisabled(raw[partDisabled]); err != nil {
		return Content{}, nil, err
	}
	if err := c.decodeAcceptance(raw[partAcceptance]); err != nil {
		return Content{}, nil, err
	}
	if err := c.decodeRevocations(raw[partRevocations]); err != nil {
		return Content{}, nil, err
	}
	c.Sort()
	if err := c.checkRest(); err != nil {
		return Content{}, nil, err
	}
	return c, skipped, nil
}

// decodeKeys leaves out and names each key that this program cannot use: without it an issuer is unknown, which refuses.
func (c *Content) decodeKeys(part []byte) ([]Skipped, error) {
	items, err := itemsOf(partKeys, part, trust.MaxKeys)
	if err != nil {
		return nil, err
	}
	if items == nil {
		return nil, fmt.Errorf("%w: %s: missing", ErrContent, partKeys)
	}
	var skipped []Skipped
	at := newUnder()
	for i, item := range items {
		var w keyWire
		if err := decodeExact(item, &w); err != nil {
			skipped = append(skipped, Skipped{What: fmt.Sprintf("key %d", i+1), Why: err.Error()})
			continue
		}
		e, err := w.entry()
		if err == nil {
			err = at.add(&e)
		}
		if err != nil {
			skipped = append(skipped, Skipped{What: fmt.Sprintf("key %d, id %.8x, country %.8q", i+1, w.ID, w.Country), Why: err.Error()})
			continue
		}
		c.Keys = append(c.Keys, e)
	}
	return skipped, nil
}

func (w *keyWire) entry() (Entry, error) {
	if len(w.ID) != len(trust.KeyID{}) {
		return Entry{}, fmt.Errorf("id of %d bytes", len(w.ID))
	}
	if len(w.Usages) > MaxUsages {
		return Entry{}, fmt.Errorf("%d usages, at most %d", len(w.Usages), MaxUsages)
	}
	public, err := parsePublic(w.Public, w.Algorithms)
	if err != nil {
		return Entry{}, err
	}
	usages, scope, err := keyUsages(w.Usages)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Source: w.Source, Key: trust.Key{
		ID: trust.KeyID(w.ID), Country: w.Country, Issuer: w.Issuer, Public: public,
		Usages: usages, Scope: scope, Algorithms: algorithmsOf(w.Algorithms, &public),
		NotBefore: w.NotBefore, NotAfter: w.NotAfter, Disabled: w.Disabled,
	}}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// keyUsages keeps those that this program knows.
func keyUsages(names []string) (set trust.Usage, scope string, err error) {
	for _, name := range names {
		u, its, ok := trust.ParseKeyUsage(name)
		if !ok {
			continue
		}
		if set, scope, err = JoinUsage(set, scope, u, its); err != nil {
			return 0, "", err
		}
	}
	return set, scope, nil
}

// JoinUsage adds a usage with its scope to those of a key. One entry has one scope.
func JoinUsage(set trust.Usage, scope string, u trust.Usage, its string) (trust.Usage, string, error) {
	if set.Scoped() && u.Scoped() && scope != its {
		return 0, "", fmt.Errorf("two scopes, %.32q and %.32q: make two entries", scope, its)
	}
	if u.Scoped() {
		scope = its
	}
	return set | u, scope, nil
}

// usagesOf keeps those of an acceptance row that this program knows.
func usagesOf(names []string) trust.Usage {
	var set trust.Usage
	for _, name := range names {
		if u, ok := trust.ParseUsage(name); ok {
			set |= u
		}
	}
	return set
}

func (c *Content) decodeDisabled(part []byte) error {
	var list []disabledWire
	if err := decodeExact(part, &list); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrContent, partDisabled, err)
	}
	for _, w := range list {
		if len(w.Fingerprint) != 32 {
			return fmt.Errorf("%w: %s: a fingerprint of %d bytes", ErrContent, partDisabled, len(w.Fingerprint))
		}
		c.Disabled = append(c.Disabled, Disabled{Fingerprint: [32]byte(w.Fingerprint), Reason: w.Reason})
	}
	return nil
}

// decodeAcceptance drops rows that are only for usages that this program does not know: they accept nothing here.
func (c *Content) decodeAcceptance(part []byte) error {
	var rows []acceptanceWire
	if err := decodeExact(part, &rows); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrContent, partAcceptance, err)
	}
	for _, w := range rows {
		if len(w.Usages) > MaxUsages {
			return fmt.Errorf("%w: %s: %d usages, at most %d", ErrContent, partAcceptance, len(w.Usages), MaxUsages)
		}
		if u := usagesOf(w.Usages); u != 0 {
			c.Acceptance = append(c.Acceptance, trust.Acceptance{Country: w.Country, Usages: u, From: w.From, Until: w.Until})
		}
	}
	return nil
}

func (c *Content) decodeRevocations(part []byte) error {
	var lists []revocationWire
	if err := decodeExact(part, &lists); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrContent, partRevocations, err)
	}
	for _, w := range lists {
		if len(w.Entries)%16 != 0 || w.Kind > uint64(trust.RevokedSignature) {
			return fmt.Errorf("%w: %s: %d bytes of kind %d", ErrContent, partRevocations, len(w.Entries), w.Kind)
		}
		l := trust.Revocation{Country: w.Country, Kind: trust.RevocationKind(w.Kind), Expires: w.Expires}
		l.Entries = make([]trust.RevocationHash, 0, len(w.Entries)/16)
		for i := 0; i < len(w.Entries); i += 16 {
			l.Entries = append(l.Entries, trust.RevocationHash(w.Entries[i:]))
		}
		c.Revoked = append(c.Revoked, l)
	}
	return nil
}
