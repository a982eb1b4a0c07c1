//go:build !race

package trust

import "testing"

func TestLookUpsOfFeedsDoNotAllocate(t *testing.T) {
	signer := newEntry(1, newKey(t))
	s := Empty().With([]*Feed{{Kind: FeedCodes, Scope: "final"}}, []*Status{newStatus(t, "https://example.org/1", 10, &signer)}).
		WithLost([]FeedName{{FeedDeny, "final"}})
	event, none := string([]byte("final")), string([]byte("none"))
	uri, unknown := []byte("https://example.org/1"), []byte("https://example.org/2")
	for name, f := range map[string]func(){
		"Feed":            func() { _ = s.Feed(FeedCodes, event) },
		"Feed, unknown":   func() { _ = s.Feed(FeedCodes, none) },
		"IsLost":          func() { _ = s.IsLost(FeedDeny, event) },
		"IsLost, unknown": func() { _ = s.IsLost(FeedPretix, none) },
		"Status":          func() { st, _ := s.Status(uri, &signer); _, _ = st.At(1) },
		"Status, unknown": func() { _, _ = s.Status(unknown, &signer) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}
