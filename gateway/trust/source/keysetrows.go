package source

import (
	"errors"
	"fmt"
	"time"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// The rows of a key set that are not keys: authorities, carriers, delegates.

type authorityText struct {
	Country    string          `toml:"country"`
	SKI        bytesText       `toml:"ski"`
	Algorithms []algorithmText `toml:"algorithms"`
	NotBefore  time.Time       `toml:"not_before"`
	NotAfter   time.Time       `toml:"not_after"`
	State      stateText       `toml:"state"`
	Source     string          `toml:"source,omitempty"`
	Public     publicText      `toml:"public"`
	Until      time.Time       `toml:"revoked_until,omitempty"`     // when the next revocation list is due; absent: there is none
	Revoked    []bytesText     `toml:"revoked,multiline,omitempty"` // serial numbers of signers
}

type carrierText struct {
	Code  string `toml:"code"`
	Signs *bool  `toml:"signs"` // true: a pass without a signature was stripped of it
}

type delegateText struct {
	ID         *idText         `toml:"id"`
	Name       string          `toml:"name,omitempty"`
	Kinds      []feedKindText  `toml:"kinds"`
	Scope      string          `toml:"scope"` // "*" for every scope
	Algorithms []algorithmText `toml:"algorithms"`
	NotBefore  time.Time       `toml:"not_before"`
	NotAfter   time.Time       `toml:"not_after"`
	State      stateText       `toml:"state"`
	Public     publicText      `toml:"public"`
}

func (t *keySetText) authorities(c *bundle.Content) error {
	for i := range t.Authority {
		a, err := t.Authority[i].authority()
		if err != nil {
			return fmt.Errorf("authority %d: %w", i+1, err)
		}
		c.Authorities = append(c.Authorities, a)
	}
	for i, row := range t.Carrier {
		if row.Signs == nil || !trust.ValidCarrier(row.Code) {
			return fmt.Errorf("carrier %d, %.8q: want a code of 2 or 3 capital letters and digits, and signs", i+1, row.Code)
		}
		c.Carriers = append(c.Carriers, trust.Carrier{Code: row.Code, Signs: *row.Signs})
	}
	for i := range t.Delegate {
		d, err := t.Delegate[i].delegate()
		if err != nil {
			return fmt.Errorf("delegate %d: %w", i+1, err)
		}
		c.Delegates = append(c.Delegates, d)
	}
	return nil
}

func (t *authorityText) authority() (bundle.Authority, error) {
	if t.State == (stateText{}) {
		return bundle.Authority{}, errors.New("no state")
	}
	a := bundle.Authority{Source: t.Source, Authority: trust.Authority{
		Country: t.Country, SKI: t.SKI, Public: t.Public.Key, Algorithms: algorithmSet(t.Algorithms), Disabled: t.State.disabled(),
	}}
	for _, serial := range t.Revoked {
		a.Revoked = append(a.Revoked, serial)
	}
	var err error
	if a.NotBefore, a.NotAfter, err = validity(t.NotBefore, t.NotAfter); err != nil {
		return bundle.Authority{}, err
	}
	if !t.Until.IsZero() {
		if a.RevokedUntil, err = seconds("revoked_until", t.Until); err != nil {
			return bundle.Authority{}, err
		}
	}
	sortSerials(&a)
	if err := a.Check(); err != nil {
		return bundle.Authority{}, err
	}
	return a, nil
}

func (t *delegateText) delegate() (trust.Delegate, error) {
	if t.ID == nil || t.State == (stateText{}) {
		return trust.Delegate{}, errors.New("no id or no state")
	}
	d := trust.Delegate{
		ID: trust.KeyID(*t.ID), Name: t.Name, Public: t.Public.Key, Algorithms: algorithmSet(t.Algorithms), Scope: t.Scope,
		Disabled: t.State.disabled(),
	}
	for _, kind := range t.Kinds {
		d.Kinds |= trust.FeedKindsOf(kind.FeedKind)
	}
	var err error
	if d.NotBefore, d.NotAfter, err = validity(t.NotBefore, t.NotAfter); err != nil {
		return trust.Delegate{}, err
	}
	if err := bundle.CheckDelegate(&d); err != nil {
		return trust.Delegate{}, err
	}
	return d, nil
}

func (t *keySetText) setAuthorities(c *bundle.Content) {
	for i := range c.Authorities {
		a := &c.Authorities[i]
		row := authorityText{
			Country: a.Country, SKI: a.SKI, Algorithms: algorithmTexts(a.Algorithms), NotBefore: date(a.NotBefore), NotAfter: date(a.NotAfter),
			State: newStateText(a.Disabled), Source: a.Source, Public: publicText{a.Public},
		}
		if a.RevokedUntil != 0 {
			row.Until = date(a.RevokedUntil)
		}
		for _, serial := range a.Revoked {
			row.Revoked = append(row.Revoked, serial)
		}
		t.Authority = append(t.Authority, row)
	}
	for _, carrier := range c.Carriers {
		t.Carrier = append(t.Carrier, carrierText{Code: carrier.Code, Signs: &carrier.Signs})
	}
	for i := range c.Delegates {
		d := &c.Delegates[i]
		row := delegateText{
			ID: (*idText)(&d.ID), Name: d.Name, Scope: d.Scope, Algorithms: algorithmTexts(d.Algorithms), NotBefore: date(d.NotBefore),
			NotAfter: date(d.NotAfter), State: newStateText(d.Disabled), Public: publicText{d.Public},
		}
		for _, name := range d.Kinds.Names() {
			if kind, ok := trust.ParseFeedKind(name); ok {
				row.Kinds = append(row.Kinds, feedKindText{kind})
			}
		}
		t.Delegate = append(t.Delegate, row)
	}
}
