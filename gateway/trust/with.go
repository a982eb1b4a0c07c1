package trust

import (
	"cmp"
	"maps"
	"slices"

	"passerelle/gateway/credential/list"
)

// Feed is what an operator lists by the minute: see FeedKind. It is not to be changed.
type Feed struct {
	Kind    FeedKind
	Scope   string
	Version uint64
	Issued  int64 // unix seconds
	Expires int64 // unix seconds, inclusive; past it the feed is stale, but still loaded
	Test    bool  // signed by a published test key
	Set     *list.Set
}

// Feed returns the feed of a kind about a scope, nil if there is none. It does not allocate.
func (s *Snapshot) Feed(kind FeedKind, scope string) *Feed {
	if kind >= numFeedKinds {
		return nil
	}
	return s.feeds[kind][scope]
}

// FeedName is what a feed is about.
type FeedName struct {
	Kind  FeedKind
	Scope string
}

// IsLost reports whether a feed was held here once and is not any more, so that what it said is not known. It does not allocate.
func (s *Snapshot) IsLost(kind FeedKind, scope string) bool { return s.lost[FeedName{kind, scope}] }

// Lost returns all feeds that are lost, in the order of kind and scope.
func (s *Snapshot) Lost() []FeedName {
	return slices.SortedFunc(maps.Keys(s.lost), func(a, b FeedName) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scope, b.Scope))
	})
}

// WithLost returns the list with these feeds as the lost ones. One that the list has is not lost.
func (s *Snapshot) WithLost(lost []FeedName) *Snapshot {
	with := *s
	with.lost = make(map[FeedName]bool)
	for _, name := range lost {
		if s.Feed(name.Kind, name.Scope) == nil {
			with.lost[name] = true
		}
	}
	return &with
}

// Feeds returns all feeds, in the order of kind and scope.
func (s *Snapshot) Feeds() []*Feed {
	var all []*Feed
	for kind := range s.feeds {
		for _, f := range s.feeds[kind] {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *Feed) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scope, b.Scope))
	})
	return all
}

// Statuses returns all status lists, in the order of their addresses.
func (s *Snapshot) Statuses() []*Status {
	var all []*Status
	for _, same := range s.statuses {
		all = append(all, same...)
	}
	slices.SortFunc(all, func(a, b *Status) int {
		return cmp.Or(cmp.Compare(a.URI, b.URI), cmp.Compare(a.Country, b.Country), cmp.Compare(a.Issuer, b.Issuer))
	})
	return all
}

// With returns the list with these feeds and status lists in place of those that it has: they change more often than the list. Of
// several feeds about the same the last one holds, of several status lists of one issuer with one address too. What was lost stays lost
// until there is one again. It keeps no reference to the slices.
func (s *Snapshot) With(feeds []*Feed, statuses []*Status) *Snapshot {
	with := *s
	for kind := range with.feeds {
		with.feeds[kind] = make(map[string]*Feed)
	}
	for _, f := range feeds {
		if f.Kind > NoFeed && f.Kind < numFeedKinds {
			with.feeds[f.Kind][f.Scope] = f
		}
	}
	with.statuses = make(map[string][]*Status)
	for _, st := range statuses {
		same := with.statuses[st.URI]
		i := slices.IndexFunc(same, func(have *Status) bool {
			return have.Country == st.Country && have.Issuer == st.Issuer && have.Test == st.Test
		})
		if i >= 0 {
			same[i] = st
			continue
		}
		with.statuses[st.URI] = append(same, st)
	}
	return with.WithLost(slices.Collect(maps.Keys(s.lost)))
}
