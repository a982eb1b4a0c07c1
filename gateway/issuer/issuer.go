// Package issuer signs EU digital certificates, HC1, and Morocco's, which are built alike; the program's own tickets, PT1; and the
// status lists of these.
//
// The chain is that of the HCERT specification, sections 3 and 4: CWT claims (RFC 8392) in a COSE_Sign1 message (RFC 9052),
// zlib (RFC 1950), base45 (RFC 9285), "HC1:". HC1 refuses to sign what a verifier would have to refuse: Certificate says what
// is checked, and PT1 does likewise for a Ticket, which goes the same way with other claims and its own prefix (package cwt says which).
// Message is the layer below for tests and tools that need a message which is odd on purpose; it checks nothing.
//
// Everything but Generate is a function of its arguments. ECDSA signatures are those of RFC 6979, Ed25519's always are, and
// the salt of RSA-PSS is a hash of what is signed, so the same certificate under the same key gives the same code, and a
// batch that broke off can be issued again without a second version of any code. (compress/zlib may pack differently in
// another Go release; what is signed stays the same.)
//
// The holder's document. Morocco's certificates carry the number of the holder's national card, residence card or passport;
// the EU schema has no member for it. We write it as member "id" of the certificate, beside "nam" and "dob":
//
//	"id": {"t": "CNIE" | "CS" | "PN", "n": "AB123456"}
//
// The schema (version 1.3) closes none of its objects, so the certificate stays valid for every verifier that follows it, and
// other issuers do likewise ("pid", "pn", "meta" in the public test data). It stands outside "nam", which is all that some
// verifiers show, and it is signed like the rest, which a header would not be bound to be.
//
// Names. "fn" and "gn" hold the name as its bearer writes it, in Latin or Arabic letters; "fnt" and "gnt" the letters of the
// machine-readable zone. For Latin names Transliterate gives these. Moroccan passports spell Arabic names as their bearers do
// in Latin letters, which no table yields, so with an Arabic name fnt and gnt must be given.
package issuer

import (
	"bytes"
	"compress/zlib"
	"fmt"

	"passerelle/gateway/encoding/base45"
)

const prefixHC1 = "HC1:"

// HC1 returns the text of the code for c, signed by k. The errors say which member of c is wrong, or that k may not sign it.
func HC1(k *Key, c *Certificate) (string, error) {
	if err := k.maySign(c); err != nil {
		return "", err
	}
	if err := c.check(); err != nil {
		return "", err
	}
	m := NewMessage(k, c)
	signed, err := m.Sign(k)
	if err != nil {
		return "", err
	}
	return Encode(signed)
}

// Encode returns the text of the HC1 code that holds a signed COSE message: compressed, then in base45, then prefixed.
func Encode(message []byte) (string, error) { return encode(prefixHC1, message) }

func encode(prefix string, message []byte) (string, error) {
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	if err != nil {
		return "", fmt.Errorf("compress: %w", err)
	}
	if _, err := w.Write(message); err != nil {
		return "", fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("compress: %w", err)
	}
	return string(base45.AppendEncode([]byte(prefix), packed.Bytes())), nil
}
