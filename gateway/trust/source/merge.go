package source

import (
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
			who := identity{id: e.ID, key: e.Public.Fingerprint()}
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
