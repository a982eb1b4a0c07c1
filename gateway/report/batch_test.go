package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/journal"
)

const testJournal = "00112233445566778899aabbccddeeff"

// chain makes n consecutive entries of a journal; tag makes the content differ.
func chain(journalID string, n int, tag string) []journal.Entry {
	verdicts := []string{"admit", "deny", "refer"}
	var entries []journal.Entry
	var previous [32]byte
	for i := range n {
		body := fmt.Sprintf(`{"lane":"gate-%d","at":"2031-05-04T10:00:00.000Z","event":"verdict","verdict":%q,"tag":%q}`,
			i%3, verdicts[i%3], tag)
		e := journal.Entry{Sequence: uint64(i + 1), Previous: previous, Lane: fmt.Sprintf("gate-%d", i%3), Body: []byte(body)}
		e.Hash = entryHash(journalID, &e)
		previous = e.Hash
		entries = append(entries, e)
	}
	return entries
}

func body(entries []journal.Entry) []byte { return appendBatch(nil, testJournal, entries) }

func TestBatchComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, MaxBatchEntries} {
		entries := chain(testJournal, n, "x")
		data := body(entries)
		if !json.Valid(data) {
			t.Fatalf("%d entries: not JSON: %s", n, data)
		}
		b, err := parseBatch(data)
		if err != nil {
			t.Fatalf("%d entries: %v", n, err)
		}
		if b.journal != testJournal || b.span != (span{1, uint64(n)}) {
			t.Errorf("%d entries: journal %s, span %v", n, b.journal, b.span)
		}
		if diff := cmp.Diff(entries, b.entries); diff != "" {
			t.Errorf("%d entries (-sent +read):\n%s", n, diff)
		}
	}
}

func TestBatchHasOneFormAndLimits(t *testing.T) {
	t.Parallel()
	two := string(body(chain(testJournal, 2, "x")))
	one := chain(testJournal, 1, "x")
	with := func(object string) string {
		e := one[0]
		e.Body = []byte(object)
		e.Hash = entryHash(testJournal, &e)
		return string(body([]journal.Entry{e}))
	}
	padded := func(n int) string { return `{"pad":"` + strings.Repeat("x", n-10) + `"}` }
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	gap := chain(testJournal, 3, "x")
	for _, c := range []struct {
		name, data string
		want       error
	}{
		{"right", two, nil},
		{"empty", "", errForm},
		{"only a start", two[:40], errForm},
		{"one byte short", two[:len(two)-1], errForm},
		{"one byte more", two + "\n", errForm},
		{"twice", two + two, errForm},
		{"white space", strings.Replace(two, `"first":1`, `"first": 1`, 1), errForm},
		{"members in another order", strings.Replace(two, `"first":1,"last":2`, `"last":2,"first":1`, 1), errForm},
		{"member twice", strings.Replace(two, `"first":1,`, `"first":1,"first":1,`, 1), errForm},
		{"unknown member", strings.Replace(two, `"first":1,`, `"first":1,"more":1,`, 1), errForm},
		{"upper-case name", strings.Replace(two, `"first"`, `"First"`, 1), errForm},
		{"journal id in upper case", strings.Replace(two, "aabb", "AABB", 1), errForm},
		{"leading zero", strings.Replace(two, `"first":1`, `"first":01`, 1), errForm},
		{"exponent", strings.Replace(two, `"last":2`, `"last":2e0`, 1), errForm},
		{"negative", strings.Replace(two, `"first":1`, `"first":-1`, 1), errForm},
		{"from zero", strings.Replace(two, `"first":1`, `"first":0`, 1), errRange},
		{"backwards", strings.Replace(two, `"first":1`, `"first":3`, 1), errRange},
		{"more than there are", strings.Replace(two, `"last":2`, `"last":3`, 1), errForm},
		{"fewer than there are", strings.Replace(two, `"last":2`, `"last":1`, 1), errForm},
		{"largest number and one", strings.Replace(two, `"last":2`, `"last":9007199254740992`, 1), errForm},
		{"largest number", strings.Replace(two, `"last":2`, `"last":9007199254740991`, 1), errTooMany},
		{"one entry too many", string(body(chain(testJournal, MaxBatchEntries+1, "x"))), errTooMany},
		{"no entries", `{"journal":"` + testJournal + `","first":1,"last":1,"entries":[]}`, errForm},
		{"entry left out", string(body([]journal.Entry{gap[0], gap[2]})), errRange},
		{"another sequence", strings.Replace(two, `"sequence":2`, `"sequence":3`, 1), errRange},
		{"not UTF-8", strings.Replace(two, "gate-0", "gate-\xff", 1), errForm},
		{"edited", strings.Replace(two, "gate-1", "gate-2", 1), errHash},
		{"of another journal", strings.Replace(two, "0011", "1100", 1), errHash},
		{"largest entry", with(padded(MaxEntryBytes)), nil},
		{"one byte larger", with(padded(MaxEntryBytes + 1)), errEntry},
		{"deepest entry", with(nested(maxDepth)), nil},
		{"one level deeper", with(nested(maxDepth + 1)), errEntry},
		{"entry is an array", with(`[{}]`), errEntry},
		{"entry is a text", with(`"x"`), errEntry},
		{"entry is not closed", with(`{"a":1`), errForm},
		{"entry is not JSON", with(`{a:1}`), errEntry},
		{"brackets in a text", with(`{"a":"}]\"}"}`), nil},
		{"wrong bracket", with(`{"a":[1}}`), errEntry},
		{"line end in an entry", with("{\"a\":\n1}"), errEntry},
		{"lane twice", with(`{"lane":"a","lane":"b"}`), errDescribing},
		{"lane in two cases", with(`{"lane":"a","Lane":"b"}`), errDescribing},
		{"lane is a number", with(`{"lane":1}`), errDescribing},
		{"lane is null", with(`{"lane":null}`), errDescribing},
		{"longest lane", with(`{"lane":"` + strings.Repeat("x", maxLane) + `"}`), nil},
		{"longer lane", with(`{"lane":"` + strings.Repeat("x", maxLane+1) + `"}`), errDescribing},
		{"longest event", with(`{"event":"` + strings.Repeat("x", maxWord) + `"}`), nil},
		{"longer event", with(`{"event":"` + strings.Repeat("x", maxWord+1) + `"}`), errDescribing},
	} {
		b, err := parseBatch([]byte(c.data))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
		if err != nil && b != nil {
			t.Errorf("%s: a batch beside an error", c.name)
		}
	}
}

func TestBrokenChainIsRefused(t *testing.T) {
	t.Parallel()
	entries := chain(testJournal, 3, "x")
	entries[1].Previous[0] ^= 1
	entries[1].Hash = entryHash(testJournal, &entries[1])
	entries[2].Previous = entries[1].Hash
	entries[2].Hash = entryHash(testJournal, &entries[2])
	if _, err := parseBatch(body(entries)); !errors.Is(err, errChain) {
		t.Errorf("error %v, want %v", err, errChain)
	}
	first := chain(testJournal, 1, "x")
	first[0].Previous[31] = 1 // nothing is before the first
	first[0].Hash = entryHash(testJournal, &first[0])
	if _, err := parseBatch(body(first)); !errors.Is(err, errChain) {
		t.Errorf("first entry with a previous hash: error %v, want %v", err, errChain)
	}
}

func TestBatchIsFilledToItsLimits(t *testing.T) {
	t.Parallel()
	sized := func(sizes ...int) []journal.Entry {
		var entries []journal.Entry
		for i, n := range sizes {
			entries = append(entries, journal.Entry{Sequence: uint64(i + 1), Body: bytes.Repeat([]byte("x"), n)})
		}
		return entries
	}
	half := MaxBatchBytes/2 - 2*entryOverhead
	jump := chain(testJournal, 4, "x")
	jump[2].Sequence = 9
	for _, c := range []struct {
		name    string
		entries []journal.Entry
		want    int
	}{
		{"one", sized(10), 1},
		{"the most", chain(testJournal, MaxBatchEntries, ""), MaxBatchEntries},
		{"one more", chain(testJournal, MaxBatchEntries+1, ""), MaxBatchEntries},
		{"just fits", sized(half, half+entryOverhead, 10), 2},
		{"one byte too large", sized(half, half+entryOverhead+1, 10), 1},
		{"a large one goes alone", sized(2*MaxBatchBytes, 10), 1},
		{"a gap ends it", jump, 2},
	} {
		got := fill(c.entries)
		if got != c.want {
			t.Errorf("%s: %d entries, want %d", c.name, got, c.want)
		}
		if size := len(body(c.entries[:got])); got > 1 && size > MaxBatchBytes {
			t.Errorf("%s: body has %d bytes, limit %d", c.name, size, MaxBatchBytes)
		}
	}
}

func TestBatchIDHoldsNoFullStop(t *testing.T) {
	t.Parallel()
	if got, want := batchID(testJournal, span{7, 506}), testJournal+"/7-506"; got != want {
		t.Errorf("batchID = %s, want %s", got, want)
	}
}

func TestOutsideTextIsMadePrintable(t *testing.T) {
	t.Parallel()
	got := printable([]byte("a<b>&\x1b[2Jé\r\n\x00" + strings.Repeat("x", maxDetail)))
	if len(got) != maxDetail || strings.ContainsAny(got, "<>&\x1b\r\n\x00") || !strings.HasPrefix(got, "a?b??") {
		t.Errorf("printable = %q", got)
	}
}
