package source

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// readAuthorities takes the certificates of country signing authorities (ICAO Doc 9303, part 12, section 7) from PEM or DER. Of a
// certificate count the public key, its identifier, the validity and the country; several certificates of one key make one
// authority, valid as long as any of them.
func (c *collector) readAuthorities(in Input) {
	blocks := derBlocks(in.Data, "CERTIFICATE")
	for i, der := range blocks {
		name := in.Name
		if len(blocks) > 1 {
			name = fmt.Sprintf("%s, block %d", in.Name, i+1)
		}
		c.readAuthority(name, der)
	}
	if len(blocks) == 0 {
		c.report.Read++
		c.skip(in.Name, "no certificate")
	}
}

// derBlocks returns the PEM blocks of a type, or the whole input where it is no PEM.
func derBlocks(data []byte, kind string) [][]byte {
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		if len(data) == 0 {
			return nil
		}
		return [][]byte{data}
	}
	var blocks [][]byte
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return blocks
		}
		if block.Type == kind {
			blocks = append(blocks, block.Bytes)
		}
	}
}

func (c *collector) readAuthority(name string, der []byte) {
	c.report.Read++
	cert, err := parseCertificate(der)
	if err != nil {
		c.skip(name, err.Error())
		return
	}
	if !cert.authority {
		c.skip(name, "the certificate is not one of an authority")
		return
	}
	if cert.tolerated != "" {
		c.note("%s: taken although crypto/x509 refuses the certificate: %s", name, cert.tolerated)
	}
	country := cmp.Or(c.options.Country, strings.ToUpper(cert.country))
	a := bundle.Authority{Source: c.source, Authority: trust.Authority{
		Country: country, SKI: cert.ski, Public: cert.public, Algorithms: cert.public.Algorithms(),
		NotBefore: cert.notBefore, NotAfter: cert.notAfter,
	}}
	if err := a.Check(); err != nil {
		c.skip(name, err.Error())
		return
	}
	c.takeAuthority(name, a)
}

func (c *collector) takeAuthority(name string, a bundle.Authority) {
	same := 0
	for i := range c.content.Authorities {
		have := &c.content.Authorities[i]
		if !bytes.Equal(have.SKI, a.SKI) {
			continue
		}
		if have.Public.Fingerprint() == a.Public.Fingerprint() && have.Country == a.Country {
			have.NotBefore, have.NotAfter = min(have.NotBefore, a.NotBefore), max(have.NotAfter, a.NotAfter)
			c.report.Taken++
			c.note("%s: another certificate of %v; it is valid while either is", name, have)
			return
		}
		same++
	}
	switch {
	case same == trust.MaxAuthoritiesPerSKI:
		c.skip(name, fmt.Sprintf("more than %d authorities under one identifier", trust.MaxAuthoritiesPerSKI))
	case len(c.content.Authorities) == trust.MaxAuthorities:
		c.skip(name, fmt.Sprintf("more than %d authorities", trust.MaxAuthorities))
	default:
		c.report.Taken++
		c.content.Authorities = append(c.content.Authorities, a)
	}
}

// readRevocationLists adds the serial numbers of CRLs (RFC 5280, section 5) to the authorities that signed them, which have revoked
// nobody else until the newest of them ends. A list that none of them signed is skipped and named.
func (c *collector) readRevocationLists(inputs []Input) {
	for _, in := range inputs {
		blocks := derBlocks(in.Data, "X509 CRL")
		if len(blocks) == 0 {
			c.report.Read++
			c.skip(in.Name, "no revocation list")
		}
		for _, der := range blocks {
			c.report.Read++
			if err := c.readRevocationList(in.Name, der); err != nil {
				c.skip(in.Name, err.Error())
				continue
			}
			c.report.Taken++
		}
	}
}

func (c *collector) readRevocationList(name string, der []byte) error {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return fmt.Errorf("not a revocation list: %w", err)
	}
	serials := make([][]byte, 0, len(list.RevokedCertificateEntries))
	for _, entry := range list.RevokedCertificateEntries {
		serial, err := serialBytes(entry.SerialNumber)
		if err != nil {
			return err
		}
		serials = append(serials, serial)
	}
	for i := range c.content.Authorities {
		a := &c.content.Authorities[i]
		if len(list.AuthorityKeyId) > 0 && !bytes.Equal(list.AuthorityKeyId, a.SKI) || !signedList(list, &a.Public) {
			continue
		}
		more := *a
		more.Revoked = slices.Concat(a.Revoked, serials)
		if isWhole(list) {
			more.RevokedUntil = max(a.RevokedUntil, list.NextUpdate.Unix())
		}
		sortSerials(&more)
		if err := more.Check(); err != nil {
			return err
		}
		*a = more
		c.note("%s: %d serial numbers, issued %s, next due %s", name, len(serials), list.ThisUpdate.UTC().Format("2006-01-02"), list.NextUpdate.UTC().Format("2006-01-02"))
		return nil
	}
	return errors.New("no authority that is imported here has signed this list")
}

// isWhole reports whether who is not on a list is not revoked. A list of changes, or of some signers alone, says so in a critical
// extension (RFC 5280, sections 5.2.4 and 5.2.5), and one that does not say when the next is due says nothing of today.
func isWhole(list *x509.RevocationList) bool {
	return !list.NextUpdate.IsZero() && !slices.ContainsFunc(list.Extensions, func(e pkix.Extension) bool { return e.Critical })
}

func signedList(list *x509.RevocationList, key *sig.Key) bool {
	issuer := x509.Certificate{PublicKey: key.Public()}
	return issuer.CheckSignature(list.SignatureAlgorithm, list.RawTBSRevocationList, list.Signature) == nil
}

// serialBytes returns the contents of the DER INTEGER without leading zero bytes.
func serialBytes(serial *big.Int) ([]byte, error) {
	der, err := asn1.Marshal(serial)
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	var raw asn1.RawValue
	if _, err := asn1.Unmarshal(der, &raw); err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	return bytes.TrimLeft(raw.Bytes, "\x00"), nil
}

func sortSerials(a *bundle.Authority) {
	slices.SortFunc(a.Revoked, bytes.Compare)
	a.Revoked = slices.CompactFunc(a.Revoked, bytes.Equal)
}
