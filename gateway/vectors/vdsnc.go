package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
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
		check(name, sealCase(text, authorities, want))
		check(name+" in an array", sealCase([]byte("["+string(text)+"]"), authorities, want))
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

// sealCase compares what comes out of a seal with what was expected, and has the program's own verifier judge it as well, with the same
// authorities, at a time when the signer's certificate was valid.
func sealCase(text []byte, authorities []trust.Authority, want string) error {
	return errors.Join(sealGives(sealOutcome(text, authorities), want), sealJudged(text, authorities, want))
}

// sealReasons are the verifier's for each outcome.
var sealReasons = map[string][]policy.Reason{
	sealWhole: {policy.OK}, sealUnknown: {policy.UnknownIssuer}, sealIssuer: {policy.UnknownIssuer}, sealSignature: {policy.BadSignature},
	sealUsage: {policy.WrongUsage}, sealRevoked: {policy.Revoked}, sealRefused: {policy.Malformed, policy.Unsupported, policy.NotAccepted},
}

func sealJudged(text []byte, authorities []trust.Authority, want string) error {
	now := int64(1_640_000_000) // where there is no certificate to ask
	var seal vdsnc.Seal
	if _, err := seal.Parse(nil, text); err == nil {
		if signer, err := vdsnc.ParseSigner(seal.Certificate); err == nil {
			now = signer.NotBefore
		}
	}
	list, err := trust.New(trust.List{
		Version: 1, Issued: now, Expires: now, Authorities: authorities, Acceptance: []trust.Acceptance{{Country: "*", Usages: trust.VDSNCUsage}},
	})
	if err != nil {
		return err
	}
	profile := policy.Profile{Accept: policy.Kinds(policy.VDSNC)}
	c := verify.New(&profile, nil).Verify(nil, []verify.Scan{{Data: text}}, list, policy.At(now))[0]
	if (c.Outcome() == policy.Admit) != (want == sealWhole) || !slices.Contains(sealReasons[want], c.Reason()) {
		return fmt.Errorf("the verdict is %v %v, want %q", c.Outcome(), c.Reason(), want)
	}
	return nil
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
