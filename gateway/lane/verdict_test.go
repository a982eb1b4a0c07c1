package lane

import (
	"slices"
	"strings"
	"testing"
	"time"

	driver "passerelle/drivers/frame"
	"passerelle/gateway/verify"
)

func TestVerdictIsOnDiskBeforeTheLampIsGreen(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	asked, release := s.disk.hold()
	defer release()
	p.show(code(t, 7))
	<-asked
	time.Sleep(100 * time.Millisecond)
	if got := p.lamp.shown(); slices.Contains(got, SignalAdmit) {
		t.Errorf("the lamp was set to %v while nothing was on disk", got)
	}
	if n, _ := s.journal.Head(); n != 0 || s.status("1").Admitted != 0 {
		t.Errorf("%d entries on disk and status %+v while the commit waits", n, s.status("1"))
	}
	release()
	e := p.wantVerdict(7, "admit ok")
	if head, _ := s.journal.Head(); e.Sequence != 1 || head != 1 || !e.Candidate.Final() {
		t.Errorf("event has sequence %d, final %v; the journal has %d entries, want 1 of each", e.Sequence, e.Candidate.Final(), head)
	}
	if e.Count != 1 || e.Took < 100*time.Millisecond || e.Took > patience || e.Lane != "1" || time.Since(e.At) > patience {
		t.Errorf("event: count %d, took %v, lane %q, at %v", e.Count, e.Took, e.Lane, e.At)
	}
	eventually(t, "green", func() bool { return p.lamp.now() == SignalAdmit }) // the witness has read the entry
	all := s.entries()
	if len(all) != 1 || all[0].number() != 7 || all[0].Verdict != "admit" || all[0].Lane != "1" || !all[0].Final {
		t.Errorf("journal: %+v", all)
	}
}

func TestEachOutcomeHasItsSignalAndThenTheLampRests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		number int
		want   string
		signal Signal
	}{
		{"admit", 1, "admit ok", SignalAdmit},
		{"refer", firstRetired + 1, "refer key_expired", SignalRefer},
		{"deny", firstStranger + 1, "deny unknown_issuer", SignalDeny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1)
			p := s.posts[0]
			p.show(code(t, tt.number))
			p.wantVerdict(tt.number, tt.want)
			if all := s.entries(); len(all) != 1 || all[0].Verdict+" "+all[0].Reason != tt.want {
				t.Errorf("journal: %+v", all)
			}
			want := []Signal{SignalFault, SignalIdle, tt.signal, SignalIdle}
			if s.status("1").Late > 0 { // on a busy machine
				want = slices.Insert(want, 2, SignalRefer)
			}
			eventually(t, "the lamp rests", func() bool { return len(p.lamp.shown()) >= len(want) })
			if got := p.lamp.shown(); !slices.Equal(got, want) {
				t.Errorf("the lamp showed %v, want %v", got, want)
			}
		})
	}
}

func TestOversizedFrameIsRefusedAndTheNextIsRead(t *testing.T) {
	t.Parallel()
	for _, aim := range []string{"", "]Q1"} {
		s := newSite(t, 1, func(s *site) { s.aim = aim })
		p := s.posts[0]
		for i, tt := range []struct {
			length int // without AIM identifier
			want   string
		}{
			{verify.MaxScan - 1, "deny malformed"},
			{verify.MaxScan, "deny malformed"},
			{verify.MaxScan + 1, "deny too_large"},
			{driver.MaxFrame - len(aim), "deny too_large"},
			{driver.MaxFrame - len(aim) + 1, "deny too_large"},
			{3 * driver.MaxFrame, "deny too_large"},
		} {
			p.show("HC1:" + string(rune('A'+i)) + strings.Repeat("%", tt.length-5))
			p.wantVerdict(0, tt.want)
			p.show(code(t, i+1))
			p.wantVerdict(i+1, "admit ok")
		}
		if got := len(s.entries()); got != 12 {
			t.Errorf("AIM %q: %d entries, want 12", aim, got)
		}
	}
}

// TestNoScanIsLostOrDoubledAtFullSpeed: the journal names each code, so order, loss and doubling are seen exactly.
func TestNoScanIsLostOrDoubledAtFullSpeed(t *testing.T) {
	t.Parallel()
	const scans = 200
	s := newSite(t, 1)
	p := s.posts[0]
	codes := make([]string, scans)
	for i := range codes {
		codes[i] = code(t, i+1)
	}
	for _, c := range codes {
		p.show(c)
	}
	eventually(t, "all verdicts", func() bool { return s.status("1").Admitted == scans })
	s.stop()
	all := s.entries()
	for i, e := range all {
		if e.number() != i+1 || e.Verdict != "admit" {
			t.Fatalf("entry %d is about code %d: %s", i+1, e.number(), e.Verdict)
		}
	}
	status := s.status("1")
	if len(all) != scans || status.Denied+status.Referred+status.Again != 0 {
		t.Errorf("%d entries for %d scans; status %+v", len(all), scans, status)
	}
	greens := 0
	for _, signal := range p.lamp.shown() {
		if signal == SignalAdmit {
			greens++
		}
	}
	if greens != scans {
		t.Errorf("green %d times, want %d", greens, scans)
	}
}
