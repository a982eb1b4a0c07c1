package lane

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

func TestGateTakesOnlyLanesThatCanWork(t *testing.T) {
	t.Parallel()
	named := func(n int) *policy.Profile { return &policy.Profile{Name: strings.Repeat("p", n)} }
	for _, tt := range []struct {
		name  string
		lanes []Config
		ok    bool
	}{
		{"two lanes", []Config{{ID: "a"}, {ID: "b"}}, true},
		{"no name", []Config{{ID: ""}}, false},
		{"same name", []Config{{ID: "a"}, {ID: "b"}, {ID: "a"}}, false},
		{"shortest repeat", []Config{{ID: "a", Repeat: MinRepeat}}, true},
		{"shorter repeat", []Config{{ID: "a", Repeat: MinRepeat - 1}}, false},
		{"longest repeat", []Config{{ID: "a", Repeat: MaxRepeat}}, true},
		{"longer repeat", []Config{{ID: "a", Repeat: MaxRepeat + 1}}, false},
		{"shortest hold", []Config{{ID: "a", Hold: MinHold}}, true},
		{"shorter hold", []Config{{ID: "a", Hold: MinHold - 1}}, false},
		// The journal would refuse their entries, and those of other lanes with them.
		{"longest name", []Config{{ID: strings.Repeat("a", journal.MaxLane)}}, true},
		{"longer name", []Config{{ID: strings.Repeat("a", journal.MaxLane+1)}}, false},
		{"name that is no text", []Config{{ID: "a\xff"}}, false},
		{"longest profile name", []Config{{ID: "a", Profile: named(journal.MaxLane)}}, true},
		{"longer profile name", []Config{{ID: "a", Profile: named(journal.MaxLane + 1)}}, false},
	} {
		for i := range tt.lanes {
			if tt.lanes[i].Profile == nil {
				tt.lanes[i].Profile = &demo
			}
		}
		g, err := New(trust.Empty(), Options{}, tt.lanes)
		if (err == nil) != tt.ok || (g == nil) == tt.ok {
			t.Errorf("%s: gate %v, error %v; want ok %v", tt.name, g != nil, err, tt.ok)
		}
	}
}

func TestStatusSaysHowALaneStands(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	if got := s.gate.Lanes(); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("lanes %q", got)
	}
	if _, ok := s.gate.Status("3"); ok {
		t.Error("there is a status of a lane that is not there")
	}
	p := s.posts[0]
	for _, n := range []int{1, 2, firstRetired, firstStranger} {
		p.show(code(t, n))
		p.want(VerdictGiven)
	}
	last := s.status("1").Last
	p.show(code(t, firstStranger))
	p.want(ShownAgain)
	got := s.status("1")
	if !reflect.DeepEqual(got.Last, last) || numberOf(&last) != firstStranger || last.Sequence != 4 || last.Count != 4 {
		t.Errorf("last: %+v, want that of the fourth verdict", got.Last)
	}
	got.Last = Event{}
	want := Status{Lane: "1", Profile: "demo", Scanner: "simulated 1", Connected: true, Admitted: 2, Denied: 1, Referred: 1, Again: 1}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("status %+v, want %+v", got, want)
	}
	if got := s.status("2"); got.Admitted+got.Denied+got.Referred+got.Again != 0 || !reflect.DeepEqual(got.Last, Event{}) {
		t.Errorf("the other lane: %+v", got)
	}
}

func TestTypedCodeGoesTheWayOfAScan(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	typed := []byte(onceCode(t, 1))
	if err := s.gate.Enter("1", typed); err != nil {
		t.Fatal(err)
	}
	clear(typed) // its owner overwrites it at once
	if e := p.wantVerdict(1, "admit ok"); e.Sequence != 1 || e.Took <= 0 || e.Took > patience {
		t.Errorf("entry %d after %v", e.Sequence, e.Took)
	}
	eventually(t, "green", func() bool { return p.lamp.now() == SignalAdmit })
	for _, tt := range []struct {
		lane string
		code string
		want error
	}{
		{"9", "ABC", ErrNoLane},
		{"", "ABC", ErrNoLane},
		{"1", strings.Repeat("A", verify.MaxScan+1), ErrTooLong},
		{"1", strings.Repeat("A", verify.MaxScan), nil},
	} {
		if err := s.gate.Enter(tt.lane, []byte(tt.code)); !errors.Is(err, tt.want) {
			t.Errorf("lane %q, %d bytes: %v, want %v", tt.lane, len(tt.code), err, tt.want)
		}
	}
	p.wantVerdict(0, "deny not_accepted")
	if got := len(s.entries()); got != 2 {
		t.Errorf("%d entries, want 2", got)
	}
}

func TestLaneWhoseBuffersAreOutIsBusy(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	p, q := s.posts[0], s.posts[1]
	asked, release := s.disk.hold()
	defer release()
	taken := 0
	for ; taken < 2*buffers; taken++ {
		if err := s.gate.Enter("1", []byte(code(t, taken+1))); err != nil {
			if !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
			break
		}
	}
	if taken != buffers-1 { // the scanner has one
		t.Errorf("%d codes were taken, want %d", taken, buffers-1)
	}
	<-asked
	if err := s.gate.Enter("2", []byte(code(t, 100))); err != nil {
		t.Errorf("another lane: %v", err)
	}
	release()
	for n := 1; n <= taken; n++ {
		p.wantVerdict(n, "admit ok")
	}
	q.wantVerdict(100, "admit ok")
	eventually(t, "the buffers are back", func() bool { return len(s.gate.byID["1"].free) == buffers-1 })
	if err := s.gate.Enter("1", []byte(code(t, 200))); err != nil {
		t.Error(err)
	}
	p.wantVerdict(200, "admit ok")
}

func TestBuffersAreOverwritten(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	for n := 1; n <= 2*buffers; n++ {
		p.show(code(t, n))
		p.wantVerdict(n, "admit ok")
	}
	p.show(code(t, 2*buffers))
	p.want(ShownAgain)
	p.show(strings.Repeat("A", verify.MaxScan+1))
	p.want(VerdictGiven)
	p.show("HC1:cut")
	unplugInside(t, p, code(t, 100))
	s.stop()
	l := s.gate.byID["1"]
	if len(l.free) != buffers {
		t.Fatalf("%d buffers are free, want %d", len(l.free), buffers)
	}
	for range buffers {
		if f := <-l.free; f.buf != [len(f.buf)]byte{} || f.n != 0 {
			t.Errorf("a free buffer holds %d bytes: %.40q", f.n, f.buf[:])
		}
	}
}

func TestEventsOfALaneAndOfAll(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	all := s.gate.Subscribe("", policy.Steward)
	nobody := s.gate.Subscribe("no such lane", policy.Steward)
	s.posts[0].show(code(t, 1))
	s.posts[0].wantVerdict(1, "admit ok")
	first := nextEvent(t, all, VerdictGiven)
	s.posts[1].show(code(t, 2))
	s.posts[1].wantVerdict(2, "admit ok")
	second := nextEvent(t, all, VerdictGiven)
	if first.Lane != "1" || second.Lane != "2" || numberOf(&second) != 2 {
		t.Errorf("events of lanes %q and %q", first.Lane, second.Lane)
	}
	all.Close()
	all.Close() // again does nothing
	s.posts[0].show(code(t, 3))
	s.posts[0].wantVerdict(3, "admit ok")
	if len(all.Events) != 0 || len(nobody.Events) != 0 || len(s.posts[1].events.Events) != 0 {
		t.Errorf("%d events after Close, %d of no lane, %d of another lane", len(all.Events), len(nobody.Events), len(s.posts[1].events.Events))
	}
}

func TestSlowSubscriberLosesTheOldestAndDelaysNobody(t *testing.T) {
	t.Parallel()
	const scans = subscriptionDepth + 20
	s := newSite(t, 1)
	slow := s.gate.Subscribe("1", policy.Steward)
	for n := 1; n <= scans; n++ {
		s.posts[0].show(code(t, n))
		if e := s.posts[0].wantVerdict(n, "admit ok"); e.Took > 10*time.Second {
			t.Errorf("verdict %d took %v", n, e.Took)
		}
	}
	for n := scans - subscriptionDepth + 1; n <= scans; n++ {
		if e := nextEvent(t, slow, VerdictGiven); numberOf(&e) != n {
			t.Fatalf("event of code %d, want %d", numberOf(&e), n)
		}
	}
	if len(slow.Events) != 0 {
		t.Errorf("%d events too many", len(slow.Events))
	}
}
