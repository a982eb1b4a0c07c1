package source

import (
	"encoding/pem"
	"fmt"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// readPEM takes the certificates and public keys of a file (RFC 7468); text between the blocks says nothing.
func (c *collector) readPEM(in Input) {
	rest := in.Data
	blocks := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks++
		name := fmt.Sprintf("%s, block %d", in.Name, blocks)
		switch block.Type {
		case "CERTIFICATE":
			c.readCertificate(name, block.Bytes, c.options.Country)
		case "PUBLIC KEY":
			c.readPublicKey(name, block.Bytes)
		default:
			c.report.Read++
			c.skip(name, fmt.Sprintf("a PEM block %.64q", block.Type))
		}
	}
	if blocks == 0 {
		c.report.Read++
		c.skip(in.Name, "no PEM block")
	}
}

// readPublicKey takes a bare key; all that a certificate would say comes from the options.
func (c *collector) readPublicKey(name string, spki []byte) {
	c.report.Read++
	o := &c.options
	if o.Country == "" || o.Usages == 0 || o.NotAfter == 0 {
		c.skip(name, "a bare public key needs country, usages and validity to be given")
		return
	}
	if len(spki) > MaxCertificate {
		c.skip(name, fmt.Sprintf("%d bytes, at most %d", len(spki), MaxCertificate))
		return
	}
	key, err := parsePublicKey(spki)
	if err != nil {
		c.skip(name, err.Error())
		return
	}
	c.take(name, bundle.Entry{Key: trust.Key{
		ID: keyID(key), Country: o.Country, Issuer: text(o.Issuer), Public: key, Usages: o.Usages, Scope: o.Scope,
		NotBefore: o.NotBefore, NotAfter: o.NotAfter,
	}})
}

// keyID is the id of a key without a certificate.
func keyID(key sig.Key) trust.KeyID {
	sum := key.Fingerprint()
	return trust.KeyID(sum[:8])
}
