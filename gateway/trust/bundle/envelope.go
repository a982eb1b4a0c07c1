package bundle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"

	"github.com/veraison/go-cose"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// contentType stands in the protected header of every manifest, so that no signature that a root makes over something
// else can pass for one over a manifest.
const contentType = "application/vnd.passerelle.trust-manifest+cbor"

// envelope is a manifest in its COSE_Sign message, which may have no signature yet.
type envelope struct {
	manifest Manifest
	payload  []byte // the manifest's bytes
	message  cose.SignMessage
}

func newEnvelope(payload []byte) (envelope, error) {
	if len(payload) > MaxManifest {
		return envelope{}, fmt.Errorf("%w: manifest of %d bytes, at most %d", ErrFormat, len(payload), MaxManifest)
	}
	m, err := decodeManifest(payload)
	if err != nil {
		return envelope{}, err
	}
	return envelope{manifest: m, payload: payload, message: cose.SignMessage{
		Headers: cose.Headers{Protected: cose.ProtectedHeader{cose.HeaderLabelContentType: contentType}},
		Payload: payload,
	}}, nil
}

func openEnvelope(signed []byte) (envelope, error) {
	if len(signed) > MaxManifest {
		return envelope{}, fmt.Errorf("%w: manifest of %d bytes, at most %d", ErrFormat, len(signed), MaxManifest)
	}
	var msg cose.SignMessage
	if err := msg.UnmarshalCBOR(signed); err != nil {
		return envelope{}, fmt.Errorf("%w: manifest: %v", ErrFormat, err)
	}
	if len(msg.Signatures) > MaxSignatures {
		return envelope{}, fmt.Errorf("%w: %d signatures, at most %d", ErrFormat, len(msg.Signatures), MaxSignatures)
	}
	h := msg.Headers
	if len(h.Protected) != 1 || h.Protected[cose.HeaderLabelContentType] != contentType || len(h.Unprotected) != 0 {
		return envelope{}, fmt.Errorf("%w: not headed as a trust manifest", ErrFormat)
	}
	for _, s := range msg.Signatures {
		if len(s.Headers.Protected) != 2 || len(s.Headers.Unprotected) != 0 {
			return envelope{}, fmt.Errorf("%w: a signature has other headers than alg and kid", ErrFormat)
		}
	}
	m, err := decodeManifest(msg.Payload)
	if err != nil {
		return envelope{}, err
	}
	return envelope{manifest: m, payload: msg.Payload, message: msg}, nil
}

func (e *envelope) encode() ([]byte, error) {
	signed, err := e.message.MarshalCBOR()
	if err != nil {
		return nil, fmt.Errorf("%w: manifest: %v", ErrFormat, err)
	}
	if len(signed) > MaxManifest {
		return nil, fmt.Errorf("%w: manifest of %d bytes, at most %d", ErrFormat, len(signed), MaxManifest)
	}
	return signed, nil
}

// verify counts the distinct roots of the set that signed. Signatures by others say nothing and are passed over: while
// roots change, old and new ones sign side by side.
func (e *envelope) verify(roots Roots) error {
	if err := roots.check(); err != nil {
		return err
	}
	body, err := e.message.Headers.MarshalProtected()
	if err != nil {
		return fmt.Errorf("%w: manifest: %v", ErrFormat, err)
	}
	signed := make(map[[32]byte]bool)
	for _, s := range e.message.Signatures {
		root := roots.byID(s)
		if root == nil || signed[root.Key.Fingerprint()] {
			continue
		}
		v, err := cose.NewVerifier(root.algorithm(), root.Key.Public())
		if err != nil {
			return fmt.Errorf("%w: %v", ErrRoots, err)
		}
		if s.Verify(v, body, e.payload, nil) == nil {
			signed[root.Key.Fingerprint()] = true
		}
	}
	if len(signed) < roots.Threshold {
		return fmt.Errorf("%w: %d of %d", ErrSignature, len(signed), roots.Threshold)
	}
	return nil
}

// byID returns the root that a signature names, nil if the set has none or the algorithm is not that root's.
func (r *Roots) byID(s *cose.Signature) *Root {
	kid, ok := s.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
	if !ok {
		return nil
	}
	for i := range r.Keys {
		root := &r.Keys[i]
		if id := root.ID(); string(id[:]) != string(kid) {
			continue
		}
		if alg, err := s.Headers.Protected.Algorithm(); err != nil || alg != root.algorithm() {
			return nil
		}
		return root
	}
	return nil
}

// Signer is a root's private key.
type Signer struct {
	root   Root
	signer cose.Signer
}

// NewSigner makes a Signer of an ECDSA key on P-256 or an Ed25519 key.
func NewSigner(private crypto.Signer) (*Signer, error) {
	key, err := sig.New(private.Public())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoots, err)
	}
	s := &Signer{root: Root{Key: key}}
	if err := s.root.check(); err != nil {
		return nil, err
	}
	if s.signer, err = cose.NewSigner(s.root.algorithm(), private); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoots, err)
	}
	return s, nil
}

// ParseSigner reads a private key from PEM ("PRIVATE KEY", PKCS #8).
func ParseSigner(text []byte) (*Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%w: no PEM block PRIVATE KEY", ErrRoots)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoots, err)
	}
	switch private := private.(type) {
	case *ecdsa.PrivateKey:
		return NewSigner(private)
	case ed25519.PrivateKey:
		return NewSigner(private)
	}
	return nil, fmt.Errorf("%w: %T cannot sign manifests", ErrRoots, private)
}

// Root returns the public half, without a name.
func (s *Signer) Root() Root { return s.root }

// Sign adds one root's signature. It first checks that every part is there and is what the manifest names: nobody signs
// what nobody can read.
func (b *Bundle) Sign(rand io.Reader, s *Signer) error {
	if _, _, err := b.Inspect(); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if len(b.head.message.Signatures) >= MaxSignatures {
		return fmt.Errorf("sign: %w: %d signatures already", ErrSigned, MaxSignatures)
	}
	id := s.root.ID()
	if b.signedBy(id) {
		return fmt.Errorf("sign: %w: root %v has signed already", ErrSigned, id)
	}
	one := cose.NewSignature()
	one.Headers.Protected.SetAlgorithm(s.root.algorithm())
	one.Headers.Protected[cose.HeaderLabelKeyID] = id[:]
	body, err := b.head.message.Headers.MarshalProtected()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if err := one.Sign(rand, s.signer, body, b.head.payload, nil); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	b.head.message.Signatures = append(b.head.message.Signatures, one)
	return nil
}

func (b *Bundle) signedBy(id trust.KeyID) bool {
	for _, have := range b.Signers() {
		if have == id {
			return true
		}
	}
	return false
}

// Signers returns the key ids that stand on the manifest's signatures, for people: none of them has been verified.
func (b *Bundle) Signers() []trust.KeyID {
	var ids []trust.KeyID
	for _, s := range b.head.message.Signatures {
		var id trust.KeyID
		if kid, ok := s.Headers.Protected[cose.HeaderLabelKeyID].([]byte); ok && len(kid) == len(id) {
			ids = append(ids, trust.KeyID(kid))
		}
	}
	return ids
}
