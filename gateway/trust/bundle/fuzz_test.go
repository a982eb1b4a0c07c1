package bundle

import (
	"crypto/ed25519"
	"testing"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/trust"
)

// fuzzSigner is always the same key, so that found inputs stay valid.
func fuzzSigner(t testing.TB) *Signer {
	t.Helper()
	s, err := NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func FuzzOpen(f *testing.F) {
	s := fuzzSigner(f)
	roots := rootsOf(1, s)
	c := fullContent(f)
	h := header(2)
	h.Roots = &roots
	v := verify(f, build(f, c, h, s), Held{Roots: roots})
	h = header(3)
	h.After = v
	f.Add(file(f, build(f, c, header(1))))
	f.Add(file(f, build(f, c, h, s)))
	f.Add(craft(f, map[string][]byte{"zebra": {1}}, nil, s))
	f.Add([]byte{0xa1, 0x02, 0xa0})
	f.Fuzz(func(t *testing.T, file []byte) {
		b, err := Open(file, nil)
		if err != nil {
			return
		}
		if again, err := b.File(nil); err == nil {
			if reopened, err := Open(again, nil); err != nil || reopened.Digest() != b.Digest() {
				t.Errorf("written and opened again: %v", err)
			}
		}
		content, _, err := b.Inspect()
		if err == nil {
			raw, err := encodeContent(&content)
			if err != nil {
				t.Fatal(err)
			}
			if _, skipped, err := decodeContent(raw); err != nil || len(skipped) > 0 {
				t.Errorf("what was read cannot be read again: %q, %v", skipped, err)
			}
		}
		v, err := b.Verify(Held{Roots: roots})
		if err != nil {
			return
		}
		snap, _, err := v.Snapshot(nil)
		if err == nil && (snap.Len() != len(content.Keys) || snap.Version() != b.Manifest().Version) {
			t.Errorf("a list of %d keys of %d", snap.Len(), len(content.Keys))
		}
	})
}

func FuzzContent(f *testing.F) {
	for _, c := range []Content{fullContent(f), venueContent(f)} {
		c.Sort()
		raw, err := encodeContent(&c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[partKeys], raw[partDisabled], raw[partAcceptance], raw[partRevocations], raw[partAuthorities], raw[partCarriers], raw[partDelegates])
	}
	none := []byte{0x80}
	f.Add(none, none, none, none, none, none, none)
	f.Fuzz(func(t *testing.T, keys, disabled, acceptance, revocations, authorities, carriers, delegates []byte) {
		c, _, err := decodeContent(map[string][]byte{
			partKeys: keys, partDisabled: disabled, partAcceptance: acceptance, partRevocations: revocations,
			partAuthorities: authorities, partCarriers: carriers, partDelegates: delegates,
		})
		if err != nil {
			return
		}
		raw, err := encodeContent(&c)
		if err != nil {
			t.Fatal(err)
		}
		again, skipped, err := decodeContent(raw)
		if err != nil || len(skipped) > 0 || len(again.Keys) != len(c.Keys) || len(again.Revoked) != len(c.Revoked) ||
			len(again.Authorities) != len(c.Authorities) || len(again.Carriers) != len(c.Carriers) || len(again.Delegates) != len(c.Delegates) {
			t.Errorf("what was read is read otherwise again: %q, %v", skipped, err)
		}
	})
}

func FuzzRoots(f *testing.F) {
	roots := rootsOf(1, fuzzSigner(f))
	text, err := roots.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Roots
		if err := r.UnmarshalText(text); err != nil {
			return
		}
		again, err := r.MarshalText()
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		var same Roots
		if err := same.UnmarshalText(again); err != nil || same.sum() != r.sum() {
			t.Errorf("written, but not read: %v", err)
		}
	})
}

func FuzzOpenFeed(f *testing.F) {
	s := fuzzSigner(f)
	snap := listOf(f, newDelegate(s, "*", trust.FeedCodes, trust.FeedDeny, trust.FeedPassengers, trust.FeedPretix))
	one := newFeed(f, feedHeader(3), mixedRows()...)
	bare, err := one.File()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bare)
	f.Add(signFeed(f, one, s))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, file []byte) {
		feed, err := OpenFeed(file)
		if err != nil {
			return
		}
		builder := list.NewBuilder(&list.Key{})
		if err := feed.Each(builder.Add); err == nil {
			if set, err := builder.Set(); err == nil && set.Len() != feed.Len() {
				t.Errorf("%d codes, %d in the set", feed.Len(), set.Len())
			}
		}
		if _, err := feed.Groups(); err != nil {
			t.Errorf("opened, but its groups cannot be read: %v", err)
		}
		if d, err := feed.Verify(snap, soon); err == nil {
			if h := feed.Header(); !d.Covers(h.Kind, h.Scope) {
				t.Errorf("taken from a delegate that may not sign it: %+v", h)
			}
		}
	})
}

func FuzzOpenStatus(f *testing.F) {
	s := fuzzSigner(f)
	snap := ticketList(f, s, nil)
	f.Add(newStatus(f, s, nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		o, err := OpenStatus(file)
		if err != nil {
			return
		}
		if st, err := o.Verify(snap); err == nil && (st.URI == "" || st.Len() == 0) {
			t.Errorf("taken: %+v", st)
		}
	})
}
