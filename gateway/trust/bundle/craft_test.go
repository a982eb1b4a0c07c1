package bundle

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/veraison/go-cose"
)

// partsOf describes parts in a manifest's order and deflates them into file.
func partsOf(t testing.TB, raw, file map[string][]byte) []partWire {
	t.Helper()
	var names []string
	for name := range raw {
		names = append(names, name)
	}
	slices.Sort(names)
	var list []partWire
	for _, name := range names {
		sum := sha256.Sum256(raw[name])
		list = append(list, partWire{Name: name, SHA256: sum[:], Length: uint64(len(raw[name]))})
		deflated, err := deflate(raw[name])
		if err != nil {
			t.Fatal(err)
		}
		file[name] = deflated
	}
	return list
}

func newMessage(payload []byte) *cose.SignMessage {
	return &cose.SignMessage{
		Headers: cose.Headers{Protected: cose.ProtectedHeader{cose.HeaderLabelContentType: contentType}},
		Payload: payload,
	}
}

func addSignature(t testing.TB, msg *cose.SignMessage, s *Signer) {
	t.Helper()
	id := s.root.ID()
	one := cose.NewSignature()
	one.Headers.Protected.SetAlgorithm(s.root.algorithm())
	one.Headers.Protected[cose.HeaderLabelKeyID] = id[:]
	body, err := msg.Headers.MarshalProtected()
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Sign(rand.Reader, s.signer, body, msg.Payload, nil); err != nil {
		t.Fatal(err)
	}
	msg.Signatures = append(msg.Signatures, one)
}

func marshalMessage(t testing.TB, msg *cose.SignMessage) []byte {
	t.Helper()
	signed, err := msg.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func signPayload(t testing.TB, payload []byte, signers ...*Signer) []byte {
	t.Helper()
	msg := newMessage(payload)
	for _, s := range signers {
		addSignature(t, msg, s)
	}
	return marshalMessage(t, msg)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := encMode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
