package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// compareKeys lets cmp look at keys by what they are.
var compareKeys = cmp.Comparer(func(a, b sig.Key) bool { return a.Fingerprint() == b.Fingerprint() })

func fullContent(t testing.TB) Content {
	c := newContent(t, 3)
	c.Keys[0].Usages = trust.HCERTTest
	c.Keys[1].Disabled = true
	c.Keys[2].Country, c.Keys[2].NotBefore = "DE", -5
	c.Disabled = []Disabled{{Fingerprint: c.Keys[2].Public.Fingerprint(), Reason: "stolen"}, {Fingerprint: [32]byte{7}}}
	c.Acceptance = []trust.Acceptance{
		{Country: "*", Usages: trust.HCERTTest, From: issued},
		{Country: "DE", Usages: trust.AllHCERT, From: issued, Until: expires},
	}
	c.Revoked = []trust.Revocation{
		{Country: "MA", Kind: trust.RevokedUCI, Expires: expires, Entries: []trust.RevocationHash{{2}, {1}}},
		{Country: "MA", Kind: trust.RevokedSignature, Expires: expires},
	}
	return c
}

func TestWhatIsBuiltIsWhatIsRead(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	want := fullContent(t)
	b := reopen(t, build(t, want, header(3), s))
	got, skipped, err := b.Inspect()
	if err != nil || len(skipped) != 0 {
		t.Fatalf("Inspect: %v, %v", skipped, err)
	}
	want.Sort()
	if diff := cmp.Diff(want, got, compareKeys, cmp.Transformer("empty", func(l []trust.RevocationHash) string { return fmt.Sprint(l) })); diff != "" {
		t.Errorf("content (-built +read):\n%s", diff)
	}
	if m := b.Manifest(); m.Version != 3 || m.Issued != issued || m.Expires != expires || m.MinProgram != Level || len(m.Parts) != len(partNames) {
		t.Errorf("manifest %+v", m)
	}
}

func TestSnapshotSaysWhatTheBundleSays(t *testing.T) {
	t.Parallel()
	s := newSigner(t, true)
	c := fullContent(t)
	testKey := c.Keys[0].Public.Fingerprint()
	b := build(t, c, header(3), s)
	v := verify(t, reopen(t, b), Held{Roots: rootsOf(1, s)})
	snap, skipped, err := v.Snapshot(func(f [32]byte) bool { return f == testKey })
	if err != nil || len(skipped) != 0 {
		t.Fatalf("Snapshot: %v, %v", skipped, err)
	}
	if snap.Version() != 3 || snap.Issued() != issued || snap.Expires() != expires || snap.Len() != 3 || snap.Digest() != b.Digest() {
		t.Errorf("snapshot %d %d %d %d", snap.Version(), snap.Issued(), snap.Expires(), snap.Len())
	}
	for _, want := range []struct {
		id             int
		disabled, test bool
		usages         trust.Usage
	}{
		{1, false, true, trust.HCERTTest}, {2, true, false, trust.AllHCERT}, {3, true, false, trust.AllHCERT},
	} {
		keys := snap.Keys(trust.HCERT, keyID(want.id))
		if len(keys) != 1 {
			t.Fatalf("key %d: %d keys", want.id, len(keys))
		}
		if k := keys[0]; k.Disabled != want.disabled || k.Test != want.test || k.Usages != want.usages {
			t.Errorf("key %d: disabled %t, test %t, usages %v; want %+v", want.id, k.Disabled, k.Test, k.Usages, want)
		}
	}
	if !snap.Accepts("FR", trust.HCERTTest, issued, issued) || snap.Accepts("FR", trust.HCERTVaccination, issued, issued) {
		t.Error("acceptance is not what was signed")
	}
	if !snap.Revoked("MA", trust.RevokedUCI, trust.RevocationHash{1}) || snap.Revoked("MA", trust.RevokedUCI, trust.RevocationHash{3}) {
		t.Error("revocations are not what was signed")
	}
}

func TestSameContentGivesTheSameParts(t *testing.T) {
	t.Parallel()
	c := fullContent(t)
	other := c
	other.Keys = slices.Clone(c.Keys)
	slices.Reverse(other.Keys)
	a, b := build(t, c, header(1)), build(t, other, header(2))
	if diff := cmp.Diff(a.Manifest().Parts, b.Manifest().Parts); diff != "" {
		t.Errorf("parts:\n%s", diff)
	}
	if !bytes.Equal(file(t, a), file(t, reopen(t, a))) {
		t.Error("a file that was opened is written otherwise")
	}
}

func TestFileMayLeaveOutPartsThatAreHeld(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	roots := rootsOf(1, s)
	c := fullContent(t)
	c.Keys = append(c.Keys, newEntry(10, newPublic(t)), newEntry(11, newPublic(t)))
	old := reopen(t, build(t, c, header(1), s))
	c.Disabled = append(c.Disabled, Disabled{Fingerprint: c.Keys[1].Public.Fingerprint()}) // Build has sorted: DE, MA 1, MA 2
	whole := build(t, c, header(2), s)
	delta, err := whole.File(func(sum [32]byte) bool { return old.Part(sum) != nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(delta)*2 > len(file(t, whole)) {
		t.Errorf("delta of %d bytes, whole file %d", len(delta), len(file(t, whole)))
	}
	b, err := Open(delta, old.Part)
	if err != nil {
		t.Fatal(err)
	}
	snap, _, err := verify(t, b, Held{Roots: roots}).Snapshot(nil)
	if err != nil || !snap.Keys(trust.HCERT, keyID(1))[0].Disabled {
		t.Errorf("Snapshot: %v", err)
	}
	if got := file(t, b); !bytes.Equal(got, file(t, whole)) {
		t.Error("the completed file is not the whole one")
	}
	for name, held := range map[string]func([32]byte) []byte{
		"nothing held": nil, "not held": func([32]byte) []byte { return nil }, "something else held": func([32]byte) []byte { return []byte{0x80} },
	} {
		b, err := Open(delta, held)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := verify(t, b, Held{Roots: roots}).Snapshot(nil); !errors.Is(err, ErrPart) {
			t.Errorf("%s: %v, want %v", name, err, ErrPart)
		}
		if _, err := b.File(nil); !errors.Is(err, ErrPart) {
			t.Errorf("%s: File: %v, want %v", name, err, ErrPart)
		}
		if err := b.Sign(nil, newSigner(t, false)); !errors.Is(err, ErrPart) {
			t.Errorf("%s: Sign: %v, want %v", name, err, ErrPart)
		}
	}
}

func TestPartMustBeWhatTheManifestNames(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	good := build(t, fullContent(t), header(1), s)
	bomb, err := deflate(make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	other, err := deflate([]byte{0x81, 0x80})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		part []byte
	}{
		{"other content", other},
		{"longer than stated", bomb},
		{"cut", good.parts[partKeys][:len(good.parts[partKeys])-9]},
		{"something after the stream", append(slices.Clone(good.parts[partKeys]), 0)},
		{"not deflated", []byte{0xff, 0xff}},
		{"empty", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := reopen(t, good)
			b.parts[partKeys] = tt.part
			v := verify(t, reopen(t, b), Held{Roots: rootsOf(1, s)})
			if _, _, err := v.Snapshot(nil); !errors.Is(err, ErrPart) {
				t.Errorf("Snapshot = %v, want %v", err, ErrPart)
			}
		})
	}
	b := reopen(t, good)
	b.parts["more"] = other
	f := marshal(t, &fileWire{Signed: signPayload(t, b.head.payload, s), Parts: b.parts})
	if _, err := Open(f, nil); !errors.Is(err, ErrPart) {
		t.Errorf("a part that the manifest does not name: %v, want %v", err, ErrPart)
	}
}

func TestUnknownPartIsKeptAndNotRead(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	b, err := Open(craft(t, map[string][]byte{"zebra": []byte("not even CBOR")}, nil, s), nil)
	if err != nil {
		t.Fatal(err)
	}
	v := verify(t, reopen(t, b), Held{Roots: rootsOf(1, s)})
	if snap, _, err := v.Snapshot(nil); err != nil || snap.Len() != 1 {
		t.Fatalf("Snapshot: %v", err)
	}
	p, _ := v.Bundle().head.manifest.part("zebra")
	if got := v.Bundle().Part(p.SHA256); string(got) != "not even CBOR" {
		t.Errorf("kept %q", got)
	}
	b.parts["zebra"] = b.parts[partKeys]
	if _, _, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(nil); !errors.Is(err, ErrPart) {
		t.Errorf("an unknown part with other content: %v, want %v", err, ErrPart)
	}
}

func TestNewerLevelIsRefusedByItsNumber(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	if _, err := Open(craft(t, nil, func(w *manifestWire) { w.MinProgram = Level + 1 }, s), nil); !errors.Is(err, ErrProgram) {
		t.Errorf("Open = %v, want %v", err, ErrProgram)
	}
	payload := marshal(t, map[int]any{1: 1, 4: Level + 1, 77: "a field of the future"})
	f := marshal(t, &fileWire{Signed: signPayload(t, payload, s)})
	if _, err := Open(f, nil); !errors.Is(err, ErrProgram) || !strings.Contains(err.Error(), fmt.Sprint("level ", Level+1)) {
		t.Errorf("Open = %v, want %v", err, ErrProgram)
	}
}

func TestMalformedManifestIsRefused(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	roots := rootsOf(1, s)
	raw := func(m map[int]any) []byte {
		return marshal(t, &fileWire{Signed: signPayload(t, marshal(t, m), s)})
	}
	tests := []struct {
		name string
		file []byte
		want error
	}{
		{"version 0", craft(t, nil, func(w *manifestWire) { w.Version = 0 }, s), ErrFormat},
		{"level 0", craft(t, nil, func(w *manifestWire) { w.MinProgram = 0 }, s), ErrProgram},
		{"expires when issued", craft(t, nil, func(w *manifestWire) { w.Expires = w.Issued }, s), ErrFormat},
		{"issued before 1970", craft(t, nil, func(w *manifestWire) { w.Issued = -1 }, s), ErrFormat},
		{"expires in the year 9999", craft(t, nil, func(w *manifestWire) { w.Expires = maxTime }, s), nil},
		{"expires in the year 10000", craft(t, nil, func(w *manifestWire) { w.Expires = maxTime + 1 }, s), ErrFormat},
		{"parts out of order", craft(t, nil, func(w *manifestWire) { slices.Reverse(w.Parts) }, s), ErrPart},
		{"a part twice", craft(t, nil, func(w *manifestWire) { w.Parts = append(w.Parts, w.Parts[3]) }, s), ErrPart},
		{"a part that must be there is not", craft(t, nil, func(w *manifestWire) { w.Parts = w.Parts[:3] }, s), ErrPart},
		{"no name", craft(t, nil, func(w *manifestWire) { w.Parts[0].Name = "" }, s), ErrPart},
		{"a name with a line break", craft(t, map[string][]byte{"z\n": nil}, nil, s), ErrPart},
		{"31 bytes of SHA-256", craft(t, nil, func(w *manifestWire) { w.Parts[0].SHA256 = w.Parts[0].SHA256[1:] }, s), ErrPart},
		{"33 bytes of SHA-256", craft(t, nil, func(w *manifestWire) { w.Parts[0].SHA256 = append(w.Parts[0].SHA256, 0) }, s), ErrPart},
		{"lengths that overflow", craft(t, nil, func(w *manifestWire) { w.Parts[0].Length = 1<<64 - 1 }, s), ErrPart},
		{"roots with threshold 0", craft(t, nil, func(w *manifestWire) { w.Roots = &rootsWire{Keys: roots.wire().Keys} }, s), ErrRoots},
		{"roots without keys", craft(t, nil, func(w *manifestWire) { w.Roots = &rootsWire{Threshold: 1} }, s), ErrRoots},
		{"a root that is no key", craft(t, nil, func(w *manifestWire) {
			w.Roots = &rootsWire{Threshold: 1, Keys: []rootWire{{Public: []byte("no")}}}
		}, s), ErrRoots},
		{"an unknown field", raw(map[int]any{1: 1, 2: issued, 3: expires, 4: 1, 5: []any{}, 9: 1}), ErrFormat},
		{"a float", raw(map[int]any{1: 1.0, 2: issued, 3: expires, 4: 1, 5: []any{}}), ErrFormat},
		{"null", raw(map[int]any{1: 1, 2: issued, 3: expires, 4: 1, 5: nil}), ErrFormat},
		{"no level", raw(map[int]any{1: 1, 2: issued, 3: expires}), ErrFormat},
		{"not a map", marshal(t, &fileWire{Signed: signPayload(t, []byte{0x80}, s)}), ErrFormat},
		{"no manifest", marshal(t, &fileWire{}), ErrFormat},
		{"two manifests", marshal(t, &fileWire{Draft: []byte{0xa0}, Signed: []byte{0xa0}}), ErrFormat},
		{"no signature in a signed one", marshal(t, &fileWire{Signed: []byte{0xd8, 0x62, 0x84, 0x40, 0xa0, 0x41, 0xa0, 0x80}}), ErrFormat},
		{"bytes after the file", append(craft(t, nil, nil, s), 0), ErrFormat},
		{"a field twice", []byte{0xa2, 0x02, 0xa0, 0x02, 0xa0}, ErrFormat},
		{"an unknown field of the file", []byte{0xa2, 0x02, 0xa0, 0x18, 0x63, 0xa0}, ErrFormat},
		{"nothing", nil, ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Open(tt.file, nil)
			if !errors.Is(err, tt.want) {
				t.Errorf("Open = %v, want %v", err, tt.want)
			}
			if err != nil && b != nil {
				t.Error("a bundle beside an error")
			}
		})
	}
}
