package source

import (
	"bytes"
	"fmt"
	"slices"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// Merge puts key sets together. A key that stands in several must say the same in each, but for issuer and source, of
// which the first are kept; revocation lists of one country and kind are united, and expire when the first of them does.
func Merge(sets ...bundle.Content) (bundle.Content, error) {
	var all bundle.Content
	index := make(map[identity]int)
	for _, set := range sets {
		for _, e := range set.Keys {
			who := identity{id: e.ID, key: e.Public.Fingerprint(), scope: e.Scope}
			at, twice := index[who]
			if !twice {
				index[who] = len(all.Keys)
				all.Keys = append(all.Keys, e)
				continue
			}
			if first := &all.Keys[at]; !sameMeaning(&first.Key, &e.Key) {
				return bundle.Content{}, fmt.Errorf("%w: %v from %q is not the same as from %q", ErrSource, &e, e.Source, first.Source)
			}
		}
		for _, d := range set.Disabled {
			same := func(have bundle.Disabled) bool { return have.Fingerprint == d.Fingerprint }
			if !slices.ContainsFunc(all.Disabled, same) {
				all.Disabled = append(all.Disabled, d)
			}
		}
		for _, a := range set.Acceptance {
			if !slices.Contains(all.Acceptance, a) {
				all.Acceptance = append(all.Acceptance, a)
			}
		}
		for _, l := range set.Revoked {
			unite(&all, l)
		}
		if err := mergeAuthorities(&all, &set); err != nil {
			return bundle.Content{}, err
		}
	}
	all.Sort()
	for i := range all.Revoked {
		all.Revoked[i].Entries = slices.Compact(all.Revoked[i].Entries)
	}
	return all, nil
}

func sameMeaning(a, b *trust.Key) bool {
	return a.Country == b.Country && a.Usages == b.Usages && a.NotBefore == b.NotBefore && a.NotAfter == b.NotAfter &&
		a.Disabled == b.Disabled && slices.Equal(a.Algorithms, b.Algorithms)
}

func unite(all *bundle.Content, l trust.Revocation) {
	for i := range all.Revoked {
		have := &all.Revoked[i]
		if have.Country == l.Country && have.Kind == l.Kind {
			have.Expires = min(have.Expires, l.Expires)
			have.Entries = append(have.Entries, l.Entries...)
			return
		}
	}
	l.Entries = slices.Clone(l.Entries)
	all.Revoked = append(all.Revoked, l)
}

// mergeAuthorities adds authorities, carriers and delegates. One that stands in several sets says the same in each, but for what an
// authority has revoked, which is united, and good until the newest of its lists is, for each is the whole one; and for its source, of
// which the first is kept.
func mergeAuthorities(all, set *bundle.Content) error {
	for _, a := range set.Authorities {
		at := slices.IndexFunc(all.Authorities, func(have bundle.Authority) bool {
			return bytes.Equal(have.SKI, a.SKI) && have.Public.Fingerprint() == a.Public.Fingerprint()
		})
		if at < 0 {
			a.Revoked = slices.Clone(a.Revoked)
			all.Authorities = append(all.Authorities, a)
			continue
		}
		have := &all.Authorities[at]
		if have.Country != a.Country || have.NotBefore != a.NotBefore || have.NotAfter != a.NotAfter || have.Disabled != a.Disabled ||
			!slices.Equal(have.Algorithms, a.Algorithms) {
			return fmt.Errorf("%w: %v from %q is not the same as from %q", ErrSource, &a, a.Source, have.Source)
		}
		have.Revoked, have.RevokedUntil = append(have.Revoked, a.Revoked...), max(have.RevokedUntil, a.RevokedUntil)
		sortSerials(have)
	}
	for _, carrier := range set.Carriers {
		at := slices.IndexFunc(all.Carriers, func(have trust.Carrier) bool { return have.Code == carrier.Code })
		if at < 0 {
			all.Carriers = append(all.Carriers, carrier)
		} else if all.Carriers[at] != carrier {
			return fmt.Errorf("%w: carrier %s signs, and does not", ErrSource, carrier.Code)
		}
	}
	for _, d := range set.Delegates {
		at := slices.IndexFunc(all.Delegates, func(have trust.Delegate) bool { return have.ID == d.ID && have.Scope == d.Scope })
		if at < 0 {
			all.Delegates = append(all.Delegates, d)
		} else if have := &all.Delegates[at]; !sameDelegate(have, &d) {
			return fmt.Errorf("%w: delegate %v for %q is not the same in two key sets", ErrSource, d.ID, d.Scope)
		}
	}
	return nil
}

func sameDelegate(a, b *trust.Delegate) bool {
	return a.Kinds == b.Kinds && a.NotBefore == b.NotBefore && a.NotAfter == b.NotAfter && a.Disabled == b.Disabled &&
		slices.Equal(a.Algorithms, b.Algorithms)
}
