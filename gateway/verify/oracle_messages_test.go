package verify_test

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"math"
	"math/big"
	"math/bits"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// pair is one member of a map that is to be encoded; a key may come twice.
type pair struct{ key, value any }

// raw is an item that is encoded already.
type raw []byte

// encoder writes CBOR in one of the many ways that mean the same. With a nil random it is the shortest.
type encoder struct {
	random *mathrand.Rand
	b      []byte
}

// one is true once in n times.
func (e *encoder) one(n int) bool { return e.random != nil && e.random.IntN(n) == 0 }

// head writes a head, now and then longer than it need be.
func (e *encoder) head(major int, n uint64) {
	size := 0
	switch {
	case n > math.MaxUint32:
		size = 8
	case n > math.MaxUint16:
		size = 4
	case n > math.MaxUint8:
		size = 2
	case n > 23:
		size = 1
	}
	for size < 8 && e.one(20) {
		size = max(1, 2*size)
	}
	if size == 0 {
		e.b = append(e.b, byte(major<<5)|byte(n))
		return
	}
	var word [8]byte
	binary.BigEndian.PutUint64(word[:], n)
	e.b = append(e.b, byte(major<<5)|24+byte(bits.TrailingZeros(uint(size))))
	e.b = append(e.b, word[8-size:]...)
}

// text writes a string of a major type, now and then in chunks.
func (e *encoder) text(major int, s []byte) {
	if !e.one(15) {
		e.head(major, uint64(len(s)))
		e.b = append(e.b, s...)
		return
	}
	e.b = append(e.b, byte(major<<5)|31)
	for len(s) > 0 {
		n := 1 + e.random.IntN(len(s))
		e.head(major, uint64(n))
		e.b = append(e.b, s[:n]...)
		if s = s[n:]; e.one(8) {
			e.b = append(e.b, byte(major<<5))
		}
	}
	e.b = append(e.b, 0xff)
}

// begin opens a container, and returns what closes it.
func (e *encoder) begin(major, n int) (end []byte) {
	if e.one(10) {
		e.b = append(e.b, byte(major<<5)|31)
		return []byte{0xff}
	}
	e.head(major, uint64(n))
	return nil
}

func (e *encoder) item(v any) {
	switch v := v.(type) {
	case raw:
		e.b = append(e.b, v...)
	case int:
		e.item(int64(v))
	case int64:
		if v < 0 {
			e.head(1, uint64(-1-v))
			return
		}
		e.head(0, uint64(v))
	case uint64:
		e.head(0, v)
	case []byte:
		e.text(majorBytes, v)
	case string:
		e.text(majorText, []byte(v))
	case []any:
		end := e.begin(majorArray, len(v))
		for _, element := range v {
			e.item(element)
		}
		e.b = append(e.b, end...)
	case []pair:
		end := e.begin(majorMap, len(v))
		for _, p := range v {
			e.item(p.key)
			e.item(p.value)
		}
		e.b = append(e.b, end...)
	case tagged:
		e.head(majorTag, v.number)
		e.item(v.content)
	default: // floats, bool, nil
		e.b = append(e.b, encode(v)...)
	}
}

// cborOf encodes v, in a way that random chooses.
func cborOf(v any, random *mathrand.Rand) []byte {
	e := encoder{random: random}
	e.item(v)
	return e.b
}

// tree makes an item of what plain has decoded: maps become pairs, always in the same order.
func tree(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = tree(v[i])
		}
		return list
	case map[any]any:
		pairs := make([]pair, 0, len(v))
		for key, value := range v {
			pairs = append(pairs, pair{key, tree(value)})
		}
		slices.SortFunc(pairs, func(p, q pair) int { return bytes.Compare(cborOf(p.key, nil), cborOf(q.key, nil)) })
		return pairs
	case tagged:
		return tagged{v.number, tree(v.content)}
	}
	return v
}

// toBeSigned is the Sig_structure (RFC 9052, section 4.4).
func toBeSigned(protected, payload []byte) []byte {
	return encode([]any{"Signature1", protected, []byte{}, payload})
}

// deflater compresses at any level.
type deflater struct {
	out     bytes.Buffer
	writers map[int]*zlib.Writer
}

var levels = []int{zlib.DefaultCompression, zlib.DefaultCompression, zlib.NoCompression, zlib.BestSpeed, zlib.HuffmanOnly}

// pack makes a code of a message.
func (d *deflater) pack(message []byte, level int) []byte {
	if d.writers == nil {
		d.writers = make(map[int]*zlib.Writer)
	}
	d.out.Reset()
	w := d.writers[level]
	if w == nil {
		var err error
		if w, err = zlib.NewWriterLevel(&d.out, level); err != nil {
			panic(err)
		}
		d.writers[level] = w
	}
	w.Reset(&d.out)
	if _, err := w.Write(message); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return codeOf(d.out.Bytes())
}

// codeOf makes a code of a zlib stream.
func codeOf(compressed []byte) []byte { return base45.AppendEncode([]byte("HC1:"), compressed) }

// signer signs as one of the keys of testdata.
type signer struct {
	name    string
	private crypto.Signer
	alg     sig.Algorithm
	id      trust.KeyID
}

// quick reports whether s has a P-256 key.
func (s *signer) quick() bool {
	private, ok := s.private.(*ecdsa.PrivateKey)
	return ok && private.Curve == elliptic.P256()
}

// sign makes a signature; that of ECDSA is always the same (RFC 6979).
func (s *signer) sign(signed []byte) []byte {
	switch private := s.private.(type) {
	case *ecdsa.PrivateKey:
		hash := map[sig.Algorithm]crypto.Hash{sig.ES256: crypto.SHA256, sig.ES384: crypto.SHA384, sig.ES512: crypto.SHA512}[s.alg]
		h := hash.New()
		h.Write(signed)
		der, err := private.Sign(nil, h.Sum(nil), hash)
		if err != nil {
			panic(err)
		}
		size := (private.Params().BitSize + 7) / 8
		r, t := fromDER(der)
		return append(r.FillBytes(make([]byte, size)), t.FillBytes(make([]byte, size))...)
	case *rsa.PrivateKey:
		sum := sha256.Sum256(signed)
		b, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != nil {
			panic(err)
		}
		return b
	}
	return ed25519.Sign(s.private.(ed25519.PrivateKey), signed)
}

// integers are r and s as DER has them.
type integers struct{ R, S *big.Int }

func fromDER(der []byte) (r, s *big.Int) {
	var v integers
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		panic(err)
	}
	return v.R, v.S
}

// message signs a payload under a protected header, and returns the parts.
func (s *signer) message(protected, unprotected, payload []byte) sign1 {
	return sign1{protected: protected, unprotected: unprotected, payload: payload, signature: s.sign(toBeSigned(protected, payload))}
}

// signers returns the keys of testdata that are on a list, each under its id there and with what it signs by.
func signers(t testing.TB, list trust.List) []signer {
	t.Helper()
	folder := filepath.Join(root(t), "testdata", "keys")
	files, err := filepath.Glob(filepath.Join(folder, "*.pem"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d keys in %s: %v", len(files), folder, err)
	}
	var all []signer
	for _, file := range files {
		private := readPrivate(t, file)
		public, err := sig.New(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range list.Keys {
			if key.Public.Fingerprint() != public.Fingerprint() {
				continue
			}
			for _, alg := range key.Algorithms {
				all = append(all, signer{filepath.Base(file), private, alg, key.ID})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b signer) int { return cmp.Compare(a.name, b.name) })
	return all
}

func readPrivate(t testing.TB, file string) crypto.Signer {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("%s: no PEM", file)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return private.(crypto.Signer)
}

// root returns the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the package")
		}
		dir = filepath.Dir(dir)
	}
}
