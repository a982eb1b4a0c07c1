package lane

import (
	"bytes"
	"fmt"
	"index/suffixarray"
	"slices"
	"strings"
	"testing"

	driver "passerelle/drivers/frame"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
	"passerelle/testdata"
)

// TestEveryCaseGetsItsVerdictAndLeavesNothingBehind shows each case of testdata at a lane and a good code after it: each has its
// own verdict, and of all their texts and of what they say nothing is found in log, journal or events.
func TestEveryCaseGetsItsVerdictAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	cases, err := testdata.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 200 {
		t.Fatalf("only %d cases", len(cases))
	}
	r := newCaseRun(t)
	for i, c := range cases {
		p := r.lanes[c.Profile]
		if p == nil {
			t.Fatalf("case %s: no lane with profile %q", c.Name, c.Profile)
		}
		r.show(p, &c)
		r.site.clock.add(MinRepeat) // some cases show one code under two lists
		r.site.clock.stand(showing)
		r.put(r.good)
		n := 1 + i
		text := code(t, n)
		r.private([]byte(text))
		p.show(text)
		if e := r.saw(p.wantVerdict(n, "admit ok")); e.Count != uint64(2*r.shown[p]) {
			t.Errorf("case %s: verdict %d at the lane, want %d", c.Name, e.Count, 2*r.shown[p])
		}
	}
	r.search(len(cases))
}

// caseRun is a site with a lane for each profile, and what its codes say.
type caseRun struct {
	t     *testing.T
	site  *site
	lanes map[string]*post // by profile
	lists map[string]*trust.Snapshot
	good  *trust.Snapshot
	shown map[*post]int // cases

	reader *verify.Verifier
	words  [][]byte     // that nobody may find
	output bytes.Buffer // what came out, but for log and journal
}

func newCaseRun(t *testing.T) *caseRun {
	demo, health := policy.Demo(), policy.Health()
	demo.Once = 0 // some cases are of one ticket
	s := newSite(t, 2, func(s *site) {
		s.special = map[string]policy.Profile{"1": demo, "2": health}
		s.ending = driver.STXETX // so that a code may hold carriage returns
		s.repeat = MinRepeat
	})
	return &caseRun{
		t: t, site: s, lanes: map[string]*post{"demo": s.posts[0], "health": s.posts[1]},
		lists: make(map[string]*trust.Snapshot), good: s.gate.Snapshot(), shown: make(map[*post]int),
		reader: verify.New(&demo, nil),
	}
}

func (r *caseRun) show(p *post, c *testdata.Case) {
	r.t.Helper()
	if r.lists[c.Trust] == nil {
		l, err := testdata.Trust(c.Trust)
		if err != nil {
			r.t.Fatal(err)
		}
		r.lists[c.Trust] = mustList(r.t, l)
	}
	r.site.clock.stand(c.Now.Unix())
	r.put(r.lists[c.Trust])
	r.private(c.Payload)
	r.shown[p]++
	if len(c.Payload) > 0 && !bytes.ContainsAny(c.Payload, "\x02\x03") {
		p.show(string(c.Payload))
	} else if err := r.site.gate.Enter(p.id, c.Payload); err != nil { // no scanner can send this
		r.t.Fatal(err)
	}
	e := r.saw(p.want(VerdictGiven))
	if verdictOf(&e) != c.Want || e.Candidate.Kind.String() != c.Kind {
		r.t.Errorf("case %s: %s, kind %v; want %s, kind %s", c.Name, verdictOf(&e), e.Candidate.Kind, c.Want, c.Kind)
	}
}

// put puts a list in force.
func (r *caseRun) put(list *trust.Snapshot) {
	r.t.Helper()
	r.site.gate.SetSnapshot(list)
	for _, each := range r.site.posts {
		r.saw(each.want(TrustChanged))
	}
}

// saw keeps all that an event says.
func (r *caseRun) saw(e Event) Event {
	fmt.Fprintf(&r.output, "%+v\n%s}\n", e, e.Candidate.AppendJSON(nil))
	return e
}

const (
	shortestWord = 6  // bytes; shorter ones occur by chance
	wordLength   = 14 // bytes of a code's text that are searched for
)

// private adds what a code says to what must not be found: its text, in pieces, and if it is genuine the holder's name, birth
// date and documents.
func (r *caseRun) private(text []byte) {
	for piece := range slices.Chunk(bytes.TrimPrefix(text, []byte("HC1:")), wordLength) {
		r.word(piece)
	}
	for _, list := range []*trust.Snapshot{r.good, r.lists["standard"]} {
		if list == nil {
			continue
		}
		r.reader.Verify(nil, []verify.Scan{{Data: text}}, list, policy.At(showing))
		if c := r.reader.Result(0).Certificate; c != nil {
			for _, w := range [][]byte{c.Family, c.Given, c.FamilyICAO, c.GivenICAO, c.Birth, c.Document.Number, c.Entry.ID} {
				r.word(w)
			}
		}
	}
}

func (r *caseRun) word(w []byte) {
	vocabulary := bytes.Contains(w, []byte(`":"`))                                      // a code that plays a journal's entry
	if len(w) >= shortestWord && len(bytes.Trim(w, string(w[:1]))) > 0 && !vocabulary { // not one character over and over
		r.words = append(r.words, bytes.Clone(w))
	}
}

// search looks for everything private in everything that came out.
func (r *caseRun) search(cases int) {
	all := r.site.entries()
	if len(all) != 2*cases {
		r.t.Errorf("%d entries, want %d", len(all), 2*cases)
	}
	for _, e := range all {
		r.output.WriteString(e.body)
	}
	r.output.WriteString(r.site.log.String())
	found := suffixarray.New(r.output.Bytes())
	for _, w := range r.words {
		if at := found.Lookup(w, 1); len(at) > 0 {
			end := min(r.output.Len(), at[0]+len(w)+80)
			r.t.Errorf("%q came out: %q", w, r.output.Bytes()[max(0, at[0]-80):end])
		}
	}
	names := 0
	for _, w := range r.words {
		if strings.Contains(string(w), canaryFamily) || strings.Contains(string(w), canaryNumber) {
			names++
		}
	}
	if names < 2*cases || len(found.Lookup([]byte(`"reason":"malformed"`), -1)) < 2*50 {
		r.t.Errorf("the search is not what it should be: %d names in %d words, %d bytes of output", names, len(r.words), r.output.Len())
	}
	r.t.Logf("%d words searched for in %d bytes", len(r.words), r.output.Len())
}
