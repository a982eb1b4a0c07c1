package lane

import (
	"testing"
	"time"

	"passerelle/gateway/journal"
)

// TestRefusalNamesTheEntryThatASupervisorFrees: the refused ticket is good again once that entry is taken back.
func TestRefusalNamesTheEntryThatASupervisorFrees(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	p, q := s.posts[0], s.posts[1]
	p.show(onceCode(t, 1))
	first := p.wantVerdict(1, "admit ok")
	q.show(onceCode(t, 1))
	refused := q.wantVerdict(1, "deny already_used")
	if e := refused.Earlier; e.Lane != p.id || e.Sequence != first.Sequence {
		t.Fatalf("used before: %+v, want entry %d of lane %s", e, first.Sequence, p.id)
	}
	if err := s.journal.Free(q.id, time.Now(), refused.Earlier.Sequence, journal.Deed{Reason: "mistake", By: "amina", Means: "session"}); err != nil {
		t.Fatal(err)
	}
	s.clock.add(s.repeat)
	q.show(onceCode(t, 1))
	q.wantVerdict(1, "admit ok")
}
