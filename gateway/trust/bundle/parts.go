package bundle

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// The parts that this program reads; every manifest names them all, in this order.
const (
	partAcceptance  = "acceptance"
	partDisabled    = "disabled"
	partKeys        = "keys"
	partRevocations = "revocations"
)

// partNames rise; a manifest's parts stand in this order.
var partNames = [...]string{partAcceptance, partDisabled, partKeys, partRevocations}

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
	w := keyWire{
		ID: e.ID[:], Country: e.Country, Issuer: e.Issuer, Public: e.Public.SPKI(), Usages: e.Usages.Names(),
		NotBefore: e.NotBefore, NotAfter: e.NotAfter, Disabled: e.Disabled, Source: e.Source,
	}
	for _, a := range e.Algorithms {
		w.Algorithms = append(w.Algorithms, int64(a))
	}
	return w
}

// decodeContent reads parts that hash to what their manifest names.
func decodeContent(raw map[string][]byte) (Content, []Skipped, error) {
	c := Content{}
	skipped, err := c.decodeKeys(raw[partKeys])
	if err != nil {
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
	var items []cbor.RawMessage
	if err := decMode.Unmarshal(part, &items); err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrContent, partKeys, err)
	}
	if items == nil {
		return nil, fmt.Errorf("%w: %s: null", ErrContent, partKeys)
	}
	if len(items) > trust.MaxKeys {
		return nil, fmt.Errorf("%w: %d keys, at most %d", ErrContent, len(items), trust.MaxKeys)
	}
	var skipped []Skipped
	under := make(map[trust.KeyID][]string)
	for i, item := range items {
		var w keyWire
		if err := decodeExact(item, &w); err != nil {
			skipped = append(skipped, Skipped{What: fmt.Sprintf("key %d", i+1), Why: err.Error()})
			continue
		}
		e, err := w.entry()
		if err == nil {
			err = addUnder(under, &e)
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
	if len(w.Public) > MaxSPKI || len(w.Usages) > MaxUsages || len(w.Algorithms) > MaxAlgorithms {
		return Entry{}, fmt.Errorf("public key of %d bytes, %d usages, %d algorithms: at most %d, %d, %d",
			len(w.Public), len(w.Usages), len(w.Algorithms), MaxSPKI, MaxUsages, MaxAlgorithms)
	}
	public, err := sig.ParseSPKI(w.Public)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Source: w.Source, Key: trust.Key{
		ID: trust.KeyID(w.ID), Country: w.Country, Issuer: w.Issuer, Public: public,
		Usages: usagesOf(w.Usages), Algorithms: algorithmsOf(w.Algorithms, &public),
		NotBefore: w.NotBefore, NotAfter: w.NotAfter, Disabled: w.Disabled,
	}}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// usagesOf keeps those that this program knows.
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
