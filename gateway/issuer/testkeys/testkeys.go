// Package testkeys holds signing keys that everybody knows: for our own tests, the demo and the samples, and for the gate so
// that it refuses them everywhere else.
//
// Each key is computed from its name, so a fresh checkout has the same keys and needs no secret. Their files in testdata/keys
// are written from here. Is knows them by the fingerprints in fingerprints.go, which the same command writes:
//
//	go test ./gateway/issuer -run TestTestdataIsReproducible -update
package testkeys

import (
	"fmt"

	"passerelle/gateway/issuer"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Marker opens every file that holds one of these keys.
const Marker = "PASSERELLE TEST KEY – NOT SECRET"

// Validity of the keys unless specs says otherwise: the years 2025 to 2034.
const (
	notBefore = 1735689600
	notAfter  = 2051222399
)

// Names of the keys. They are part of what the keys are computed from.
const (
	Ministry   = "ma-ministry"   // Morocco, P-256, signs everything
	Laboratory = "ma-laboratory" // Morocco, an accredited laboratory: tests only
	Retired    = "ma-retired"    // Morocco, certificate ended at the end of 2025
	Twin       = "ma-twin"       // Morocco; some lists give it the key id of Ministry
	P384       = "ma-p384"       // Morocco, P-384 with SHA-384
	P384SHA256 = "ma-p384-es256" // Morocco, P-384 with SHA-256
	P521       = "ma-p521"       // Morocco, P-521
	RSA2048    = "ma-rsa-2048"   // Morocco, RSA of 2048 bits
	RSA1024    = "ma-rsa-1024"   // Morocco, RSA of 1024 bits, too weak to admit by
	Ed25519    = "ma-ed25519"    // Morocco, Ed25519
	France     = "fr-ministry"   // another country, P-256
	Foreign    = "xa-ministry"   // XA, a code that no country has: on lists, accepted nowhere
	Disabled   = "xb-ministry"   // XB, likewise: on lists as switched off
	Stranger   = "xc-ministry"   // XC, likewise: on no list
)

type spec struct {
	name   string
	curve  curve
	alg    sig.Algorithm
	issuer string
	usages trust.Usage
	until  int64
}

var specs = []spec{
	{Ministry, p256, sig.ES256, "TEST Ministere de la Sante", trust.AllHCERT, notAfter},
	{Laboratory, p256, sig.ES256, "TEST Laboratoire agree 0042", trust.HCERTTest, notAfter},
	{Retired, p256, sig.ES256, "TEST Ministere de la Sante 2025", trust.AllHCERT, 1767225599},
	{Twin, p256, sig.ES256, "TEST Ministere de la Sante, twin", trust.AllHCERT, notAfter},
	{P384, p384, sig.ES384, "TEST P-384", trust.AllHCERT, notAfter},
	{P384SHA256, p384, sig.ES256, "TEST P-384 with SHA-256", trust.AllHCERT, notAfter},
	{P521, p521, sig.ES512, "TEST P-521", trust.AllHCERT, notAfter},
	{RSA2048, rsa2048, sig.PS256, "TEST RSA-2048", trust.AllHCERT, notAfter},
	{RSA1024, rsa1024, sig.PS256, "TEST RSA-1024", trust.AllHCERT, notAfter},
	{Ed25519, edwards, sig.EdDSA, "TEST Ed25519", trust.AllHCERT, notAfter},
	{France, p256, sig.ES256, "TEST Ministere, France", trust.AllHCERT, notAfter},
	{Foreign, p256, sig.ES256, "TEST Ministry XA", trust.AllHCERT, notAfter},
	{Disabled, p256, sig.ES256, "TEST Ministry XB", trust.AllHCERT, notAfter},
	{Stranger, p256, sig.ES256, "TEST Ministry XC", trust.AllHCERT, notAfter},
}

// Names returns the names of all test keys, always in the same order.
func Names() []string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	return names
}

// Get computes the test key of that name. RSA keys take a while.
func Get(name string) (*issuer.Key, error) {
	for _, s := range specs {
		if s.name == name {
			return s.key()
		}
	}
	return nil, fmt.Errorf("test key %q: no such key", name)
}

func (s *spec) key() (*issuer.Key, error) {
	private, err := derive(s.name, s.curve)
	if err != nil {
		return nil, fmt.Errorf("test key %s: %w", s.name, err)
	}
	country := string([]byte{s.name[0] &^ 0x20, s.name[1] &^ 0x20})
	key, err := issuer.New(private, s.alg, issuer.Scope{
		Country: country, Name: s.issuer, Usages: s.usages, NotBefore: notBefore, NotAfter: s.until,
	})
	if err != nil {
		return nil, fmt.Errorf("test key %s: %w", s.name, err)
	}
	return key, nil
}

// Is reports whether a public key is one of these, by the SHA-256 of its SubjectPublicKeyInfo.
func Is(fingerprint [32]byte) bool {
	for i := range fingerprints {
		if fingerprints[i] == fingerprint {
			return true
		}
	}
	return false
}
