package cose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"passerelle/gateway/encoding/cbor"
)

// jwk is a key of the vectors.
type jwk struct {
	Kty, Crv, X, Y, N, E string
	XHex                 string `json:"x_hex"`
	YHex                 string `json:"y_hex"`
}

// number returns one coordinate or number, which may be in either encoding.
func number(t *testing.T, base64URL, hexDigits string) *big.Int {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(base64URL)
	if hexDigits != "" {
		b, err = hex.DecodeString(hexDigits)
	}
	if err != nil {
		t.Fatal(err)
	}
	return new(big.Int).SetBytes(b)
}

// hashOf holds the hash of each algorithm that the vectors name.
var hashOf = map[int64]crypto.Hash{
	-7: crypto.SHA256, -35: crypto.SHA384, -36: crypto.SHA512,
	-37: crypto.SHA256, -38: crypto.SHA384, -39: crypto.SHA512,
}

// verify checks a signature with the standard library alone. It skips none: a key
// that it does not know is a failure.
func (k jwk) verify(t *testing.T, alg int64, signed, signature []byte) bool {
	t.Helper()
	if k.Kty == "OKP" && k.Crv == "Ed25519" {
		return alg == -8 && ed25519.Verify(number(t, k.X, k.XHex).FillBytes(make([]byte, 32)), signed, signature)
	}
	if hashOf[alg] == 0 {
		return false
	}
	h := hashOf[alg].New()
	h.Write(signed)
	digest := h.Sum(nil)
	switch k.Kty {
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Crv]
		if curve == nil || alg <= -37 {
			t.Fatalf("curve %q, algorithm %d", k.Crv, alg)
		}
		n := (curve.Params().BitSize + 7) / 8
		point := append([]byte{4}, number(t, k.X, k.XHex).FillBytes(make([]byte, n))...)
		point = append(point, number(t, k.Y, k.YHex).FillBytes(make([]byte, n))...)
		key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			t.Fatal(err)
		}
		return len(signature) == 2*n &&
			ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]))
	case "RSA":
		key := &rsa.PublicKey{N: number(t, k.N, ""), E: int(number(t, k.E, "").Int64())}
		return rsa.VerifyPSS(key, hashOf[alg], digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	}
	t.Fatalf("key of type %q", k.Kty)
	return false
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func vectorFiles(t *testing.T, patterns ...string) []string {
	t.Helper()
	var files []string
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(corpora(t, "cose"), filepath.FromSlash(p)))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no vectors, %v", p, err)
		}
		files = append(files, found...)
	}
	return files
}

// What is to be expected of a vector of the COSE working group.
type expectation struct {
	parse      error // of Parse
	otherBytes bool  // ToBeSigned is not what the vector says
	invalid    bool  // the signature does not verify
}

func TestVectorsOfTheWorkingGroup(t *testing.T) {
	t.Parallel()
	special := map[string]expectation{
		"sign-fail-01.json": {parse: ErrMalformed},             // another tag
		"sign-fail-02.json": {otherBytes: true, invalid: true}, // the payload was changed
		"sign-fail-03.json": {otherBytes: true, invalid: true}, // the algorithm is -999
		"sign-fail-04.json": {otherBytes: true, invalid: true}, // the algorithm is "unknown"
		"sign-fail-06.json": {otherBytes: true, invalid: true}, // a protected parameter was added
		"sign-fail-07.json": {otherBytes: true, invalid: true}, // a protected parameter was removed
		"sign-pass-01.json": {parse: ErrNoAlg},                 // the algorithm is only unprotected: we refuse
		"sign-pass-02.json": {otherBytes: true, invalid: true}, // signed with external data: we have none
	}
	seen := 0
	for _, file := range vectorFiles(t, "cose-wg/sign1-tests/*.json", "cose-wg/RFC8152/Appendix_C_2_1.json",
		"cose-wg/ecdsa-examples/ecdsa-sig-*.json", "cose-wg/eddsa-examples/eddsa-sig-01.json", "cose-wg/CWT/A_3.json") {
		var v struct {
			Input struct {
				Sign0 struct{ Key jwk }
			}
			Intermediates struct {
				ToBeSign string `json:"ToBeSign_hex"`
			}
			Output struct{ CBOR string }
		}
		readJSON(t, file, &v)
		name := filepath.Base(file)
		want := special[name]
		if _, ok := special[name]; ok {
			seen++
		}
		var m Message
		if err := m.Parse(room(unhex(t, v.Output.CBOR)), Headroom); !errors.Is(err, want.parse) {
			t.Errorf("%s: Parse: %v, want %v", name, err, want.parse)
		}
		if want.parse != nil {
			continue
		}
		signed := m.ToBeSigned()
		if same := bytes.Equal(signed, unhex(t, v.Intermediates.ToBeSign)); same == want.otherBytes {
			t.Errorf("%s: to be signed: %x, the vector says %s, want them equal: %v", name, signed, v.Intermediates.ToBeSign, !want.otherBytes)
		}
		if valid := v.Input.Sign0.Key.verify(t, m.Alg, signed, m.Signature); valid == want.invalid {
			t.Errorf("%s: the signature verifies: %v, want %v", name, valid, !want.invalid)
		}
	}
	if seen != len(special) {
		t.Errorf("%d of the %d vectors %v were there", seen, len(special), slices.Sorted(maps.Keys(special)))
	}
}

// Messages for many signers, encrypted or with a MAC are no COSE_Sign1.
func TestOtherMessagesOfTheWorkingGroupAreRefused(t *testing.T) {
	t.Parallel()
	for _, file := range vectorFiles(t, "cose-wg/*/*.json") {
		var v struct {
			Input  map[string]json.RawMessage
			Output struct{ CBOR string }
		}
		readJSON(t, file, &v)
		if _, ok := v.Input["sign0"]; ok {
			continue
		}
		var m Message
		if err := m.Parse(room(unhex(t, v.Output.CBOR)), Headroom); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", filepath.Base(file), err)
		}
	}
}

func TestVectorsOfGoCose(t *testing.T) {
	t.Parallel()
	refused := map[string]error{
		"sign1-verify-negative-0000.json": cbor.ErrType,      // protected header is a map
		"sign1-verify-negative-0001.json": cbor.ErrType,      // protected header holds an array
		"sign1-verify-negative-0002.json": cbor.ErrDuplicate, // algorithm twice
		"sign1-verify-negative-0003.json": cbor.ErrDuplicate, // key id twice
	}
	for _, file := range vectorFiles(t, "veraison-testdata/sign1-*.json") {
		var v struct {
			Key  jwk
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
		readJSON(t, file, &v)
		name := filepath.Base(file)
		var message, tbs, external string
		valid := true
		if v.Sign != nil {
			message, tbs, external = v.Sign.ExpectedOutput.CBORHex, v.Sign.TBS.CBORHex, v.Sign.External
		} else {
			message, external, valid = v.Verify.Tagged.CBORHex, v.Verify.External, v.Verify.ShouldVerify
		}

		var m Message
		err := m.Parse(room(unhex(t, message)), Headroom)
		if !errors.Is(err, refused[name]) {
			t.Errorf("%s: %v, want %v", name, err, refused[name])
		}
		if err != nil {
			continue
		}
		signed := m.ToBeSigned()
		if external != "" { // we have no external data: then it is another text, and the signature is wrong
			valid = false
		} else if tbs != "" && !strings.EqualFold(hex.EncodeToString(signed), tbs) {
			t.Errorf("%s: to be signed: %x, want %s", name, signed, tbs)
		}
		if got := v.Key.verify(t, m.Alg, signed, m.Signature); got != valid {
			t.Errorf("%s: the signature verifies: %v, want %v", name, got, valid)
		}
	}
}
