package lane

import (
	"sync"
	"testing"
	"time"

	"passerelle/gateway/trust"
)

func TestAnotherListDecidesAtOnceAndEveryLaneIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	p := s.posts[0]
	p.show(code(t, 1))
	if e := p.wantVerdict(1, "admit ok"); e.Candidate.List != 1 {
		t.Errorf("decided by list %d, want 1", e.Candidate.List)
	}
	key := mustKey(t).Entry()
	for version, tt := range []struct {
		name   string
		change func(*trust.List)
		want   string
	}{
		{"key disabled", func(l *trust.List) { l.Disabled = [][32]byte{key.Public.Fingerprint()} }, "deny issuer_disabled"},
		{"key gone", func(l *trust.List) { l.Keys = nil }, "deny unknown_issuer"},
		{"nobody accepted", func(l *trust.List) { l.Acceptance = nil }, "deny not_accepted"},
		{"expired", func(l *trust.List) { l.Expires = showing - 1 }, "refer list_stale"},
		{"as before", func(*trust.List) {}, "admit ok"},
	} {
		l := standardList(t)
		l.Version = uint64(version + 2)
		tt.change(&l)
		list := mustList(t, l)
		s.gate.SetSnapshot(list)
		if s.gate.Snapshot() != list {
			t.Errorf("%s: the list is not in force", tt.name)
		}
		for _, p := range s.posts {
			if e := p.want(TrustChanged); e.Lane != p.id || time.Since(e.At) > patience {
				t.Errorf("%s: event of lane %q at %v", tt.name, e.Lane, e.At)
			}
		}
		n := version + 2
		p.show(code(t, n))
		if e := p.wantVerdict(n, tt.want); e.Candidate.List != l.Version {
			t.Errorf("%s: decided by list %d, want %d", tt.name, e.Candidate.List, l.Version)
		}
	}
}

// TestListsChangeWhileCodesAreShown: each verdict is that of one whole list.
func TestListsChangeWhileCodesAreShown(t *testing.T) {
	t.Parallel()
	const scans = 100
	s := newSite(t, 1)
	p := s.posts[0]
	off := standardList(t)
	key := mustKey(t).Entry()
	off.Version, off.Disabled = 2, [][32]byte{key.Public.Fingerprint()}
	lists := []*trust.Snapshot{mustList(t, off), mustList(t, standardList(t))}
	var changing sync.WaitGroup
	end := make(chan struct{})
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(time.Millisecond):
				s.gate.SetSnapshot(lists[i%2])
			}
		}
	})
	for n := 1; n <= scans; n++ {
		p.show(code(t, n))
	}
	eventually(t, "all verdicts", func() bool { st := s.status("1"); return st.Admitted+st.Denied == scans })
	close(end)
	changing.Wait()
	want := map[uint64]string{1: "admit ok", 2: "deny issuer_disabled"}
	for len(p.events.Events) > 0 { // what is left of them
		if e := <-p.events.Events; e.Kind == VerdictGiven && verdictOf(&e) != want[e.Candidate.List] {
			t.Errorf("code %d: %s by list %d", numberOf(&e), verdictOf(&e), e.Candidate.List)
		}
	}
	st := s.status("1")
	t.Logf("%d by one list, %d by the other", st.Admitted, st.Denied)
	for i, e := range s.entries() {
		if e.number() != i+1 {
			t.Fatalf("entry %d is about code %d", i+1, e.number())
		}
	}
}
