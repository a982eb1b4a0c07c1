package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Scope says for whom a key signs, what, and from when to when. It is written into the key's certificate.
type Scope struct {
	Country   string // ISO 3166-1 alpha-2
	Name      string // of the issuer, for people; at most 64 bytes (RFC 5280, appendix A.1)
	Usages    trust.Usage
	NotBefore int64 // unix seconds
	NotAfter  int64 // unix seconds, inclusive
}

// ErrScope is wrapped by errors about a Scope, and about a certificate that its key may not sign.
var ErrScope = errors.New("outside the key's scope")

func (s *Scope) check() error {
	switch {
	case !isCountry(s.Country):
		return fmt.Errorf("%w: country %q, want two capital letters", ErrScope, s.Country)
	case s.Name == "" || len(s.Name) > 64:
		return fmt.Errorf("%w: issuer's name of %d bytes, want 1 to 64", ErrScope, len(s.Name))
	case s.Usages == 0:
		return fmt.Errorf("%w: no usage, such a key could sign nothing", ErrScope)
	case s.NotAfter < s.NotBefore:
		return fmt.Errorf("%w: ends at %s, before it begins at %s", ErrScope, date(s.NotAfter), date(s.NotBefore))
	}
	return nil
}

// Key signs certificates. It holds a private key, the one algorithm that it signs with, and the document signer certificate
// that verifiers know it by. It is immutable and safe for concurrent use.
type Key struct {
	private     crypto.Signer
	public      sig.Key
	alg         sig.Algorithm
	scope       Scope
	certificate []byte // DER
	id          trust.KeyID
}

// New makes a Key of a private key with a self-signed certificate. An alg of 0 is the customary one of the key's type.
func New(private crypto.Signer, alg sig.Algorithm, scope Scope) (*Key, error) {
	if err := scope.check(); err != nil {
		return nil, err
	}
	der, err := selfSign(private, &scope)
	if err != nil {
		return nil, err
	}
	return withCertificate(private, alg, scope, der)
}

func withCertificate(private crypto.Signer, alg sig.Algorithm, scope Scope, der []byte) (*Key, error) {
	public, err := sig.New(private.Public())
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	if alg == 0 {
		alg = public.Algorithms()[0]
	}
	if !public.Allows(alg) {
		return nil, fmt.Errorf("signing key: %v cannot sign %v", &public, alg)
	}
	sum := sha256.Sum256(der)
	k := &Key{private: private, public: public, alg: alg, scope: scope, certificate: der}
	copy(k.id[:], sum[:])
	return k, nil
}

// ID returns the first 8 bytes of the SHA-256 of the certificate (HCERT specification, appendix A.1).
func (k *Key) ID() trust.KeyID { return k.id }

// Algorithm returns what k signs with.
func (k *Key) Algorithm() sig.Algorithm { return k.alg }

// Scope returns what k may sign.
func (k *Key) Scope() Scope { return k.scope }

// Certificate returns the DER document signer certificate.
func (k *Key) Certificate() []byte { return slices.Clone(k.certificate) }

// Entry returns what a trust list says of k: what an importer makes of its certificate.
func (k *Key) Entry() trust.Key {
	return trust.Key{
		ID: k.id, Country: k.scope.Country, Issuer: k.scope.Name, Public: k.public, Usages: k.scope.Usages,
		Algorithms: k.public.Algorithms(), NotBefore: k.scope.NotBefore, NotAfter: k.scope.NotAfter,
	}
}

// maySign refuses what verifiers would call wrong_usage or key_expired. A certificate must not outlive its signer's (HCERT
// specification, section 3.3.5).
func (k *Key) maySign(c *Certificate) error {
	switch usage := c.usage(); {
	case k.scope.Usages&usage != usage:
		return fmt.Errorf("%w: key %v may sign %v only", ErrScope, k.id, k.scope.Usages)
	case c.IssuedAt < k.scope.NotBefore || c.Expires > k.scope.NotAfter:
		return fmt.Errorf("%w: valid from %s to %s, key %v from %s to %s", ErrScope,
			date(c.IssuedAt), date(c.Expires), k.id, date(k.scope.NotBefore), date(k.scope.NotAfter))
	}
	return nil
}

// Generate makes a new private key: P-256, P-384, P-521, RSA-2048, RSA-3072 or Ed25519. It takes no source of randomness, since
// the standard library uses the system's whatever it is given.
func Generate(name string) (crypto.Signer, error) {
	switch name {
	case "P-256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "RSA-2048":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "RSA-3072":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "Ed25519":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("key type %q: want P-256, P-384, P-521, RSA-2048, RSA-3072 or Ed25519", name)
}

func isCountry(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}

func date(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }
