package policy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// asks is what documents of some kinds have to pass anywhere, the identity aside, written out once more.
var asks = map[Kind][]Check{
	HCERTVaccination: {Format, KeyCheck, Signature, UsageCheck, Time, Rules},
	VDSNC:            {Format, KeyCheck, Signature, UsageCheck, Time, Rules},
	Ticket:           {Format, KeyCheck, Signature, UsageCheck, Time, Rules, PlaceCheck},
	BCBP:             {Format, KeyCheck, Signature, UsageCheck, Time, Rules, PlaceCheck},
	Code:             {Format, KeyCheck, Time, Rules, PlaceCheck},
	MRZ:              {Format, Time, Rules},
}

// pairing is a profile where a ticket and a certificate need each other, and a boarding pass or a seal needs a zone.
func pairing() Profile {
	p := Profile{Name: "pairing", Accept: Kinds(HCERTVaccination, Ticket, BCBP, VDSNC)}
	p.Needs[HCERTVaccination] = Kinds(Ticket, MRZ)
	p.Needs[Ticket] = Kinds(HCERTVaccination)
	p.Needs[BCBP] = Kinds(MRZ)
	p.Needs[VDSNC] = Kinds(MRZ, Code)
	return p
}

// side is one of two documents, with what was drawn for it.
type side struct {
	candidate Candidate
	checks    [NumChecks]struct {
		state State
		why   Reason
	}
	asked map[Check]bool
}

// states are drawn from: most checks pass, else there would be nothing to see.
var states = append(slices.Repeat([]State{Passed}, 60), Failed, Undetermined, NotApplicable)

// draw makes a document of a kind of which most checks passed.
func draw(t *rapid.T, name string, kind Kind, p *Profile) *side {
	s := &side{asked: map[Check]bool{}}
	c := &s.candidate
	c.Kind = kind
	for _, check := range asks[kind] {
		s.asked[check] = true
	}
	if kind == BCBP && rapid.Bool().Draw(t, name+" is not signed") {
		c.waived = Checks(KeyCheck, Signature, UsageCheck)
		delete(s.asked, KeyCheck)
		delete(s.asked, Signature)
		delete(s.asked, UsageCheck)
	}
	if rapid.Bool().Draw(t, name+" is on a status list") {
		c.asked |= Checks(Revocation)
		s.asked[Revocation] = true
	}
	var f Findings
	for check := Format; check < Identity; check++ {
		how, why := &s.checks[check], Reason(rapid.IntRange(0, int(OK)-1).Draw(t, name+" why"))
		switch how.state = rapid.SampledFrom(states).Draw(t, name+" "+check.String()); how.state {
		case Failed:
			f.Fail(check, why)
			how.why = why
		case Undetermined:
			f.Doubt(check, why)
			how.why = why
		case NotApplicable:
			f.Skip(check)
		default:
			f.Pass(check)
		}
	}
	f.Skip(Identity)
	c.Conclude(&f, p)
	return s
}

// speaks says what a document's checks lead to by themselves.
func (s *side) speaks(p *Profile) Outcome {
	outcome := Admit
	for check := Format; check < Identity; check++ {
		how := s.checks[check]
		if how.state == Passed || how.state != Failed && !s.asked[check] {
			continue
		}
		if p.Tighten[how.why] || how.state == Failed && DefaultOutcome(how.why) == Deny {
			return Deny
		}
		outcome = Refer
	}
	return outcome
}

func drawPair(t *rapid.T) (p Profile, main, other *side) {
	p = pairing()
	for _, reason := range rapid.SliceOfN(rapid.IntRange(0, int(OK)-1), 0, 4).Draw(t, "tighten") {
		p.Tighten[reason] = true
	}
	kinds := rapid.SampledFrom([][2]Kind{{HCERTVaccination, Ticket}, {Ticket, HCERTVaccination}, {HCERTVaccination, MRZ}, {BCBP, MRZ}, {VDSNC, MRZ}, {VDSNC, Code}}).Draw(t, "kinds")
	return p, draw(t, "first", kinds[0], &p), draw(t, "second", kinds[1], &p)
}

// worst is what two documents and their binding lead to.
func worst(p *Profile, a, b *side, binding Binding) Outcome {
	mismatch := map[Binding]Reason{Different: IdentityMismatch, Unclear: IdentityUnclear}
	outcome := min(a.speaks(p), b.speaks(p))
	if why, bad := mismatch[binding]; bad {
		outcome = min(outcome, Refer)
		if p.Tighten[why] {
			outcome = Deny
		}
	}
	return outcome
}

func TestTwoDocumentsAreAsGoodAsTheWorseOfThem(t *testing.T) {
	t.Parallel()
	seen := map[Outcome]int{}
	rapid.Check(t, func(r *rapid.T) {
		p, main, other := drawPair(r)
		binding := rapid.SampledFrom([]Binding{Same, Same, Different, Unclear}).Draw(r, "binding")
		both := main.candidate
		both.Join(&other.candidate, binding, &p)
		if got, want := both.Outcome(), worst(&p, main, other, binding); got != want {
			r.Fatalf("%v %v, want %v; one side alone %v, the other %v, binding %v\n%+v\n%+v", got, both.Reason(), want, main.speaks(&p), other.speaks(&p), binding, main.checks, other.checks)
		}
		if both.Outcome() == Admit {
			for check := Format; check < Identity; check++ {
				if (main.asked[check] || other.asked[check]) && both.State(check) == Failed {
					r.Fatalf("admitted, and %v failed", check)
				}
			}
			if both.State(Identity) != Passed || binding != Same {
				r.Fatalf("admitted with identity %v, binding %v", both.State(Identity), binding)
			}
		}
		final := both.Finalize(Claimed, &p)
		if final.Outcome() != both.Outcome() || final.Reason() != both.Reason() {
			r.Fatalf("%v %v becomes %v %v on disk", both.Outcome(), both.Reason(), final.Outcome(), final.Reason())
		}
		seen[both.Outcome()]++
	})
	if seen[Admit] == 0 || seen[Deny] == 0 || seen[Refer] == 0 {
		t.Errorf("outcomes drawn: %v", seen)
	}
}

func TestItDoesNotMatterWhichOfTwoDocumentsWasShownFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p, a, b := drawPair(r)
		binding := rapid.SampledFrom([]Binding{Same, Same, Different, Unclear}).Draw(r, "binding")
		decide := func(first, second *side) Candidate {
			main, ok := p.Pairs(first.candidate.Kind, second.candidate.Kind)
			if !ok {
				r.Fatalf("%v and %v are no pair", first.candidate.Kind, second.candidate.Kind)
			}
			if main != first.candidate.Kind {
				first, second = second, first
			}
			both := first.candidate
			both.Join(&second.candidate, binding, &p)
			return both
		}
		ab, ba := decide(a, b), decide(b, a)
		if ab.Outcome() != ba.Outcome() {
			r.Fatalf("%v %v, and in the other order %v %v", ab.Outcome(), ab.Reason(), ba.Outcome(), ba.Reason())
		}
		if mutual := a.candidate.Kind == Ticket || b.candidate.Kind == Ticket; !mutual && ab != ba {
			r.Fatalf("%+v, and in the other order %+v", ab, ba)
		}
	})
}

// TestADocumentOfAPairIsNeverAdmittedAlone is about everything that waits for another one.
func TestADocumentOfAPairIsNeverAdmittedAlone(t *testing.T) {
	t.Parallel()
	p := pairing()
	for kind := range asks {
		var f Findings
		for check := Format; check < NumChecks; check++ {
			f.Pass(check)
		}
		c := Candidate{Kind: kind}
		c.Conclude(&f, &p)
		if c.Outcome() != Refer || c.Reason() != SecondDocumentMissing || !c.Awaits() {
			t.Errorf("a perfect %v alone: %v %v", kind, c.Outcome(), c.Reason())
		}
		for _, claim := range []Claim{StoreFailed, Claimed, UsedBefore, NotInside} {
			if v := c.Finalize(claim, &p); v.Outcome() == Admit {
				t.Errorf("a perfect %v alone is admitted by claim %v", kind, claim)
			}
		}
	}
	for _, built := range append(BuiltIn(), Profile{Accept: Admissible}) {
		var f Findings
		for check := Format; check < NumChecks; check++ {
			f.Pass(check)
		}
		c := Candidate{Kind: MRZ}
		c.Conclude(&f, &built)
		if c.Outcome() == Admit {
			t.Errorf("%q admits a zone alone", built.Name)
		}
	}
}

// good makes a document of which every check passed, that is used once or not.
func good(kind Kind, p *Profile, once *Candidate) Candidate {
	var f Findings
	for check := Format; check < Identity; check++ {
		f.Pass(check)
	}
	f.Skip(Identity)
	var c Candidate
	if once != nil {
		c = *once
		c.Once = true
	}
	c.Kind = kind
	c.Conclude(&f, p)
	return c
}

func TestTwoDocumentsAreUsedUpTogether(t *testing.T) {
	t.Parallel()
	p := pairing()
	one, two, lost := UseID{1}, UseID{2}, UseID{3}
	for _, tt := range []struct {
		name        string
		main, other *Candidate
		want        Candidate
		outcome     Outcome
	}{
		{"neither", nil, nil, Candidate{}, Admit},
		{"the first", &Candidate{Use: one, Uses: 2, Expires: 9, Zone: "N"}, nil, Candidate{Once: true, Use: one, Uses: 2, Expires: 9, Zone: "N"}, Admit},
		{"the second", nil, &Candidate{Use: two, Also: lost, Uses: 2, Expires: 9, Zone: "N", Exit: true}, Candidate{Once: true, Use: two, Also: lost, Uses: 2, Expires: 9, Zone: "N", Exit: true}, Admit},
		{"both", &Candidate{Use: one, Uses: 1, Expires: 9, Zone: "N"}, &Candidate{Use: two, Uses: 1, Expires: 8, Zone: "N"}, Candidate{Once: true, Use: one, Also: two, Uses: 1, Expires: 9, Zone: "N"}, Admit},
		{"both, the second for longer", &Candidate{Use: one, Uses: 1, Expires: 8}, &Candidate{Use: two, Uses: 1, Expires: 9}, Candidate{Once: true, Use: one, Also: two, Uses: 1, Expires: 9}, Admit},
		{"both, the second for ever", &Candidate{Use: one, Uses: 1, Expires: 8}, &Candidate{Use: two, Uses: 1}, Candidate{Once: true, Use: one, Also: two, Uses: 1}, Admit},
		{"both, the first for ever", &Candidate{Use: one, Uses: 1}, &Candidate{Use: two, Uses: 1, Expires: 8}, Candidate{Once: true, Use: one, Also: two, Uses: 1}, Admit},
		{"the first replaces a third", &Candidate{Use: one, Also: lost, Uses: 1}, &Candidate{Use: two, Uses: 1}, Candidate{Once: true, Use: one, Also: lost, Uses: 1}, Refer},
		{"the second replaces a third", &Candidate{Use: one, Uses: 1}, &Candidate{Use: two, Also: lost, Uses: 1}, Candidate{Once: true, Use: one, Uses: 1}, Refer},
		{"one of them may be used twice", &Candidate{Use: one, Uses: 2}, &Candidate{Use: two, Uses: 1}, Candidate{Once: true, Use: one, Also: two, Uses: 1}, Admit},
	} {
		both, other := good(HCERTVaccination, &p, tt.main), good(Ticket, &p, tt.other)
		both.Join(&other, Same, &p)
		got := Candidate{Once: both.Once, Use: both.Use, Also: both.Also, Uses: both.Uses, Expires: both.Expires, Zone: both.Zone, Exit: both.Exit}
		if got != tt.want || both.Outcome() != tt.outcome {
			t.Errorf("%s: %v with %+v\nwant %v with %+v", tt.name, both.Outcome(), got, tt.outcome, tt.want)
		}
	}
}
