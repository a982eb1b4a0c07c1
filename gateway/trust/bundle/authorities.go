package bundle

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// MaxSerials is how many serial numbers one authority may have revoked.
const MaxSerials = 20_000

// Authority is a country's certificate authority and where it came from.
type Authority struct {
	trust.Authority
	Source string // for people
}

type authorityWire struct {
	Country    string   `cbor:"1,keyasint"`
	SKI        []byte   `cbor:"2,keyasint"`
	Public     []byte   `cbor:"3,keyasint"` // SubjectPublicKeyInfo
	Algorithms []int64  `cbor:"4,keyasint"` // COSE
	NotBefore  int64    `cbor:"5,keyasint"`
	NotAfter   int64    `cbor:"6,keyasint"`
	Revoked    [][]byte `cbor:"7,keyasint,omitempty"` // rising
	Disabled   bool     `cbor:"8,keyasint,omitempty"`
	Source     string   `cbor:"9,keyasint,omitempty"`
	Until      int64    `cbor:"10,keyasint,omitempty"` // of Revoked
}

type carrierWire struct {
	Code  string `cbor:"1,keyasint"`
	Signs bool   `cbor:"2,keyasint,omitempty"`
}

type delegateWire struct {
	Public     []byte   `cbor:"1,keyasint"` // SubjectPublicKeyInfo
	Algorithms []int64  `cbor:"2,keyasint"` // COSE
	Kinds      []string `cbor:"3,keyasint"`
	Scope      string   `cbor:"4,keyasint"`
	NotBefore  int64    `cbor:"5,keyasint"`
	NotAfter   int64    `cbor:"6,keyasint"`
	Disabled   bool     `cbor:"7,keyasint,omitempty"`
	Name       string   `cbor:"8,keyasint,omitempty"`
}

// String names the authority for people.
func (a *Authority) String() string {
	return fmt.Sprintf("authority %x (%s, %s)", a.SKI, a.Country, a.Public.String())
}

// Check tells whether the authority may stand in a bundle. Errors wrap ErrContent and name it.
func (a *Authority) Check() error {
	if err := a.check(); err != nil {
		return fmt.Errorf("%w: %v: %w", ErrContent, a, err)
	}
	return nil
}

func (a *Authority) check() error {
	switch {
	case !a.Public.Valid():
		return errors.New("no public key")
	case !isCountry(a.Country):
		return fmt.Errorf("country %.8q: want two capital letters", a.Country)
	case len(a.SKI) == 0 || len(a.SKI) > trust.MaxSKI:
		return fmt.Errorf("subject key identifier of %d bytes, want 1 to %d", len(a.SKI), trust.MaxSKI)
	case len(a.Revoked) > MaxSerials:
		return fmt.Errorf("%d serial numbers are revoked, at most %d", len(a.Revoked), MaxSerials)
	case a.RevokedUntil < 0 || a.RevokedUntil > maxTime:
		return fmt.Errorf("revoked until %d", a.RevokedUntil)
	}
	for i, serial := range a.Revoked {
		if len(serial) > trust.MaxSerial || len(serial) > 0 && serial[0] == 0 || i > 0 && bytes.Compare(a.Revoked[i-1], serial) >= 0 {
			return fmt.Errorf("serial number %d of %d bytes begins with zero, is out of order or there twice", i+1, len(serial))
		}
	}
	if err := checkText(a.Source); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	return checkUse(&a.Public, a.Algorithms, a.NotBefore, a.NotAfter)
}

// checkUse is the same for everything that has a public key.
func checkUse(key *sig.Key, algorithms []sig.Algorithm, notBefore, notAfter int64) error {
	if len(algorithms) == 0 {
		return errors.New("no algorithm, which means nothing")
	}
	if notAfter < notBefore || notBefore < minTime || notAfter > maxTime {
		return fmt.Errorf("valid from %d until %d", notBefore, notAfter)
	}
	for i, a := range algorithms {
		if !key.Allows(a) || slices.Contains(algorithms[:i], a) {
			return fmt.Errorf("algorithm %v is not for this key, or stands twice", a)
		}
	}
	return nil
}

// CheckDelegate tells whether a delegate may stand in a bundle. Errors wrap ErrContent and name it.
func CheckDelegate(d *trust.Delegate) error {
	if err := checkDelegate(d); err != nil {
		return fmt.Errorf("%w: delegate %v: %w", ErrContent, d.ID, err)
	}
	return nil
}

func checkDelegate(d *trust.Delegate) error {
	switch {
	case !d.Public.Valid():
		return errors.New("no public key")
	case d.ID != DelegateID(&d.Public):
		return fmt.Errorf("id %v is not that of its public key", d.ID)
	case (&Root{Key: d.Public}).check() != nil:
		return fmt.Errorf("%v cannot sign feeds: want P-256 or Ed25519", &d.Public)
	case d.Kinds == 0:
		return errors.New("no kind of feed, which means nothing")
	case d.Scope != "*" && !trust.ValidScope(d.Scope):
		return fmt.Errorf("scope %.32q", d.Scope)
	}
	if err := checkText(d.Name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	return checkUse(&d.Public, d.Algorithms, d.NotBefore, d.NotAfter)
}

// DelegateID returns the id of a delegate's key: the first 8 bytes of the SHA-256 of its SubjectPublicKeyInfo.
func DelegateID(key *sig.Key) trust.KeyID {
	sum := key.Fingerprint()
	return trust.KeyID(sum[:8])
}

func (c *Content) sortAuthorities() {
	slices.SortFunc(c.Authorities, func(a, b Authority) int {
		fa, fb := a.Public.Fingerprint(), b.Public.Fingerprint()
		return cmp.Or(cmp.Compare(a.Country, b.Country), bytes.Compare(a.SKI, b.SKI), bytes.Compare(fa[:], fb[:]))
	})
	for _, a := range c.Authorities {
		slices.SortFunc(a.Revoked, bytes.Compare)
	}
	slices.SortFunc(c.Carriers, func(a, b trust.Carrier) int { return cmp.Compare(a.Code, b.Code) })
	slices.SortFunc(c.Delegates, func(a, b trust.Delegate) int {
		return cmp.Or(bytes.Compare(a.ID[:], b.ID[:]), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Kinds, b.Kinds))
	})
}

// checkAuthorities holds for what is signed, each by itself; c is sorted.
func (c *Content) checkAuthorities() error {
	under := make(map[string][][32]byte)
	for i := range c.Authorities {
		a := &c.Authorities[i]
		if err := a.Check(); err != nil {
			return err
		}
		if err := addAuthority(under, a); err != nil {
			return fmt.Errorf("%w: %v: %w", ErrContent, a, err)
		}
	}
	for i := range c.Delegates {
		if err := CheckDelegate(&c.Delegates[i]); err != nil {
			return err
		}
		if i > 0 && sameDelegate(&c.Delegates[i-1], &c.Delegates[i]) {
			return fmt.Errorf("%w: delegate %v stands twice for %q", ErrContent, c.Delegates[i].ID, c.Delegates[i].Scope)
		}
	}
	return nil
}

func sameDelegate(a, b *trust.Delegate) bool {
	return a.ID == b.ID && a.Scope == b.Scope
}

func addAuthority(under map[string][][32]byte, a *Authority) error {
	have, sum := under[string(a.SKI)], a.Public.Fingerprint()
	if slices.Contains(have, sum) {
		return errors.New("stands twice")
	}
	if len(have) == trust.MaxAuthoritiesPerSKI {
		return fmt.Errorf("more than %d authorities under one identifier", trust.MaxAuthoritiesPerSKI)
	}
	under[string(a.SKI)] = append(have, sum)
	return nil
}

// checkLimits holds at the signer and at the gate.
func (c *Content) checkLimits() error {
	if len(c.Authorities) > trust.MaxAuthorities || len(c.Carriers) > trust.MaxCarriers || len(c.Delegates) > trust.MaxDelegates {
		return fmt.Errorf("%w: %d authorities, %d carriers, %d delegates: at most %d, %d, %d", ErrContent, len(c.Authorities),
			len(c.Carriers), len(c.Delegates), trust.MaxAuthorities, trust.MaxCarriers, trust.MaxDelegates)
	}
	revoked := 0
	for i := range c.Authorities {
		if revoked += len(c.Authorities[i].Revoked); revoked > trust.MaxRevokedSerials {
			return fmt.Errorf("%w: more than %d serial numbers are revoked", ErrContent, trust.MaxRevokedSerials)
		}
	}
	for i, carrier := range c.Carriers {
		if !trust.ValidCarrier(carrier.Code) || i > 0 && c.Carriers[i-1].Code == carrier.Code {
			return fmt.Errorf("%w: carrier %.8q stands twice, or is none", ErrContent, carrier.Code)
		}
	}
	return nil
}

func (c *Content) authorityWires() []authorityWire {
	list := make([]authorityWire, 0, len(c.Authorities))
	for i := range c.Authorities {
		a := &c.Authorities[i]
		list = append(list, authorityWire{
			Country: a.Country, SKI: a.SKI, Public: a.Public.SPKI(), Algorithms: numbersOf(a.Algorithms), NotBefore: a.NotBefore,
			NotAfter: a.NotAfter, Revoked: a.Revoked, Until: a.RevokedUntil, Disabled: a.Disabled, Source: a.Source,
		})
	}
	return list
}

func (c *Content) carrierWires() []carrierWire {
	list := make([]carrierWire, 0, len(c.Carriers))
	for _, carrier := range c.Carriers {
		list = append(list, carrierWire(carrier))
	}
	return list
}

func (c *Content) delegateWires() []delegateWire {
	list := make([]delegateWire, 0, len(c.Delegates))
	for i := range c.Delegates {
		d := &c.Delegates[i]
		list = append(list, delegateWire{
			Public: d.Public.SPKI(), Algorithms: numbersOf(d.Algorithms), Kinds: d.Kinds.Names(), Scope: d.Scope, NotBefore: d.NotBefore,
			NotAfter: d.NotAfter, Disabled: d.Disabled, Name: d.Name,
		})
	}
	return list
}

func numbersOf(algs []sig.Algorithm) []int64 {
	var list []int64
	for _, a := range algs {
		list = append(list, int64(a))
	}
	return list
}

// decodeAuthorities leaves out and names each authority that this program cannot use: without it nobody under it is admitted.
func (c *Content) decodeAuthorities(part []byte) ([]Skipped, error) {
	items, err := itemsOf(partAuthorities, part, trust.MaxAuthorities)
	if err != nil {
		return nil, err
	}
	var skipped []Skipped
	under := make(map[string][][32]byte)
	for i, item := range items {
		var w authorityWire
		a := Authority{}
		err := decodeExact(item, &w)
		if err == nil {
			a, err = w.authority()
		}
		if err == nil {
			err = addAuthority(under, &a)
		}
		if err != nil {
			skipped = append(skipped, Skipped{What: fmt.Sprintf("authority %d, %.20x, country %.8q", i+1, w.SKI, w.Country), Why: err.Error()})
			continue
		}
		c.Authorities = append(c.Authorities, a)
	}
	return skipped, nil
}

func (w *authorityWire) authority() (Authority, error) {
	public, err := parsePublic(w.Public, w.Algorithms)
	if err != nil {
		return Authority{}, err
	}
	a := Authority{Source: w.Source, Authority: trust.Authority{
		Country: w.Country, SKI: w.SKI, Public: public, Algorithms: algorithmsOf(w.Algorithms, &public),
		NotBefore: w.NotBefore, NotAfter: w.NotAfter, Revoked: w.Revoked, RevokedUntil: w.Until, Disabled: w.Disabled,
	}}
	if err := a.check(); err != nil {
		return Authority{}, err
	}
	return a, nil
}

func parsePublic(spki []byte, algorithms []int64) (sig.Key, error) {
	if len(spki) > MaxSPKI || len(algorithms) > MaxAlgorithms {
		return sig.Key{}, fmt.Errorf("public key of %d bytes, %d algorithms: at most %d, %d", len(spki), len(algorithms), MaxSPKI, MaxAlgorithms)
	}
	return sig.ParseSPKI(spki)
}

// decodeCarriers reads them all or none: without a row that a carrier signs, its passes could be stripped of their signatures.
func (c *Content) decodeCarriers(part []byte) error {
	if part == nil {
		return nil
	}
	var rows []carrierWire
	if err := decodeExact(part, &rows); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrContent, partCarriers, err)
	}
	for _, w := range rows {
		c.Carriers = append(c.Carriers, trust.Carrier(w))
	}
	return nil
}

// decodeDelegates leaves out and names each delegate that this program cannot use: without it, its feeds are not taken.
func (c *Content) decodeDelegates(part []byte) ([]Skipped, error) {
	items, err := itemsOf(partDelegates, part, trust.MaxDelegates)
	if err != nil {
		return nil, err
	}
	var skipped []Skipped
	for i, item := range items {
		var w delegateWire
		d := trust.Delegate{}
		err := decodeExact(item, &w)
		if err == nil {
			d, err = w.delegate()
		}
		if err == nil && slices.ContainsFunc(c.Delegates, func(have trust.Delegate) bool { return sameDelegate(&have, &d) }) {
			err = errors.New("stands twice for its scope")
		}
		if err != nil {
			skipped = append(skipped, Skipped{What: fmt.Sprintf("delegate %d, scope %.32q", i+1, w.Scope), Why: err.Error()})
			continue
		}
		c.Delegates = append(c.Delegates, d)
	}
	return skipped, nil
}

func (w *delegateWire) delegate() (trust.Delegate, error) {
	public, err := parsePublic(w.Public, w.Algorithms)
	if err != nil {
		return trust.Delegate{}, err
	}
	if len(w.Kinds) > MaxUsages {
		return trust.Delegate{}, fmt.Errorf("%d kinds, at most %d", len(w.Kinds), MaxUsages)
	}
	d := trust.Delegate{
		ID: DelegateID(&public), Name: w.Name, Public: public, Algorithms: algorithmsOf(w.Algorithms, &public), Scope: w.Scope,
		NotBefore: w.NotBefore, NotAfter: w.NotAfter, Disabled: w.Disabled,
	}
	for _, name := range w.Kinds {
		if kind, ok := trust.ParseFeedKind(name); ok {
			d.Kinds |= trust.FeedKindsOf(kind)
		}
	}
	if err := checkDelegate(&d); err != nil {
		return trust.Delegate{}, err
	}
	return d, nil
}

// itemsOf splits a part that is an array, so that one bad item does not take the others with it; a part that is not in the bundle
// has none.
func itemsOf(name string, part []byte, limit int) ([]cbor.RawMessage, error) {
	if part == nil {
		return nil, nil
	}
	var items []cbor.RawMessage
	if err := decMode.Unmarshal(part, &items); err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrContent, name, err)
	}
	if items == nil {
		return nil, fmt.Errorf("%w: %s: null", ErrContent, name)
	}
	if len(items) > limit {
		return nil, fmt.Errorf("%w: %s: %d, at most %d", ErrContent, name, len(items), limit)
	}
	return items, nil
}
