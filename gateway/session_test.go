package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/policy"
)

func TestSessionsAreReadStrictly(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Unix()
	for _, tt := range []struct {
		name, text, wrong string
		want              *policy.Session
	}{
		{"an event", `{"event":"final","zone":"north","exit":true}`, "", &policy.Session{Event: "final", Zone: "north", Exit: true}},
		{
			"flights", `{"airport":"CMN","flights":[{"carrier":"AT","number":834,"suffix":"A","date":"2026-11-23"},{"carrier":"AF","number":1,"date":"2026-11-23","list":"own"}]}`, "",
			&policy.Session{Airport: "CMN", Flights: []policy.Flight{
				{Carrier: "AT", Number: 834, Suffix: 'A', Day: day, List: "AT834A/2026-11-23/CMN"}, {Carrier: "AF", Number: 1, Day: day, List: "own"},
			}},
		},
		{
			"times, products", `{"event":"e","products":[1,2],"subevent":3,"from":"2026-11-23T00:00:00Z","until":"2026-11-23T00:00:01Z"}`, "",
			&policy.Session{Event: "e", Products: []int64{1, 2}, Subevent: 3, From: day, Until: day + 1},
		},
		{"nothing", `{}`, "", nil},
		{"null", `null`, "", nil},
		{"no JSON", `event`, "invalid character", nil},
		{"a member that is not known", `{"even":"final"}`, `unknown field "even"`, nil},
		{"more than one", `{"event":"a"}{"event":"b"}`, "something follows", nil},
		{"for nothing", `{"gate":"1"}`, "would be for nothing", nil},
		{"a word at the limit", `{"event":"` + strings.Repeat("e", maxWord) + `"}`, "", &policy.Session{Event: strings.Repeat("e", maxWord)}},
		{"a word over it", `{"event":"` + strings.Repeat("e", maxWord+1) + `"}`, "at most 64 bytes", nil},
		{"a word with a control character", `{"event":"a\u0007"}`, "printable", nil},
		{"no date", `{"flights":[{"carrier":"AT","number":1,"date":"23.11.2026"}]}`, "want YYYY-MM-DD", nil},
		{"no carrier", `{"flights":[{"carrier":"at","number":1,"date":"2026-11-23"}]}`, "two or three capital letters", nil},
		{"no number", `{"flights":[{"carrier":"AT","number":0,"date":"2026-11-23"}]}`, "want 1 to 9999", nil},
		{"no airport", `{"airport":"cmn","event":"e"}`, "three capital letters", nil},
		{"it ends before it begins", `{"event":"e","from":"2026-11-23T00:00:01Z","until":"2026-11-23T00:00:00Z"}`, "before", nil},
		{"too many flights", `{"flights":[` + strings.Repeat(`{"carrier":"AT","number":1,"date":"2026-11-23"},`, maxFlights) + `{"carrier":"AT","number":1,"date":"2026-11-23"}]}`, "at most", nil},
		{"too large", `{"event":"` + strings.Repeat("e", maxSession) + `"}`, "larger than", nil},
	} {
		got, err := parseSession([]byte(tt.text))
		if tt.wrong == "" && (err != nil || !reflect.DeepEqual(got, tt.want)) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
		if tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong) || got != nil) {
			t.Errorf("%s: %+v, %v; want an error with %q", tt.name, got, err, tt.wrong)
		}
	}
}

func TestSessionsOutliveTheProgram(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	first := openSessions(dir, log)
	if err := first.set("1", []byte(`{"event": "final"}`)); err != nil {
		t.Fatal(err)
	}
	if got := string(openSessions(dir, log).texts["1"]); !strings.Contains(got, "final") {
		t.Errorf("restored %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, sessionsFile), []byte("{torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := openSessions(dir, log).texts; len(got) != 0 {
		t.Errorf("a torn file gave %v", got)
	}
}

func TestConfirmedTimeIsBelievedUntilTheNextStart(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c, err := newClock(t.TempDir(), func() time.Time { return wall }, func() bool { return false }, defaultMaxDark)
	if err != nil {
		t.Fatal(err)
	}
	c.raise(wall.Unix())
	if n := c.now(); n.Class == policy.ClockTrusted {
		t.Fatalf("trusted without anybody's word: %+v", n)
	}
	if err := c.confirm(wall.Add(-48 * time.Hour)); err == nil {
		t.Error("a time before the trust list's was believed")
	}
	if err := c.confirm(wall.AddDate(1, 0, 0)); err == nil {
		t.Error("a wrong year was believed")
	}
	said := wall.Add(3 * time.Hour)
	if err := c.confirm(said); err != nil {
		t.Fatal(err)
	}
	wall = wall.Add(time.Minute)
	if got, want := c.now(), policy.At(said.Add(time.Minute).Unix()); got != want {
		t.Errorf("now %+v, want %+v", got, want)
	}
	if over := c.passed(); over > wall.Unix() {
		t.Errorf("a supervisor's word would have uses forgotten that end %d s from now", over-wall.Unix())
	}
	wall = wall.Add(defaultMaxDrift)
	if n := c.now(); n.Class == policy.ClockTrusted {
		t.Errorf("believed for longer than the monotonic clock may carry it: %+v", n)
	}
}
