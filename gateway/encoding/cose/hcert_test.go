package cose

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"os"
	"path"
	"strings"
	"testing"

	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cbor"
	"passerelle/gateway/encoding/inflate"
)

const (
	hc1Prefix  = "HC1:"
	inflateMax = 16 << 10 // as the gateway has it for scanned codes
)

// chain is all that decodes a health certificate, as the hot path has it: scratch
// of its own, and no allocation.
type chain struct {
	compressed []byte
	buf        []byte
	inflater   inflate.Decoder
	message    Message
	claims     cbor.Cursor
}

func newChain() *chain {
	return &chain{compressed: make([]byte, 0, 4<<10), buf: make([]byte, Headroom, Headroom+inflateMax)}
}

// decode goes through all layers and says at which one it stopped.
func (d *chain) decode(text []byte) (layer string, digest [32]byte) {
	if layer, digest = d.open(text); layer != "" {
		return layer, digest
	}
	d.claims.Reset(d.message.Payload)
	readItem(&d.claims)
	if d.claims.End(); d.claims.Err() != nil {
		return "cbor", digest
	}
	return "", digest
}

// open goes through the layers up to the digest of what was signed, which is all
// that comes before the signature.
func (d *chain) open(text []byte) (layer string, digest [32]byte) {
	if len(text) < len(hc1Prefix) || string(text[:len(hc1Prefix)]) != hc1Prefix {
		return "prefix", digest
	}
	var err error
	if d.compressed, err = base45.AppendDecode(d.compressed[:0], text[len(hc1Prefix):]); err != nil {
		return "base45", digest
	}
	if d.buf, err = d.inflater.AppendZlib(d.buf[:Headroom], d.compressed, inflateMax); err != nil {
		return "zlib", digest
	}
	if d.message.Parse(d.buf, Headroom) != nil {
		return "cose", digest
	}
	return "", sha256.Sum256(d.message.ToBeSigned())
}

// readItem reads an item with the getters, as a reader of claims does.
func readItem(c *cbor.Cursor) {
	switch c.Kind() {
	case cbor.KindInt, cbor.KindFloat:
		c.Number()
	case cbor.KindText:
		c.Text()
	case cbor.KindBytes:
		c.Bytes()
	case cbor.KindArray:
		for it := c.Array(); c.More(&it); {
			readItem(c)
		}
	case cbor.KindMap:
		for it := c.Map(); c.More(&it); {
			readItem(c)
			readItem(c)
		}
	case cbor.KindTag:
		c.Tag()
		readItem(c)
	default:
		c.Skip()
	}
}

// certificate is one row of the corpus.
type certificate struct {
	Source         string
	Payload        string
	Certificate    []byte
	SignatureValid *bool `json:"signature_valid"`
}

func certificates(t testing.TB, file string) []certificate {
	t.Helper()
	f, err := os.Open(corpora(t, "hcert/"+file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []certificate
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row certificate
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestHealthCertificatesOfSixtyIssuers(t *testing.T) {
	t.Parallel()
	// All that may fail, at which layer; the rest must decode to its end.
	want := map[string]string{
		"H1.json":   "prefix", // HL0:
		"H3.json":   "prefix", // none
		"B1.json":   "base45", // wrong characters
		"Z2.json":   "zlib",   // not compressed
		"CBO2.json": "cose",   // no COSE message at all
		"CO20.json": "cose",   // the algorithm is only unprotected
		"CO22.json": "cose",   // the same
	}
	rows := certificates(t, "payloads.jsonl")
	if len(rows) == 0 {
		t.Fatal("no payloads")
	}
	d := newChain()
	count := map[string]int{}
	for _, row := range rows {
		text := []byte(row.Payload)
		layer, digest := d.decode(text)
		count[layer]++
		expected, known := "", false
		if strings.Contains(row.Source, "/common/") {
			expected, known = want[path.Base(row.Source)]
		}
		genuine := row.SignatureValid != nil && *row.SignatureValid
		if layer != expected && (known || genuine) {
			t.Errorf("%s: stopped at %q, want %q", row.Source, layer, expected)
		}
		if string(text) != row.Payload {
			t.Errorf("%s: the scanned text was changed", row.Source)
		}
		if layer == "" && row.Certificate != nil && row.SignatureValid != nil {
			if valid := verifiesWith(t, row, &d.message, digest); valid != *row.SignatureValid {
				t.Errorf("%s: the signature verifies: %v, want %v", row.Source, valid, *row.SignatureValid)
			}
		}
	}
	t.Logf("where %d payloads stopped: %v", len(rows), count)
}

// verifiesWith verifies a signature with the certificate of the corpus and the
// standard library.
func verifiesWith(t *testing.T, row certificate, m *Message, digest [32]byte) bool {
	t.Helper()
	cert, err := x509.ParseCertificate(row.Certificate)
	if err != nil || m.Alg != -7 && m.Alg != -37 { // what the importer and package sig make of these is tested there
		return *row.SignatureValid
	}
	n := len(m.Signature) / 2
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return n == (key.Params().BitSize+7)/8 &&
			ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(m.Signature[:n]), new(big.Int).SetBytes(m.Signature[n:]))
	case *rsa.PublicKey:
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], m.Signature, &rsa.PSSOptions{SaltLength: 32}) == nil
	}
	t.Fatalf("%s: key of type %T", row.Source, cert.PublicKey)
	return false
}
