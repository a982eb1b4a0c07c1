package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"passerelle/drivers/camera"
	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// gateOfSamples gives samples the verdicts that a lane of the demo gives.
type gateOfSamples struct {
	made    *samples
	demo    *demo
	judge   func(code []byte) policy.Candidate
	commit  func(policy.Candidate) policy.Candidate
	profile policy.Profile
}

func newGateOfSamples(t *testing.T) *gateOfSamples {
	t.Helper()
	now := time.Now()
	made, err := newSamples(now)
	if err != nil {
		t.Fatal(err)
	}
	list, err := made.list()
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.TempDir(), journal.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	g := &gateOfSamples{made: made, demo: &demo{state: t.TempDir(), samples: made}, profile: policy.Demo()}
	v := verify.New(&g.profile, nil)
	g.judge = func(code []byte) policy.Candidate {
		return v.Verify(nil, []verify.Scan{{Data: code}}, list, policy.At(now.Unix()))[0]
	}
	g.commit = func(c policy.Candidate) policy.Candidate {
		batch := []journal.Pending{{Lane: "1", At: now, Profile: &g.profile, Candidate: c}}
		if err := j.Commit(batch); err != nil {
			t.Fatal(err)
		}
		return batch[0].Candidate
	}
	return g
}

// promise finds what a caption says at its end: "admit", or "deny, expired".
var promise = regexp.MustCompile(`: (admit|deny|refer)(?:, (\w+))?$`)

func TestSamplesAreWhatTheirCaptionsPromise(t *testing.T) {
	t.Parallel()
	g := newGateOfSamples(t)
	all, err := g.made.sheet()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.demo.writeSheet(); err != nil { // other codes of the same recipes
		t.Fatal(err)
	}
	page, err := os.ReadFile(g.demo.sheet)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(map[policy.Outcome]int)
	for _, s := range all {
		picture := filepath.Join(g.demo.state, "samples", s.name+".png")
		symbols, err := camera.ReadFile(t.Context(), picture)
		if err != nil || len(symbols) != 1 {
			t.Errorf("%s: %d codes in its picture, %v", s.name, len(symbols), err)
			continue
		}
		if !strings.Contains(string(page), `src="`+s.name+`.png"`) {
			t.Errorf("%s is not on the sheet", s.name)
		}
		caption, again, twice := strings.Cut(s.about, ", then ")
		got := g.commit(g.judge(symbols[0].Payload))
		checkPromise(t, s.name, caption, got)
		outcomes[got.Outcome()]++
		if twice {
			checkPromise(t, s.name+" again", ": "+again, g.commit(g.judge(symbols[0].Payload)))
		}
	}
	for _, o := range []policy.Outcome{policy.Admit, policy.Deny, policy.Refer} {
		if outcomes[o] < 2 {
			t.Errorf("only %d samples give %v", outcomes[o], o)
		}
	}
}

func checkPromise(t *testing.T, name, caption string, got policy.Candidate) {
	t.Helper()
	want := promise.FindStringSubmatch(caption)
	if want == nil {
		t.Fatalf("%s: %q promises nothing", name, caption)
	}
	if want[2] == "" {
		want[2] = policy.OK.String()
	}
	if got.Outcome().String() != want[1] || got.Reason().String() != want[2] || !got.Final() {
		t.Errorf("%s: %v %v, want %s %s", name, got.Outcome(), got.Reason(), want[1], want[2])
	}
}

func TestLanesOfTheDemoNeverShowTheSameCode(t *testing.T) {
	t.Parallel()
	made, err := newSamples(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]string)
	for _, lane := range []*samples{made, made.fork(1_000_000), made.fork(2_000_000)} {
		for range 3 {
			for _, r := range recipes {
				code, err := r.make(lane)
				if err != nil {
					t.Fatalf("%s: %v", r.name, err)
				}
				if r.name == "used-before" { // that is its point
					if seen[code] != "valid-test" {
						t.Errorf("used-before repeats %q, want valid-test", seen[code])
					}
					continue
				}
				if before, ok := seen[code]; ok {
					t.Errorf("%s is the same code as %s", r.name, before)
				}
				seen[code] = r.name
			}
		}
	}
}

func TestSamplesHaveNamesForFiles(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, r := range recipes {
		if strings.ContainsFunc(r.name, func(c rune) bool { return !isNameRune(c) }) || names[r.name] || r.about == "" {
			t.Errorf("recipe %q: its name is taken or no file's, or it says nothing", r.name)
		}
		names[r.name] = true
	}
}
