package lane

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWithoutAJournalNobodyIsAdmittedAndDenyStaysDeny(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fail func(*site)
		mend func(*site) // nil if there is no way back
	}{
		{"full disk", func(s *site) { s.disk.set(enough-1, nil) }, func(s *site) { s.disk.set(enough, nil) }},
		{"disk that does not answer", func(s *site) { s.disk.set(plenty, errors.New("input/output error")) }, func(s *site) { s.disk.set(plenty, nil) }},
		{"closed", func(s *site) { s.journal.Close() }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1)
			p := s.posts[0]
			tt.fail(s)
			for _, c := range []struct {
				n    int
				code string
				want string
			}{
				{1, code(t, 1), "refer store_unavailable"},
				{2, onceCode(t, 2), "refer store_unavailable"},
				{firstRetired, code(t, firstRetired), "refer key_expired"},
				{firstStranger, code(t, firstStranger), "deny unknown_issuer"},
				{0, "ABC", "deny not_accepted"},
			} {
				p.show(c.code)
				if e := p.wantVerdict(c.n, c.want); e.Sequence != 0 || e.Candidate.Final() {
					t.Errorf("%s: entry %d, final %v, and nothing is on disk", c.want, e.Sequence, e.Candidate.Final())
				}
			}
			if slices.Contains(p.lamp.shown(), SignalAdmit) {
				t.Error("green")
			}
			if !strings.Contains(s.log.String(), "level=ERROR msg=journal") {
				t.Errorf("nothing of it in the log: %s", s.log.String())
			}
			if tt.mend == nil {
				return
			}
			tt.mend(s)
			s.clock.add(s.repeat)
			p.show(onceCode(t, 2)) // its use was not claimed
			if e := p.wantVerdict(2, "admit ok"); e.Sequence != 1 {
				t.Errorf("entry %d, want 1", e.Sequence)
			}
			if all := s.entries(); len(all) != 1 || all[0].number() != 2 {
				t.Errorf("journal: %+v", all)
			}
		})
	}
}

func TestCodeWithoutVerdictOnDiskIsShownAsLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	p, q := s.posts[0], s.posts[1]
	asked, release := s.disk.hold()
	defer release()
	begun := time.Now()
	p.show(code(t, 1))
	<-asked
	q.show(code(t, 2)) // waits for the same writer
	late := p.want(VerdictLate)
	if waited := time.Since(begun); waited < Deadline {
		t.Errorf("late after %v, want %v", waited, Deadline)
	}
	q.want(VerdictLate)
	if p.lamp.now() != SignalRefer || q.lamp.now() != SignalRefer {
		t.Errorf("the lamps show %v and %v, want %v", p.lamp.now(), q.lamp.now(), SignalRefer)
	}
	if late.Sequence != 0 || late.Candidate.Final() || s.status("1").Late != 1 || len(s.entries()) != 0 {
		t.Errorf("late: %+v, status %+v", late, s.status("1"))
	}
	release()
	if e := p.wantVerdict(1, "admit ok"); e.Took < Deadline {
		t.Errorf("took %v, more than %v", e.Took, Deadline)
	}
	q.wantVerdict(2, "admit ok")
	eventually(t, "both lamps rest, and were not green", func() bool { return p.lamp.now() == SignalIdle && q.lamp.now() == SignalIdle })
	if got := len(s.entries()); got != 2 {
		t.Errorf("%d entries, want 2", got)
	}
}
