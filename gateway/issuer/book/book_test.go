package book

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seeded is randomness that is the same in each run.
func seeded(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func header() Header {
	return Header{ID: ID{1}, Created: 1_800_000_000, Country: "MA", Issuer: "Stade", URI: "https://example.org/status"}
}

func create(t testing.TB) (*Book, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "book")
	b, err := Create(dir, header())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, dir
}

// ticket reserves a place and returns a record that is not in the book yet.
func ticket(t testing.TB, b *Book, random io.Reader, ref string) Record {
	t.Helper()
	id, index, err := b.Reserve(random)
	if err != nil {
		t.Fatal(err)
	}
	return Record{ID: id, Index: index, Kind: "ticket", Event: "final", Ref: ref, Key: [8]byte{2}, Issued: 1_800_000_000, Expires: 1_900_000_000, Content: [16]byte{3}}
}

func add(t testing.TB, b *Book, rs ...Record) {
	t.Helper()
	if err := b.Add(rs); err != nil {
		t.Fatal(err)
	}
}

// sold makes a book with every type of line, closed.
func sold(t testing.TB) (dir string, want []Record) {
	t.Helper()
	b, dir := create(t)
	random := seeded(1)
	one, two, three := ticket(t, b, random, "A-1"), ticket(t, b, random, "A-2"), ticket(t, b, random, "")
	add(t, b, one, two)
	add(t, b, three, Record{ID: ID{9}, Index: NoIndex, Kind: "certificate", Ref: "L 1", Issued: 5, Expires: 6})
	if err := b.Mark([]ID{one.ID}, Suspended, 1_800_000_001); err != nil {
		t.Fatal(err)
	}
	four := ticket(t, b, random, "A-2/2")
	four.Replaces = two.ID
	add(t, b, four)
	want = slices.Collect(b.All())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, want
}

func TestWhatWasAddedIsThereAgain(t *testing.T) {
	t.Parallel()
	dir, want := sold(t)
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got := slices.Collect(b.All()); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if b.Header() != header() || b.Repaired() != 0 || b.Len() != 5 || b.Lists() != 1 || b.Free() != ListSize-4 {
		t.Errorf("%+v, %d repaired, %d records, %d lists, %d free", b.Header(), b.Repaired(), b.Len(), b.Lists(), b.Free())
	}
	old, _ := b.ByRef("A-2")
	instead, ok := b.ByID(old.ReplacedBy)
	if old.State != Replaced || !ok || instead.Ref != "A-2/2" || instead.Replaces != old.ID {
		t.Errorf("replaced: %+v by %+v", old, instead)
	}
	if _, ok := b.ByRef(""); ok {
		t.Error("no reference is a reference")
	}
}

func TestBookIsItsOwnersAloneAndHasTheColumnsThatAreNamed(t *testing.T) {
	t.Parallel()
	dir, _ := sold(t)
	text, err := os.ReadFile(filepath.Join(dir, recordsName))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, "\t"); f[1] == typeIssue && len(f) != 12 { // each column is named at line.go
			t.Errorf("line %q has %d columns", line, len(f))
		}
	}
	for name, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, recordsName): 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
}

func TestOnlyOneProcessHasABookOpen(t *testing.T) {
	t.Parallel()
	b, dir := create(t)
	if _, err := Open(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("open twice: %v, want %v", err, ErrInUse)
	}
	if _, err := Create(dir, header()); !errors.Is(err, ErrInUse) {
		t.Errorf("create an open one: %v, want %v", err, ErrInUse)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, header()); !errors.Is(err, os.ErrExist) {
		t.Errorf("create over one: %v, want %v", err, os.ErrExist)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNoBook) {
		t.Errorf("open none: %v, want %v", err, ErrNoBook)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestUnfinishedEndIsCutOffAndNothingElse cuts the file at every length.
func TestUnfinishedEndIsCutOffAndNothingElse(t *testing.T) {
	t.Parallel()
	dir, _ := sold(t)
	whole, err := os.ReadFile(filepath.Join(dir, recordsName))
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	torn := t.TempDir()
	path := filepath.Join(torn, recordsName)
	for n := range len(whole) + 1 {
		for _, zeros := range []int{0, 1, 100_000} {
			cut := append(bytes.Clone(whole[:n]), make([]byte, zeros)...)
			if err := os.WriteFile(path, cut, 0o600); err != nil {
				t.Fatal(err)
			}
			b, err := Open(torn)
			if n < first {
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("cut at %d, in the first line: %v, want %v", n, err, ErrDamaged)
				}
				continue
			}
			lines := bytes.LastIndexByte(whole[:n], '\n') + 1
			if zeros == 1 && n < len(whole) && whole[n] == '\n' { // looks as if the line feed had been changed
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("a changed line feed at %d: %v, want %v", n, err, ErrDamaged)
				}
				continue
			}
			if err != nil {
				t.Fatalf("cut at %d, %d zeros: %v", n, zeros, err)
			}
			if got := b.Repaired(); got != int64(n+zeros-lines) {
				t.Fatalf("cut at %d: %d bytes cut off, want %d", n, got, n+zeros-lines)
			}
			add(t, b, ticket(t, b, seeded(7), "new"))
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if b, err = Open(torn); err != nil {
				t.Fatalf("cut at %d, then written: %v", n, err)
			}
			if _, ok := b.ByRef("new"); !ok || b.Repaired() != 0 {
				t.Fatalf("cut at %d: what was added afterwards is not there", n)
			}
			b.Close()
		}
	}
}

// TestEveryChangedBitIsNoticed flips one bit at a time.
func TestEveryChangedBitIsNoticed(t *testing.T) {
	t.Parallel()
	dir, _ := sold(t)
	whole, err := os.ReadFile(filepath.Join(dir, recordsName))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for bit := range 8 {
			whole[i] ^= 1 << bit
			if _, err := read(bytes.NewReader(whole)); !errors.Is(err, ErrDamaged) {
				t.Fatalf("bit %d of byte %d: %v, want %v", bit, i, err, ErrDamaged)
			}
			whole[i] ^= 1 << bit
		}
	}
}

func TestLinesThatAreMissingTwiceOrMovedAreNoticed(t *testing.T) {
	t.Parallel()
	dir, _ := sold(t)
	text, err := os.ReadFile(filepath.Join(dir, recordsName))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	damaged := func(name string, lines [][]byte) {
		if _, err := read(bytes.NewReader(bytes.Join(lines, nil))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want %v", name, err, ErrDamaged)
		}
	}
	for i := range len(lines) - 1 {
		damaged(fmt.Sprintf("line %d is missing", i+1), slices.Delete(slices.Clone(lines), i, i+1))
		damaged(fmt.Sprintf("line %d stands twice", i+1), slices.Insert(slices.Clone(lines), i, lines[i]))
		swapped := slices.Clone(lines)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		damaged(fmt.Sprintf("lines %d and %d are swapped", i+1, i+2), swapped)
	}
}

// TestContradictionsAreDamage writes lines whose checksums are right.
func TestContradictionsAreDamage(t *testing.T) {
	t.Parallel()
	h := header()
	r := Record{ID: ID{1}, Index: 5, Kind: "ticket", Ref: "a", Issued: 1, Expires: 2}
	same := func(change func(*Record)) []string {
		x := r
		x.ID, x.Index, x.Ref = ID{2}, 6, "b"
		change(&x)
		return x.fields()
	}
	for _, tt := range []struct {
		name  string
		lines [][]string
		ok    bool
	}{
		{"two records", [][]string{r.fields(), same(func(*Record) {})}, true},
		{"an id twice", [][]string{r.fields(), same(func(x *Record) { x.ID = r.ID })}, false},
		{"a reference twice", [][]string{r.fields(), same(func(x *Record) { x.Ref = r.Ref })}, false},
		{"a place twice", [][]string{r.fields(), same(func(x *Record) { x.Index = r.Index })}, false},
		{"the last place", [][]string{same(func(x *Record) { x.Index = maxIndex - 1 })}, true},
		{"no such place", [][]string{same(func(x *Record) { x.Index = maxIndex })}, false},
		{"it replaces an unknown one", [][]string{same(func(x *Record) { x.Replaces = ID{7} })}, false},
		{"it replaces itself", [][]string{r.fields(), same(func(x *Record) { x.Replaces = x.ID })}, false},
		{"a reference that is none", [][]string{same(func(x *Record) { x.Ref = "=1" })}, false},
		{"an unknown one is revoked", [][]string{{typeState, ID{7}.String(), "revoked", "1"}}, false},
		{"revoked", [][]string{r.fields(), {typeState, r.ID.String(), "revoked", "1"}}, true},
		{"revoked and restored", [][]string{r.fields(), {typeState, r.ID.String(), "revoked", "1"}, {typeState, r.ID.String(), "valid", "2"}}, false},
		{"an unknown state", [][]string{r.fields(), {typeState, r.ID.String(), "lost", "1"}}, false},
		{"an unknown type", [][]string{{"note", "x"}}, false},
		{"a second header", [][]string{h.fields()}, false},
		{"a field too many", [][]string{append(r.fields(), "x")}, false},
		{"a negative time", [][]string{{typeState, r.ID.String(), "revoked", "-1"}}, false},
	} {
		text, sum := appendLine(nil, 0, h.fields()...)
		for _, fields := range tt.lines {
			text, sum = appendLine(text, sum, fields...)
		}
		if _, err := read(bytes.NewReader(text)); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, good %t", tt.name, err, tt.ok)
		}
	}
	newer := h.fields()
	newer[1] = "2"
	text, _ := appendLine(nil, 0, newer...)
	if _, err := read(bytes.NewReader(text)); err == nil || !strings.Contains(err.Error(), `version "2"`) {
		t.Errorf("a newer book: %v", err)
	}
}

func TestStatesChangeAsTheyMay(t *testing.T) {
	t.Parallel()
	for from, to := range map[State][]State{
		Valid: {Suspended, Revoked}, Suspended: {Valid, Revoked}, Revoked: {}, Replaced: {},
	} {
		for _, next := range []State{Valid, Suspended, Revoked, Replaced, NoState} {
			b, _ := create(t)
			r := ticket(t, b, seeded(1), "")
			add(t, b, r)
			if from == Replaced {
				instead := ticket(t, b, seeded(2), "")
				instead.Replaces = r.ID
				add(t, b, instead)
			} else if err := b.Mark([]ID{r.ID}, from, 1); err != nil {
				t.Fatal(err)
			}
			err := b.Mark([]ID{r.ID}, next, 2)
			got, _ := b.ByID(r.ID)
			switch {
			case next == from && (err != nil || got.State != from):
				t.Errorf("%v again: %v", from, err)
			case next != from && slices.Contains(to, next) && (err != nil || got.State != next):
				t.Errorf("%v to %v: %v, it is %v", from, next, err, got.State)
			case next != from && !slices.Contains(to, next) && (!errors.Is(err, ErrState) || got.State != from):
				t.Errorf("%v to %v: %v, want %v; it is %v", from, next, err, ErrState, got.State)
			}
		}
	}
}

func TestMarkChangesAllOrNone(t *testing.T) {
	t.Parallel()
	b, _ := create(t)
	one, two := ticket(t, b, seeded(1), ""), ticket(t, b, seeded(2), "")
	certificate := Record{ID: ID{9}, Index: NoIndex, Kind: "certificate", Issued: 5, Expires: 6}
	add(t, b, one, two, certificate)
	for name, tt := range map[string]struct {
		ids  []ID
		want error
	}{
		"an unknown one": {[]ID{one.ID, {77}}, ErrUnknown},
		"a certificate":  {[]ID{one.ID, certificate.ID}, ErrState},
		"too many":       {make([]ID, MaxAdd+1), nil},
	} {
		if err := b.Mark(tt.ids, Revoked, 1); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if got, _ := b.ByID(one.ID); got.State != Valid {
			t.Errorf("%s: one is %v", name, got.State)
		}
	}
	if err := b.Mark([]ID{one.ID, two.ID, one.ID}, Revoked, 1); err != nil {
		t.Error(err)
	}
}

func TestRecordsThatABookCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Record){
		"no id":                   func(r *Record) { r.ID = ID{} },
		"a place nobody reserved": func(r *Record) { r.Index++ },
		"an old place":            func(r *Record) { r.Index = -2 },
		"no kind":                 func(r *Record) { r.Kind = "" },
		"a kind of 129 bytes":     func(r *Record) { r.Kind = strings.Repeat("k", MaxText+1) },
		"a tab in the event":      func(r *Record) { r.Event = "a\tb" },
		"an event of 129 bytes":   func(r *Record) { r.Event = strings.Repeat("e", MaxText+1) },
		"a formula":               func(r *Record) { r.Ref = "=1+1" },
		"no time":                 func(r *Record) { r.Issued = 0 },
		"expired when issued":     func(r *Record) { r.Expires = r.Issued - 1 },
		"it replaces itself":      func(r *Record) { r.Replaces = r.ID },
	} {
		b, _ := create(t)
		r := ticket(t, b, seeded(1), "a")
		change(&r)
		if err := b.Add([]Record{r}); err == nil || b.Len() != 0 {
			t.Errorf("%s: %v, %d records", name, err, b.Len())
		}
	}
	b, _ := create(t)
	r := ticket(t, b, seeded(1), "a")
	r.Kind, r.Event, r.Ref = strings.Repeat("k", MaxText), strings.Repeat("é", MaxText/2), strings.Repeat("r", MaxRef)
	add(t, b, r)
	other := ticket(t, b, seeded(2), "b")
	for name, change := range map[string]func(*Record){
		"the same id":        func(x *Record) { x.ID = other.ID },
		"the same reference": func(x *Record) { x.Ref = other.Ref },
		"the same place":     func(x *Record) { x.Index = other.Index },
	} {
		twin := ticket(t, b, seeded(3), "c")
		place := twin.Index
		change(&twin)
		if err := b.Add([]Record{other, twin}); !errors.Is(err, ErrRecord) || b.Len() != 1 {
			t.Errorf("%s in one call: %v, %d records", name, err, b.Len())
		}
		b.GiveBack(place)
	}
	if err := b.Add(make([]Record, MaxAdd+1)); err == nil {
		t.Error("more records than Add takes were taken")
	}
}

// TestLongestLineFits writes the longest fields there can be.
func TestLongestLineFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxText)
	h := header()
	h.Country, h.Issuer, h.URI, h.Created = long, long, strings.Repeat("u", MaxURI), 1<<63-1
	r := Record{ID: ID{1}, Index: maxIndex - 1, Kind: long, Event: long, Ref: strings.Repeat("r", MaxRef), Issued: 1<<63 - 1, Expires: 1<<63 - 1, Replaces: ID{2}}
	if err := errors.Join(h.check(), r.check()); err != nil {
		t.Fatal(err)
	}
	for _, fields := range [][]string{h.fields(), r.fields()} {
		if line, _ := appendLine(nil, 0, fields...); len(line) > maxLine {
			t.Errorf("%d bytes, at most %d", len(line), maxLine)
		}
	}
	if uri := h.List(MaxLists - 1); len(uri) > 256 {
		t.Errorf("the last list's address has %d bytes", len(uri))
	}
}

func TestReferencesAreNoFormulas(t *testing.T) {
	t.Parallel()
	for ref, ok := range map[string]bool{
		"A-1": true, "2026/17 b": true, "é": true, "طلب-1": true, "1": true, "a.b_c:d#e": true, strings.Repeat("r", MaxRef): true,
		"": false, "=1": false, "+1": false, "-1": false, "@a": false, "\t1": false, "\r1": false, " a": false, "a,b": false, "a;=1": false,
		`a"b`: false, "a\nb": false, "＝1": false, "a\x00": false, "\xff": false, "a|b": false, strings.Repeat("r", MaxRef+1): false,
	} {
		if err := CheckRef(ref); (err == nil) != ok {
			t.Errorf("CheckRef(%q) = %v", ref, err)
		}
	}
}

// TestPlacesTellNothingOfTheOrder sells three lists full: each place once, and nobody next to the buyer before more often than by chance.
func TestPlacesTellNothingOfTheOrder(t *testing.T) {
	t.Parallel()
	b, err := NewMemory(header())
	if err != nil {
		t.Fatal(err)
	}
	random := seeded(1)
	seen := make(map[int64]bool)
	var before int64
	near, rising := 0, 0
	for i := range 3 * ListSize {
		_, index, err := b.Reserve(random)
		if err != nil {
			t.Fatal(err)
		}
		if seen[index] || index/ListSize != int64(i/ListSize) {
			t.Fatalf("ticket %d: place %d is taken, or in another list", i, index)
		}
		seen[index] = true
		if d := index - before; i%ListSize != 0 && d >= -10 && d <= 10 {
			near++
		}
		if i%ListSize != 0 && index > before {
			rising++
		}
		before = index
	}
	if b.Lists() != 3 || b.Free() != 0 {
		t.Errorf("%d lists, %d free", b.Lists(), b.Free())
	}
	if near > 150 { // 60 are to be expected
		t.Errorf("%d of %d are within ten places of the one before", near, 3*ListSize)
	}
	if half := 3 * ListSize / 2; rising < half*98/100 || rising > half*102/100 {
		t.Errorf("%d of %d are behind the one before, want half", rising, 3*ListSize)
	}
	if _, _, err := b.Reserve(bytes.NewReader(nil)); err == nil {
		t.Error("no randomness, and a place all the same")
	}
}

func TestPlacesThatAreGivenBackAreFree(t *testing.T) {
	t.Parallel()
	b, dir := create(t)
	r := ticket(t, b, seeded(1), "a")
	if free := b.Free(); free != ListSize-1 {
		t.Fatalf("%d free", free)
	}
	b.GiveBack(r.Index)
	b.GiveBack(r.Index)
	b.GiveBack(-5)
	b.GiveBack(1 << 40)
	if free := b.Free(); free != ListSize {
		t.Errorf("%d free after it was given back", free)
	}
	if err := b.Add([]Record{r}); !errors.Is(err, ErrRecord) {
		t.Errorf("a place that was given back: %v", err)
	}
	r = ticket(t, b, seeded(1), "a")
	add(t, b, r)
	b.GiveBack(r.Index) // it is used
	ticket(t, b, seeded(2), "reserved by a process that ends")
	b.Close()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if free := b.Free(); free != ListSize-1 {
		t.Errorf("%d free, want all but one", free)
	}
}

func TestFullBookTakesNoMore(t *testing.T) {
	t.Parallel()
	p := places{}
	p.grow(MaxLists)
	for i := range p.state {
		p.state[i] = used
	}
	if _, err := p.take(1); !errors.Is(err, ErrFull) {
		t.Errorf("%v, want %v", err, ErrFull)
	}
	p.state[len(p.state)-1] = free
	p.fill()
	if index, err := p.take(1); err != nil || index != maxIndex-1 {
		t.Errorf("the last place: %d, %v", index, err)
	}
}

func TestListsHaveAddressesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := header()
	if a, b := h.List(0), h.List(1); a != h.URI || b != h.URI+"/2" {
		t.Errorf("%q, %q", a, b)
	}
}

func FuzzReaderOpensOnlyWhatItCouldHaveWritten(f *testing.F) {
	dir, _ := sold(f)
	text, err := os.ReadFile(filepath.Join(dir, recordsName))
	if err != nil {
		f.Fatal(err)
	}
	body := text[:0:0]
	for line := range bytes.Lines(text) {
		body = append(body, line[sumDigits+1:]...)
	}
	f.Add(body)
	f.Add(body[:len(body)-5])
	f.Add([]byte("book\t1\t\t\t\t\t\n"))
	f.Fuzz(func(t *testing.T, bodies []byte) {
		// The checksums are put right, so that what is behind them is reached.
		var text []byte
		var sum uint32
		for line := range bytes.Lines(bodies) {
			whole, ended := bytes.CutSuffix(line, []byte("\n"))
			text, sum = appendLine(text, sum, string(whole))
			if !ended {
				text = text[:len(text)-1]
			}
		}
		b, err := read(bytes.NewReader(text))
		if err != nil {
			if b != nil {
				t.Fatal("a book beside an error")
			}
			return
		}
		fields := b.header.fields()
		again, sum := appendLine(nil, 0, fields...)
		for r := range b.All() {
			if err := r.check(); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
			if got, ok := b.ByID(r.ID); !ok || got != r {
				t.Fatalf("%v is not found by its id", r.ID)
			}
			r.State, r.ReplacedBy = NoState, ID{}
			again, sum = appendLine(again, sum, r.fields()...)
		}
		if other, err := read(bytes.NewReader(again)); err != nil || other.Len() != b.Len() {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
		_, _ = read(bytes.NewReader(bodies))
	})
}

func BenchmarkOpen100000(b *testing.B) { benchmarkOpen(b, 100_000) }

func BenchmarkOpen1000000(b *testing.B) { benchmarkOpen(b, 1_000_000) }

func benchmarkOpen(b *testing.B, n int) {
	book, dir := create(b)
	random := seeded(1)
	for i := 0; i < n; i += 500 {
		var rs []Record
		for k := range 500 {
			rs = append(rs, ticket(b, book, random, fmt.Sprintf("O-%d", i+k)))
		}
		add(b, book, rs...)
	}
	book.Close()
	b.ReportAllocs()
	for b.Loop() {
		again, err := Open(dir)
		if err != nil || again.Len() != n {
			b.Fatal(err)
		}
		again.Close()
	}
}
