package bundle

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/veraison/go-cose"
)

func TestEnoughDistinctPinnedRootsMustHaveSigned(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 4)
	content := newContent(t, 1)
	two := rootsOf(2, s[0], s[1], s[2])
	tests := []struct {
		name    string
		roots   Roots
		signers []*Signer
		want    error
	}{
		{"one of one", rootsOf(1, s[0]), s[:1], nil},
		{"one of one by an Ed25519 root", rootsOf(1, s[1]), s[1:2], nil},
		{"two of three", two, []*Signer{s[2], s[0]}, nil},
		{"three of two of three", two, s[:3], nil},
		{"two of three beside a root that is not pinned", two, []*Signer{s[3], s[1], s[0]}, nil},
		{"one of two of three", two, s[:1], ErrSignature},
		{"nobody", two, nil, ErrSignature},
		{"a root that is not pinned", rootsOf(1, s[0]), s[3:], ErrSignature},
		{"one pinned, one not", two, []*Signer{s[0], s[3]}, ErrSignature},
		{"no roots", Roots{}, s[:1], ErrRoots},
		{"threshold 0", Roots{Threshold: 0, Keys: rootsOf(1, s[0]).Keys}, s[:1], ErrRoots},
		{"threshold over the number of roots", rootsOf(2, s[0]), s[:1], ErrRoots},
		{"a set with one root twice", rootsOf(2, s[0], s[0]), s[:1], ErrRoots},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := reopen(t, build(t, content, header(1), tt.signers...))
			if _, err := b.Verify(Held{Roots: tt.roots}); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestTwoPeopleSignOnTwoComputers(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 3)
	b := build(t, newContent(t, 2), header(1))
	for _, one := range s[:2] {
		b = reopen(t, b) // the file travels
		sign(t, b, one)
	}
	b = reopen(t, b)
	verify(t, b, Held{Roots: rootsOf(2, s...)})
	first, second := s[0].Root(), s[1].Root()
	if ids := b.Signers(); len(ids) != 2 || ids[0] != first.ID() || ids[1] != second.ID() {
		t.Errorf("Signers = %v", ids)
	}
	if err := b.Sign(rand.Reader, s[0]); !errors.Is(err, ErrSigned) {
		t.Errorf("a second signature by one root: %v, want %v", err, ErrSigned)
	}
}

func TestSameRootTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 2)
	b := build(t, newContent(t, 1), header(1))
	msg := newMessage(b.head.payload)
	addSignature(t, msg, s[0])
	addSignature(t, msg, s[0]) // another signature: ECDSA draws a new nonce
	b.head.message = *msg
	again := reopen(t, b)
	if n := len(again.head.message.Signatures); n != 2 {
		t.Fatalf("%d signatures in the file, want 2", n)
	}
	if _, err := again.Verify(Held{Roots: rootsOf(2, s...)}); !errors.Is(err, ErrSignature) {
		t.Errorf("Verify = %v, want %v", err, ErrSignature)
	}
}

func TestAlteredSignatureIsNotCounted(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 2)
	roots := rootsOf(2, s...)
	good := build(t, newContent(t, 1), header(1), s...)
	other := build(t, newContent(t, 1), header(2), s...)
	foreign := newMessage(good.head.payload)
	foreign.Headers.Protected = cose.ProtectedHeader{cose.HeaderLabelContentType: "text/plain"}
	addSignature(t, foreign, s[0])
	tests := []struct {
		name   string
		change func(msg *cose.SignMessage)
	}{
		{"a signature over another manifest", func(m *cose.SignMessage) { m.Signatures[0] = other.head.message.Signatures[0] }},
		{"a signature over another content type", func(m *cose.SignMessage) { m.Signatures[0] = foreign.Signatures[0] }},
		{"a flipped bit", func(m *cose.SignMessage) { m.Signatures[1].Signature[5] ^= 1 }},
		{"a shorter signature", func(m *cose.SignMessage) { m.Signatures[1].Signature = m.Signatures[1].Signature[:63] }},
		{"another root's id", func(m *cose.SignMessage) { m.Signatures[1].Headers = m.Signatures[0].Headers }},
		{"another algorithm", func(m *cose.SignMessage) {
			m.Signatures[0].Headers.RawProtected = nil
			m.Signatures[0].Headers.Protected.SetAlgorithm(cose.AlgorithmEdDSA)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := reopen(t, good)
			tt.change(&b.head.message)
			if _, err := reopen(t, b).Verify(Held{Roots: roots}); !errors.Is(err, ErrSignature) {
				t.Errorf("Verify = %v, want %v", err, ErrSignature)
			}
		})
	}
	verify(t, reopen(t, good), Held{Roots: roots})
}

func TestHeadersOtherThanOursAreRefused(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	payload := build(t, newContent(t, 1), header(1)).head.payload
	tests := []struct {
		name   string
		change func(msg *cose.SignMessage)
	}{
		{"no content type", func(m *cose.SignMessage) { m.Headers.Protected = nil }},
		{"another content type", func(m *cose.SignMessage) {
			m.Headers.Protected = cose.ProtectedHeader{cose.HeaderLabelContentType: "text/plain"}
		}},
		{"content type not protected", func(m *cose.SignMessage) {
			m.Headers = cose.Headers{Unprotected: cose.UnprotectedHeader{cose.HeaderLabelContentType: contentType}}
		}},
		{"one more in the body", func(m *cose.SignMessage) { m.Headers.Unprotected = cose.UnprotectedHeader{int64(99): int64(1)} }},
		{"one more beside a signature", func(m *cose.SignMessage) {
			m.Signatures[0].Headers.Unprotected = cose.UnprotectedHeader{cose.HeaderLabelKeyID: []byte("12345678")}
		}},
		{"no kid", func(m *cose.SignMessage) { delete(m.Signatures[0].Headers.Protected, cose.HeaderLabelKeyID) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			msg := newMessage(payload)
			addSignature(t, msg, s)
			tt.change(msg)
			f := marshal(t, &fileWire{Signed: marshalMessage(t, msg)})
			if _, err := Open(f, nil); !errors.Is(err, ErrFormat) {
				t.Errorf("Open = %v, want %v", err, ErrFormat)
			}
		})
	}
}

func TestTakingRules(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	roots := rootsOf(1, s)
	v := verify(t, build(t, newContent(t, 1), header(5), s), Held{Roots: roots})
	same := v.Held().Digest
	at := func(unix int64) Now { return At(time.Unix(unix, 0)) }
	tests := []struct {
		name string
		held Held
		now  Now
		want error
	}{
		{"first list", Held{}, at(issued), nil},
		{"newer", Held{Version: 4, Digest: [32]byte{1}}, at(issued), nil},
		{"older", Held{Version: 6, Digest: [32]byte{1}}, at(issued), ErrOld},
		{"older than a list that was lost", Held{Version: 6}, at(issued), ErrOld},
		{"the same", Held{Version: 5, Digest: same}, at(issued), ErrHeld},
		{"same version, other content", Held{Version: 5, Digest: [32]byte{1}}, at(issued), ErrOld},
		{"same version, which was lost", Held{Version: 5}, at(issued), nil},
		{"last second", Held{}, at(expires), nil},
		{"expired", Held{}, at(expires + 1), ErrExpired},
		{"issued 24 h ahead", Held{}, at(issued - 24*3600), nil},
		{"issued a second more ahead", Held{}, at(issued - 24*3600 - 1), ErrFuture},
		{"issued 25 h ahead", Held{}, at(issued - 25*3600), ErrFuture},
		{"1970", Held{}, at(0), ErrFuture},
		{"an interval that reaches into its time", Held{}, Now{Earliest: 0, Latest: issued}, nil},
		{"an interval that begins in its time", Held{}, Now{Earliest: expires, Latest: expires + 1e6}, nil},
		{"an interval after it", Held{}, Now{Earliest: expires + 1, Latest: expires + 1e6}, ErrExpired},
		{"an interval before it", Held{}, Now{Earliest: 0, Latest: issued - 25*3600}, ErrFuture},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := v.Check(tt.held, tt.now); !errors.Is(err, tt.want) {
				t.Errorf("Check = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRootsChange(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 4)
	content := newContent(t, 1)
	a, b, c := rootsOf(1, s[0]), rootsOf(1, s[1]), rootsOf(2, s[2], s[3])
	v4 := verify(t, build(t, content, header(4), s[0]), Held{Roots: a})
	h5 := header(5)
	h5.Roots, h5.After = &b, v4
	v5 := verify(t, build(t, content, h5, s[0]), Held{Roots: a})
	h7 := header(7)
	h7.Roots, h7.After = &c, v5
	b7 := build(t, content, h7, s[1])
	v7 := verify(t, b7, v5.Held())
	h8 := header(8)
	h8.After = verify(t, b7, Held{Roots: a}) // the centre verifies from the oldest roots that are pinned anywhere
	v8file := reopen(t, build(t, content, h8, s[2], s[3]))

	for name, held := range map[string]Held{
		"pinned first roots": {Roots: a}, "took 4": v4.Held(), "took 5": v5.Held(), "took 7": v7.Held(), "pinned last roots": {Roots: c},
	} {
		v, err := v8file.Verify(held)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := v.Held(); got.Version != 8 || got.Roots.Threshold != 2 || len(got.Roots.Keys) != 2 {
			t.Errorf("%s: held afterwards: version %d, %d of %d", name, got.Version, got.Roots.Threshold, len(got.Roots.Keys))
		}
	}
	if got := v5.Held(); got.Since != 5 || got.Roots.Keys[0].ID() != b.Keys[0].ID() {
		t.Errorf("after a change: since %d, root %v", got.Since, got.Roots.Keys[0].ID())
	}
	if _, err := reopen(t, build(t, content, header(9), s[0])).Verify(v5.Held()); !errors.Is(err, ErrSignature) {
		t.Errorf("a list by a former root: %v, want %v", err, ErrSignature)
	}
	if _, err := reopen(t, build(t, content, header(9), s[2], s[3])).Verify(v5.Held()); !errors.Is(err, ErrSignature) {
		t.Errorf("a list by later roots without the chain: %v, want %v", err, ErrSignature)
	}
}

func TestReplayedChangeOfRootsIsNotFollowed(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 3)
	content := newContent(t, 1)
	first, second := rootsOf(1, s[0], s[1]), rootsOf(1, s[0], s[2]) // s[1] was stolen and taken out
	h2 := header(2)
	h2.Roots = &first
	v2 := verify(t, build(t, content, h2, s[0]), Held{Roots: rootsOf(1, s[0])})
	h3 := header(3)
	h3.Roots, h3.After = &second, v2
	v3 := verify(t, build(t, content, h3, s[0]), v2.Held())

	h9 := header(9)
	h9.After = v2 // the thief's chain ends with the change that still has his key
	stolen := reopen(t, build(t, content, h9, s[1]))
	verify(t, stolen, Held{Roots: rootsOf(1, s[0])})
	if _, err := stolen.Verify(v3.Held()); !errors.Is(err, ErrSignature) {
		t.Errorf("Verify = %v, want %v", err, ErrSignature)
	}
}

func TestWhatDemoRootsAuthoriseIsDemo(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 2)
	demo := rootsOf(1, s[0])
	demo.Keys[0].Demo = true
	next := rootsOf(1, s[1])
	h := header(2)
	h.Roots = &next
	v := verify(t, reopen(t, build(t, newContent(t, 1), h, s[0])), Held{Roots: demo})
	if held := v.Held(); !held.Roots.Demo() {
		t.Error("a demo root made roots that are not demo roots")
	}
	v = verify(t, v.Bundle(), Held{Roots: rootsOf(1, s[0])})
	if held := v.Held(); held.Roots.Demo() {
		t.Error("roots that no demo root made are demo roots")
	}
}

func TestChainOfRootsHasALimit(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	roots := rootsOf(1, s)
	content := newContent(t, 1)
	h := Header{Version: 1, Issued: issued, Expires: expires, Roots: &roots}
	held := Held{Roots: roots}
	var last *Verified
	for v := uint64(1); v <= MaxRotations; v++ {
		h.Version, h.After = v, last
		last = verify(t, reopen(t, build(t, content, h, s)), held)
	}
	h.Version, h.After = MaxRotations+1, last
	full := reopen(t, build(t, content, h, s))
	if n := len(full.rotations); n != MaxRotations {
		t.Fatalf("%d earlier manifests, want %d", n, MaxRotations)
	}
	last = verify(t, full, held)
	h.Version, h.After = MaxRotations+2, last
	if _, err := Build(content, h); !errors.Is(err, ErrRoots) {
		t.Errorf("one more: %v, want %v", err, ErrRoots)
	}
	h.Version = 3
	if _, err := Build(content, h); !errors.Is(err, ErrOld) {
		t.Errorf("not after the list before: %v, want %v", err, ErrOld)
	}
}

func TestEarlierManifestsMustRise(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	roots := rootsOf(1, s)
	content := newContent(t, 1)
	signed := func(version uint64, next *Roots) []byte {
		h := header(version)
		h.Roots = next
		b := build(t, content, h, s)
		e, err := b.head.encode()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	tests := []struct {
		name  string
		chain [][]byte
		want  error
	}{
		{"rising", [][]byte{signed(2, &roots), signed(4, &roots)}, nil},
		{"twice", [][]byte{signed(2, &roots), signed(2, &roots)}, ErrFormat},
		{"falling", [][]byte{signed(4, &roots), signed(2, &roots)}, ErrFormat},
		{"as new as the manifest", [][]byte{signed(5, &roots)}, ErrFormat},
		{"without roots", [][]byte{signed(2, nil)}, ErrFormat},
		{"not a manifest", [][]byte{{0}}, ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := marshal(t, &fileWire{Signed: signed(5, nil), Rotations: tt.chain})
			if _, err := Open(f, nil); !errors.Is(err, tt.want) {
				t.Errorf("Open = %v, want %v", err, tt.want)
			}
		})
	}
}
