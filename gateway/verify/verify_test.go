package verify_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
	"passerelle/testdata"
)

// sameList returns the cases that share the standard list, the demo profile and the usual time, so that they fit one batch.
func sameList(t testing.TB) ([]loaded, policy.Now) {
	t.Helper()
	var same []loaded
	for _, c := range loadCases(t) {
		if c.Trust == "standard" && c.Profile == "demo" && (len(same) == 0 || c.Now.Equal(same[0].Now)) {
			same = append(same, c)
		}
	}
	if len(same) < 100 {
		t.Fatalf("only %d cases share list, profile and time", len(same))
	}
	return same, policy.At(same[0].Now.Unix())
}

func line(c *policy.Candidate) string { return string(c.AppendJSON(nil)) }

func TestABatchGivesWhatEachCodeGivesAlone(t *testing.T) {
	t.Parallel()
	cases, now := sameList(t)
	alone := make([]string, len(cases))
	for i, c := range cases {
		got := verify.New(c.profile, nil).Verify(nil, []verify.Scan{{Data: c.Payload}}, c.list, now)
		alone[i] = line(&got[0])
	}
	random := rand.New(rand.NewPCG(1, 2))
	v := verify.New(cases[0].profile, nil)
	for _, size := range []int{1, 2, 3, 63, 64, 65, 130, len(cases)} {
		order := random.Perm(len(cases))[:min(size, len(cases))]
		scans := make([]verify.Scan, len(order))
		for i, k := range order {
			scans[i].Data = cases[k].Payload
		}
		got := v.Verify(nil, scans, cases[0].list, now)
		if len(got) != len(order) {
			t.Fatalf("batch of %d gave %d candidates", len(order), len(got))
		}
		for i, k := range order {
			if diff := cmp.Diff(alone[k], line(&got[i])); diff != "" {
				t.Errorf("batch of %d: %s at %d (-alone +batch):\n%s", size, cases[k].Name, i, diff)
			}
		}
	}
}

func TestABadCodeAtAnyPlaceChangesNoNeighbour(t *testing.T) {
	t.Parallel()
	cases, now := sameList(t)
	var good, bad []loaded
	for _, c := range cases {
		if c.Want == "admit ok" {
			good = append(good, c)
		} else {
			bad = append(bad, c)
		}
	}
	v := verify.New(cases[0].profile, nil)
	for i, b := range bad {
		const size = 8
		scans := make([]verify.Scan, size)
		for k := range scans {
			scans[k].Data = good[(i+k)%len(good)].Payload
		}
		at := i % size
		scans[at].Data = b.Payload
		for k, c := range v.Verify(nil, scans, cases[0].list, now) {
			if (c.Outcome() == policy.Admit) != (k != at) {
				t.Errorf("%s at %d: place %d is %v %v", b.Name, at, k, c.Outcome(), c.Reason())
			}
		}
	}
}

func TestVerifyOnlyReadsTheScans(t *testing.T) {
	t.Parallel()
	cases, now := sameList(t)
	v := verify.New(cases[0].profile, nil)
	for _, c := range cases {
		code := bytes.Clone(c.Payload)
		v.Verify(nil, []verify.Scan{{Data: code}}, c.list, now)
		if !bytes.Equal(code, c.Payload) {
			t.Errorf("%s was changed", c.Name)
		}
	}
}

func TestOnlyAGenuineCodeSaysAnything(t *testing.T) {
	t.Parallel()
	for _, c := range loadCases(t) {
		v := verify.New(c.profile, nil)
		got := v.Verify(nil, []verify.Scan{{Data: c.Payload}}, c.list, policy.At(c.Now.Unix()))[0]
		r := v.Result(0)
		if genuine := got.State(policy.Signature) == policy.Passed; r.Certificate != nil && !genuine || v.Confirm(0) != (genuine || r.Zone != nil) {
			t.Errorf("%s: signature %v, certificate shown %v, confirmed %v", c.Name, got.State(policy.Signature), r.Certificate != nil, v.Confirm(0))
		}
		if (r.Err == nil) != (r.Layer == verify.LayerDone) {
			t.Errorf("%s: layer %v with error %v", c.Name, r.Layer, r.Err)
		}
	}
}

func TestACodeThatMayBeUsedOnceHasTheSameUseHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	cases, now := sameList(t)
	profile := policy.Demo()
	profile.Once = policy.Kinds(policy.HCERTVaccination)
	v := verify.New(&profile, nil)
	uses := map[string]policy.UseID{}
	for _, c := range cases {
		got := v.Verify(nil, []verify.Scan{{Data: c.Payload}}, c.list, now)[0]
		if got.Once {
			uses[c.Name] = got.Use
		}
		if got.Once != (got.Kind == policy.HCERTVaccination) {
			t.Errorf("%s: a %v may be used once: %v", c.Name, got.Kind, got.Once)
		}
	}
	plain := uses["valid-vaccination"]
	if plain == (policy.UseID{}) || uses["valid-mirrored-signature"] != plain || uses["valid-aim-qr"] != plain {
		t.Errorf("the plain, the mirrored and the AIM-marked code have uses %x, %x, %x", plain, uses["valid-mirrored-signature"], uses["valid-aim-qr"])
	}
}

func TestAFlooredClockRefersWhatItCannotTell(t *testing.T) {
	t.Parallel()
	cases, at := sameList(t)
	v := verify.New(cases[0].profile, nil)
	for _, c := range cases {
		if c.Name != "valid-vaccination" {
			continue
		}
		for name, tt := range map[string]struct {
			now  policy.Now
			want policy.Reason
		}{
			"an hour":         {policy.Now{Earliest: at.Earliest, Latest: at.Latest + 3600, Class: policy.ClockFloored}, policy.OK},
			"fifty years":     {policy.Now{Earliest: at.Earliest - 1<<30, Latest: at.Latest + 1, Class: policy.ClockFloored}, policy.ClockUntrusted},
			"nothing known":   {policy.Now{Earliest: at.Earliest, Latest: at.Latest}, policy.ClockUntrusted},
			"list may be old": {policy.Now{Earliest: at.Earliest, Latest: at.Latest + 1<<31, Class: policy.ClockFloored}, policy.ClockUntrusted},
		} {
			if got := v.Verify(nil, []verify.Scan{{Data: c.Payload}}, c.list, tt.now)[0]; got.Reason() != tt.want {
				t.Errorf("%s: %v %v, want %v", name, got.Outcome(), got.Reason(), tt.want)
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	cases, now := sameList(f)
	for _, c := range cases {
		f.Add(c.Payload)
	}
	list, profile := cases[0].list, cases[0].profile
	signed := map[string]bool{} // what our issuer signed: nothing else may be admitted
	v := verify.New(profile, nil)
	for _, c := range cases {
		if v.Verify(nil, []verify.Scan{{Data: c.Payload}}, list, now)[0].State(policy.Signature) == policy.Passed {
			signed[string(v.Result(0).Message.Payload)] = true
		}
	}
	good := cases[0].Payload
	for _, c := range cases {
		if c.Name == "valid-vaccination" {
			good = c.Payload
		}
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		got := v.Verify(nil, []verify.Scan{{Data: code}, {Data: good}}, list, now)
		if got[1].Outcome() != policy.Admit {
			t.Fatalf("the good code behind it is %v %v", got[1].Outcome(), got[1].Reason())
		}
		if got[0].State(policy.Signature) == policy.Passed && !signed[string(v.Result(0).Message.Payload)] {
			t.Fatalf("a payload that nobody signed passed: %x", v.Result(0).Message.Payload)
		}
	})
}

func BenchmarkVerifyByTheStandardLibrary(b *testing.B) {
	list, err := testdata.Trust("standard")
	if err != nil {
		b.Fatal(err)
	}
	snapshot, err := trust.New(list)
	if err != nil {
		b.Fatal(err)
	}
	cases, now := sameList(b)
	var scans []verify.Scan
	for _, c := range cases {
		if c.Name == "valid-vaccination" || c.Name == "valid-recovery" || c.Name == "valid-vaccination-arabic" {
			scans = append(scans, verify.Scan{Data: c.Payload})
		}
	}
	v := verify.New(cases[0].profile, nil)
	var dst []policy.Candidate
	b.ReportAllocs()
	for b.Loop() {
		dst = v.Verify(dst[:0], scans, snapshot, now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(scans)), "ns/code")
}
