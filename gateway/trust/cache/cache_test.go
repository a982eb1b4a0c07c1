package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

func TestTakenListSurvivesARestart(t *testing.T) {
	t.Parallel()
	b := newBox(t, 20)
	testKey := b.content.Keys[3].Public.Fingerprint()
	o := Options{Roots: b.roots, Test: func(f [32]byte) bool { return f == testKey }}
	c := open(t, b.dir, o)
	taken, info := take(t, c, b.file(t, 7))
	if info.Version != 7 || info.Known != 7 || info.Keys != 20 || info.Issued != issued || info.Expires != expires || len(info.Notes) != 0 {
		t.Errorf("taken: %+v", info)
	}
	closeCache(t, c)
	for range 2 {
		snap, info, err := loaded(t, b.dir, Options{Test: o.Test})
		if err != nil {
			t.Fatal(err)
		}
		if snap.Version() != 7 || snap.Digest() != taken.Digest() || snap.Len() != 20 || info.Digest != taken.Digest() || len(info.Notes) != 0 {
			t.Errorf("loaded: %+v", info)
		}
		if keys := snap.Keys(trust.HCERT, b.content.Keys[3].ID); len(keys) != 1 || !keys[0].Test {
			t.Errorf("the test key: %+v", keys)
		}
	}
	want := []string{"list.bundle", "lock", "roots.toml", "store", "version"}
	if got := b.entries(t); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %v, want %v", got, want)
	}
}

func TestWithoutAListThereIsAnError(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1)
	for range 2 {
		snap, _, err := loaded(t, b.dir, Options{})
		if snap != nil || !errors.Is(err, ErrNoList) {
			t.Errorf("Load = %v, %v, want %v", snap, err, ErrNoList)
		}
	}
	if _, _, err := loaded(t, b.dir, Options{Floor: 3}); !errors.Is(err, ErrLost) {
		t.Errorf("a list that the journal knows: %v, want %v", err, ErrLost)
	}
}

func TestRootsArePinnedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrNoRoots) {
		t.Fatalf("no roots: %v, want %v", err, ErrNoRoots)
	}
	if _, err := Open(dir, Options{Roots: &bundle.Roots{}}); !errors.Is(err, bundle.ErrRoots) {
		t.Fatalf("an empty set: %v, want %v", err, bundle.ErrRoots)
	}
	first, second := newSigner(t), newSigner(t)
	closeCache(t, open(t, dir, Options{Roots: rootsOf(1, first)}))
	c := open(t, dir, Options{Roots: rootsOf(1, second)})
	defer closeCache(t, c)
	content := newContent(t, 1)
	if _, _, err := c.Take(fileOf(t, build(t, content, header(1), second)), now); !errors.Is(err, bundle.ErrSignature) {
		t.Errorf("a list by roots that are not pinned: %v, want %v", err, bundle.ErrSignature)
	}
	if len(c.notes) != 1 || !strings.Contains(c.notes[0], "other roots") {
		t.Errorf("notes %q, want that other roots are pinned", c.notes)
	}
	_, info := take(t, c, fileOf(t, build(t, content, header(1), first)))
	if !info.Roots.Equal(rootsOf(1, first)) {
		t.Errorf("roots %+v", info.Roots)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 1)
	c := open(t, b.dir, Options{})
	if _, err := Open(b.dir, Options{}); !errors.Is(err, ErrBusy) {
		t.Errorf("second: %v, want %v", err, ErrBusy)
	}
	closeCache(t, c)
	if _, info, err := loaded(t, b.dir, Options{}); err != nil || len(info.Notes) != 0 {
		t.Errorf("after the first has closed: %v, notes %q", err, info.Notes)
	}
	if err := c.Close(); err == nil {
		t.Error("closed twice without an error")
	}
}

// Whatever is refused leaves the folder as it was and the list in force.
func TestRefusedListChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t, 5, 6, 7)
	stranger := newSigner(t)
	good := b.file(t, 8)
	flipped := bytes.Clone(good)
	var file struct {
		Parts map[string][]byte `cbor:"2,keyasint"`
	}
	if err := cbor.Unmarshal(good, &file); err != nil {
		t.Fatal(err)
	}
	keys := file.Parts["keys"]
	flipped[bytes.Index(good, keys)+len(keys)/2] ^= 0x10
	opened, err := bundle.Open(b.file(t, 9), nil)
	if err != nil {
		t.Fatal(err)
	}
	none, err := opened.File(func([32]byte) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	changed := newContent(t, 1)
	lacking, err := build(t, changed, header(9), b.signers[:2]...).File(func([32]byte) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	late := header(8)
	late.Issued, late.Expires = issued-10*24*3600, issued
	tests := []struct {
		name string
		file []byte
		now  bundle.Now
		want error
	}{
		{"an older one, replayed", b.file(t, 6), now, bundle.ErrOld},
		{"the same again", b.file(t, 7), now, bundle.ErrHeld},
		{"the same version, other content", fileOf(t, build(t, newContent(t, 1), header(7), b.signers[:2]...)), now, bundle.ErrOld},
		{"signed by another root", fileOf(t, build(t, b.content, header(8), stranger)), now, bundle.ErrSignature},
		{"signed by one of two", fileOf(t, build(t, b.content, header(8), b.signers[0])), now, bundle.ErrSignature},
		{"signed by one of two and another", fileOf(t, build(t, b.content, header(8), b.signers[0], stranger)), now, bundle.ErrSignature},
		{"not signed", fileOf(t, build(t, b.content, header(8))), now, bundle.ErrSignature},
		{"expired", fileOf(t, build(t, b.content, late, b.signers[:2]...)), now, bundle.ErrExpired},
		{"issued 25 h ahead", good, at(issued - 25*3600), bundle.ErrFuture},
		{"a part that is not held", lacking, now, bundle.ErrPart},
		{"a part flipped", flipped, now, bundle.ErrPart},
		{"cut in half", good[:len(good)/2], now, bundle.ErrFormat},
		{"one byte short", good[:len(good)-1], now, bundle.ErrFormat},
		{"one byte long", append(bytes.Clone(good), 0), now, bundle.ErrFormat},
		{"nothing", nil, now, bundle.ErrFormat},
	}
	before, err := os.ReadFile(b.path("list.bundle"))
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, b.dir, Options{})
	for _, tt := range tests {
		snap, _, err := c.Take(tt.file, tt.now)
		if !errors.Is(err, tt.want) || snap != nil {
			t.Errorf("%s: %v, %v, want %v", tt.name, snap, err, tt.want)
		}
		if s, _, err := c.Load(); err != nil || s.Version() != 7 {
			t.Fatalf("%s: then loaded %v", tt.name, err)
		}
		if after, err := os.ReadFile(b.path("list.bundle")); err != nil || !bytes.Equal(before, after) {
			t.Fatalf("%s: the file is another", tt.name)
		}
	}
	if s, info := take(t, c, none); s.Version() != 9 || len(info.Notes) != 0 {
		t.Errorf("a file without any part, all of which are held: version %d, notes %q", s.Version(), info.Notes)
	}
	closeCache(t, c)
	if s, info, err := loaded(t, b.dir, Options{}); err != nil || s.Version() != 9 || s.Len() != 5 || len(info.Notes) != 0 {
		t.Errorf("then restarted: %v, notes %q", err, info.Notes)
	}
}

func TestExpiredListIsLoadedButNotTaken(t *testing.T) {
	t.Parallel()
	b := newBox(t, 3, 1)
	c := open(t, b.dir, Options{})
	defer closeCache(t, c)
	if s, info, err := c.Load(); err != nil || s.Len() != 3 || info.Expires != expires {
		t.Errorf("loaded: %v", err) // the clock is not even asked
	}
	if _, _, err := c.Take(b.file(t, 2), at(expires+1)); !errors.Is(err, bundle.ErrExpired) {
		t.Errorf("taken: %v, want %v", err, bundle.ErrExpired)
	}
}

func TestFloorOfTheJournalHolds(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 5)
	c := open(t, b.dir, Options{Floor: 8})
	s, info, err := c.Load()
	if err != nil || s.Version() != 5 || info.Known != 8 || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "version 8 was known") {
		t.Fatalf("an older list than the journal knows: %+v, %v", info, err)
	}
	if _, _, err := c.Take(b.file(t, 7), now); !errors.Is(err, bundle.ErrOld) {
		t.Errorf("below the floor: %v, want %v", err, bundle.ErrOld)
	}
	if s, info := take(t, c, b.file(t, 8)); s.Version() != 8 || info.Known != 8 || len(info.Notes) != 0 {
		t.Errorf("the lost version again: %+v", info)
	}
	if _, _, err := c.Take(b.file(t, 8), now); !errors.Is(err, bundle.ErrHeld) {
		t.Errorf("and once more: %v, want %v", err, bundle.ErrHeld)
	}
	closeCache(t, c)
}

func TestChangedRootsSurviveARestart(t *testing.T) {
	t.Parallel()
	b := newBox(t, 2, 1)
	next := []*bundle.Signer{newSigner(t), newSigner(t)}
	roots := rootsOf(1, next...)
	h := header(2)
	h.Roots = roots
	c := open(t, b.dir, Options{})
	take(t, c, fileOf(t, build(t, b.content, h, b.signers[1:]...)))
	take(t, c, fileOf(t, build(t, b.content, header(3), next[1]))) // a file without the chain
	closeCache(t, c)
	c = open(t, b.dir, Options{})
	s, info, err := c.Load()
	if err != nil || s.Version() != 3 || !info.Roots.Equal(roots) || len(info.Notes) != 0 {
		t.Fatalf("loaded %+v, %v", info, err)
	}
	if _, _, err := c.Take(b.file(t, 4), now); !errors.Is(err, bundle.ErrSignature) {
		t.Errorf("a list by the former roots: %v, want %v", err, bundle.ErrSignature)
	}
	take(t, c, fileOf(t, build(t, b.content, header(5), next[0])))
	closeCache(t, c)
	if s, _, err := loaded(t, b.dir, Options{}); err != nil || s.Version() != 5 {
		t.Errorf("loaded: %v", err)
	}
}

func TestListUnderOtherPinnedRootsIsLost(t *testing.T) {
	t.Parallel()
	b := newBox(t, 2, 4)
	other := newSigner(t)
	text, err := rootsOf(1, other).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.path("roots.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, b.dir, Options{})
	if _, _, err := c.Load(); !errors.Is(err, ErrLost) || !errors.Is(err, bundle.ErrSignature) {
		t.Errorf("Load = %v, want %v for %v", err, ErrLost, bundle.ErrSignature)
	}
	if _, _, err := c.Take(fileOf(t, build(t, b.content, header(3), other)), now); !errors.Is(err, bundle.ErrOld) {
		t.Errorf("an older version by the new roots: %v, want %v", err, bundle.ErrOld)
	}
	take(t, c, fileOf(t, build(t, b.content, header(5), other)))
	closeCache(t, c)
	if s, info, err := loaded(t, b.dir, Options{}); err != nil || s.Version() != 5 || len(info.Notes) != 0 {
		t.Errorf("loaded: %v, notes %q", err, info.Notes)
	}
	if !b.has(t, "list.bundle.damaged-1") || b.has(t, "store.damaged-1") {
		t.Errorf("the folder holds %v", b.entries(t))
	}
}

func TestLargeListIsStoredInPieces(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 1)
	list := trust.Revocation{Country: "MA", Kind: trust.RevokedUCI, Expires: expires}
	for i := range 200_000 { // 3.2 MB that do not deflate
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		list.Entries = append(list.Entries, trust.RevocationHash(sum[:16]))
	}
	c := open(t, b.dir, Options{})
	content := b.content
	content.Revoked = []trust.Revocation{list}
	s, info := take(t, c, fileOf(t, build(t, content, header(2), b.signers[:2]...)))
	if !s.Revoked("MA", trust.RevokedUCI, list.Entries[199_999]) || len(info.Notes) != 0 {
		t.Errorf("notes %q", info.Notes)
	}
	take(t, c, b.file(t, 3)) // a small one again: what is left of the large one must go
	closeCache(t, c)
	if err := os.Remove(b.path("list.bundle")); err != nil {
		t.Fatal(err)
	}
	if s, _, err := loaded(t, b.dir, Options{}); err != nil || s.Version() != 3 {
		t.Errorf("from Badger alone: %v", err)
	}
}
