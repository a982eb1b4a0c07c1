package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
)

// cupFinal is a session with every member that there is.
func cupFinal() *policy.Session {
	return &policy.Session{
		Event: "final", Gate: "B7", Zone: "north", Exit: true, Products: []int64{3, 4}, Subevent: 5, Airport: "CMN",
		Flights: []policy.Flight{{Carrier: "AT", Number: 834, Suffix: 'A', Day: 1763856000, List: "AT834A/2025-11-23/CMN"}},
		From:    1763856000, Until: 1763942399,
	}
}

// crowd puts people into the lanes and zones of a test.
func (p *place) crowd() {
	p.sessions = map[string]*policy.Session{"A": cupFinal()}
	p.lanes = map[string]journal.Count{
		"A": {Lane: "A", Authorised: 12, Passed: 9, Annulled: 2, Pending: 1, Entered: 8, Left: 1},
		"B": {Lane: "B", Authorised: 3, Passed: 3, Entered: 3},
	}
	p.zones = []journal.Count{
		{Authorised: 4, Passed: 4, Entered: 4},
		{Zone: "stand \"a\"\\\n", Authorised: 11, Passed: 8, Annulled: 2, Pending: 1, Entered: 7, Left: 1},
	}
}

func TestLanesAndZonesSayWhatTheyAreForAndWhatWasCounted(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	st.place.set((*place).crowd)
	st.source.mu.Lock()
	a := st.source.status["A"]
	a.Passed, a.Annulled, a.Overridden, a.Opened, a.Mode = 1, 2, 3, 4, lane.OpenCount
	st.source.status["A"] = a
	st.source.mu.Unlock()

	_, text := st.ask(t, "GET", "/v1/lanes", nil)
	conforms(t, document(t), "Lanes", []byte(text))
	var got struct {
		Lanes []map[string]any
		Zones []map[string]any
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	wantLane := map[string]any{
		"mode": "open", "passed": 1., "annulled": 2., "overridden": 3., "opened": 4., "session_level": "warn", // it is another day
		"counts": map[string]any{"authorised": 12., "passed": 9., "annulled": 2., "pending": 1., "entered": 8., "left": 1.},
		"session": map[string]any{
			"event": "final", "gate": "B7", "zone": "north", "exit": true, "products": []any{3., 4.}, "subevent": 5., "airport": "CMN",
			"flights": []any{map[string]any{"carrier": "AT", "number": 834., "suffix": "A", "date": "2025-11-23", "list": "AT834A/2025-11-23/CMN"}},
			"from":    "2025-11-23T00:00:00Z", "until": "2025-11-23T23:59:59Z",
		},
	}
	for name, want := range wantLane {
		if diff := cmp.Diff(want, got.Lanes[0][name]); diff != "" {
			t.Errorf("lane A, %s (-want +got):\n%s", name, diff)
		}
	}
	if session, ok := got.Lanes[1]["session"]; !ok || session != nil || got.Lanes[1]["mode"] != "normal" {
		t.Errorf("lane B: %v", got.Lanes[1])
	}
	wantZones := []map[string]any{
		{"zone": "", "inside": 4., "authorised": 4., "passed": 4., "annulled": 0., "pending": 0., "entered": 4., "left": 0.},
		{"zone": "north", "inside": 0., "authorised": 0., "passed": 0., "annulled": 0., "pending": 0., "entered": 0., "left": 0.}, // nobody yet
		{"zone": "stand \"a\"\\\n", "inside": 6., "authorised": 11., "passed": 8., "annulled": 2., "pending": 1., "entered": 7., "left": 1.},
	}
	if diff := cmp.Diff(wantZones, got.Zones); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
}

func TestStatusEventCarriesSessionAndCounts(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	events := st.subscribe(t, "A")
	var first laneStatus
	if err := json.Unmarshal([]byte(next(t, events, "status").data), &first); err != nil {
		t.Fatal(err)
	}
	if first.Session != nil || first.SessionLevel != warn || first.Counts != (laneCounts{}) { // profile demo takes tickets
		t.Errorf("before anything was said: %+v", first)
	}
	st.place.set((*place).crowd)
	said := time.Now()
	data := next(t, events, "status").data
	if took := time.Since(said); took > heartbeat+500*time.Millisecond {
		t.Errorf("the session came after %v", took)
	}
	conforms(t, document(t), "Status", []byte(data))
	var status laneStatus
	if err := json.Unmarshal([]byte(data), &status); err != nil {
		t.Fatal(err)
	}
	want := &laneSession{
		Event: "final", Gate: "B7", Zone: "north", Exit: true, Airport: "CMN", From: "2025-11-23T00:00:00Z", Until: "2025-11-23T23:59:59Z",
		Flights: []laneFlight{{Carrier: "AT", Number: 834, Suffix: "A", Date: "2025-11-23"}},
	}
	if diff := cmp.Diff(want, status.Session); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	if want := (laneCounts{12, 9, 2, 1, 8, 1}); status.Counts != want {
		t.Errorf("counts: got %+v, want %+v", status.Counts, want)
	}
}

func TestSessionLevelSaysWhetherTheLaneIsReadyForWhatItTakes(t *testing.T) {
	t.Parallel()
	const noon = 1_800_000_000
	event, flight := policy.Session{Event: "final"}, policy.Session{Flights: []policy.Flight{{Carrier: "AT", Number: 1}}}
	during := func(from, until int64) *policy.Session {
		return &policy.Session{Event: "final", From: from, Until: until}
	}
	sure := policy.At(noon)
	unsure := policy.Now{Class: policy.ClockUnknown}
	both := policy.Profile{Accept: policy.Kinds(policy.Ticket, policy.BCBP)}
	for _, test := range []struct {
		name    string
		profile policy.Profile
		session *policy.Session
		now     policy.Now
		want    level
	}{
		{"venue, nothing said", policy.Venue(), nil, sure, warn},
		{"venue, event", policy.Venue(), &event, sure, good},
		{"venue, flight", policy.Venue(), &flight, sure, warn},
		{"boarding, nothing said", policy.Boarding(), nil, sure, warn},
		{"boarding, flight", policy.Boarding(), &flight, sure, good},
		{"boarding, event", policy.Boarding(), &event, sure, warn},
		{"health, nothing said", policy.Health(), nil, sure, good},
		{"health, event", policy.Health(), &event, sure, good},
		{"both, event", both, &event, sure, good},
		{"both, flight", both, &flight, sure, good},
		{"both, nothing said", both, nil, sure, warn},
		{"before it begins", policy.Venue(), during(noon+1, 0), sure, warn},
		{"when it begins", policy.Venue(), during(noon, noon+1), sure, good},
		{"when it ends", policy.Venue(), during(0, noon), sure, good},
		{"after it ended", policy.Venue(), during(0, noon-1), sure, warn},
		{"health, after it ended", policy.Health(), during(0, noon-1), sure, warn},
		{"clock unknown, with an end", policy.Venue(), during(0, noon), unsure, warn},
		{"clock unknown, without", policy.Venue(), &event, unsure, good},
	} {
		if got := sessionLevel(test.session, &test.profile, test.now); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// TestKindsThatNeedASessionAreReferredWithoutOne holds eventKinds against what is asked of tickets and codes.
func TestKindsThatNeedASessionAreReferredWithoutOne(t *testing.T) {
	t.Parallel()
	venue := policy.Venue()
	place := policy.Place{List: standardList(t), Now: policy.At(1_800_000_000), Profile: &venue}
	var f policy.Findings
	var c policy.Candidate
	place.Code(&f, &c, []byte("1234567890123456"))
	c.Conclude(&f, &venue)
	if c.Kind != policy.Code || c.Outcome() != policy.Refer || !eventKinds.Has(c.Kind) {
		t.Errorf("a code without a session: %v %v %v", c.Kind, c.Outcome(), c.Reason())
	}
	for _, kind := range []policy.Kind{policy.HCERTVaccination, policy.HCERTTest, policy.HCERTRecovery, policy.VDSNC, policy.MRZ} {
		if eventKinds.Has(kind) || flightKinds.Has(kind) {
			t.Errorf("%v needs no session", kind)
		}
	}
}

func TestMetricsHaveTheJournalsCounters(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	st.place.set((*place).crowd)
	st.source.publish(lane.Event{Kind: lane.ModeChanged, Mode: lane.Rehearsal, Lane: "B"})
	_, text := st.ask(t, "GET", "/metrics", nil)
	for _, want := range []string{
		`passerelle_lane_movements{lane="A",state="authorised"} 12`, `passerelle_lane_movements{lane="A",state="passed"} 9`,
		`passerelle_lane_movements{lane="A",state="annulled"} 2`, `passerelle_lane_movements{lane="A",state="pending"} 1`,
		`passerelle_lane_movements{lane="A",state="entered"} 8`, `passerelle_lane_movements{lane="A",state="left"} 1`,
		`passerelle_lane_movements{lane="B",state="passed"} 3`,
		`passerelle_zone_movements{zone="",state="passed"} 4`, `passerelle_zone_inside{zone=""} 4`, `passerelle_zone_inside{zone="north"} 0`,
		`passerelle_zone_inside{zone="stand \"a\"\\\n"} 6`, `passerelle_zone_movements{zone="stand \"a\"\\\n",state="left"} 1`,
		`passerelle_lane_mode{lane="A",mode="normal"} 1`, `passerelle_lane_mode{lane="B",mode="normal"} 0`, `passerelle_lane_mode{lane="B",mode="rehearsal"} 1`,
		`passerelle_session_missing{lane="A"} 1`, `passerelle_overridden{lane="A"} 0`, `passerelle_annulled{lane="A"} 0`, `passerelle_opened{lane="A"} 0`,
		`passerelle_scans_dropped{lane="A"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("missing %s", want)
		}
	}
	for line := range strings.Lines(text) {
		if !metricLine.MatchString(line) {
			t.Errorf("no line of the text format: %q", line)
		}
	}
}

// TestWhoSeesCountersAndSessions pins for each role, and for a machine, which of the members it gets where.
func TestWhoSeesCountersAndSessions(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	w.place.set((*place).crowd)
	ofLane := []string{"session", "session_level", "counts", "annulled", "overridden", "opened"}
	visitors := map[string]people.Role{"Authorization: Bearer secret": people.Nobody}
	for _, role := range allRoles {
		visitors[w.cookie(t, role)] = role
	}
	for _, role := range []people.Role{people.Retail, people.Steward, people.Airline} {
		visitors[w.tablet(t, "A", role)] = role
	}
	for header, role := range visitors {
		want := role != people.Retail
		var status map[string]json.RawMessage
		if err := json.Unmarshal([]byte(next(t, w.subscribe(t, "A", header), "status").data), &status); err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{"session", "session_level", "counts"} { // of the lane at which it stands, everybody's
			if status[member] == nil {
				t.Errorf("%v: no %s in the status event", role, member)
			}
		}
		var answer struct {
			Lanes []map[string]json.RawMessage
			Zones json.RawMessage
		}
		if err := json.Unmarshal([]byte(w.get(t, "/v1/lanes", header)), &answer); err != nil {
			t.Fatal(err)
		}
		if got := answer.Zones != nil; got != want || len(answer.Lanes) == 0 {
			t.Errorf("%v: sees zones: %v, want %v; %d lanes", role, got, want, len(answer.Lanes))
		}
		for _, l := range answer.Lanes {
			for _, member := range ofLane {
				if got := l[member] != nil; got != want {
					t.Errorf("%v: sees %s: %v, want %v", role, member, got, want)
				}
			}
			if l["mode"] == nil {
				t.Errorf("%v: no mode", role)
			}
		}
	}
	if len(visitors) < len(allRoles)+4 {
		t.Errorf("only %d visitors", len(visitors))
	}
}

// TestSessionsInEventsAreShort: the largest session that there can be is sent whole once and in short every second.
func TestSessionsInEventsAreShort(t *testing.T) {
	t.Parallel()
	large := cupFinal()
	large.Products = slices.Repeat([]int64{1 << 62}, 1000)
	large.Flights = slices.Repeat(large.Flights, 32)
	whole := newLaneSession(large)
	text, err := json.Marshal(whole.brief())
	if err != nil || len(text) > 3000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if len(whole.Products) != 1000 || whole.Flights[31].List == "" || len(large.Products) != 1000 {
		t.Error("the whole one was shortened, too")
	}
	if (*laneSession)(nil).brief() != nil || newLaneSession(nil) != nil {
		t.Error("no session became one")
	}
}

func BenchmarkStatusEvent(b *testing.B) {
	st := serve(b, nil, nil)
	st.place.set((*place).crowd)
	s := &stream{server: st.Server, lane: "A", who: visitor{session: people.Session{Role: people.Steward}}}
	b.ReportAllocs()
	for b.Loop() {
		s.buf = s.buf[:0]
		s.appendStatus()
	}
	if !strings.Contains(string(s.buf), fmt.Sprintf(`"authorised":%d`, 12)) {
		b.Errorf("got %s", s.buf)
	}
}
