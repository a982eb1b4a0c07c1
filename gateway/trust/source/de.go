package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"passerelle/gateway/sig"

	"passerelle/gateway/trust"
)

// deList is the German list of signers: line 1 is base64 of r‖s, ECDSA on P-256 with SHA-256 over the exact bytes after
// the first LF; those are this JSON. Fields that are not named here say nothing that the certificate does not.
type deList struct {
	Certificates []json.RawMessage `json:"certificates"`
}

type deCertificate struct {
	CertificateType string `json:"certificateType"`
	Country         string `json:"country"`
	KID             string `json:"kid"`     // base64
	RawData         []byte `json:"rawData"` // DER certificate
}

func (c *collector) readDE(in Input) error {
	if c.options.Country != "" || c.options.Usages != 0 {
		return errors.New("the list says country and usages itself")
	}
	body, err := openDE(in.Data, &c.options.ListKey)
	if err != nil {
		return err
	}
	return c.readDEBody(body)
}

// openDE returns the signed bytes of a list whose signature is good.
func openDE(list []byte, key *sig.Key) ([]byte, error) {
	line, body, found := bytes.Cut(list, []byte("\n"))
	if !found {
		return nil, errors.New("no signature line")
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSuffix(line, []byte("\r"))))
	if err != nil {
		return nil, fmt.Errorf("signature line: %w", err)
	}
	var v sig.Verifier
	if !key.Valid() {
		return nil, errors.New("no key to verify the list with")
	}
	if !v.Confirm(&sig.Job{Key: key, Alg: sig.ES256, Message: body, Signature: signature}) {
		return nil, errors.New("the list is not signed by the given key")
	}
	return body, nil
}

func (c *collector) readDEBody(body []byte) error {
	var list deList
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if list.Certificates == nil {
		return errors.New("list: no certificates")
	}
	if c.options.Usages == 0 {
		c.options.Usages = trust.AllHCERT // the list is of nothing else
	}
	for i, raw := range list.Certificates {
		c.readDEEntry(i+1, raw)
	}
	return nil
}

func (c *collector) readDEEntry(number int, raw json.RawMessage) {
	var entry deCertificate
	if err := json.Unmarshal(raw, &entry); err != nil {
		c.report.Read++
		c.skip(fmt.Sprintf("entry %d", number), err.Error())
		return
	}
	sum := sha256.Sum256(entry.RawData)
	kid := base64.StdEncoding.EncodeToString(sum[:8])
	name := fmt.Sprintf("entry %d, %.8s, kid %s", number, entry.Country, kid)
	switch {
	case entry.CertificateType != "DSC":
		c.report.Read++
		c.skip(name, fmt.Sprintf("a certificate of type %.32q, not a signer's", entry.CertificateType))
		return
	case entry.Country == "":
		c.report.Read++
		c.skip(name, "the list gives no country")
		return
	case entry.KID != kid:
		c.note("%s: the list says %.32q", name, entry.KID)
	}
	c.readCertificate(name, entry.RawData, entry.Country)
}
