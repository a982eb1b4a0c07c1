package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// The key set: a text file with one table a key, row, list, or switched-off key, in a fixed order.
type keySetText struct {
	Key        []keyText        `toml:"key,omitempty"`
	Disabled   []disabledText   `toml:"disabled,omitempty"`
	Acceptance []acceptanceText `toml:"acceptance,omitempty"`
	Revocation []revocationText `toml:"revocation,omitempty"`
	Authority  []authorityText  `toml:"authority,omitempty"`
	Carrier    []carrierText    `toml:"carrier,omitempty"`
	Delegate   []delegateText   `toml:"delegate,omitempty"`
}

type keyText struct {
	ID         *idText         `toml:"id"`
	Country    string          `toml:"country"`
	Issuer     string          `toml:"issuer,omitempty"`
	Usages     []keyUsageText  `toml:"usages"`
	Algorithms []algorithmText `toml:"algorithms"`
	NotBefore  time.Time       `toml:"not_before"`
	NotAfter   time.Time       `toml:"not_after"`
	State      stateText       `toml:"state"`
	Source     string          `toml:"source,omitempty"`
	Public     publicText      `toml:"public"`
}

type disabledText struct {
	Fingerprint *fingerprintText `toml:"fingerprint"`
	Reason      string           `toml:"reason,omitempty"`
}

type acceptanceText struct {
	Country string      `toml:"country"` // "*" for every country on the list
	Usages  []usageText `toml:"usages"`
	From    time.Time   `toml:"from"`
	Until   time.Time   `toml:"until,omitempty"` // absent: no end
}

type revocationText struct {
	Country string     `toml:"country"`
	Kind    kindText   `toml:"kind"`
	Expires time.Time  `toml:"expires"`
	Entries []hashText `toml:"entries,multiline"`
}

// ParseKeySet reads a key set. An unknown key is an error that names its line; so is a name that this program does not
// know: at the centre it is a misprint.
func ParseKeySet(file []byte) (bundle.Content, error) {
	if len(file) > MaxInput {
		return bundle.Content{}, fmt.Errorf("%w: key set of %d bytes, at most %d", ErrSource, len(file), MaxInput)
	}
	var t keySetText
	if err := toml.NewDecoder(bytes.NewReader(file)).DisallowUnknownFields().Decode(&t); err != nil {
		return bundle.Content{}, fmt.Errorf("%w: key set: %w", ErrSource, withLine(err))
	}
	c, err := t.content()
	if err != nil {
		return bundle.Content{}, fmt.Errorf("%w: key set: %w", ErrSource, err)
	}
	c.Sort()
	return c, nil
}

func (t *keySetText) content() (bundle.Content, error) {
	var c bundle.Content
	for i := range t.Key {
		e, err := t.Key[i].entry()
		if err != nil {
			return bundle.Content{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		c.Keys = append(c.Keys, e)
	}
	for i, d := range t.Disabled {
		if d.Fingerprint == nil {
			return bundle.Content{}, fmt.Errorf("disabled %d: no fingerprint", i+1)
		}
		c.Disabled = append(c.Disabled, bundle.Disabled{Fingerprint: *d.Fingerprint, Reason: d.Reason})
	}
	for i, a := range t.Acceptance {
		row := trust.Acceptance{Country: a.Country, Usages: usageSet(a.Usages)}
		var err error
		if row.From, err = seconds("from", a.From); err != nil {
			return bundle.Content{}, fmt.Errorf("acceptance %d: %w", i+1, err)
		}
		if !a.Until.IsZero() {
			if row.Until, err = seconds("until", a.Until); err != nil {
				return bundle.Content{}, fmt.Errorf("acceptance %d: %w", i+1, err)
			}
		}
		c.Acceptance = append(c.Acceptance, row)
	}
	for i, l := range t.Revocation {
		list := trust.Revocation{Country: l.Country}
		var err error
		if list.Kind, err = l.Kind.kind(); err != nil {
			return bundle.Content{}, fmt.Errorf("revocation %d: %w", i+1, err)
		}
		if list.Expires, err = seconds("expires", l.Expires); err != nil {
			return bundle.Content{}, fmt.Errorf("revocation %d: %w", i+1, err)
		}
		for _, h := range l.Entries {
			list.Entries = append(list.Entries, trust.RevocationHash(h))
		}
		c.Revoked = append(c.Revoked, list)
	}
	if err := t.authorities(&c); err != nil {
		return bundle.Content{}, err
	}
	return c, nil
}

func (k *keyText) entry() (bundle.Entry, error) {
	if k.ID == nil || k.State == (stateText{}) {
		return bundle.Entry{}, errors.New("no id or no state")
	}
	usages, scope, err := joinUsages(k.Usages)
	if err != nil {
		return bundle.Entry{}, err
	}
	e := bundle.Entry{Source: k.Source, Key: trust.Key{
		ID: trust.KeyID(*k.ID), Country: k.Country, Issuer: k.Issuer, Public: k.Public.Key,
		Usages: usages, Scope: scope, Algorithms: algorithmSet(k.Algorithms), Disabled: k.State.disabled(),
	}}
	if e.NotBefore, e.NotAfter, err = validity(k.NotBefore, k.NotAfter); err != nil {
		return bundle.Entry{}, err
	}
	if err := e.Check(); err != nil {
		return bundle.Entry{}, err
	}
	return e, nil
}

// WriteKeySet writes a key set in its fixed order: by country, id, fingerprint. It sorts c in place.
func WriteKeySet(w io.Writer, c bundle.Content) error {
	c.Sort()
	var t keySetText
	for i := range c.Keys {
		t.Key = append(t.Key, newKeyText(&c.Keys[i]))
	}
	for _, d := range c.Disabled {
		t.Disabled = append(t.Disabled, disabledText{Fingerprint: (*fingerprintText)(&d.Fingerprint), Reason: d.Reason})
	}
	for _, a := range c.Acceptance {
		row := acceptanceText{Country: a.Country, Usages: usageTexts(a.Usages), From: date(a.From)}
		if a.Until != 0 {
			row.Until = date(a.Until)
		}
		t.Acceptance = append(t.Acceptance, row)
	}
	for _, l := range c.Revoked {
		list := revocationText{Country: l.Country, Kind: newKindText(l.Kind), Expires: date(l.Expires)}
		for _, h := range l.Entries {
			list.Entries = append(list.Entries, hashText(h))
		}
		t.Revocation = append(t.Revocation, list)
	}
	t.setAuthorities(&c)
	if _, err := io.WriteString(w, "# A key set: what `passerelle trust build` makes a bundle of.\n\n"); err != nil {
		return fmt.Errorf("write key set: %w", err)
	}
	if err := toml.NewEncoder(w).Encode(&t); err != nil {
		return fmt.Errorf("write key set: %w", err)
	}
	return nil
}

func newKeyText(e *bundle.Entry) keyText {
	return keyText{
		ID: (*idText)(&e.ID), Country: e.Country, Issuer: e.Issuer, Usages: keyUsageTexts(&e.Key), Algorithms: algorithmTexts(e.Algorithms),
		NotBefore: date(e.NotBefore), NotAfter: date(e.NotAfter), State: newStateText(e.Disabled), Source: e.Source, Public: publicText{e.Public},
	}
}

func algorithmTexts(algs []sig.Algorithm) []algorithmText {
	var list []algorithmText
	for _, a := range algs {
		list = append(list, algorithmText{a})
	}
	return list
}

func algorithmSet(list []algorithmText) []sig.Algorithm {
	var algs []sig.Algorithm
	for _, a := range list {
		algs = append(algs, a.Algorithm)
	}
	return algs
}

func validity(from, until time.Time) (notBefore, notAfter int64, err error) {
	if notBefore, err = seconds("not_before", from); err != nil {
		return 0, 0, err
	}
	if notAfter, err = seconds("not_after", until); err != nil {
		return 0, 0, err
	}
	return notBefore, notAfter, nil
}

func date(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

// seconds refuses what unix seconds cannot hold, and times without a zone: they mean another instant on each computer.
func seconds(name string, t time.Time) (int64, error) {
	switch {
	case t.IsZero():
		return 0, fmt.Errorf("no %s", name)
	case t.Location() == time.Local:
		return 0, fmt.Errorf("%s has no zone: write 2030-01-31T00:00:00Z", name)
	case t.Nanosecond() != 0:
		return 0, fmt.Errorf("%s has a fraction of a second", name)
	case t.UTC().Year() < 1900 || t.UTC().Year() > 9999:
		return 0, fmt.Errorf("%s is not in the years 1900 to 9999", name)
	}
	return t.Unix(), nil
}

// withLine puts the line, and the key where there is one, into an error of the TOML library.
func withLine(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		row, _ := strict.Errors[0].Position()
		return fmt.Errorf("line %d: unknown key %q", row, strings.Join(strict.Errors[0].Key(), "."))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, _ := decode.Position()
		return fmt.Errorf("line %d: %s: %w", row, strings.Join(decode.Key(), "."), err)
	}
	return err
}
