package source

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// The types below read and write one value of a key set each, so that an error names the value's line.

type idText trust.KeyID

func (t idText) MarshalText() ([]byte, error) { return []byte(trust.KeyID(t).String()), nil }

func (t *idText) UnmarshalText(b []byte) error {
	id, err := trust.ParseKeyID(string(b))
	*t = idText(id)
	return err
}

type fingerprintText [32]byte

func (t fingerprintText) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, t[:]), nil }

func (t *fingerprintText) UnmarshalText(b []byte) error { return decodeHex(t[:], b) }

type hashText trust.RevocationHash

func (t hashText) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, t[:]), nil }

func (t *hashText) UnmarshalText(b []byte) error { return decodeHex(t[:], b) }

func decodeHex(to, from []byte) error {
	raw, err := hex.DecodeString(string(from))
	if err != nil || len(raw) != len(to) {
		return fmt.Errorf("want %d hexadecimal digits", 2*len(to))
	}
	copy(to, raw)
	return nil
}

type usageText struct{ trust.Usage }

func (t usageText) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t *usageText) UnmarshalText(b []byte) error {
	u, ok := trust.ParseUsage(string(b))
	if !ok {
		return fmt.Errorf("unknown usage %q", b)
	}
	t.Usage = u
	return nil
}

func usageSet(list []usageText) trust.Usage {
	var set trust.Usage
	for _, u := range list {
		set |= u.Usage
	}
	return set
}

func usageTexts(set trust.Usage) []usageText {
	list := []usageText{}
	for _, name := range set.Names() {
		if u, ok := trust.ParseUsage(name); ok {
			list = append(list, usageText{u})
		}
	}
	return list
}

// keyUsageText is a usage of a key, which may have a scope.
type keyUsageText struct {
	usage trust.Usage
	scope string
}

func (t keyUsageText) MarshalText() ([]byte, error) {
	one := trust.Key{Usages: t.usage, Scope: t.scope}
	return []byte(strings.Join(one.UsageNames(), ",")), nil
}

func (t *keyUsageText) UnmarshalText(b []byte) error {
	u, scope, ok := trust.ParseKeyUsage(string(b))
	if !ok {
		return fmt.Errorf("unknown usage %q of a key", b)
	}
	t.usage, t.scope = u, scope
	return nil
}

func keyUsageTexts(k *trust.Key) []keyUsageText {
	list := []keyUsageText{}
	for _, name := range k.UsageNames() {
		if u, scope, ok := trust.ParseKeyUsage(name); ok {
			list = append(list, keyUsageText{u, scope})
		}
	}
	return list
}

func joinUsages(list []keyUsageText) (set trust.Usage, scope string, err error) {
	for _, u := range list {
		if set, scope, err = bundle.JoinUsage(set, scope, u.usage, u.scope); err != nil {
			return 0, "", err
		}
	}
	return set, scope, nil
}

// feedKindText is a kind of feed by its name.
type feedKindText struct{ trust.FeedKind }

func (t feedKindText) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t *feedKindText) UnmarshalText(b []byte) error {
	kind, ok := trust.ParseFeedKind(string(b))
	if !ok {
		return fmt.Errorf("unknown kind of feed %q", b)
	}
	t.FeedKind = kind
	return nil
}

// bytesText is any number of bytes in hexadecimal.
type bytesText []byte

func (t bytesText) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, t), nil }

func (t *bytesText) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil {
		return fmt.Errorf("want hexadecimal digits: %w", err)
	}
	*t = raw
	return nil
}

type algorithmText struct{ sig.Algorithm }

func (t algorithmText) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t *algorithmText) UnmarshalText(b []byte) error {
	a, err := sig.ParseAlgorithm(string(b))
	t.Algorithm = a
	return err
}

// stateText is active or disabled; the zero value is neither. (A string type would be read without UnmarshalText.)
type stateText struct{ name string }

func newStateText(disabled bool) stateText {
	if disabled {
		return stateText{"disabled"}
	}
	return stateText{"active"}
}

func (t stateText) disabled() bool { return t == newStateText(true) }

func (t stateText) MarshalText() ([]byte, error) { return []byte(t.name), nil }

func (t *stateText) UnmarshalText(b []byte) error {
	switch s := (stateText{string(b)}); s {
	case newStateText(false), newStateText(true):
		*t = s
		return nil
	}
	return fmt.Errorf("state %q: want active or disabled", b)
}

// publicText is a base64 SubjectPublicKeyInfo.
type publicText struct{ sig.Key }

func (t publicText) MarshalText() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(t.Public())
	if err != nil {
		return nil, fmt.Errorf("write public key: %w", err)
	}
	return base64.StdEncoding.AppendEncode(nil, der), nil
}

func (t *publicText) UnmarshalText(b []byte) error {
	der, err := base64.StdEncoding.Strict().DecodeString(string(b))
	if err != nil {
		return err
	}
	if len(der) > MaxCertificate {
		return fmt.Errorf("public key of %d bytes, at most %d", len(der), MaxCertificate)
	}
	t.Key, err = sig.ParseSPKI(der)
	return err
}

// kindText says by name what a revocation list's entries are hashes of; the zero value is no kind.
type kindText struct{ name string }

var kindNames = [...]string{
	trust.RevokedUCI: "uci", trust.RevokedCountryUCI: "countrycode-uci", trust.RevokedSignature: "signature",
}

func newKindText(k trust.RevocationKind) kindText {
	if int(k) < len(kindNames) {
		return kindText{kindNames[k]}
	}
	return kindText{}
}

func (t kindText) kind() (trust.RevocationKind, error) {
	for k, name := range kindNames {
		if t.name == name {
			return trust.RevocationKind(k), nil
		}
	}
	return 0, errors.New("no kind")
}

func (t kindText) MarshalText() ([]byte, error) {
	if _, err := t.kind(); err != nil {
		return nil, err
	}
	return []byte(t.name), nil
}

func (t *kindText) UnmarshalText(b []byte) error {
	read := kindText{string(b)}
	if _, err := read.kind(); err != nil {
		return fmt.Errorf("kind %q: want uci, countrycode-uci or signature", b)
	}
	*t = read
	return nil
}
