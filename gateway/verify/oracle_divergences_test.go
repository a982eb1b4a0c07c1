package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	gocose "github.com/veraison/go-cose"

	"passerelle/gateway/encoding/cbor"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/verify"
)

// divergence is one way in which the libraries differ from what we decided.
type divergence struct {
	name string
	why  string
	// holds says whether a code can be such a case at all.
	holds func(d *difference) bool
	// as makes the reference decide as we do, which must then give our outcome.
	as func(*rules)
}

// divergences are all that are allowed: any other difference is a fault, here or there.
var divergences = []divergence{
	{
		"RSA under 2048 bits", "one country signs with RSA-1024: the signature is checked, and then is not enough to admit by",
		func(d *difference) bool { return d.ours.candidate.Why(policy.KeyCheck) == policy.WeakKey },
		func(as *rules) { as.weakRSA = true },
	},
	{
		"empty signature", "go-cose does not read such a message at all; to us it is one whose signature is bad",
		func(d *difference) bool { return d.opened && len(d.parts.signature) == 0 },
		func(as *rules) { as.emptySignature = true },
	},
	{
		"critical header parameters", "go-cose believes its caller to understand what crit lists, if that is there; we understand none",
		func(d *difference) bool { return errors.Is(d.err, cose.ErrCritical) },
		func(as *rules) { as.crit = true },
	},
	{
		"tags in a header", "go-cose forbids them in the unprotected header and looks into the tags 0 to 3 in the other; we skip over what nobody reads",
		func(d *difference) bool {
			return d.opened && (surveyOf(d.parts.protected).tags || surveyOf(d.parts.unprotected).tags)
		},
		func(as *rules) { as.readAlone = true },
	},
	{
		"header parameters that are not read", "go-cose checks the shape of content type, type, IV, countersignatures and an unprotected alg; nobody reads them here",
		func(d *difference) bool { return d.readsMore() },
		func(as *rules) { as.readAlone = true },
	},
	{
		"integers outside int64 in a header", "go-cose has no type for them; we skip over them where they are a value that nobody reads",
		func(d *difference) bool {
			return d.opened && (surveyOf(d.parts.protected).wideIntegers || surveyOf(d.parts.unprotected).wideIntegers)
		},
		func(as *rules) { as.readAlone = true },
	},
	{
		"key id over 64 bytes", "to the libraries it is an issuer that nobody knows, to us malformed: it has a limit",
		func(d *difference) bool { return errors.Is(d.err, cbor.ErrTooLong) },
		func(as *rules) { as.maxKeyID = true },
	},
	{
		"map keys that are neither integers nor texts", "fxamacker/cbor reads them, we refuse them wherever they stand",
		func(d *difference) bool { return d.survey.otherKeys },
		func(as *rules) { as.otherKeys = true },
	},
	{
		"map keys in many chunks, or very many at once", "MaxKeyChunks and MaxKeys of package cbor bound what duplicate keys cost; fxamacker/cbor uses a hash table",
		func(d *difference) bool {
			return d.survey.keyChunks > cbor.MaxKeyChunks || d.survey.openKeys > cbor.MaxKeys
		},
		func(as *rules) { as.keyLimits = true },
	},
	{
		"claim keys over 2^63-1", "our claims are known by int64, and a label that is none is refused",
		func(d *difference) bool { return d.survey.hugeKeys && d.ours.layer == verify.LayerClaims },
		func(as *rules) { as.wideLabels = true },
	},
	{
		"map keys under -2^63", "fxamacker/cbor has no comparable value for them and refuses the map; we skip over them",
		func(d *difference) bool { return d.survey.tinyKeys },
		func(as *rules) { as.wideKeys = true },
	},
	{
		"tags that fxamacker/cbor knows", "it drops tag 55799 wherever it stands, and looks into the tags 0 to 3; to us a tag is a number, which is asked for or not",
		func(d *difference) bool { return d.survey.knownTags },
		func(as *rules) { as.plainTags = true },
	},
	{
		"stored block that is cut beyond the limit", "compress/zlib gives what is there before it sees the cut, which is over the limit; we see the cut first",
		func(d *difference) bool { return d.theirs.candidate.Reason() == policy.TooLarge },
		func(as *rules) { as.cutFirst = true },
	},
}

// difference is a code that we and the reference do not agree about.
type difference struct {
	code         []byte
	inflated     []byte
	opened       bool // parts are there
	parts        sign1
	survey       survey // of the message, the protected header and the payload together
	err          error  // ours
	ours, theirs outcome
}

func newDifference(code []byte, ours, theirs outcome, why error) *difference {
	d := &difference{code: code, ours: ours, theirs: theirs, err: why}
	if text, ok := bytes.CutPrefix(withoutAIM(code), []byte("HC1:")); ok {
		compressed, _ := plainBase45(text)
		d.inflated, _ = plainInflate(compressed, verify.MaxInflated)
	}
	parts, err := split(d.inflated)
	d.parts, d.opened = parts, err == nil
	for _, b := range [][]byte{d.inflated, parts.protected, parts.payload} {
		d.survey.add(surveyOf(b))
	}
	return d
}

// readsMore reports whether a header has a parameter that go-cose looks at and we do not.
func (d *difference) readsMore() bool {
	if !d.opened {
		return false
	}
	protected, _ := members(d.parts.protected)
	unprotected, _ := members(d.parts.unprotected)
	for _, label := range []int64{
		gocose.HeaderLabelContentType, gocose.HeaderLabelIV, gocose.HeaderLabelPartialIV, gocose.HeaderLabelCounterSignature,
		gocose.HeaderLabelCounterSignature0, gocose.HeaderLabelCounterSignatureV2, gocose.HeaderLabelCounterSignature0V2, gocose.HeaderLabelType,
	} {
		if protected[uint64(label)] != nil || unprotected[uint64(label)] != nil {
			return true
		}
	}
	return unprotected[uint64(gocose.HeaderLabelAlgorithm)] != nil
}

// explain returns the divergences that make the difference, nil if nothing in the table does: one alone, or several at once.
func (d *difference) explain(r reference) []int {
	var all []int
	together := r
	for i, v := range divergences {
		if !v.holds(d) {
			continue
		}
		alone := r
		v.as(&alone.as)
		if theirs := alone.verify(d.code); same(&d.ours, &theirs) {
			return []int{i}
		}
		v.as(&together.as)
		all = append(all, i)
	}
	if theirs := together.verify(d.code); len(all) > 0 && same(&d.ours, &theirs) {
		return all
	}
	return nil
}

// comparison compares what our path makes of codes with what the reference makes of them. One a goroutine.
type comparison struct {
	t         testing.TB
	tally     *tally
	reference reference
	verifier  *verify.Verifier
	got       []policy.Candidate
	scans     []verify.Scan
}

// tally is what several comparisons counted.
type tally struct {
	mu       sync.Mutex
	codes    int
	layers   [verify.LayerDone + 1]int
	reasons  [policy.NumReasons]int
	explains []int // by the index of divergences
	faults   int
}

func newTally() *tally { return &tally{explains: make([]int, len(divergences))} }

func newComparison(t testing.TB, tally *tally, r reference, fast *sig.Accelerator) *comparison {
	return &comparison{t: t, tally: tally, reference: r, verifier: verify.New(r.profile, fast)}
}

// at sets the time.
func (c *comparison) at(now policy.Now) *comparison {
	c.reference.now = now
	return c
}

// batch compares up to MaxBatch codes, which our path verifies at once.
func (c *comparison) batch(codes ...[]byte) {
	c.t.Helper()
	c.scans = c.scans[:0]
	for _, code := range codes {
		c.scans = append(c.scans, verify.Scan{Data: code})
	}
	c.got = c.verifier.Verify(c.got[:0], c.scans, c.reference.list, c.reference.now)
	for i, code := range codes {
		result := c.verifier.Result(i)
		ours := outcome{layer: result.Layer, candidate: c.got[i], claims: result.Certificate}
		theirs := c.reference.verify(code)
		explains := []int{}
		if !same(&ours, &theirs) {
			d := newDifference(code, ours, theirs, result.Err)
			if explains = d.explain(c.reference); explains == nil {
				c.fault(d)
			}
		}
		c.tally.count(&ours, explains)
	}
}

// maxFaults is how many differences are printed; more are counted.
const maxFaults = 20

func (c *comparison) fault(d *difference) {
	c.t.Helper()
	c.tally.mu.Lock()
	defer c.tally.mu.Unlock()
	if c.tally.faults++; c.tally.faults > maxFaults {
		c.t.Fail()
		return
	}
	claims := ""
	if d.ours.claims != nil && d.theirs.claims != nil {
		claims = cmp.Diff(*d.theirs.claims, *d.ours.claims, cmpopts.EquateEmpty())
	}
	c.t.Errorf("the libraries differ\n  ours: %v %s (%v)\ntheirs: %v %s\nclaims (-theirs +ours): %s\n  code: %s\n  CBOR: %x",
		d.ours.layer, d.ours.candidate.AppendJSON(nil), d.err, d.theirs.layer, d.theirs.candidate.AppendJSON(nil), claims,
		base64.StdEncoding.EncodeToString(d.code), d.inflated)
}

func (y *tally) count(ours *outcome, explains []int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.codes++
	y.layers[ours.layer]++
	y.reasons[ours.candidate.Reason()]++
	for _, i := range explains {
		y.explains[i]++
	}
}

// log prints the counts.
func (y *tally) log(t testing.TB) {
	t.Helper()
	t.Logf("%d codes", y.codes)
	for layer, n := range y.layers {
		if n > 0 {
			t.Logf("%7d stopped at %v", n, verify.Layer(layer))
		}
	}
	for reason, n := range y.reasons {
		if n > 0 {
			t.Logf("%7d %v", n, policy.Reason(reason))
		}
	}
	for i, n := range y.explains {
		t.Logf("%7d allowed: %s", n, divergences[i].name)
	}
}

// survey is what a difference may come from in CBOR, whoever reads it.
type survey struct {
	tags         bool
	knownTags    bool // 0 to 3, or 55799
	wideIntegers bool // outside int64
	otherKeys    bool // neither integers nor texts
	hugeKeys     bool // over 2^63-1
	tinyKeys     bool // under -2^63
	keyChunks    int  // the most in one key
	openKeys     int  // the most in maps within each other
}

func (s *survey) add(o survey) {
	s.tags, s.wideIntegers = s.tags || o.tags, s.wideIntegers || o.wideIntegers
	s.otherKeys, s.knownTags = s.otherKeys || o.otherKeys, s.knownTags || o.knownTags
	s.hugeKeys, s.tinyKeys = s.hugeKeys || o.hugeKeys, s.tinyKeys || o.tinyKeys
	s.keyChunks, s.openKeys = max(s.keyChunks, o.keyChunks), max(s.openKeys, o.openKeys)
}

// surveyOf walks over one item, as far as it goes.
func surveyOf(b []byte) survey {
	w := surveyor{b: b}
	w.item(0)
	return w.survey
}

type surveyor struct {
	survey
	b    []byte
	open int // keys
	// What spelled changes in b.
	retag  bool
	narrow bool
}

// maxSurveyed is how deep a surveyor goes.
const maxSurveyed = 64

// head reads a head; indefinite for a length that is not given.
func (w *surveyor) head() (kind int, n uint64, indefinite bool) {
	if len(w.b) == 0 {
		return 7, 0, false
	}
	kind, info := int(w.b[0]>>5), w.b[0]&31
	w.b = w.b[1:]
	if info < 24 {
		return kind, uint64(info), false
	}
	if info > 27 {
		return kind, 0, info == 31
	}
	var word [8]byte
	size := min(1<<(info-24), len(w.b))
	copy(word[8-size:], w.b[:size])
	w.b = w.b[size:]
	return kind, binary.BigEndian.Uint64(word[:]), false
}

// ended consumes a break, or sees the end of the input.
func (w *surveyor) ended() bool {
	if len(w.b) > 0 && w.b[0] != 0xff {
		return false
	}
	w.b = w.b[min(1, len(w.b)):]
	return true
}

// item walks over an item and returns how many chunks it has, if it is a string.
func (w *surveyor) item(depth int) (chunks int) {
	start := w.b
	kind, n, indefinite := w.head()
	switch {
	case depth > maxSurveyed:
		w.b = nil
	case kind == 0 || kind == 1:
		w.wideIntegers = w.wideIntegers || n > math.MaxInt64
	case kind == majorBytes || kind == majorText:
		for chunks = 1; indefinite && !w.ended(); chunks++ {
			w.item(depth + 1)
		}
		if indefinite {
			return chunks - 1
		}
		w.b = w.b[min(n, uint64(len(w.b))):]
	case kind == majorArray:
		for i := uint64(0); w.more(i, n, indefinite); i++ {
			w.item(depth + 1)
		}
	case kind == majorMap:
		before := w.open
		for i := uint64(0); w.more(i, n, indefinite); i++ {
			w.key(depth + 1)
			w.item(depth + 1)
		}
		w.open = before
	case kind == majorTag:
		w.tags, w.knownTags = true, w.knownTags || n <= 3 || n == 55799
		if number := start[:len(start)-len(w.b)]; w.retag && len(number) > 0 && len(w.b) > 0 {
			switch last := &number[len(number)-1]; {
			case n == 55799:
				*last--
			case n > 0 && n <= 3 || n == 0 && major(w.b) != majorText:
				*last += 6
			}
		}
		w.item(depth + 1)
	}
	return chunks
}

func (w *surveyor) more(i, n uint64, indefinite bool) bool {
	if indefinite {
		return !w.ended()
	}
	return i < n && len(w.b) > 0
}

func (w *surveyor) key(depth int) {
	ahead := surveyor{b: w.b}
	switch kind, n, _ := ahead.head(); kind {
	case 0:
		w.hugeKeys = w.hugeKeys || n > math.MaxInt64
	case 1:
		if w.tinyKeys = w.tinyKeys || n > math.MaxInt64; w.narrow && n > math.MaxInt64 && len(w.b) > 1 {
			w.b[1] &= 0x7f
		}
	case majorText:
	default:
		w.otherKeys = true
	}
	w.keyChunks = max(w.keyChunks, w.item(depth))
	w.open++
	w.openKeys = max(w.openKeys, w.open)
}
