package issuer_test

import (
	"errors"
	"testing"
	"time"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/issuer"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// TestOnlyKeysOnP256SignBoardingPasses: no gate reads the passes of another one that signs by SHA-256.
func TestOnlyKeysOnP256SignBoardingPasses(t *testing.T) {
	t.Parallel()
	pass := issuer.BoardingPass{Surname: "SPECIMEN", Given: "YASMINE", Legs: []issuer.BoardingLeg{
		{PNR: "ABC123", From: "CMN", To: "CDG", Carrier: "AT", Number: 780, Date: time.Unix(unix("2026-06-15T00:00:00Z"), 0), Sequence: 1},
	}}
	text, err := pass.Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"P-256", "P-384", "P-521", "RSA-2048", "Ed25519"} {
		private, err := issuer.Generate(name)
		if err != nil {
			t.Fatal(err)
		}
		k, err := issuer.New(private, 0, issuer.Scope{Country: "MA", Name: "AT", Usages: trust.BCBPUsage, NotBefore: unix("2026-01-01T00:00:00Z"), NotAfter: unix("2027-12-31T23:59:59Z")})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := issuer.SignPass(k, text)
		if name != "P-256" {
			if !errors.Is(err, issuer.ErrPass) || signed != "" {
				t.Errorf("%s: %q, %v, want an ErrPass", name, signed, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.SignPass(k, signed); !errors.Is(err, issuer.ErrPass) {
			t.Errorf("a pass that is signed already: %v, want an ErrPass", err)
		}
		var read bcbp.Pass
		if err := read.Parse([]byte(signed)); err != nil {
			t.Fatal(err)
		}
		entry := k.Entry()
		signature, err := read.Security.AppendSignature(nil, entry.Public.SignatureSize()/2)
		if err != nil {
			t.Fatal(err)
		}
		jobs := []sig.Job{{Key: &entry.Public, Alg: sig.ES256, Message: []byte(text), Signature: signature}}
		if sig.NewVerifier(nil).Verify(jobs); !jobs[0].OK {
			t.Error("the signature does not verify over what stands before it")
		}
	}
}
