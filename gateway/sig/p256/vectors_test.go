package p256

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// corpus returns a file of the public test data.
func corpus(t testing.TB, name string) []byte {
	t.Helper()
	folder := os.Getenv("CORPORA")
	if folder == "" {
		root, err := filepath.Abs(".")
		for ; err == nil; root = filepath.Dir(root) {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil || root == filepath.Dir(root) {
				break
			}
		}
		folder = filepath.Join(root, "..", "shared", "corpora")
	}
	b, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the public test data is needed here: %v", err)
		}
		t.Skipf("set CORPORA to the folder of public test data: %v", err)
	}
	return b
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vector is a signature of somebody else's making.
type vector struct {
	name    string
	public  *ecdsa.PublicKey
	message []byte
	sig     []byte
	valid   bool
	doubles bool // made to meet a doubling, in some order of additions, or to have the sum infinity
}

// trials returns one for each vector, with a table of that window.
func trials(t testing.TB, vectors []vector, window uint) []trial {
	t.Helper()
	keys := make(map[string]*Key)
	all := make([]trial, len(vectors))
	for i, v := range vectors {
		encoded, err := v.public.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		k := keys[string(encoded)]
		if k == nil {
			k = keyWith(t, v.public, window)
			keys[string(encoded)] = k
		}
		all[i] = trial{
			job:   Job{Key: k, Digest: sha256.Sum256(v.message), Signature: v.sig},
			valid: v.valid, open: v.doubles, must: window == 0,
		}
	}
	return all
}

// wycheproof reads a file of C2SP/wycheproof. Of DER signatures it leaves out those that are not in strict DER: what they have
// to say concerns a parser that is not here.
func wycheproof(t testing.TB, name string, der bool) []vector {
	t.Helper()
	var file struct {
		TestGroups []struct {
			PublicKeyDer string `json:"publicKeyDer"`
			Tests        []struct {
				TcID    int      `json:"tcId"`
				Comment string   `json:"comment"`
				Msg     string   `json:"msg"`
				Sig     string   `json:"sig"`
				Result  string   `json:"result"`
				Flags   []string `json:"flags"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	if err := json.Unmarshal(corpus(t, filepath.Join("wycheproof", name)), &file); err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, g := range file.TestGroups {
		parsed, err := x509.ParsePKIXPublicKey(unhex(t, g.PublicKeyDer))
		public, ok := parsed.(*ecdsa.PublicKey)
		if err != nil || !ok {
			t.Fatalf("key of a group: %v", err)
		}
		for _, c := range g.Tests {
			sig := unhex(t, c.Sig)
			if der {
				if sig, ok = fromDER(sig); !ok {
					continue
				}
			}
			all = append(all, vector{
				name: fmt.Sprintf("%d: %s", c.TcID, c.Comment), public: public, message: unhex(t, c.Msg), sig: sig,
				valid: c.Result == "valid", doubles: slices.Contains(c.Flags, "PointDuplication") || strings.Contains(c.Comment, "infinity"),
			})
		}
	}
	return all
}

// fromDER returns r‖s of a signature in strict DER with numbers from 0 to 2²⁵⁶-1.
func fromDER(b []byte) ([]byte, bool) {
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(b, &sig); err != nil || len(rest) > 0 {
		return nil, false
	}
	again, err := asn1.Marshal(sig)
	if err != nil || !bytes.Equal(again, b) || sig.R.Sign() < 0 || sig.S.Sign() < 0 || sig.R.BitLen() > 256 || sig.S.BitLen() > 256 {
		return nil, false
	}
	return joined(sig.R, sig.S), true
}

// rfc6979 is appendix A.2.5 of RFC 6979, what it has for SHA-256, and neighbours of it.
func rfc6979(t testing.TB) []vector {
	t.Helper()
	public := newKnown(t, new(big.Int).SetBytes(unhex(t, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"))).public
	if encoded, err := public.Bytes(); err != nil || hex.EncodeToString(encoded) != "04"+
		"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"+
		"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299" {
		t.Fatalf("the key is not that of the appendix: %x, %v", encoded, err)
	}
	sample := unhex(t, "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"+
		"F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")
	test := unhex(t, "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"+
		"019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083")
	return []vector{
		{name: "sample", public: public, message: []byte("sample"), sig: sample, valid: true},
		{name: "test", public: public, message: []byte("test"), sig: test, valid: true},
		{name: "sample signed as test", public: public, message: []byte("test"), sig: sample},
		{name: "test signed as sample", public: public, message: []byte("sample"), sig: test},
	}
}

// published are all vectors. Those with other lengths than SignatureSize are among them.
func published(t testing.TB) []vector {
	t.Helper()
	all := rfc6979(t)
	plain := wycheproof(t, "ecdsa_secp256r1_sha256_p1363_test.json", false)
	der := wycheproof(t, "ecdsa_secp256r1_sha256_test.json", true)
	if len(plain) < 200 || len(der) < 200 {
		t.Fatalf("only %d and %d vectors", len(plain), len(der))
	}
	return append(append(all, plain...), der...)
}

func TestPublishedVectorsAlone(t *testing.T) {
	t.Parallel()
	vectors := published(t)
	all := verifiers()
	for _, v := range vectors {
		if got := standard(v.public, sha256.Sum256(v.message), v.sig); got != v.valid {
			t.Errorf("%s: crypto/ecdsa says %v", v.name, got)
		}
	}
	for _, window := range []uint{0, smallWindow, largeWindow} {
		trials := trials(t, vectors, window)
		for name, v := range all {
			for i := range trials {
				j := []Job{trials[i].job}
				v.Verify(j)
				if why := trials[i].wrong(j[0].Result); why != "" {
					t.Errorf("%s: window %d: %s: %s", name, window, vectors[i].name, why)
				}
			}
		}
	}
}

func TestPublishedVectorsInBatchesOfEverySize(t *testing.T) {
	t.Parallel()
	vectors := published(t)
	all := verifiers()
	small, large, none := trials(t, vectors, smallWindow), trials(t, vectors, largeWindow), trials(t, vectors, 0)
	every := 1 + (slowness()-1)/4
	for size := 1; size <= Block; size++ {
		if size%every != 0 && size > treeFrom {
			continue
		}
		random := rand.New(rand.NewPCG(9, uint64(size)))
		mixed := make([]trial, len(vectors))
		for i, from := range random.Perm(len(vectors)) {
			mixed[i] = small[from]
			switch random.IntN(12) {
			case 0:
				mixed[i] = none[from]
			case 1, 2, 3, 4, 5:
				mixed[i] = large[from]
			}
		}
		for _, v := range all {
			for batch := range slices.Chunk(mixed, size) {
				judge(t, v, batch)
			}
		}
	}
}
