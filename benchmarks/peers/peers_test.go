package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/ours"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/policy"
)

// small is a bench with few payloads; it is skipped where the public test data is missing.
func small(t *testing.T) *bench {
	t.Helper()
	corpora, err := workload.Corpora()
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{corpora: corpora, plan: measure.Plan{Least: 2}}
	if b.templates, b.skipped, err = workload.Templates(corpora); err != nil {
		t.Fatal(err)
	}
	if b.keys, err = workload.NewKeys(3); err != nil {
		t.Fatal(err)
	}
	if b.oneKey, err = workload.NewSet(b.templates, b.keys[:1], len(b.templates)); err != nil {
		t.Fatal(err)
	}
	if b.allKeys, err = workload.NewSet(b.templates, b.keys, len(b.templates)); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBothStacksAcceptWhatWasSignedAgain(t *testing.T) {
	b := small(t)
	for _, set := range []*workload.Set{b.oneKey, b.allKeys} {
		for _, e := range append(stacks(set.List, set.Scans, set.Now.Latest, admitted), path(ours.New(), set, batch, admitted), path(ours.New(), set, 1, admitted)) {
			if err := e.check(); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
		for _, e := range append(standard(set), signatures(ours.New(), set.Jobs(), batch)) {
			if err := e.check(); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
	}
}

func TestBothStacksRefuseEachFault(t *testing.T) {
	b := small(t)
	for _, f := range workload.Faults() {
		set, err := b.allKeys.Refused(f)
		if err != nil {
			t.Fatal(err)
		}
		want := func(int) policy.Reason { return f.Reason() }
		for _, e := range append(stacks(set.List, set.Scans, set.Now.Latest, want), path(ours.New(), set, batch, want)) {
			if err := e.check(); err != nil {
				t.Errorf("fault %d, %s: %v", f, e.Name, err)
			}
		}
	}
}

// TestCheckFindsASideThatIsWrong shows that no side can be fast by being wrong.
func TestCheckFindsASideThatIsWrong(t *testing.T) {
	b := small(t)
	refused, err := b.oneKey.Refused(workload.SignatureBit)
	if err != nil {
		t.Fatal(err)
	}
	wrong := append(stacks(refused.List, refused.Scans, refused.Now.Latest, admitted), path(ours.New(), refused, batch, admitted),
		signatures(ours.New(), refused.Jobs(), batch))
	wrong = append(wrong, standard(refused)...)
	for _, e := range wrong {
		if _, err := b.compare(e); err == nil {
			t.Errorf("%s accepts a broken signature and was timed", e.Name)
		}
	}
}

func TestRowsThatNeedNothingElseGiveResults(t *testing.T) {
	b := small(t)
	elsewhere := []string{"es256_batch64_vs_openssl", "hc1_batch64_generic", "es256_batch64_generic"}
	for _, r := range rows {
		if strings.Contains(strings.Join(elsewhere, " "), r.name) {
			continue
		}
		err := b.each([]row{r}, func(got result) error {
			if got.Name != r.name || got.Ours <= 0 || got.Peer <= 0 || got.Ratio <= 0 || got.Rounds != 2 || got.Skipped != "" {
				return errors.New(got.note())
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

func TestMissingOpenSSLIsNamedAndAnErrorInCI(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var b bench
	t.Setenv("CI", "")
	got, err := b.openssl()
	if err != nil || got.Skipped == "" {
		t.Errorf("%+v, %v, want a row that is skipped", got, err)
	}
	t.Setenv("CI", "true")
	if _, err := b.openssl(); err == nil {
		t.Error("in CI it is no error")
	}
}

// opensslSpeed is what OpenSSL 3.0.22 printed for `openssl speed -seconds 1 ecdsap256`.
const opensslSpeed = `version: 3.0.22
built on: Wed Oct 21 09:54:24 2026 UTC
options: bn(64,64)
compiler: gcc -fPIC -pthread -m64 -Wa,--noexecstack -Wall -O2 -DOPENSSL_PIC -DOPENSSL_BUILDING_OPENSSL -DNDEBUG
CPUINFO: OPENSSL_ia32cap=0xfffa3203078bffff:0x405fc6f1bf07ab
                              sign    verify    sign/s verify/s
 256 bits ecdsa (nistp256)   0.0000s   0.0001s  50725.5  16306.5
`

func TestVerificationsASecondAreReadFromOpenSSL(t *testing.T) {
	t.Parallel()
	got, err := verifiesPerSecond([]byte(opensslSpeed))
	if err != nil || got != 16306.5 {
		t.Errorf("%v, %v, want 16306.5", got, err)
	}
	for _, printed := range []string{
		"",
		strings.Replace(opensslSpeed, "nistp256", "nistp384", 1),
		strings.Replace(opensslSpeed, "16306.5", "0.0", 1),
		strings.Replace(opensslSpeed, "16306.5", "", 1),
		opensslSpeed + opensslSpeed,
	} {
		if got, err := verifiesPerSecond([]byte(printed)); err == nil {
			t.Errorf("%v was read from %q", got, printed)
		}
	}
}

func TestTableHasALineForEachRow(t *testing.T) {
	t.Parallel()
	samples := func(ns ...float64) measure.Samples { return measure.Samples{NS: ns, Allocs: []float64{12, 12.04, 13}} }
	r := compared(measure.Samples{NS: []float64{10, 20, 10}, Allocs: []float64{0.01, 0, 0.7}}, []string{"slow", "fast"},
		[]measure.Samples{samples(500, 500, 500), samples(100, 300, 200)})
	r.Name = "a_row"
	var out bytes.Buffer
	if err := writeTable(&out, []result{r, {Name: "another", Skipped: "there is no tool"}}); err != nil {
		t.Fatal(err)
	}
	want := "name     ours_ns  peer_ns  ratio  allocs\n" +
		"a_row    10.0     200      15.00  0\n" +
		"another  skipped: there is no tool\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if got, want := r.note(), "a_row: against fast, 12.0 allocations; 3 rounds\n    slow: 500 ns, ratio 50.00, 12.0 allocations"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRowsAreChosenByName(t *testing.T) {
	t.Parallel()
	got, err := choose("trust_lookup,hc1_single")
	if err != nil || len(got) != 2 || got[0].name != "hc1_single" || got[1].name != "trust_lookup" {
		t.Errorf("%v, %v", got, err)
	}
	if all, err := choose(""); err != nil || len(all) != len(rows) {
		t.Errorf("%d rows, %v, want all", len(all), err)
	}
	if _, err := choose("hc1_single,hc1"); err == nil {
		t.Error("a row that is not there was chosen")
	}
}

func TestTheTableHasTheRowsThatAreCompared(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"hc1_batch64", "hc1_single", "es256_batch64", "es256_batch64_vs_openssl", "es256_100keys", "hc1_batch64_generic", "decode_stages",
		"trust_lookup", "refused_batch64",
	} {
		if _, err := choose(name); err != nil {
			t.Error(err)
		}
	}
}

func TestPlainBase45IsThatOfTheProduct(t *testing.T) {
	t.Parallel()
	plain := newPlain45()
	random := rand.New(rand.NewPCG(3, 4))
	const letters = alphabet45 + "a\x00\xff"
	accepted := 0
	for range 20_000 {
		text := make([]byte, random.IntN(9))
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		got, err := plain.decode(nil, text)
		want, wanted := base45.AppendDecode(nil, text)
		if !bytes.Equal(got, want) || (err == nil) != (wanted == nil) {
			t.Fatalf("%q: %x, %v, want %x, %v", text, got, err, want, wanted)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted < 1000 || accepted > 19_000 {
		t.Errorf("%d of 20000 were accepted", accepted)
	}
}
