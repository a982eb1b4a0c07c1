package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/veraison/go-cose"
	"passerelle/gateway/sig"
)

// coseSigner lets go-cose sign with a Key, always with the same result for the same message.
type coseSigner struct{ *Key }

// Algorithm implements cose.Signer.
func (s coseSigner) Algorithm() cose.Algorithm { return cose.Algorithm(s.alg) }

// Sign implements cose.Signer. It reads no randomness.
func (s coseSigner) Sign(_ io.Reader, content []byte) ([]byte, error) {
	switch private := s.private.(type) {
	case *rsa.PrivateKey:
		return signPSS(private, content)
	case *ecdsa.PrivateKey:
		return s.with(rfc6979{private, ecdsaHash(s.alg)}, content)
	}
	return s.with(s.private, content)
}

func (s coseSigner) with(private crypto.Signer, content []byte) ([]byte, error) {
	signer, err := cose.NewSigner(s.Algorithm(), private)
	if err != nil {
		return nil, fmt.Errorf("signer for %v: %w", s.alg, err)
	}
	return signer.Sign(nil, content)
}

// signPSS is PS256 (RFC 8230, section 2). go-cose refuses moduli under 2048 bits, which tests need; and crypto/rsa takes the
// salt from the reader, here a hash of the message's. A verifier learns the salt in any case, so it need not be secret.
func signPSS(private *rsa.PrivateKey, content []byte) ([]byte, error) {
	digest := sha256.Sum256(content)
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	return rsa.SignPSS(saltReader(sha256.Sum256(digest[:])), private, crypto.SHA256, digest[:], options)
}

// saltReader reads as the same bytes over and over.
type saltReader [sha256.Size]byte

func (s saltReader) Read(p []byte) (int, error) { return copy(p, s[:]), nil }

// rfc6979 signs a digest made by hash with the nonce that RFC 6979 prescribes.
type rfc6979 struct {
	*ecdsa.PrivateKey
	hash crypto.Hash
}

// Sign implements crypto.Signer: without a reader, crypto/ecdsa follows RFC 6979.
func (s rfc6979) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return s.PrivateKey.Sign(nil, digest, s.hash)
}

// ecdsaHash returns the hash that alg names; the key names the curve (RFC 9053, section 2.1).
func ecdsaHash(alg sig.Algorithm) crypto.Hash {
	switch alg {
	case sig.ES384:
		return crypto.SHA384
	case sig.ES512:
		return crypto.SHA512
	}
	return crypto.SHA256
}
