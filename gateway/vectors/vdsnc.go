package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// What comes out of a seal, from the first thing that fails.
const (
	sealRefused   = "no seal"
	sealSignature = "signature fails"
	sealUnknown   = "signature passes, the certificate's authority is not known"
	sealIssuer    = "signature passes, the certificate is not by its authority"
	sealUsage     = "chain passes, the certificate is not for this"
	sealRevoked   = "chain passes, the certificate is revoked"
	sealWhole     = "chain and signature pass"
)

// vdsncCases are Australia's seals with their authority and its revocation list, and seals of others whose authorities are not among the
// data: those show that their signature is by the certificate that they bring, and no more.
func vdsncCases(dir string, check func(name string, err error)) error {
	authorities, err := vdsncAuthorities(dir)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Base(file)
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		want := sealWhole
		switch {
		case !strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, "kde-"):
			continue
		case strings.HasPrefix(name, "kde-"):
			want = sealUnknown
		case strings.Contains(name, "-invalid"):
			want = sealSignature
		case strings.Contains(name, "-non"):
			want = sealRefused
		}
		check(name, sealGives(sealOutcome(text, authorities), want))
		check(name+" in an array", sealGives(sealOutcome([]byte("["+string(text)+"]"), authorities), want))
	}
	return nil
}

// sealGives says what came out where that is not what was expected.
func sealGives(got, want string) error {
	if got != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}

// vdsncAuthorities reads Australia's authority, with the serial numbers on the list that it signed.
func vdsncAuthorities(dir string) ([]trust.Authority, error) {
	der, err := os.ReadFile(filepath.Join(dir, "aus-csca.der"))
	if err != nil {
		return nil, err
	}
	csca, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	key, err := sig.New(csca.PublicKey)
	if err != nil {
		return nil, err
	}
	if der, err = os.ReadFile(filepath.Join(dir, "aus-2021-08.crl")); err != nil {
		return nil, err
	}
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	if err := crl.CheckSignatureFrom(csca); err != nil {
		return nil, fmt.Errorf("revocation list: %w", err)
	}
	a := trust.Authority{Country: "AU", SKI: csca.SubjectKeyId, Public: key, NotBefore: csca.NotBefore.Unix(), NotAfter: csca.NotAfter.Unix()}
	for _, entry := range crl.RevokedCertificateEntries {
		a.Revoked = append(a.Revoked, entry.SerialNumber.Bytes())
	}
	return []trust.Authority{a}, nil
}

// sealOutcome verifies a seal as far as it goes.
func sealOutcome(text []byte, authorities []trust.Authority) string {
	var seal vdsnc.Seal
	if _, err := seal.Parse(nil, text); err != nil {
		return sealRefused
	}
	signer, err := vdsnc.ParseSigner(seal.Certificate)
	if err != nil {
		return sealRefused
	}
	var v sig.Verifier
	if !v.Confirm(&sig.Job{Key: &signer.Public, Alg: seal.Alg, Message: seal.Signed, Signature: seal.Signature}) {
		return sealSignature
	}
	for i := range authorities {
		a := &authorities[i]
		switch {
		case !bytes.Equal(a.SKI, signer.AKI):
			continue
		case a.Country != signer.Country || !signer.IssuedBy(&a.Public):
			return sealIssuer
		case !signer.MaySign(seal.Type):
			return sealUsage
		case a.HasRevoked(signer.Serial):
			return sealRevoked
		}
		return sealWhole
	}
	return sealUnknown
}
