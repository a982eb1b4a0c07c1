package verify_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// sample is a code of some kind for batches of all kinds.
type sample struct {
	name string
	code []byte
	good bool
}

// samples returns good and bad codes of every kind, in a fixed order.
func samples(t testing.TB) []sample {
	w := theWorld(t)
	var all []sample
	add := func(name, code string, good bool) { all = append(all, sample{name, []byte(code), good}) }
	for name, code := range w.codes {
		add(name, code, name != "mrz")
		add(name+", some characters less", code[:len(code)-min(20, len(code))], false)
	}
	for _, name := range []string{"hcert", "hcert ed25519", "ticket", "ticket ed25519", "claim169", "pretix", "vds-nc", "bcbp signed"} {
		b := []byte(w.codes[name])
		at := len(b) * 2 / 3
		if name == "vds-nc" {
			at = bytes.Index(b, []byte("AMINA"))
		}
		if b[at]++; b[at] > 'Z' {
			b[at] = 'A'
		}
		add(name+", a character changed", string(b), false)
	}
	add("ticket of another event", w.ticket(w.ticketing, func(t *issuer.Ticket) { t.Event = "OTHER" }), false)
	add("ticket that is over", w.ticket(w.ticketing, func(t *issuer.Ticket) { t.Expires = noon - day }), false)
	add("ticket that is invalid", w.ticket(w.ticketing, func(t *issuer.Ticket) { t.StatusURI, t.StatusIndex = statusURI, 1 }), false)
	add("pretix of another event", w.pretixTicket(w.pretix2, nil), false)
	add("pass of another flight", boardingPass(boardingLeg{flight: "0124 "}), false)
	add("pass of a passenger who was offloaded", boardingPass(boardingLeg{sequence: "0002 "}), false)
	add("pass that was stripped", boardingPass(boardingLeg{carrier: "SG", flight: "0009B"}), false)
	add("seal by another key", w.seal(sealOptions{key: p256Key("nobody")}), false)
	add("seal under another authority", w.seal(sealOptions{authority: p256Key("nobody")}), false)
	add("passport that was misread", strings.Replace(passport(nil), "XY1234567", "XY1234568", 1), false)
	add("blocked code", blockedCode, false)
	add("code with a wrong suffix", movingCode+oneTime(noon-300), false)
	add("code that nobody listed", "4006381333931001", false)
	add("opens like an identity code", looksLikeOne, false)
	add("nothing", "", false)
	add("too long", strings.Repeat("A", verify.MaxScan+1), false)
	add("mdoc", "mdoc:owBjMS4w", false)
	slices.SortFunc(all, func(a, b sample) int { return strings.Compare(a.name, b.name) })
	return all
}

// alone returns what each sample gives in a batch of one.
func alone(t testing.TB, s *scene, all []sample) []string {
	t.Helper()
	list := s.snapshot(t)
	lines := make([]string, len(all))
	for i := range all {
		c := s.verifier(nil).Verify(nil, []verify.Scan{{Data: all[i].code}}, list, s.now)[0]
		lines[i] = whole(&c)
		if (c.Outcome() == policy.Admit) != all[i].good {
			t.Errorf("%s alone: %s", all[i].name, line(&c))
		}
	}
	return lines
}

// whole is a candidate with what its line does not say.
func whole(c *policy.Candidate) string {
	return line(c) + string(c.Use[:]) + string(c.Also[:]) + c.Zone + string(rune(c.Uses))
}

func TestABatchOfAllKindsGivesWhatEachGivesAlone(t *testing.T) {
	t.Parallel()
	all, s := samples(t), setup(t)
	want, list := alone(t, s, all), s.snapshot(t)
	random := rand.New(rand.NewPCG(3, 4))
	v := s.verifier(nil) // one for all batches: nothing of one stays for the next
	for round := range 60 {
		size := 1 + random.IntN(2*verify.MaxBatch+3)
		scans, of := make([]verify.Scan, size), make([]int, size)
		for i := range scans {
			of[i] = random.IntN(len(all))
			scans[i].Data = all[of[i]].code
		}
		got := v.Verify(nil, scans, list, s.now)
		if len(got) != size {
			t.Fatalf("%d candidates of %d scans", len(got), size)
		}
		for i := range got {
			if whole(&got[i]) != want[of[i]] {
				t.Fatalf("round %d: %s at %d of %d:\n%q\nalone\n%q", round, all[of[i]].name, i, size, whole(&got[i]), want[of[i]])
			}
		}
	}
}

func TestABadCodeOfAnyKindAtAnyPlaceChangesNoNeighbour(t *testing.T) {
	t.Parallel()
	all, s := samples(t), setup(t)
	want, list := alone(t, s, all), s.snapshot(t)
	var good, bad []int
	for i := range all {
		if all[i].good {
			good = append(good, i)
		} else {
			bad = append(bad, i)
		}
	}
	if len(good) < 12 || len(bad) < 30 {
		t.Fatalf("%d good codes, %d bad ones", len(good), len(bad))
	}
	v := s.verifier(nil)
	for _, b := range bad {
		for at := range len(good) + 1 {
			order := slices.Insert(slices.Clone(good), at, b)
			scans := make([]verify.Scan, len(order))
			for i, n := range order {
				scans[i].Data = all[n].code
			}
			for i, c := range v.Verify(nil, scans, list, s.now) {
				if whole(&c) != want[order[i]] {
					t.Fatalf("%s at %d changes %s at %d:\n%s", all[b].name, at, all[order[i]].name, i, line(&c))
				}
			}
		}
	}
}

func TestVerifyOnlyReadsScansOfEveryKind(t *testing.T) {
	t.Parallel()
	all, s := samples(t), setup(t)
	list, v := s.snapshot(t), s.verifier(nil)
	scans, before := make([]verify.Scan, len(all)), make([][]byte, len(all))
	for i := range all {
		// Behind each code stands what a writer beyond its end would destroy.
		buf := append(bytes.Clone(all[i].code), "\xaa\xbb\xcc\xdd"...)
		scans[i].Data, before[i] = buf[:len(all[i].code)], bytes.Clone(buf)
	}
	v.Verify(nil, scans, list, s.now)
	for i := range all {
		if !bytes.Equal(scans[i].Data[:len(before[i])], before[i]) {
			t.Errorf("%s was changed", all[i].name)
		}
	}
}

// TestOnlyAGenuineCodeOfAnyKindSaysAnything: what a code says is nobody's to see before somebody vouched for it, but for the kinds that
// nobody signs.
func TestOnlyAGenuineCodeOfAnyKindSaysAnything(t *testing.T) {
	t.Parallel()
	s := setup(t)
	list := s.snapshot(t)
	said := map[policy.Kind]int{}
	for _, x := range samples(t) {
		v := s.verifier(nil)
		c := v.Verify(nil, []verify.Scan{{Data: x.code}}, list, s.now)[0]
		r := v.Result(0)
		says := r.Certificate != nil || r.Ticket != nil || r.Person != nil || r.Pretix != nil || r.BoardingPass != nil || r.Zone != nil || r.Seal != nil
		genuine := c.State(policy.Signature) == policy.Passed
		unsigned := c.Kind == policy.MRZ || c.Kind == policy.BCBP && c.State(policy.Signature) == policy.NotApplicable
		if says && !genuine && !unsigned {
			t.Errorf("%s says something: %s", x.name, line(&c))
		}
		if (r.Key != nil) != genuine && c.Kind != policy.Code {
			t.Errorf("%s: a key %v, signature %v", x.name, r.Key != nil, c.State(policy.Signature))
		}
		if (r.Err == nil) != (r.Layer == verify.LayerDone) {
			t.Errorf("%s: layer %v with error %v", x.name, r.Layer, r.Err)
		}
		if x.good && !v.Confirm(0) {
			t.Errorf("%s is good and not confirmed", x.name)
		}
		if c.State(policy.Signature) == policy.Failed && c.Kind != policy.Code && v.Confirm(0) {
			t.Errorf("%s is confirmed", x.name)
		}
		if says {
			said[c.Kind]++
		}
	}
	for _, kind := range []policy.Kind{
		policy.HCERTVaccination, policy.Ticket, policy.Pass, policy.Voucher, policy.Stamp, policy.Pretix, policy.BCBP, policy.MRZ, policy.VDSNC, policy.Claim169,
	} {
		if said[kind] == 0 {
			t.Errorf("no good %v says anything", kind)
		}
	}
}
