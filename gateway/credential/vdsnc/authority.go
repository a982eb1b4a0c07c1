package vdsnc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"errors"
	"math/big"

	"passerelle/gateway/sig"
)

// ErrAuthority means that a certificate's signature cannot be one by that key.
var ErrAuthority = errors.New("vds-nc: the certificate's signature does not fit the authority's key")

// signing is how an authority signed a certificate.
type signing struct {
	scheme scheme
	hash   crypto.Hash
	salt   int // bytes, of rsaPSS
}

type scheme uint8

const (
	noScheme scheme = iota
	ecdsaSeq        // SEQUENCE of r and s (RFC 3279, section 2.2.3)
	rsaPKCS1        // RSASSA-PKCS1-v1_5
	rsaPSS          // RSASSA-PSS, MGF1 with the same hash (RFC 4055, section 3)
)

// Object identifiers, as the contents of their DER elements.
const (
	oidPSS  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
	oidMGF1 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
)

// signings are the algorithms of certificates, SHA-1 not among them.
var signings = [...]struct {
	oid string
	how signing
}{
	{"\x2a\x86\x48\xce\x3d\x04\x03\x02", signing{scheme: ecdsaSeq, hash: crypto.SHA256}},
	{"\x2a\x86\x48\xce\x3d\x04\x03\x03", signing{scheme: ecdsaSeq, hash: crypto.SHA384}},
	{"\x2a\x86\x48\xce\x3d\x04\x03\x04", signing{scheme: ecdsaSeq, hash: crypto.SHA512}},
	{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", signing{scheme: rsaPKCS1, hash: crypto.SHA256}},
	{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", signing{scheme: rsaPKCS1, hash: crypto.SHA384}},
	{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", signing{scheme: rsaPKCS1, hash: crypto.SHA512}},
}

// hashes are the hashes that RSASSA-PSS may be used with.
var hashes = [...]struct {
	oid  string
	hash crypto.Hash
}{
	{"\x60\x86\x48\x01\x65\x03\x04\x02\x01", crypto.SHA256},
	{"\x60\x86\x48\x01\x65\x03\x04\x02\x02", crypto.SHA384},
	{"\x60\x86\x48\x01\x65\x03\x04\x02\x03", crypto.SHA512},
}

// read reads an AlgorithmIdentifier.
func (h *signing) read(algorithm []byte) bool {
	file := der{rest: algorithm}
	d := file.enter(tagSequence)
	oid := string(d.contents(tagOID))
	if oid == oidPSS {
		return h.readPSS(&d) && d.done() && file.done()
	}
	for _, s := range signings {
		if oid == s.oid {
			*h = s.how
		}
	}
	if h.scheme == rsaPKCS1 {
		null(&d)
	}
	return h.scheme != noScheme && d.done() && file.done()
}

// null consumes the parameters of an algorithm that has none, which may be written as a null.
func null(d *der) {
	if d.is(tagNull) && len(d.contents(tagNull)) != 0 {
		d.fail()
	}
}

// readPSS reads the parameters of RSASSA-PSS; the hash must be named, since its default is SHA-1.
func (h *signing) readPSS(d *der) bool {
	const defaultSalt = 20
	*h = signing{scheme: rsaPSS, salt: defaultSalt}
	p := d.enter(tagSequence)
	named := p.enter(tagContext)
	h.hash = readHash(&named)
	mask := p.enter(tagContext + 1)
	generator := mask.enter(tagSequence)
	oid := string(generator.contents(tagOID))
	same := readHash(&generator) == h.hash
	if p.is(tagContext + 2) {
		salt := p.enter(tagContext + 2)
		h.salt = salt.integer()
		if !salt.done() {
			return false
		}
	}
	return p.done() && named.done() && mask.done() && generator.done() && oid == oidMGF1 && same && h.hash != 0
}

func readHash(d *der) crypto.Hash {
	a := d.enter(tagSequence)
	oid := string(a.contents(tagOID))
	null(&a)
	for _, h := range hashes {
		if oid == h.oid && a.done() {
			return h.hash
		}
	}
	return 0
}

// alg returns the COSE algorithm that the signature is by, 0 if there is none among those of package sig.
func (h *signing) alg() sig.Algorithm {
	switch {
	case h.scheme == ecdsaSeq && h.hash == crypto.SHA256:
		return sig.ES256
	case h.scheme == ecdsaSeq && h.hash == crypto.SHA384:
		return sig.ES384
	case h.scheme == ecdsaSeq && h.hash == crypto.SHA512:
		return sig.ES512
	case h.scheme == rsaPSS && h.hash == crypto.SHA256 && h.salt == h.hash.Size():
		return sig.PS256
	}
	return 0
}

// IssuedBy reports whether the certificate's signature is by this key. It uses the standard library, and knows what package sig does not: RSA with
// PKCS #1 v1.5, with which the authorities of several countries sign, and SHA-384 or SHA-512 with any curve.
func (s *Signer) IssuedBy(authority *sig.Key) bool {
	h := s.how.hash.New()
	h.Write(s.TBS)
	digest := h.Sum(nil)
	switch public := authority.Public().(type) {
	case *ecdsa.PublicKey:
		raw, err := s.AuthoritySignature(nil, authority)
		if err != nil {
			return false
		}
		half := len(raw) / 2
		return ecdsa.Verify(public, digest, new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:]))
	case *rsa.PublicKey:
		switch s.how.scheme {
		case rsaPKCS1:
			return rsa.VerifyPKCS1v15(public, s.how.hash, digest, s.Signature) == nil
		case rsaPSS:
			return rsa.VerifyPSS(public, s.how.hash, digest, s.Signature, &rsa.PSSOptions{SaltLength: s.how.salt, Hash: s.how.hash}) == nil
		}
	}
	return false
}

// AuthoritySignature appends the certificate's signature as package sig wants it for the authority's key to dst, for a sig.Job over TBS with
// Alg: r‖s of twice the curve's size for ECDSA, which must stand in strict DER in the certificate, and the bare signature for RSASSA-PSS
// where Alg is PS256. The only error is ErrAuthority: the signature is of another scheme than the key, is not well formed, or is one that no
// sig.Job can check, for which there is IssuedBy; dst then keeps its first len(dst) bytes.
func (s *Signer) AuthoritySignature(dst []byte, authority *sig.Key) ([]byte, error) {
	switch {
	case authority.ECDSA() && s.how.scheme == ecdsaSeq:
		return appendRaw(dst, s.Signature, authority.SignatureSize()/2)
	case authority.Allows(sig.PS256) && s.Alg == sig.PS256 && len(s.Signature) == authority.SignatureSize():
		return append(dst, s.Signature...), nil
	}
	return dst, ErrAuthority
}

// appendRaw appends r‖s, each of half bytes.
func appendRaw(dst, signature []byte, half int) ([]byte, error) {
	file := der{rest: signature}
	pair := file.enter(tagSequence)
	r, s := positive(&pair, half), positive(&pair, half)
	if !pair.done() || !file.done() {
		return dst, ErrAuthority
	}
	start := len(dst)
	dst = append(dst, make([]byte, 2*half)...)
	copy(dst[start+half-len(r):], r)
	copy(dst[start+2*half-len(s):], s)
	return dst, nil
}

// positive consumes a positive INTEGER of at most size bytes, written in the one way that DER has for it, and returns it without a sign.
func positive(d *der, size int) []byte {
	b := d.contents(tagInteger)
	switch {
	case len(b) == 0, b[0] >= 0x80, b[0] == 0 && len(b) == 1, b[0] == 0 && b[1] < 0x80:
		d.fail()
		return nil
	case b[0] == 0:
		b = b[1:]
	}
	if len(b) > size {
		d.fail()
		return nil
	}
	return b
}
