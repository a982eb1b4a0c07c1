package lane

import (
	"strings"
	"sync"
	"testing"

	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/trust"
)

// TestAdmitThatIsNotConfirmedIsReferred walks a batch through the steps of decide. Between the first check of the signatures and
// the second, one key on the list becomes another: to the second check the first one was wrong.
func TestAdmitThatIsNotConfirmedIsReferred(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, func(s *site) { s.still = true })
	p, l := s.posts[0], s.gate.byID["1"]
	var running sync.WaitGroup
	running.Go(s.gate.writer.run)
	running.Go(l.display.run)
	defer running.Wait()
	defer close(s.gate.writer.in)
	defer close(l.display.results)

	batch := func(codes ...string) {
		for _, text := range codes {
			if err := s.gate.Enter("1", []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		l.collect(<-l.frames)
		l.dropRepeated()
		l.verify()
	}
	finish := func() {
		l.confirm()
		l.sift()
		l.commit()
		l.release()
	}
	public := &s.gate.Snapshot().Keys(trust.HCERT, keyID(2))[0].Public
	right := *public
	other, err := testkeys.Get(testkeys.France)
	if err != nil {
		t.Fatal(err)
	}
	entry := other.Entry()

	batch(onceCode(t, 1), onceCode(t, 2), code(t, firstStranger))
	*public = entry.Public
	finish()
	p.wantVerdict(1, "admit ok")
	if e := p.wantVerdict(2, "refer internal"); e.Sequence != 2 || !e.Candidate.Final() {
		t.Errorf("entry %d, final %v", e.Sequence, e.Candidate.Final())
	}
	p.wantVerdict(firstStranger, "deny unknown_issuer")
	all := s.entries()
	if len(all) != 3 || all[1].Verdict != "refer" || all[1].Reason != "internal" || all[1].Checks["signature"] != "failed" || !all[1].Final {
		t.Errorf("journal: %+v", all)
	}
	if !strings.Contains(s.log.String(), "the second check did not confirm") || !strings.Contains(s.log.String(), keyID(2).String()) {
		t.Errorf("log: %q", s.log.String())
	}

	*public = right
	s.clock.add(s.repeat)
	batch(onceCode(t, 2)) // its use was not claimed
	finish()
	p.wantVerdict(2, "admit ok")
}
