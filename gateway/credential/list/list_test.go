package list_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"passerelle/gateway/credential/list"
)

var (
	key    = list.Key{1, 2, 3}
	secret = []byte("12345678901234567890") // of RFC 6238, appendix B
)

// put is a code with its entry.
type put struct {
	code   string
	entry  list.Entry
	secret []byte
}

// built returns the list of some codes.
func built(t testing.TB, puts ...put) *list.Set {
	t.Helper()
	b := list.NewBuilder(&key)
	for i, p := range puts {
		if err := b.Add([]byte(p.code), p.entry, p.secret); err != nil {
			t.Fatalf("code %d: %v", i, err)
		}
	}
	s, err := b.Set()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stored returns the list as it comes back from its file.
func stored(t testing.TB, s *list.Set) *list.Set {
	t.Helper()
	b, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := list.ParseSet(b, &key)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// sameMatch compares all of two matches but the secret of a suffix.
func sameMatch(want, got list.Match) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(list.Match{}), cmpopts.EquateEmpty())
}

func TestACodeIsFoundWithItsEntry(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", list.MaxCode)
	made := built(
		t,
		put{code: "1", entry: list.Entry{State: list.Listed}},
		put{code: "1234567890123456", entry: list.Entry{State: list.Listed, From: 5, Until: list.MaxTime, Zone: "Tribune Nord", Uses: 3}},
		put{code: "12345678", entry: list.Entry{State: list.Listed, From: 7}},
		put{code: "blocked", entry: list.Entry{State: list.Blocked, Zone: "ج"}},
		put{code: "gone", entry: list.Entry{}},
		put{code: long, entry: list.Entry{State: list.Listed, Uses: 255, Zone: strings.Repeat("z", list.MaxZone)}},
		put{code: "\x00\xff", entry: list.Entry{State: list.Listed}},
		put{"six", list.Entry{State: list.Listed, OneTime: true}, secret},
		put{"eight", list.Entry{State: list.Blocked, OneTime: true, Digits: 8, Period: 60, SHA256: true}, secret},
	)
	for name, s := range map[string]*list.Set{"made": made, "stored": stored(t, made)} {
		if s.Len() != 9 {
			t.Errorf("%s: %d codes", name, s.Len())
		}
		for _, tt := range []struct {
			shown string
			want  list.Match
		}{
			{"1", list.Match{State: list.Listed, Uses: 1, Code: []byte("1")}},
			{"1234567890123456", list.Match{State: list.Listed, From: 5, Until: list.MaxTime, Zone: "Tribune Nord", Uses: 3, Code: []byte("1234567890123456")}},
			{"12345678", list.Match{State: list.Listed, From: 7, Uses: 1, Code: []byte("12345678")}},
			{"blocked", list.Match{State: list.Blocked, Zone: "ج", Uses: 1, Code: []byte("blocked")}},
			{"gone", list.Match{State: list.Revoked, Uses: 1, Code: []byte("gone")}},
			{long, list.Match{State: list.Listed, Uses: 255, Zone: strings.Repeat("z", list.MaxZone), Code: []byte(long)}},
			{"\x00\xff", list.Match{State: list.Listed, Uses: 1, Code: []byte("\x00\xff")}},
			{"six", list.Match{State: list.Listed, Uses: 1, Code: []byte("six"), NeedsOneTime: true}},
			{"six123456", list.Match{State: list.Listed, Uses: 1, Code: []byte("six"), NeedsOneTime: true, Suffix: []byte("123456")}},
			{"eight12345678", list.Match{State: list.Blocked, Uses: 1, Code: []byte("eight"), NeedsOneTime: true, Suffix: []byte("12345678")}},
		} {
			got, ok := s.Find([]byte(tt.shown))
			if diff := sameMatch(tt.want, got); !ok || diff != "" {
				t.Errorf("%s, %q: found %v, -want +got:\n%s", name, tt.shown, ok, diff)
			}
		}
		for _, shown := range []string{
			"", "2", "01", "1 ", "123456789012345", "12345678901234567", "Gone", long + "x", long[1:], "six12345", "six12345678", "six12345x", "six1234567",
			"eight123456", "eight1234567", "1123456", "gone123456", "123456", "six123456123456", "\x00\xff\x00",
		} {
			if got, ok := s.Find([]byte(shown)); ok || sameMatch(list.Match{}, got) != "" {
				t.Errorf("%s: %q is found: %+v", name, shown, got)
			}
		}
	}
}

func TestALongerCodeIsMeantBeforeAShorterOneWithSuffix(t *testing.T) {
	t.Parallel()
	s := built(
		t,
		put{"A", list.Entry{State: list.Listed, OneTime: true}, secret},
		put{code: "A123456", entry: list.Entry{State: list.Blocked}},
		put{"B", list.Entry{State: list.Listed, OneTime: true, Digits: 8}, secret},
		put{"B12", list.Entry{State: list.Blocked, OneTime: true, Digits: 6}, secret},
	)
	for shown, want := range map[string]string{"A123456": "A123456", "A123457": "A", "B12345678": "B12", "B22345678": "B"} {
		if m, ok := s.Find([]byte(shown)); !ok || string(m.Code) != want {
			t.Errorf("%s: found %q, %v, want %s", shown, m.Code, ok, want)
		}
	}
}

func TestTheEmptyListKnowsNothing(t *testing.T) {
	t.Parallel()
	var zero list.Set
	made := built(t)
	for name, s := range map[string]*list.Set{"zero": &zero, "made": made, "stored": stored(t, made)} {
		if m, ok := s.Find([]byte("1")); ok || s.Len() != 0 {
			t.Errorf("%s: %+v, %v, %d codes", name, m, ok, s.Len())
		}
	}
	if b, err := zero.AppendBinary([]byte("x")); err == nil || string(b) != "x" {
		t.Errorf("the zero list has the file %q, %v", b, err)
	}
}

func TestEntriesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	good := list.Entry{State: list.Listed}
	oneTime := list.Entry{State: list.Listed, OneTime: true}
	with := func(e list.Entry, edit func(e *list.Entry)) list.Entry { edit(&e); return e }
	b := list.NewBuilder(&key)
	for _, tt := range []struct {
		name string
		put  put
		want error
	}{
		{"no code", put{"", good, nil}, list.ErrCode},
		{"the longest code", put{strings.Repeat("1", list.MaxCode), good, nil}, nil},
		{"one byte longer", put{strings.Repeat("2", list.MaxCode+1), good, nil}, list.ErrCode},
		{"the last state", put{"s2", list.Entry{State: 2}, nil}, nil},
		{"one more", put{"s3", list.Entry{State: 3}, nil}, list.ErrState},
		{"the last time", put{"t1", with(good, func(e *list.Entry) { e.From, e.Until = list.MaxTime, list.MaxTime }), nil}, nil},
		{"a start after it", put{"t2", with(good, func(e *list.Entry) { e.From = list.MaxTime + 1 }), nil}, list.ErrTimes},
		{"an end after it", put{"t3", with(good, func(e *list.Entry) { e.Until = list.MaxTime + 1 }), nil}, list.ErrTimes},
		{"a start before 1970", put{"t4", with(good, func(e *list.Entry) { e.From = -1 }), nil}, list.ErrTimes},
		{"an end before 1970", put{"t5", with(good, func(e *list.Entry) { e.Until = -1 }), nil}, list.ErrTimes},
		{"an end before the start", put{"t6", with(good, func(e *list.Entry) { e.From, e.Until = 2, 1 }), nil}, list.ErrTimes},
		{"a start without end", put{"t7", with(good, func(e *list.Entry) { e.From = 2 }), nil}, nil},
		{"the longest zone", put{"z1", with(good, func(e *list.Entry) { e.Zone = strings.Repeat("z", list.MaxZone) }), nil}, nil},
		{"one byte longer", put{"z2", with(good, func(e *list.Entry) { e.Zone = strings.Repeat("z", list.MaxZone+1) }), nil}, list.ErrZone},
		{"a zone that is no UTF-8", put{"z3", with(good, func(e *list.Entry) { e.Zone = "\xff" }), nil}, list.ErrZone},
		{"a secret without suffix", put{"o1", good, secret}, list.ErrSecret},
		{"a suffix without secret", put{"o2", oneTime, nil}, list.ErrSecret},
		{"digits without suffix", put{"o3", with(good, func(e *list.Entry) { e.Digits = 6 }), nil}, list.ErrSecret},
		{"a period without suffix", put{"o4", with(good, func(e *list.Entry) { e.Period = 30 }), nil}, list.ErrSecret},
		{"a hash without suffix", put{"o5", with(good, func(e *list.Entry) { e.SHA256 = true }), nil}, list.ErrSecret},
		{"the shortest secret", put{"o6", oneTime, make([]byte, list.MinSecret)}, nil},
		{"one byte shorter", put{"o7", oneTime, make([]byte, list.MinSecret-1)}, list.ErrSecret},
		{"the longest secret", put{"o8", oneTime, make([]byte, list.MaxSecret)}, nil},
		{"one byte longer", put{"o9", oneTime, make([]byte, list.MaxSecret+1)}, list.ErrSecret},
		{"seven digits", put{"d7", with(oneTime, func(e *list.Entry) { e.Digits = 7 }), secret}, list.ErrSuffix},
		{"eight digits", put{"d8", with(oneTime, func(e *list.Entry) { e.Digits = 8 }), secret}, nil},
		{"five digits", put{"d5", with(oneTime, func(e *list.Entry) { e.Digits = 5 }), secret}, list.ErrSuffix},
		{"the shortest period", put{"p1", with(oneTime, func(e *list.Entry) { e.Period = list.MinPeriod }), secret}, nil},
		{"one second less", put{"p2", with(oneTime, func(e *list.Entry) { e.Period = list.MinPeriod - 1 }), secret}, list.ErrSuffix},
		{"the longest period", put{"p3", with(oneTime, func(e *list.Entry) { e.Period = list.MaxPeriod }), secret}, nil},
		{"one second more", put{"p4", with(oneTime, func(e *list.Entry) { e.Period = list.MaxPeriod + 1 }), secret}, list.ErrSuffix},
	} {
		err := b.Add([]byte(tt.put.code), tt.put.entry, tt.put.secret)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err != nil && len(tt.put.code) > 0 && strings.Contains(err.Error(), tt.put.code) {
			t.Errorf("%s: the error %q tells the code", tt.name, err)
		}
	}
	s, err := b.Set()
	if err != nil || s.Len() != 10 {
		t.Fatalf("%d codes are left, %v", s.Len(), err)
	}
}

func TestMoreZonesThanMayBeAreRefused(t *testing.T) {
	t.Parallel()
	b := list.NewBuilder(&key)
	for i := range list.MaxZones - 1 { // one is the empty name
		if err := b.Add([]byte("code"), list.Entry{State: list.Listed, Zone: fmt.Sprint(i)}, nil); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := b.Add([]byte("code"), list.Entry{State: list.Listed, Zone: "one more"}, nil); err != list.ErrZones {
		t.Errorf("one zone more: %v", err)
	}
	if err := b.Add([]byte("code"), list.Entry{State: list.Listed, Zone: "7"}, nil); err != nil {
		t.Errorf("a zone that is known: %v", err)
	}
}

func TestACodeHasOneEntry(t *testing.T) {
	t.Parallel()
	listed := list.Entry{State: list.Listed, Zone: "A"}
	once := list.Entry{State: list.Listed, Zone: "A", Uses: 1}
	changing := list.Entry{State: list.Listed, Zone: "A", OneTime: true}
	other := bytes.Repeat([]byte("x"), len(secret))
	for _, tt := range []struct {
		name string
		puts []put
		want string
	}{
		{"the same twice", []put{{"s3cret", listed, nil}, {"s3cret", once, nil}}, ""},
		{"another state", []put{{"s3cret", listed, nil}, {"s3cret", list.Entry{State: list.Blocked, Zone: "A"}, nil}}, "1 codes stand"},
		{"another zone", []put{{"s3cret", listed, nil}, {"x", listed, nil}, {"s3cret", list.Entry{State: list.Listed}, nil}}, "1 codes stand"},
		{"the same secret", []put{{"s3cret", changing, secret}, {"s3cret", changing, secret}}, ""},
		{"another secret", []put{{"s3cret", changing, secret}, {"s3cret", changing, other}}, "1 codes stand"},
		{"a secret and none", []put{{"s3cret", changing, secret}, {"s3cret", listed, nil}}, "1 codes stand"},
		{"two codes", []put{{"s3cret", listed, nil}, {"x", listed, nil}, {"x", list.Entry{}, nil}, {"s3cret", list.Entry{}, nil}, {"x", list.Entry{}, nil}}, "2 codes stand"},
	} {
		b := list.NewBuilder(&key)
		for _, p := range tt.puts {
			if err := b.Add([]byte(p.code), p.entry, p.secret); err != nil {
				t.Fatal(err)
			}
		}
		s, err := b.Set()
		switch {
		case tt.want == "" && (err != nil || s.Len() != 1):
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (!errors.Is(err, list.ErrTwice) || !strings.Contains(err.Error(), tt.want) || s != nil):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error %q tells the code", tt.name, err)
		}
	}
}

func TestTheZeroStateIsARefusal(t *testing.T) {
	t.Parallel()
	if s := (list.Entry{}).State; s == list.Listed || s.String() != "revoked" {
		t.Errorf("the zero state is %v", s)
	}
	for s, want := range map[list.State]string{list.Listed: "listed", list.Blocked: "blocked", list.Revoked: "revoked", 3: "unknown"} {
		if s.String() != want {
			t.Errorf("state %d is %q, want %q", s, s, want)
		}
	}
}

// TestNeitherCodesNorSecretsAreInTheFile looks for them, and for what a guesser would compare: bare hashes.
func TestNeitherCodesNorSecretsAreInTheFile(t *testing.T) {
	t.Parallel()
	code := "1234567890123456"
	s := built(t, put{code, list.Entry{State: list.Listed, OneTime: true, Zone: "Nord"}, secret}, put{code: code + "7", entry: list.Entry{State: list.Listed}})
	b, err := s.AppendBinary([]byte("before"))
	if err != nil || !bytes.HasPrefix(b, []byte("before")) || !bytes.Contains(b, []byte("Nord")) {
		t.Fatalf("file %q, %v", b, err)
	}
	for _, part := range [][]byte{[]byte(code), secret, secret[:8], []byte(code[:8])} {
		if bytes.Contains(b, part) {
			t.Errorf("%q is in the file", part)
		}
	}
	other := list.Key{9}
	if _, err := list.ParseSet(b[len("before"):], &other); !errors.Is(err, list.ErrFile) {
		t.Errorf("under another key: %v", err)
	}
}

func TestManyLookUpAtOnce(t *testing.T) {
	t.Parallel()
	b := list.NewBuilder(&key)
	for i := range 2000 {
		if err := b.Add(fmt.Appendf(nil, "%d", i), list.Entry{State: list.Listed, From: int64(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Set()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 4000 {
				m, ok := s.Find(fmt.Appendf(nil, "%d", i))
				if ok != (i < 2000) || ok && m.From != int64(i) {
					t.Errorf("code %d: %+v, %v", i, m, ok)
				}
			}
		})
	}
	wg.Wait()
}
