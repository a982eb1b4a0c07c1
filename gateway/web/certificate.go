package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names of the files of a gate's own certificate.
const (
	OwnCertFile = "cert.pem"
	OwnKeyFile  = "key.pem"
)

// OwnCertLife is how long a gate's own certificate is valid: as long as a box stands at a gate. Nobody but the gate vouches for it, so what
// counts is that whoever trusts it has compared its fingerprint.
const OwnCertLife = 10 * 365 * 24 * time.Hour

// ServerTLS returns how both listeners speak TLS with a certificate: version 1.3 (RFC 8446) and nothing older.
func ServerTLS(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}
}

// Fingerprint returns the SHA-256 of a certificate as browsers show it: "AB:CD:…".
func Fingerprint(cert tls.Certificate) string {
	sum := sha256.Sum256(cert.Certificate[0])
	var b strings.Builder
	for i, c := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", c)
	}
	return b.String()
}

// LoadCert reads a certificate, with its chain, and its key from two files in PEM.
func LoadCert(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("load the certificate of the page: %w", err)
	}
	return cert, nil
}

// OwnCert returns the certificate that a gate made for itself in a folder, and makes it if there is none, if it has ended, or if it lacks one
// of the hosts: names and addresses. A new one is made with a new key, so its fingerprint is another one, too; made says so.
func OwnCert(dir string, hosts []string, now time.Time, random io.Reader) (cert tls.Certificate, made bool, err error) {
	certFile, keyFile := filepath.Join(dir, OwnCertFile), filepath.Join(dir, OwnKeyFile)
	cert, err = tls.LoadX509KeyPair(certFile, keyFile)
	switch {
	case err == nil && covers(cert.Leaf, hosts, now):
		return cert, false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return tls.Certificate{}, false, fmt.Errorf("load the gate's own certificate: %w", err)
	}
	certPEM, keyPEM, err := newOwnCert(hosts, now, random)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil { // without a certificate both are made again, so a power cut in between costs nothing
		err = os.Remove(certFile)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = replace(keyFile, keyPEM)
	}
	if err == nil {
		err = replace(certFile, certPEM)
	}
	if err == nil {
		cert, err = tls.X509KeyPair(certPEM, keyPEM)
	}
	if err != nil {
		return tls.Certificate{}, false, fmt.Errorf("make the gate's own certificate: %w", err)
	}
	return cert, true, nil
}

func covers(leaf *x509.Certificate, hosts []string, now time.Time) bool {
	if now.After(leaf.NotAfter) {
		return false
	}
	for _, h := range hosts {
		if leaf.VerifyHostname(hostname(h)) != nil {
			return false
		}
	}
	return true
}

func newOwnCert(hosts []string, now time.Time, random io.Reader) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, nil, err
	}
	serial := make([]byte, 16)
	if _, err := io.ReadFull(random, serial); err != nil {
		return nil, nil, err
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, and of full length (RFC 5280, section 4.1.2.2)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: "Passerelle gate"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(OwnCertLife), // clocks of tablets differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, h := range append([]string{"localhost", "127.0.0.1", "::1"}, hosts...) {
		name := hostname(h)
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(random, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}

// replace writes a file whole or not at all, for its owner alone.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// maxCertFile is the most that is read of a file with a certificate, in bytes.
const maxCertFile = 64 << 10

// ReadCert reads the first certificate of a file in PEM.
func ReadCert(path string) (*x509.Certificate, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the page: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCertFile))
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the page: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, fmt.Errorf("read the certificate of the page: %s has none", path)
}
