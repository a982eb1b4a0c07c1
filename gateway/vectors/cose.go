package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"

	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/sig"
)

// coseCases reads the examples of the COSE working group and of go-cose, and those of the Token Status List draft.
//
// Of a COSE_Sign1 its own expectation counts: what upstream accepts must be parsed, give the same bytes to be signed, and verify;
// what upstream refuses must be refused by package cose or by package sig. Three kinds of example must be refused although they are
// right, because they are not for a gate: messages of other kinds (for several signers, encrypted, with a MAC), which must not even
// be parsed; algorithms that no key of a trust list allows (coseAlgorithms); and signatures over external data, which no code
// brings along, where the same signature over upstream's own bytes must still verify.
func coseCases(dir string, check func(name string, err error)) error {
	for _, source := range []struct {
		pattern string
		read    func(file []byte) (*coseVector, error)
	}{{"cose-wg/*/*.json", coseWorkingGroup}, {"veraison-testdata/sign1-*.json", coseVeraison}} {
		files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(source.pattern)))
		if err != nil || len(files) == 0 {
			return errors.Join(err, fmt.Errorf("no vectors %s", source.pattern))
		}
		for _, path := range files {
			file, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			v, err := source.read(file)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			check(filepath.ToSlash(name), v.run())
		}
	}
	return statusCases(dir, check)
}

// coseVector is one example.
type coseVector struct {
	message  []byte
	sign1    bool   // it is a COSE_Sign1
	accepted bool   // upstream accepts it
	external bool   // its signature is over external data, too
	signed   []byte // upstream's bytes to be signed; nil if it does not say them
	alg      string
	key      coseKey
}

// coseKey is a JWK, with some numbers in hexadecimal instead.
type coseKey struct {
	Kty, Crv, X, Y, N, E string
	XHex                 string `json:"x_hex"`
	YHex                 string `json:"y_hex"`
}

// coseAlgorithms holds what messages by a key of each type may name, see the table in package sig.
var coseAlgorithms = map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA", "RSA": "PS256"}

func coseWorkingGroup(file []byte) (*coseVector, error) {
	var v struct {
		Fail  bool
		Input struct {
			Sign0 *struct {
				Key           coseKey
				Alg, External string
			}
		}
		Intermediates struct {
			ToBeSign string `json:"ToBeSign_hex"`
		}
		Output struct{ CBOR string }
	}
	if err := json.Unmarshal(file, &v); err != nil {
		return nil, err
	}
	message, err := hex.DecodeString(v.Output.CBOR)
	if err != nil || v.Input.Sign0 == nil {
		return &coseVector{message: message}, err
	}
	signed, err := hex.DecodeString(v.Intermediates.ToBeSign)
	return &coseVector{
		message: message, sign1: true, accepted: !v.Fail, external: v.Input.Sign0.External != "", signed: signed,
		alg: v.Input.Sign0.Alg, key: v.Input.Sign0.Key,
	}, err
}

func coseVeraison(file []byte) (*coseVector, error) {
	var v struct {
		Key  coseKey
		Alg  string
		Sign *struct {
			TBS            struct{ CBORHex string } `json:"tbsHex"`
			External       string
			ExpectedOutput struct{ CBORHex string }
		} `json:"sign1::sign"`
		Verify *struct {
			Tagged       struct{ CBORHex string } `json:"taggedCOSESign1"`
			External     string
			ShouldVerify bool
		} `json:"sign1::verify"`
	}
	if err := json.Unmarshal(file, &v); err != nil {
		return nil, err
	}
	out := &coseVector{sign1: true, accepted: true, alg: v.Alg, key: v.Key}
	var message, signed string
	switch {
	case v.Sign != nil && v.Sign.External != "":
		// The signature is that of sign1-verify-0000, by that one's key: go-cose compares only what stands before it.
		message, out.external = v.Sign.ExpectedOutput.CBORHex, true
	case v.Sign != nil:
		message, signed = v.Sign.ExpectedOutput.CBORHex, v.Sign.TBS.CBORHex
	case v.Verify != nil:
		message, out.external, out.accepted = v.Verify.Tagged.CBORHex, v.Verify.External != "", v.Verify.ShouldVerify
	default:
		return nil, errors.New("neither signed nor verified")
	}
	var err, other error
	out.message, err = hex.DecodeString(message)
	if signed != "" {
		out.signed, other = hex.DecodeString(signed)
	}
	return out, errors.Join(err, other)
}

// run reads the example as a gate does and compares.
func (v *coseVector) run() error {
	m := new(cose.Message)
	err := m.Parse(append(make([]byte, cose.Headroom), v.message...), cose.Headroom)
	switch {
	case !v.sign1 && !errors.Is(err, cose.ErrMalformed):
		return fmt.Errorf("a message of another kind: parsed with %v, want %v", err, cose.ErrMalformed)
	case err != nil && v.sign1 && v.accepted:
		return fmt.Errorf("got %w, want it parsed", err)
	case err != nil:
		return nil
	}
	key, err := v.key.public()
	allowed := coseAlgorithms[v.key.name()] == v.alg
	if err != nil {
		if allowed || !errors.Is(err, sig.ErrKey) {
			return fmt.Errorf("key: %w", err)
		}
		return nil
	}
	got, want := coseVerify(&key, m, m.ToBeSigned()), v.accepted && allowed && !v.external
	switch {
	case got != want:
		return fmt.Errorf("the signature verifies: %v, want %v", got, want)
	case want && v.signed != nil && !bytes.Equal(v.signed, m.ToBeSigned()):
		return fmt.Errorf("to be signed: %x, want %x", m.ToBeSigned(), v.signed)
	case v.external && v.signed != nil && !coseVerify(&key, m, v.signed):
		return errors.New("the signature does not verify with the external data")
	}
	return nil
}

// coseVerify checks a message's signature over signed.
func coseVerify(key *sig.Key, m *cose.Message, signed []byte) bool {
	alg := sig.Algorithm(m.Alg)
	if int64(alg) != m.Alg {
		return false
	}
	jobs := []sig.Job{{Key: key, Alg: alg, Message: signed, Signature: m.Signature}}
	new(sig.Verifier).Verify(jobs)
	return jobs[0].OK
}

// name returns the curve, or RSA.
func (k *coseKey) name() string {
	if k.Kty == "RSA" {
		return k.Kty
	}
	return k.Crv
}

// public makes the key one of ours. The error is sig.ErrKey for one that cannot be.
func (k *coseKey) public() (sig.Key, error) {
	number := func(base64URL, hexDigits string) []byte {
		if hexDigits != "" {
			b, _ := hex.DecodeString(hexDigits)
			return b
		}
		b, _ := base64.RawURLEncoding.DecodeString(base64URL)
		return b
	}
	var public crypto.PublicKey
	switch k.name() {
	case "P-256", "P-384", "P-521":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Crv]
		n := (curve.Params().BitSize + 7) / 8
		x, y := number(k.X, k.XHex), number(k.Y, k.YHex)
		if len(x) > n || len(y) > n {
			return sig.Key{}, fmt.Errorf("%w: coordinates of %d and %d bytes", sig.ErrKey, len(x), len(y))
		}
		point := make([]byte, 1+2*n)
		point[0] = 4
		copy(point[1+n-len(x):], x)
		copy(point[1+2*n-len(y):], y)
		key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			return sig.Key{}, err
		}
		public = key
	case "RSA":
		e := new(big.Int).SetBytes(number(k.E, ""))
		public = &rsa.PublicKey{N: new(big.Int).SetBytes(number(k.N, "")), E: int(e.Int64())}
	case "Ed25519":
		public = ed25519.PublicKey(number(k.X, k.XHex))
	default:
		return sig.Key{}, fmt.Errorf("%w: %s", sig.ErrKey, strings.TrimSpace(k.Kty+" "+k.Crv))
	}
	return sig.New(public)
}
