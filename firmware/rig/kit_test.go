package rig

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/issuer"
	"passerelle/gateway/trust"
)

// kit is what all scenarios share: keys, a trust list that a gate has taken, a secret for reports. It is made by the program's own
// commands, as an operator makes it.
type kit struct {
	folder, trust      string
	secret, secretFile string
	ministry, stranger *issuer.Key
	n                  int // certificates made
}

var makeKit = sync.OnceValues(newKit)

func theKit(t *testing.T) *kit {
	t.Helper()
	k, err := makeKit()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKit() (*kit, error) {
	folder, err := os.MkdirTemp("/state", "kit-")
	if err != nil {
		return nil, err
	}
	k := &kit{folder: folder, trust: filepath.Join(folder, "gate/trust"), secretFile: filepath.Join(folder, "secret")}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	k.secret = "whsec_" + base64.StdEncoding.EncodeToString(random)
	if err := os.WriteFile(k.secretFile, []byte(k.secret+"\n"), 0o600); err != nil {
		return nil, err
	}
	if k.ministry, err = k.key("Ministry", "ministry.pem"); err != nil {
		return nil, err
	}
	if k.stranger, err = k.key("Stranger", "stranger.pem"); err != nil {
		return nil, err
	}
	for _, args := range []string{
		"trust root --out root.pem",
		"trust root --keys root.pem.pub --out roots.toml",
		"trust import --format pem ministry.pem > ministry.toml",
		"trust build --out list.bundle --list-version 1 --accept MA ministry.toml",
		"trust sign --key root.pem list.bundle",
		"trust take --clock system --state gate --roots roots.toml list.bundle",
	} {
		args, file, redirected := strings.Cut(args, " > ")
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		text, err := command(ctx, folder, strings.Fields(args)...)
		cancel()
		if err == nil && redirected {
			err = os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600)
		}
		if err != nil {
			return nil, fmt.Errorf("passerelle %s: %w", args, err)
		}
	}
	return k, nil
}

// key makes a signing key that holds since a month ago, so that certificates may have expired, and writes it to a file.
func (k *kit) key(name, file string) (*issuer.Key, error) {
	private, err := issuer.Generate("P-256")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	key, err := issuer.New(private, 0, issuer.Scope{
		Country: "MA", Name: name, Usages: trust.AllHCERT, NotBefore: now.Add(-30 * day).Unix(), NotAfter: now.Add(30 * day).Unix(),
	})
	if err != nil {
		return nil, err
	}
	text, err := key.MarshalPEM()
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(filepath.Join(k.folder, file), text, 0o600)
}

// read reads a key that key wrote.
func (k *kit) read(file string) (*issuer.Key, error) {
	text, err := os.ReadFile(filepath.Join(k.folder, file))
	if err != nil {
		return nil, err
	}
	return issuer.ParsePEM(text, 0)
}

// certificate makes a test certificate that no other is equal to. filler is how long each of four of its texts is, at most 80.
func (k *kit) certificate(key *issuer.Key, from, until time.Duration, filler int) (string, error) {
	k.n++
	now := time.Now()
	code, err := issuer.HC1(key, &issuer.Certificate{
		IssuedAt: now.Add(from).Unix(), Expires: now.Add(until).Unix(),
		Name: issuer.Name{Family: "Specimen" + text("A", max(0, filler-8)), Given: "Rig" + text("B", max(0, filler-3))}, Birth: "1990-05-06",
		Test: &issuer.Test{
			Disease: "840539006", Method: "LP6464-4", Collected: now.Add(from).UTC().Format(time.RFC3339), Result: "260415000",
			Name: text("D", filler), Device: text("E", filler), Centre: "Laboratory 42", Country: "MA", Authority: "Ministry", ID: fmt.Sprintf("URN:UVCI:01:MA:RIG%06d", k.n),
		},
	})
	if err != nil {
		return "", fmt.Errorf("make a certificate: %w", err)
	}
	return code, nil
}

// code is one code and what the gate has to say of it.
type code struct{ text, want string }

const day = 24 * time.Hour

// The codes of scenarios. Each call makes a new one.
func (k *kit) good(t *testing.T) code { return k.code(t, k.ministry, -time.Hour, day, 0, "admit ok") }

func (k *kit) longest(t *testing.T) code {
	return k.code(t, k.ministry, -time.Hour, day, 80, "admit ok")
}

func (k *kit) expired(t *testing.T) code {
	return k.code(t, k.ministry, -2*day, -day, 0, "deny expired")
}

func (k *kit) unknown(t *testing.T) code {
	return k.code(t, k.stranger, -time.Hour, day, 0, "deny unknown_issuer")
}

func (k *kit) code(t *testing.T, key *issuer.Key, from, until time.Duration, filler int, want string) code {
	t.Helper()
	text, err := k.certificate(key, from, until, filler)
	if err != nil {
		t.Fatal(err)
	}
	return code{text, want}
}

// mix makes n codes, of ten eight good ones.
func (k *kit) mix(t *testing.T, n int) (codes []code) {
	t.Helper()
	for i := range n {
		switch i % 10 {
		case 3:
			codes = append(codes, k.expired(t))
		case 7:
			codes = append(codes, k.unknown(t))
		default:
			codes = append(codes, k.good(t))
		}
	}
	return codes
}

// text is n letters that do not compress well.
func text(start string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteByte('A' + byte((i*i*7+i*int(start[0]))%26))
	}
	return b.String()
}

var errGone = errors.New("the device was unplugged")
