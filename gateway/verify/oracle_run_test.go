package verify_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
	"passerelle/gateway/verify"
	"passerelle/testdata"
)

// corpora returns the folder of public test data.
func corpora(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("CORPORA")
	if folder == "" {
		folder = filepath.Join(root(t), "..", "shared", "corpora")
	}
	if _, err := os.Stat(filepath.Join(folder, "hcert", "payloads.jsonl")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the public test data is needed here: %v", err)
		}
		t.Skipf("set CORPORA to the folder of public test data: %v", err)
	}
	return folder
}

// row is one line of the corpus.
type row struct {
	Source, Country, Payload, Certificate, Clock string
}

// now returns the row's clock in unix seconds; without one it is when its claims were issued.
func (r *row) now() int64 {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if at, err := time.Parse(layout, r.Clock); err == nil {
			return at.Unix()
		}
	}
	if b := newBase([]byte(r.Payload), 0); b.claims != nil {
		issued, _ := b.claims.(map[any]any)[uint64(6)].(uint64)
		return int64(issued)
	}
	return sometime
}

// sometime is a day on which many certificates of the corpus are valid.
const sometime = 1_640_000_000

func readRows(t testing.TB) []row {
	t.Helper()
	var rows []row
	for _, name := range []string{"payloads.jsonl", "benchmark_mix.jsonl"} {
		file, err := os.Open(filepath.Join(corpora(t), "hcert", name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r row
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, r)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if len(rows) < 100 {
		t.Fatalf("only %d payloads", len(rows))
	}
	return rows
}

// allKeys returns one list with the keys of the corpus, those that rows bring along, and our own test keys, which sign what is
// changed. Ours are valid as long as the certificates of the corpus are, so that a change alone decides.
func allKeys(t testing.TB, rows []row) trust.List {
	t.Helper()
	list, err := testdata.Trust("standard")
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Keys {
		if k := &list.Keys[i]; k.NotAfter > 1_800_000_000 {
			k.NotBefore = 1_577_836_800 // 2020
		}
	}
	for i := range list.Revoked {
		list.Revoked[i].Expires = forever
	}
	again := list.Keys[0] // one stands there twice, as two countries' key: the first counts
	again.Country, again.Usages = "ZZ", trust.HCERTTest
	list.Keys = append(list.Keys, again)
	list.Expires = forever
	list.Acceptance = append(list.Acceptance, trust.Acceptance{Country: "*", Usages: trust.AllHCERT})

	folder := filepath.Join(corpora(t), "trust", "de-acceptance")
	root, err := bundle.ParseRoot(readFile(t, folder, "dsc-list-signing-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	in := []source.Input{{Name: "dsc-list.json", Data: readFile(t, folder, "dsc-list.json")}}
	add(t, &list, "de", in, source.Options{ListKey: root.Key})
	for _, r := range rows {
		der, err := base64.StdEncoding.DecodeString(r.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if len(der) == 0 {
			continue
		}
		country := r.Country
		if len(country) != 2 {
			country = "XX"
		}
		add(t, &list, "der", []source.Input{{Name: r.Source, Data: der}}, source.Options{Usages: trust.AllHCERT, Country: country})
	}
	return list
}

// forever is the end of the year 9999.
const forever = 253_402_300_799

func readFile(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// add adds to a list the keys that are not on it.
func add(t testing.TB, list *trust.List, format string, in []source.Input, o source.Options) {
	t.Helper()
	content, _, err := source.Import(format, in, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range content.Keys {
		if !slices.ContainsFunc(list.Keys, func(k trust.Key) bool {
			return k.ID == e.ID && k.Public.Fingerprint() == e.Public.Fingerprint()
		}) {
			list.Keys = append(list.Keys, e.Key)
		}
	}
}

func snapshot(t testing.TB, list trust.List) *trust.Snapshot {
	t.Helper()
	s, err := trust.New(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accelerator has room for a table of every key here.
func accelerator(t testing.TB) *sig.Accelerator {
	return sig.NewAccelerator(sig.AcceleratorOptions{Memory: 160 << 20, Differ: func(d sig.Difference) {
		t.Errorf("the fast path and crypto/ecdsa differ about key %x: accepted = %v", d.Key, d.Accepted)
	}})
}

// warm verifies codes until every key that they ask for has its table.
func warm(fast *sig.Accelerator, list *trust.Snapshot, profile *policy.Profile, codes [][]byte) {
	v := verify.New(profile, fast)
	scans := make([]verify.Scan, len(codes))
	for i, code := range codes {
		scans[i].Data = code
	}
	for built := ^uint64(0); built != fast.Stats().Tables.Built; {
		built = fast.Stats().Tables.Built
		for range 2 { // the second use asks
			for part := range slices.Chunk(scans, verify.MaxBatch) {
				v.Verify(nil, part, list, policy.Now{})
				fast.Settle()
			}
		}
	}
}

func TestTheLibrariesAgreeOnEachCaseOfOurs(t *testing.T) {
	t.Parallel()
	fast := accelerator(t)
	counts := newTally()
	cases := loadCases(t)
	comparisons := map[string]*comparison{}
	for range 3 { // in the second round keys ask for tables, in the third they have them
		for _, c := range cases {
			at := c.Trust + " " + c.Profile
			if comparisons[at] == nil {
				comparisons[at] = newComparison(t, counts, reference{list: c.list, profile: c.profile}, fast)
			}
			comparisons[at].at(policy.At(c.Now.Unix())).batch(c.Payload)
		}
		fast.Settle()
	}
	counts.log(t)
	if s := fast.Stats(); s.Standard || s.Tables.Built == 0 {
		t.Errorf("the fast path was left: %+v", s)
	}
}

func TestTheLibrariesAgreeOnTheCorpus(t *testing.T) {
	t.Parallel()
	rows := readRows(t)
	profile := policy.Health()
	list := snapshot(t, allKeys(t, rows))
	fast := accelerator(t)
	codes := make([][]byte, len(rows))
	for i, r := range rows {
		codes[i] = []byte(r.Payload)
	}
	warm(fast, list, &profile, codes)

	counts := newTally()
	c := newComparison(t, counts, reference{list: list, profile: &profile}, fast)
	for i, r := range rows {
		c.at(policy.At(r.now())).batch(codes[i])
	}
	for part := range slices.Chunk(codes, verify.MaxBatch) {
		c.at(policy.At(sometime)).batch(part...)
	}
	counts.log(t)
	if counts.reasons[policy.OK] < len(rows) {
		t.Errorf("of %d rows, alone and in batches, only %d are admitted", len(rows), counts.reasons[policy.OK])
	}
	wantFast(t, fast, list, &profile, codes)
}

// TestAnyOtherDifferenceIsAFault alters what our path finds in one respect, and looks whether the comparison sees it.
func TestAnyOtherDifferenceIsAFault(t *testing.T) {
	t.Parallel()
	cases, now := sameList(t)
	r := reference{list: cases[0].list, profile: cases[0].profile, now: now}
	v := verify.New(r.profile, nil)
	seen := 0
	for _, c := range cases {
		for _, alteration := range []struct {
			name    string
			genuine bool // is for codes that have claims
			alter   func(*outcome)
		}{
			{"another layer", false, func(o *outcome) { o.layer = verify.LayerDone - o.layer + 1 }},
			{"another list", false, func(o *outcome) { o.candidate.List++ }},
			{"another kind", false, func(o *outcome) { o.candidate.Kind++ }},
			{"another use", false, func(o *outcome) { o.candidate.Use[15] ^= 1 }},
			{"other findings", false, func(o *outcome) { o.candidate.Conclude(new(policy.Findings), r.profile) }},
			{"another exp", true, func(o *outcome) { o.claims.Expires++ }},
			{"another dose", true, func(o *outcome) { o.claims.Entry.Dose++ }},
			{"another name", true, func(o *outcome) { o.claims.GivenICAO = append(o.claims.GivenICAO, 'X') }},
			{"no claims", true, func(o *outcome) { o.claims = nil }},
		} {
			theirs := r.verify(c.Payload)
			got := v.Verify(nil, []verify.Scan{{Data: c.Payload}}, r.list, now)[0]
			result := v.Result(0)
			ours := outcome{layer: result.Layer, candidate: got, claims: result.Certificate}
			if theirs.layer == verify.LayerDetect || !same(&ours, &theirs) || alteration.genuine && ours.claims == nil {
				continue
			}
			alteration.alter(&ours)
			if d := newDifference(c.Payload, ours, theirs, result.Err); same(&ours, &theirs) || d.explain(r) != nil {
				t.Errorf("%s: %s is not seen", c.Name, alteration.name)
			}
			seen++
		}
	}
	if seen < 1000 {
		t.Errorf("only %d alterations were tried", seen)
	}
}

// wantFast verifies codes many times and has the samples of the guard tell how many results the fast path gave: one in 256. The
// corpus is signed by P-256 keys, a few hundredths by RSA keys.
func wantFast(t *testing.T, fast *sig.Accelerator, list *trust.Snapshot, profile *policy.Profile, codes [][]byte) {
	t.Helper()
	const rounds = 10
	v := verify.New(profile, fast)
	fast.Settle()
	before, possible := fast.Stats(), 0
	for range rounds {
		for part := range slices.Chunk(codes, verify.MaxBatch) {
			scans := make([]verify.Scan, len(part))
			for i := range part {
				scans[i].Data = part[i]
			}
			v.Verify(nil, scans, list, policy.At(sometime))
			for i := range part {
				if v.Result(i).Key != nil {
					possible++
				}
			}
			fast.Settle()
		}
	}
	after := fast.Stats()
	given := 256 * int(after.Checked+after.Missed-before.Checked-before.Missed)
	t.Logf("of %d genuine signatures about %d were verified by the fast path (%d tables, %d MiB)",
		possible, given, after.Tables.Small+after.Tables.Large, after.Tables.Bytes>>20)
	if possible < rounds*len(codes)/2 || given < possible*95/100 || after.Standard {
		t.Errorf("of %d genuine signatures only about %d were verified by the fast path, standard = %v", possible, given, after.Standard)
	}
}

func TestTheLibrariesAgreeOnMutations(t *testing.T) {
	t.Parallel()
	n := mutationsHere
	if text := os.Getenv("PASSERELLE_MUTATIONS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("PASSERELLE_MUTATIONS: %v", err)
		}
	}
	rows := readRows(t)
	list := allKeys(t, rows)
	keys, bases := signers(t, list), []base{}
	for _, r := range rows {
		bases = append(bases, newBase([]byte(r.Payload), r.now()))
	}
	for _, c := range loadCases(t) {
		bases = append(bases, newBase(c.Payload, c.Now.Unix()))
	}
	profile := policy.Demo()
	known := snapshot(t, list)
	fast := accelerator(t)
	codes := make([][]byte, len(bases))
	for i := range bases {
		codes[i] = bases[i].code
	}
	warm(fast, known, &profile, codes)

	counts := newTally()
	started := time.Now()
	var workers sync.WaitGroup
	count := max(1, runtime.GOMAXPROCS(0))
	for worker := range count {
		workers.Go(func() {
			c := newComparison(t, counts, reference{list: known, profile: &profile}, fast)
			for first := worker * verify.MaxBatch; first < n; first += count * verify.MaxBatch {
				m := newMutator(rand.New(rand.NewPCG(2026, uint64(first))), bases, keys)
				batch := make([][]byte, min(verify.MaxBatch, n-first))
				for i := range batch {
					batch[i] = m.next()
				}
				c.at(policy.At(pick(m, m.opened).now + m.random.Int64N(120*86400))).batch(batch...)
				fast.Settle()
			}
		})
	}
	workers.Wait()
	t.Logf("%v on %d cores", time.Since(started), count)
	counts.log(t)
	wantSpread(t, counts)
	if s := fast.Stats(); s.Standard || s.Differed > 0 || s.Checked == 0 {
		t.Errorf("the guard of the fast path: %+v", s)
	}
	for i, fired := range counts.explains {
		if fired == 0 && n >= 100_000 {
			t.Errorf("%q never happens: strike it", divergences[i].name)
		}
	}
}

// wantSpread wants mutations to have reached every layer: a run that is refused at the first proves little.
func wantSpread(t *testing.T, counts *tally) {
	t.Helper()
	for layer := verify.LayerBase45; layer <= verify.LayerDone; layer++ {
		if layer > verify.LayerCOSE && layer < verify.LayerKey {
			continue // of other kinds
		}
		if counts.layers[layer]*100 < counts.codes {
			t.Errorf("only %d of %d codes stopped at %v", counts.layers[layer], counts.codes, layer)
		}
	}
	if counts.reasons[policy.OK]*40 < counts.codes {
		t.Errorf("only %d of %d codes are admitted", counts.reasons[policy.OK], counts.codes)
	}
}

// FuzzAgainstLibraries changes our own cases at any layer: what comes under a layer is encoded, and what should be signed is.
func FuzzAgainstLibraries(f *testing.F) {
	list, err := testdata.Trust("standard")
	if err != nil {
		f.Fatal(err)
	}
	known := snapshot(f, list)
	keys := signers(f, list)
	ministry := &keys[slices.IndexFunc(keys, func(s signer) bool { return s.name == "ma-ministry.pem" })]
	protected := cborOf([]pair{{1, int64(ministry.alg)}, {4, ministry.id[:]}}, nil)
	cases, now := sameList(f)
	const layers = 5
	var codes [][]byte
	var good []byte
	for _, c := range cases {
		if !slices.Contains(seeds, c.Name) {
			continue
		}
		b := newBase(c.Payload, 0)
		for layer, data := range [layers][]byte{b.code, b.compressed, b.inflated, b.parts.payload, b.parts.protected} {
			f.Add(uint8(layer), data)
		}
		if codes = append(codes, c.Payload); c.Want == "admit ok" {
			good = c.Payload
		}
	}
	if len(codes) != len(seeds) {
		f.Fatalf("%d of %d seeds are there", len(codes), len(seeds))
	}
	fast := accelerator(f)
	warm(fast, known, cases[0].profile, codes)
	payload := newBase(good, 0).parts.payload
	var packer deflater
	c := newComparison(f, nil, reference{list: known, profile: cases[0].profile}, fast).at(now)
	f.Fuzz(func(t *testing.T, layer uint8, data []byte) {
		code := data
		switch layer % layers {
		case 1:
			code = codeOf(data)
		case 2:
			code = packer.pack(data, levels[0])
		case 3:
			s := ministry.message(protected, []byte{0xa0}, data)
			code = packer.pack(cborOf(tagged{18, []any{s.protected, raw(s.unprotected), s.payload, s.signature}}, nil), levels[0])
		case 4:
			s := ministry.message(data, cborOf([]pair{{4, ministry.id[:]}}, nil), payload)
			code = packer.pack(cborOf([]any{s.protected, raw(s.unprotected), s.payload, s.signature}, nil), levels[0])
		}
		c.t, c.tally = t, newTally()
		c.batch(bytes.Clone(code), good)
		if c.got[1].Outcome() != policy.Admit {
			t.Errorf("the good code behind %q is not admitted", code)
		}
	})
}

// seeds are some cases of ours for the fuzzer.
var seeds = []string{
	"valid-vaccination", "valid-test", "valid-recovery", "valid-cose-indefinite", "valid-cose-chunked", "valid-kid-differs", "valid-tag-61-18",
	"valid-alg-eddsa", "valid-header-more-unprotected", "malformed-crit", "malformed-duplicate-claim", "bad-signature-empty", "weak-key",
}
