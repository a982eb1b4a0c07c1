package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/verify"
)

// MaxDisputes is how many rows may differ on purpose.
const MaxDisputes = 8

// result is what came out, for people.
type result struct {
	payloads  int
	agree     int
	disputed  []finding
	wrong     []finding
	countries map[string]*tally
}

type tally struct{ payloads, agree, disputed, wrong int }

// finding is one row that does not agree, with each step that differs.
type finding struct {
	source string
	what   string
}

func (r *result) pass() bool {
	return r.payloads > 0 && len(r.wrong) == 0 && len(r.disputed) <= MaxDisputes
}

// run verifies every row.
func run(ctx context.Context, corpora string) (*result, error) {
	rows, err := readRows(corpora)
	if err != nil {
		return nil, err
	}
	lists, err := newLists(corpora)
	if err != nil {
		return nil, err
	}
	pictures, err := readPictures(ctx, corpora)
	if err != nil {
		return nil, err
	}
	profile := policy.Health()
	fast := sig.NewAccelerator(sig.AcceleratorOptions{Memory: 64 << 20})
	j := judge{lists: lists, pictures: pictures, fast: fast, verifier: verify.New(&profile, fast), standard: verify.New(&profile, nil)}
	r := &result{countries: make(map[string]*tally)}
	for i := range rows {
		differences, dispute, err := j.row(&rows[i])
		if err != nil { // a row that cannot be judged does not agree
			differences, dispute = []string{err.Error()}, ""
		}
		r.enter(&rows[i], differences, dispute)
	}
	return r, nil
}

func (r *result) enter(row *row, differences []string, dispute string) {
	t := r.countries[row.Country]
	if t == nil {
		t = new(tally)
		r.countries[row.Country] = t
	}
	r.payloads++
	t.payloads++
	switch {
	case len(differences) == 0:
		r.agree++
		t.agree++
	case dispute != "":
		r.disputed = append(r.disputed, finding{row.Source, strings.Join(differences, ", ") + ": " + dispute})
		t.disputed++
	default:
		r.wrong = append(r.wrong, finding{row.Source, strings.Join(differences, ", ")})
		t.wrong++
	}
}

// judge verifies one row after the other.
type judge struct {
	lists    *lists
	pictures map[string][]string
	fast     *sig.Accelerator
	verifier *verify.Verifier
	standard *verify.Verifier // by the standard library alone
}

// row returns the steps in which a row differs, and why that is on purpose, if it is.
func (j *judge) row(r *row) (differences []string, dispute string, err error) {
	list, err := j.lists.of(r)
	if err != nil {
		return nil, "", err
	}
	now, ok, err := r.clock()
	if err != nil {
		return nil, "", err
	}
	scan := []verify.Scan{{Data: []byte(r.Payload)}}
	for range 2 { // after that the key has its table, and the fast path decides
		j.verifier.Verify(nil, scan, list, policy.At(now))
		j.fast.Settle()
	}
	candidate := j.verifier.Verify(nil, scan, list, policy.At(now))[0]
	if j.standard.Verify(nil, scan, list, policy.At(now))[0] != candidate {
		differences = append(differences, "the standard library decides otherwise")
	}
	if cert := j.verifier.Result(0).Certificate; !ok && cert != nil { // judged at issue
		candidate = j.verifier.Verify(nil, scan, list, policy.At(cert.IssuedAt))[0]
	}
	got := j.verifier.Result(0)
	if r.SignatureValid != nil && *r.SignatureValid != (candidate.State(policy.Signature) == policy.Passed) {
		differences = append(differences, fmt.Sprintf("signature_valid is %v", *r.SignatureValid))
	}
	for _, s := range steps {
		want, asserted := r.Expected[s.name]
		if !asserted || s.decides != nil && !s.decides(want, &got) {
			continue
		}
		if passed, known := s.passed(j, r, &candidate, &got); known && passed != want {
			differences = append(differences, fmt.Sprintf("%s is %v", s.name, want))
		}
	}
	slices.Sort(differences)
	return differences, disputeOf(&got), nil
}

// step is one of upstream's validation steps and what it is here.
type step struct {
	name string
	// passed says whether the step passed here; known is false where the data does not hold what the step looks at.
	passed func(j *judge, r *row, c *policy.Candidate, got *verify.Result) (passed, known bool)
	// decides limits a step to what our decisions speak about; nil for everything.
	decides func(want bool, got *verify.Result) bool
}

var steps = []step{
	{"EXPECTEDPICTUREDECODE", pictureDecoded, nil},
	{"EXPECTEDUNPREFIX", func(_ *judge, _ *row, c *policy.Candidate, _ *verify.Result) (bool, bool) {
		return c.Kind >= policy.HCERT && c.Kind <= policy.HCERTRecovery, true
	}, nil},
	{"EXPECTEDB45DECODE", opened(verify.LayerBase45), nil},
	{"EXPECTEDCOMPRESSION", opened(verify.LayerZlib), nil},
	{"EXPECTEDDECODE", func(j *judge, r *row, c *policy.Candidate, got *verify.Result) (bool, bool) {
		return got.Layer > verify.LayerCOSE && got.Layer != verify.LayerClaims, true
	}, nil},
	{"EXPECTEDVERIFY", passed(policy.Signature), nil},
	{"EXPECTEDEXPIRATIONCHECK", passed(policy.Time), nil},
	{"EXPECTEDKEYUSAGE", passed(policy.UsageCheck), nil},
	{"EXPECTEDSCHEMAVALIDATION", func(_ *judge, _ *row, _ *policy.Candidate, got *verify.Result) (bool, bool) {
		return got.Layer == verify.LayerDone, got.Layer >= verify.LayerClaims
	}, schemaDecided},
}

func opened(layer verify.Layer) func(*judge, *row, *policy.Candidate, *verify.Result) (bool, bool) {
	return func(_ *judge, _ *row, _ *policy.Candidate, got *verify.Result) (bool, bool) {
		return got.Layer > layer, true
	}
}

func passed(check policy.Check) func(*judge, *row, *policy.Candidate, *verify.Result) (bool, bool) {
	return func(_ *judge, _ *row, c *policy.Candidate, _ *verify.Result) (bool, bool) {
		return c.State(check) == policy.Passed, true
	}
}

// schemaDecided: our decisions ask for exactly one entry of exactly one type, and for members of their types; they say nothing
// of what the schema wants of a text (a year of birth, a letter). So what we take for malformed must be invalid upstream, and what
// is valid upstream must not be malformed; that we read past a text that the schema refuses asserts nothing.
func schemaDecided(want bool, got *verify.Result) bool {
	return want || got.Layer == verify.LayerClaims
}

// disputeOf returns the decision of ours that a row meets, if any.
func disputeOf(got *verify.Result) string {
	switch {
	case errors.Is(got.Err, cose.ErrNoAlg):
		return "the algorithm stands in the unprotected header alone, where anybody can write: refused"
	case errors.Is(got.Err, hcert.ErrEntries):
		return "more than one entry: a verdict about two certificates is none, refused"
	}
	return ""
}

// print writes the table and, last, the line that scripts read.
func (r *result) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "country\tpayloads\tagree\tdisputed\twrong\t")
	countries := make([]string, 0, len(r.countries))
	for c := range r.countries {
		countries = append(countries, c)
	}
	slices.Sort(countries)
	for _, c := range countries {
		n := r.countries[c]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t\n", c, n.payloads, n.agree, n.disputed, n.wrong)
	}
	t.Flush()
	for _, f := range r.disputed {
		fmt.Fprintf(w, "disputed: %s: %s\n", f.source, f.what)
	}
	for _, f := range r.wrong {
		fmt.Fprintf(w, "wrong: %s: %s\n", f.source, f.what)
	}
	fmt.Fprintf(w, "interop: %d payloads, %d agree, %d disputed, %d wrong\n", r.payloads, r.agree, len(r.disputed), len(r.wrong))
}
