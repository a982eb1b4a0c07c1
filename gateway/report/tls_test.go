package report

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority issues certificates for 127.0.0.1 and writes them as PEM files.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key, cert, filepath.Join(dir, name+".pem")}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

func (a *authority) issue(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", private)
	return certFile, keyFile
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A collector behind TLS 1.3 that asks for client certificates: reached with the right authority and certificate, and
// with nothing else.
func TestReportsGoOverMutualTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ours, stranger := newAuthority(t, dir, "ours"), newAuthority(t, dir, "stranger")
	serverCert, serverKey := ours.issue(t, dir, "collector")
	boxCert, boxKey := ours.issue(t, dir, "box")
	strangeCert, strangeKey := stranger.issue(t, dir, "strange-box")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ours.cert)

	c, err := OpenCollector(filepath.Join(dir, "collector"), CollectorOptions{
		Now: time.Now, MinFree: 1, ConnsPerIP: -1, Secrets: []Secret{mustSecret(t, referenceSecret)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- c.Serve(ln) }()
	t.Cleanup(func() {
		if err := c.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		<-served
	})

	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 1200)
	for _, step := range []struct {
		name    string
		ca      string
		cert    string
		key     string
		reaches bool
	}{
		{"no certificate", ours.file, "", "", false},
		{"a certificate of another authority", ours.file, strangeCert, strangeKey, false},
		{"the endpoint's authority is not known", stranger.file, boxCert, boxKey, false},
		{"the system's authorities", "", boxCert, boxKey, false},
		{"all right", ours.file, boxCert, boxKey, true},
	} {
		folder := filepath.Join(dir, step.name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		opts := quick(folder, "https://"+ln.Addr().String()+"/v1/reports", mustSecret(t, referenceSecret))
		opts.CAFile, opts.CertFile, opts.KeyFile = step.ca, step.cert, step.key
		f := forward(t, j, opts)
		if step.reaches {
			f.until(t, step.name, drained)
		} else {
			f.until(t, step.name, func(s Status) bool { return s.State == StateWaiting })
			if c.Entries() != 0 {
				t.Errorf("%s: entries got through", step.name)
			}
		}
		f.stop()
	}
	wantSame(t, c, j)
}
