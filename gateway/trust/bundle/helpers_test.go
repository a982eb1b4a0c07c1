package bundle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"testing"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

const (
	issued  = 1_700_000_000
	expires = issued + 30*24*3600
)

func newSigner(t testing.TB, edwards bool) *Signer {
	t.Helper()
	var private crypto.Signer
	var err error
	if edwards {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newSigners(t testing.TB, n int) []*Signer {
	t.Helper()
	var list []*Signer
	for i := range n {
		list = append(list, newSigner(t, i%2 == 1))
	}
	return list
}

// rootsOf makes a set of which threshold must sign.
func rootsOf(threshold int, signers ...*Signer) Roots {
	r := Roots{Threshold: threshold}
	for _, s := range signers {
		r.Keys = append(r.Keys, s.Root())
	}
	return r
}

func newPublic(t testing.TB) sig.Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sig.New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keyID(n int) trust.KeyID {
	var id trust.KeyID
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

func newEntry(id int, public sig.Key) Entry {
	return Entry{Source: "test", Key: trust.Key{
		ID: keyID(id), Country: "MA", Issuer: "Ministère de la Santé", Public: public,
		Usages: trust.AllHCERT, Algorithms: public.Algorithms(), NotBefore: issued - 1000, NotAfter: expires,
	}}
}

func newContent(t testing.TB, keys int) Content {
	t.Helper()
	c := Content{}
	for i := range keys {
		c.Keys = append(c.Keys, newEntry(i+1, newPublic(t)))
	}
	return c
}

func header(version uint64) Header { return Header{Version: version, Issued: issued, Expires: expires} }

func build(t testing.TB, c Content, h Header, signers ...*Signer) *Bundle {
	t.Helper()
	b, err := Build(c, h)
	if err != nil {
		t.Fatal(err)
	}
	sign(t, b, signers...)
	return b
}

func sign(t testing.TB, b *Bundle, signers ...*Signer) {
	t.Helper()
	for _, s := range signers {
		if err := b.Sign(rand.Reader, s); err != nil {
			t.Fatal(err)
		}
	}
}

func file(t testing.TB, b *Bundle) []byte {
	t.Helper()
	f, err := b.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func reopen(t testing.TB, b *Bundle) *Bundle {
	t.Helper()
	again, err := Open(file(t, b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func verify(t testing.TB, b *Bundle, h Held) *Verified {
	t.Helper()
	v, err := b.Verify(h)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// craft signs a manifest of these parts, which Build would not make.
func craft(t testing.TB, raw map[string][]byte, change func(*manifestWire), signers ...*Signer) []byte {
	t.Helper()
	whole, err := encodeContent(&Content{Keys: newContent(t, 1).Keys})
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range raw {
		whole[name] = part
	}
	w := manifestWire{Version: 1, Issued: issued, Expires: expires, MinProgram: Level}
	f := fileWire{Parts: make(map[string][]byte)}
	w.Parts = partsOf(t, whole, f.Parts)
	if change != nil {
		change(&w)
	}
	payload, err := encMode.Marshal(&w)
	if err != nil {
		t.Fatal(err)
	}
	f.Signed = signPayload(t, payload, signers...)
	out, err := encMode.Marshal(&f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
