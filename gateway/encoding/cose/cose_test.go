package cose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"

	oracle "github.com/fxamacker/cbor/v2"
	gocose "github.com/veraison/go-cose"

	"passerelle/gateway/encoding/cbor"
)

// unhex reads hexadecimal digits, with spaces.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// room returns a buffer with headroom and the message behind it.
func room(message []byte) []byte {
	return append(bytes.Repeat([]byte{0xaa}, Headroom), message...)
}

// sigStructure is RFC 9052, section 4.4, by another encoder.
func sigStructure(t testing.TB, protected, payload []byte) []byte {
	t.Helper()
	b, err := oracle.Marshal([]any{"Signature1", protected, []byte{}, payload})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// es256 verifies a signature with the standard library.
func es256(key *ecdsa.PublicKey, signed, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256(signed)
	return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

func TestWhatGoCoseSignsIsVerified(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gocose.NewSigner(gocose.AlgorithmES256, key)
	if err != nil {
		t.Fatal(err)
	}
	var m Message
	for _, payloadLen := range []int{0, 1, 23, 24, 255, 256, 380, 4000} {
		for _, extra := range []int{0, 1, 10, 20, 200, 250, 260} { // more in the protected header
			for _, tagged := range []bool{false, true} {
				payload := bytes.Repeat([]byte{'p'}, payloadLen)
				s := gocose.NewSign1Message()
				s.Payload = payload
				s.Headers.Protected.SetAlgorithm(gocose.AlgorithmES256)
				s.Headers.Protected["extra"] = bytes.Repeat([]byte{'x'}, extra)
				s.Headers.Unprotected[gocose.HeaderLabelKeyID] = []byte("kid 0001")
				if err := s.Sign(rand.Reader, nil, signer); err != nil {
					t.Fatal(err)
				}
				message, err := s.MarshalCBOR()
				if !tagged {
					message, err = (*gocose.UntaggedSign1Message)(s).MarshalCBOR()
				}
				if err != nil {
					t.Fatal(err)
				}

				if err := m.Parse(room(message), Headroom); err != nil {
					t.Fatalf("payload %d, extra %d, tagged %v: %v", payloadLen, extra, tagged, err)
				}
				if m.Alg != -7 || !m.HasAlg || string(m.KeyID) != "kid 0001" || !bytes.Equal(m.Payload, payload) {
					t.Errorf("payload %d, extra %d, tagged %v: %+v", payloadLen, extra, tagged, m)
				}
				for range 2 {
					if !es256(&key.PublicKey, m.ToBeSigned(), m.Signature) {
						t.Errorf("payload %d, extra %d, tagged %v: the signature does not verify", payloadLen, extra, tagged)
					}
				}
				if !bytes.Equal(m.Payload, payload) {
					t.Errorf("payload %d, extra %d, tagged %v: ToBeSigned changed the payload", payloadLen, extra, tagged)
				}
			}
		}
	}
}

const (
	es256Header = "43 a10126"           // bstr {1: -7}
	kid8        = "48 0102030405060708" // bstr
)

func TestForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, hex string
		alg       int64
		kid       string
		payload   string
	}{
		{"bare", "84" + es256Header + "a0 4101 42aabb", -7, "", "01"},
		{"tag 18", "d2 84" + es256Header + "a0 4101 42aabb", -7, "", "01"},
		{"tag 61, then 18", "d83d d2 84" + es256Header + "a0 4101 42aabb", -7, "", "01"},
		{"tag 18 longer than it needs to be", "da00000012 84" + es256Header + "a0 4101 42aabb", -7, "", "01"},
		{"empty payload", "84" + es256Header + "a0 40 42aabb", -7, "", ""},
		{"key id protected", "84 4d a2 01 26 04" + kid8 + "a0 4101 42aabb", -7, "0102030405060708", "01"},
		{"key id unprotected", "84" + es256Header + "a1 04" + kid8 + "4101 42aabb", -7, "0102030405060708", "01"},
		{"key id in both, protected wins", "84 47 a2 01 26 04 42 1122 a1 04" + kid8 + "4101 42aabb", -7, "1122", "01"},
		{"empty key id protected wins", "84 45 a2 01 26 04 40 a1 04" + kid8 + "4101 42aabb", -7, "", "01"},
		{"key id before the algorithm", "84 47 a2 04 42 1122 01 26 a0 4101 42aabb", -7, "1122", "01"},
		{"key id of MaxKeyID bytes", "84" + es256Header + "a1 04 5840" + strings.Repeat("11", MaxKeyID) + "4101 42aabb", -7, strings.Repeat("11", MaxKeyID), "01"},
		{"algorithm also unprotected, another", "84" + es256Header + "a1 01 3824 4101 42aabb", -7, "", "01"},
		{"algorithm unprotected of a strange type", "84" + es256Header + "a1 01 80 4101 42aabb", -7, "", "01"},
		{"algorithm as text", "84 48 a1 01 65 4553323536 a0 4101 42aabb", 0, "", "01"},
		{"algorithm longer than it needs to be", "84 46 a1 1801 390006 a0 4101 42aabb", -7, "", "01"},
		{"other parameters", "84 49 a3 01 26 03 00 6178 8101 a2 1821 43 010203 20 f6 4101 42aabb", -7, "", "01"},
		{"everything indefinite", "9f 5f 41 bf 42 0126 41 ff ff bf 04 5f 41 11 41 22 ff ff 5f 41 01 42 0203 ff 5f 41 aa 41 bb ff ff", -7, "1122", "010203"},
		{"one chunk each", "9f 5f" + es256Header + "ff bf ff 5f 4101 ff 5f 42 aabb ff ff", -7, "", "01"},
		{"payload of no chunks", "84" + es256Header + "a0 5fff 42aabb", -7, "", ""},
		{"lengths longer than they need to be", "9b0000000000000004 5b0000000000000003 a10126 b800 5a00000001 01 590002 aabb", -7, "", "01"},
	} {
		message := unhex(t, tt.hex)
		protected := referenceProtected(t, message)
		var m Message
		if err := m.Parse(room(message), Headroom); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if m.Alg != tt.alg || !m.HasAlg || hex.EncodeToString(m.KeyID) != tt.kid ||
			hex.EncodeToString(m.Payload) != tt.payload || hex.EncodeToString(m.Signature) != "aabb" {
			t.Errorf("%s: alg %d, kid %x, payload %x, signature %x", tt.name, m.Alg, m.KeyID, m.Payload, m.Signature)
		}
		if got, want := m.ToBeSigned(), sigStructure(t, protected, m.Payload); !bytes.Equal(got, want) {
			t.Errorf("%s: to be signed:\n got %x\nwant %x", tt.name, got, want)
		}
		if hex.EncodeToString(m.Payload) != tt.payload || hex.EncodeToString(m.Signature) != "aabb" {
			t.Errorf("%s: after ToBeSigned: payload %x, signature %x", tt.name, m.Payload, m.Signature)
		}
	}
}

// referenceProtected returns the content of the protected header, by another
// decoder.
func referenceProtected(t testing.TB, message []byte) []byte {
	t.Helper()
	r, ok := reference(message)
	if !ok {
		t.Fatalf("%x: the reference refuses it", message)
	}
	return r.protected
}

func TestRefusedMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, hex string
		want      error
	}{
		{"nothing", "", cbor.ErrMalformed},
		{"no array", "a0", cbor.ErrType},
		{"tag 61 alone", "d83d 84" + es256Header + "a0 4101 42aabb", ErrMalformed},
		{"tag 18 twice", "d2 d2 84" + es256Header + "a0 4101 42aabb", cbor.ErrType},
		{"tag 18, then 61", "d2 d83d 84" + es256Header + "a0 4101 42aabb", cbor.ErrType},
		{"tag 61 twice, then 18", "d83d d83d d2 84" + es256Header + "a0 4101 42aabb", ErrMalformed},
		{"tag 61, then 17", "d83d d1 84" + es256Header + "a0 4101 42aabb", ErrMalformed},
		{"tag 98", "d862 84" + es256Header + "a0 4101 42aabb", ErrMalformed},
		{"self-described", "d9d9f7 d2 84" + es256Header + "a0 4101 42aabb", ErrMalformed},
		{"three elements", "83" + es256Header + "a0 4101", ErrMalformed},
		{"five elements", "85" + es256Header + "a0 4101 42aabb 00", ErrMalformed},
		{"five elements, indefinite", "9f" + es256Header + "a0 4101 42aabb 00 ff", ErrMalformed},
		{"no elements", "80", ErrMalformed},
		{"cut", "84" + es256Header + "a0 4101 42aa", cbor.ErrMalformed},
		{"trailing byte", "84" + es256Header + "a0 4101 42aabb 00", cbor.ErrTrailing},
		{"detached", "84" + es256Header + "a0 f6 42aabb", ErrDetached},
		{"payload is a text", "84" + es256Header + "a0 6161 42aabb", cbor.ErrType},
		{"payload is a map", "84" + es256Header + "a0 a0 42aabb", cbor.ErrType},
		{"signature is null", "84" + es256Header + "a0 4101 f6", cbor.ErrType},
		{"signatures of many signers", "84" + es256Header + "a0 4101 80", cbor.ErrType},
		{"protected header is a map", "84 a10126 a0 4101 42aabb", cbor.ErrType},
		{"protected header holds an array", "84 43 820126 a0 4101 42aabb", cbor.ErrType},
		{"protected header holds nothing", "84 40 a0 4101 42aabb", ErrNoAlg},
		{"protected header holds an empty map", "84 41 a0 a0 4101 42aabb", ErrNoAlg},
		{"algorithm only unprotected", "84 40 a1 01 26 4101 42aabb", ErrNoAlg},
		{"algorithm only unprotected, key id protected", "84 44 a1 04 41 11 a1 01 26 4101 42aabb", ErrNoAlg},
		{"algorithm is bytes", "84 44 a1 01 41 11 a0 4101 42aabb", ErrMalformed},
		{"algorithm is null", "84 43 a1 01 f6 a0 4101 42aabb", ErrMalformed},
		{"algorithm does not fit int64", "84 4b a1 01 1b8000000000000000 a0 4101 42aabb", cbor.ErrRange},
		{"trailing byte in the protected header", "84 44 a10126 00 a0 4101 42aabb", cbor.ErrTrailing},
		{"protected header is cut", "84 43 a20126 a0 4101 42aabb", cbor.ErrMalformed},
		{"algorithm twice", "84 45 a2 01 26 01 26 a0 4101 42aabb", cbor.ErrDuplicate},
		{"algorithm twice, in other lengths", "84 46 a2 01 26 1801 26 a0 4101 42aabb", cbor.ErrDuplicate},
		{"key id twice, protected", "84 49 a3 01 26 04 41 11 04 41 12 a0 4101 42aabb", cbor.ErrDuplicate},
		{"key id twice, unprotected", "84" + es256Header + "a2 04 41 11 04 41 12 4101 42aabb", cbor.ErrDuplicate},
		{"text label twice", "84" + es256Header + "a2 6178 00 6178 00 4101 42aabb", cbor.ErrDuplicate},
		{"label is neither integer nor text", "84" + es256Header + "a1 41 00 00 4101 42aabb", cbor.ErrMalformed},
		{"label does not fit int64", "84" + es256Header + "a1 1b8000000000000000 00 4101 42aabb", cbor.ErrRange},
		{"critical, protected", "84 46 a2 01 26 02 81 01 a0 4101 42aabb", ErrCritical},
		{"critical, unprotected", "84" + es256Header + "a1 02 81 01 4101 42aabb", ErrCritical},
		{"key id is a text", "84" + es256Header + "a1 04 61 61 4101 42aabb", cbor.ErrType},
		{"key id is a text, unprotected, beside a good one", "84 46 a2 01 26 04 41 11 a1 04 61 61 4101 42aabb", cbor.ErrType},
		{"key id over MaxKeyID bytes", "84" + es256Header + "a1 04 5841" + strings.Repeat("11", MaxKeyID+1) + "4101 42aabb", cbor.ErrTooLong},
		{"unprotected header is bytes", "84" + es256Header + "41 a0 4101 42aabb", cbor.ErrType},
		{"unprotected header nested too deep", "84" + es256Header + "a1 05 8181818181818100 4101 42aabb", cbor.ErrTooDeep},
		{"longer than cbor.MaxLen", "84" + es256Header + "a0 4101 59ffff" + strings.Repeat("00", 0xffff), cbor.ErrTooLong},
	} {
		var m Message
		m.Parse(room(unhex(t, "84"+es256Header+"a1 04"+kid8+"4101 42aabb")), Headroom) // leaves something to clear
		err := m.Parse(room(unhex(t, tt.hex)), Headroom)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if m.Alg != 0 || m.HasAlg || m.KeyID != nil || m.Payload != nil || m.Signature != nil || m.ToBeSigned() != nil {
			t.Errorf("%s: something is left beside the error: %+v", tt.name, m)
		}
	}
}

func TestHeadroom(t *testing.T) {
	t.Parallel()
	// The least that a message has in front of its payload.
	message := unhex(t, "84"+es256Header+"a0 4101 42aabb")
	var m Message
	if err := m.Parse(room(message), Headroom); err != nil {
		t.Fatal(err)
	}
	want := sigStructure(t, []byte{0xa1, 0x01, 0x26}, []byte{0x01})
	if got := m.ToBeSigned(); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}

	if err := m.Parse(room(message), Headroom-1); !errors.Is(err, ErrHeadroom) {
		t.Errorf("one byte less: %v, want ErrHeadroom", err)
	}
	if err := m.Parse(room(nil), Headroom+1); !errors.Is(err, ErrHeadroom) {
		t.Errorf("message behind the buffer: %v, want ErrHeadroom", err)
	}

	// More room than that stays untouched.
	buf := append(bytes.Repeat([]byte{0x55}, 100), message...)
	if err := m.Parse(buf, 100); err != nil {
		t.Fatal(err)
	}
	if got := m.ToBeSigned(); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if n := 100 - Headroom; !bytes.Equal(buf[:n], bytes.Repeat([]byte{0x55}, n)) {
		t.Errorf("written before the headroom: %x", buf[:n])
	}
}

func TestToBeSignedWithoutMessageIsNil(t *testing.T) {
	t.Parallel()
	var m Message
	if got := m.ToBeSigned(); got != nil {
		t.Errorf("got %x, want nil", got)
	}
}

// A key id in chunks is inside what was signed: it must be read without joining.
func TestChunkedKeyIDStaysAsItWasSigned(t *testing.T) {
	t.Parallel()
	protected := unhex(t, "a2 01 26 04 5f 44 01020304 44 05060708 ff")
	message := append([]byte{0x84, 0x40 | byte(len(protected))}, protected...)
	message = append(message, unhex(t, "a0 4101 42aabb")...)
	var m Message
	if err := m.Parse(room(message), Headroom); err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(m.KeyID) != "0102030405060708" {
		t.Errorf("key id %x", m.KeyID)
	}
	if got, want := m.ToBeSigned(), sigStructure(t, protected, []byte{1}); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}
