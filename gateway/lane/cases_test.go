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
	for i, c := range seldomTwice(cases) {
		p := r.lanes[c.Profile]
		if p == nil {
			t.Fatalf("case %s: no lane with profile %q", c.Name, c.Profile)
		}
		r.show(p, &c)
		r.site.clock.stand(showing)
		r.put(p, r.good)
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

// seldomTwice puts cases that show the same code, with another list or at another time, far apart: a lane remembers the last ones.
func seldomTwice(cases []testdata.Case) []testdata.Case {
	seen, order := make(map[string]int), make(map[string]int)
	for _, c := range cases {
		order[c.Name] = seen[string(c.Payload)]
		seen[string(c.Payload)]++
	}
	slices.SortStableFunc(cases, func(a, b testdata.Case) int { return order[a.Name] - order[b.Name] })
	return cases
}

// caseRun is a site with a lane for each profile, and what its codes say.
type caseRun struct {
	t     *testing.T
	site  *site
	lanes map[string]*post // by profile
	lists map[string]*trust.Snapshot
	good  *trust.Snapshot
	shown map[*post]int

	words  [][]byte     // that nobody may find
	output bytes.Buffer // what came out, but for log and journal
}

func newCaseRun(t *testing.T) *caseRun {
	demo, checkpoint := policy.Demo(), policy.Checkpoint()
	demo.Once = 0 // some cases are of one ticket
	s := newSite(t, 2, func(s *site) {
		s.special = map[string]policy.Profile{"1": demo, "2": checkpoint}
		s.ending = driver.STXETX // so that a code may hold carriage returns
		s.repeat = MinRepeat
	})
	return &caseRun{
		t: t, site: s, lanes: map[string]*post{"demo": s.posts[0], "checkpoint": s.posts[1]},
		lists: make(map[string]*trust.Snapshot), good: s.gate.Snapshot(), shown: make(map[*post]int),
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
	r.put(p, r.lists[c.Trust])
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
func (r *caseRun) put(p *post, list *trust.Snapshot) {
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

// private adds what a code says to what must not be found: its text, in pieces, and the holder's name, birth date and documents.
func (r *caseRun) private(text []byte) {
	text = bytes.TrimPrefix(text, []byte("HC1:"))
	for piece := range slices.Chunk(text, wordLength) {
		r.word(piece)
	}
	r.words = append(r.words, genuine(r.lists, r.good, text)...)
}

func (r *caseRun) word(w []byte) {
	if len(w) >= shortestWord && len(bytes.Trim(w, string(w[:1]))) > 0 { // not one character over and over
		r.words = append(r.words, bytes.Clone(w))
	}
}

// genuine returns what a code says under any of the lists, if it is genuine.
func genuine(lists map[string]*trust.Snapshot, good *trust.Snapshot, text []byte) (words [][]byte) {
	demo := policy.Demo()
	v := verify.New(&demo)
	for _, list := range append([]*trust.Snapshot{good}, lists["standard"]) {
		if list == nil {
			continue
		}
		v.Verify(nil, []verify.Scan{{Data: append([]byte("HC1:"), text...)}}, list, policy.At(showing))
		c := v.Result(0).Certificate
		if c == nil {
			continue
		}
		for _, w := range [][]byte{c.Family, c.Given, c.FamilyICAO, c.GivenICAO, c.Birth, c.Document.Number, c.Entry.ID} {
			if len(w) >= shortestWord {
				words = append(words, bytes.Clone(w))
			}
		}
	}
	return words
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
	if names < 2*cases || len(found.Lookup([]byte(`"reason":"already`), 1)) > 0 || len(found.Lookup([]byte(`"reason":"malformed"`), -1)) < 20 {
		r.t.Errorf("the search is not what it should be: %d names in %d words, %d bytes of output", names, len(r.words), r.output.Len())
	}
	r.t.Logf("%d words searched for in %d bytes", len(r.words), r.output.Len())
}
