package pretix_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/credential/pretix"
)

// encode spells bytes backwards in base64.
func encode(b []byte) []byte {
	text := []byte(base64.StdEncoding.EncodeToString(b))
	slices.Reverse(text)
	return text
}

// frame puts the header before a message and a signature after it.
func frame(message, signature []byte) []byte {
	b := []byte{1}
	b = binary.BigEndian.AppendUint16(b, uint16(len(message)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(signature)))
	return append(append(b, message...), signature...)
}

// code spells a ticket of that message, its signature being of no use.
func code(message []byte) []byte { return encode(frame(message, bytes.Repeat([]byte{7}, 64))) }

// Parts of messages.
const (
	seed = "\x0a\x03abc"
	item = "\x10\x01"
	ok   = seed + item
)

func TestATicketIsReadWhole(t *testing.T) {
	t.Parallel()
	message := []byte(seed + "\x10\xac\x02\x18\x07\x20\x0e\x28\xf0\xa3\xf6\x9e\x06\x30\xf1\xa3\xf6\x9e\x06")
	var got pretix.Ticket
	buf, err := got.Parse([]byte("before"), code(message))
	if err != nil {
		t.Fatal(err)
	}
	want := pretix.Ticket{
		Seed: []byte("abc"), Item: 300, Variation: 7, Subevent: 14, From: 1675465200, Until: 1675465201,
		Message: message, Signature: bytes.Repeat([]byte{7}, 64),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if wantBuf := append([]byte("before"), frame(message, got.Signature)...); !bytes.Equal(buf, wantBuf) {
		t.Errorf("bytes %x, want %x", buf, wantBuf)
	}
	_ = append(got.Message, 1)
	if _ = append(got.Seed, 1); !bytes.Equal(got.Signature, want.Signature) || !bytes.Equal(got.Message, message) {
		t.Error("appending to a part changes another")
	}
}

func TestWhatAMessageMaySay(t *testing.T) {
	t.Parallel()
	bad := pretix.ErrMessage
	for _, tt := range []struct {
		name, message string
		want          error
	}{
		{"seed and item alone", ok, nil},
		{"in another order", item + seed, nil},
		{"a zero of two bytes", ok + "\x28\x80\x00", nil},
		{"a one of ten bytes", seed + "\x10\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00", nil},
		{"a one of eleven bytes", seed + "\x10\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", bad},
		{"a key of two bytes", seed + "\x90\x00\x01", nil},
		{"the highest item", seed + "\x10\xff\xff\xff\xff\xff\xff\xff\xff\x7f", nil},
		{"a negative item", seed + "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", bad},
		{"an item of 65 bits", seed + "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", bad},
		{"a number without end", seed + "\x10\x80", bad},
		{"the last time", ok + "\x30\xff\x82\xd1\xff\xaf\x07", nil},
		{"a second later", ok + "\x30\x80\x83\xd1\xff\xaf\x07", bad},
		{"a start after the last time", ok + "\x28\x80\x83\xd1\xff\xaf\x07", bad},
		{"a negative time", ok + "\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", bad},
		{"nothing", "", bad},
		{"no seed", item, bad},
		{"an empty seed", "\x0a\x00" + item, bad},
		{"a seed that is no UTF-8", "\x0a\x01\xff" + item, bad},
		{"a seed beyond the end", item + "\x0a\x04abc", bad},
		{"a seed of a length beyond all", item + "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc", bad},
		{"a seed that is a number", "\x08\x01" + item, bad},
		{"no item", seed, bad},
		{"item 0", seed + "\x10\x00", bad},
		{"an item that is bytes", seed + "\x12\x01\x01", bad},
		{"an item of eight bytes", seed + "\x11\x01\x00\x00\x00\x00\x00\x00\x00", bad},
		{"an item twice", ok + item, bad},
		{"a seed twice", ok + seed, bad},
		{"a zero twice", ok + "\x18\x00\x18\x00", bad},
		{"an unknown number", ok + "\x38\x01", nil},
		{"an unknown number twice", ok + "\x38\x01\x38\x01", nil},
		{"unknown eight bytes", ok + "\x3912345678", nil},
		{"seven of them", ok + "\x391234567", bad},
		{"unknown four bytes", ok + "\x3d1234", nil},
		{"three of them", ok + "\x3d123", bad},
		{"unknown bytes", ok + "\x3a\x02ab", nil},
		{"too few of them", ok + "\x3a\x02a", bad},
		{"a group", ok + "\x3b\x3c", bad},
		{"the end of a group", ok + "\x3c", bad},
		{"a wire type that does not exist", ok + "\x3e\x01", bad},
		{"field 0", ok + "\x00\x01", bad},
		{"the highest field", ok + "\xf8\xff\xff\xff\x0f\x01", nil},
		{"one field higher", ok + "\x80\x80\x80\x80\x10\x01", bad},
		{"as many fields as may be", ok + strings.Repeat("\x38\x01", pretix.MaxFields-2), nil},
		{"one field more", ok + strings.Repeat("\x38\x01", pretix.MaxFields-1), bad},
		{"the longest message", ok + "\x3a\xf6\x01" + strings.Repeat("x", 246), nil},
		{"one byte longer", ok + "\x3a\xf7\x01" + strings.Repeat("x", 247), pretix.ErrTooLong},
	} {
		var ticket pretix.Ticket
		_, err := ticket.Parse(nil, code([]byte(tt.message)))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err != nil && !errors.Is(err, pretix.ErrMalformed) {
			t.Errorf("%s: %v is no ErrMalformed", tt.name, err)
		}
	}
	if n := len(ok + "\x3a\xf6\x01" + strings.Repeat("x", 246)); n != pretix.MaxMessage {
		t.Errorf("the longest message has %d bytes", n)
	}
}

func TestOneTicketHasOneText(t *testing.T) {
	t.Parallel()
	whole := frame([]byte(ok+"\x18\x01"), bytes.Repeat([]byte{7}, 64))     // 78 bytes: no padding
	one := frame([]byte(ok), bytes.Repeat([]byte{7}, 64))                  // 76, one in the last group: two characters of padding
	two := frame([]byte("\x0a\x04abcd"+item), bytes.Repeat([]byte{7}, 64)) // 77
	for _, tt := range []struct {
		name string
		text string
		want error
	}{
		{"without padding", string(encode(whole)), nil},
		{"with two characters of padding", string(encode(one)), nil},
		{"with one", string(encode(two)), nil},
		{"none where two belong", string(encode(one)[2:]), pretix.ErrEncoding},
		{"one where two belong", string(encode(one)[1:]), pretix.ErrEncoding},
		{"padding at the other end", string(encode(one)[2:]) + "==", pretix.ErrEncoding},
		{"three characters of padding", "===" + string(encode(one)[3:]), pretix.ErrEncoding},
		{"an unused bit of one byte", "==" + next(encode(one)[2:]), pretix.ErrEncoding},
		{"an unused bit of two bytes", "=" + next(encode(two)[1:]), pretix.ErrEncoding},
		{"a space in front", " " + string(encode(whole)), pretix.ErrEncoding},
		{"a line feed behind", string(encode(whole)) + "\n", pretix.ErrEncoding},
		{"four line feeds inside", string(encode(whole)[:8]) + "\n\n\n\n" + string(encode(whole)[8:]), pretix.ErrEncoding},
		{"the alphabet of URLs", "-" + string(encode(whole)[1:]), pretix.ErrEncoding},
		{"not backwards", base64.StdEncoding.EncodeToString(whole), pretix.ErrMalformed},
		{"empty", "", pretix.ErrEncoding},
		{"one group", "AAQA", pretix.ErrFrame},
		{"padding alone", "====", pretix.ErrEncoding},
	} {
		var ticket pretix.Ticket
		dst, err := ticket.Parse([]byte("x"), []byte(tt.text))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err != nil && string(dst) != "x" {
			t.Errorf("%s: %q was appended to a refused code", tt.name, dst)
		}
	}
}

// next replaces the first character, which is at the end of the base64, by the one behind it in the alphabet.
func next(text []byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return string(alphabet[strings.IndexByte(alphabet, text[0])+1]) + string(text[1:])
}

func TestTheSizesMustAddUp(t *testing.T) {
	t.Parallel()
	good := frame([]byte(ok), bytes.Repeat([]byte{7}, 64))
	change := func(edit func(b []byte) []byte) []byte { return encode(edit(bytes.Clone(good))) }
	for name, text := range map[string][]byte{
		"version 0":                change(func(b []byte) []byte { b[0] = 0; return b }),
		"version 2":                change(func(b []byte) []byte { b[0] = 2; return b }),
		"a byte behind":            change(func(b []byte) []byte { return append(b, 0) }),
		"a byte missing":           change(func(b []byte) []byte { return b[:len(b)-1] }),
		"a longer message said":    change(func(b []byte) []byte { b[2]++; return b }),
		"a shorter message said":   change(func(b []byte) []byte { b[2]--; return b }),
		"a longer signature said":  change(func(b []byte) []byte { b[4]++; return b }),
		"a signature of 63 bytes":  encode(frame([]byte(ok), make([]byte, 63))),
		"a signature of 65 bytes":  encode(frame([]byte(ok), make([]byte, 65))),
		"no signature":             encode(frame([]byte(ok), nil)),
		"the header alone":         encode(good[:5]),
		"less than the header":     encode(good[:4]),
		"one more where one fewer": change(func(b []byte) []byte { b[2]++; b[4]--; return b }),
	} {
		var ticket pretix.Ticket
		if _, err := ticket.Parse(nil, text); !errors.Is(err, pretix.ErrFrame) {
			t.Errorf("%s: %v, want %v", name, err, pretix.ErrFrame)
		}
	}
}

func TestALongTextIsRefusedUnread(t *testing.T) {
	t.Parallel()
	for _, n := range []int{440, 4296, 1 << 20} {
		var ticket pretix.Ticket
		if _, err := ticket.Parse(nil, bytes.Repeat([]byte("A"), n)); !errors.Is(err, pretix.ErrTooLong) {
			t.Errorf("%d characters: %v, want %v", n, err, pretix.ErrTooLong)
		}
	}
}

func TestSecretsOfAListGiveTheSameMessage(t *testing.T) {
	t.Parallel()
	message := []byte(ok + "\x18\x01")
	good := code(message)
	for _, tt := range []struct {
		name   string
		secret string
		want   error
	}{
		{"a signed one", string(good), nil},
		{"a random one", "kfndgffgyw4tdgcacx6bb3bgemq69cxj", pretix.ErrNotSig1},
		{"none", "", pretix.ErrNotSig1},
		{"one character", "A", pretix.ErrNotSig1},
		{"of another version", string(encode(append([]byte{2}, frame(message, make([]byte, 64))[1:]...))), pretix.ErrNotSig1},
		{"a signed one that is cut", string(good[4:]), pretix.ErrMalformed},
		{"a signed one with a space", " " + string(good), pretix.ErrMalformed},
	} {
		got, err := pretix.AppendMessage([]byte("x"), []byte(tt.secret))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		want := "x"
		if tt.want == nil {
			want += string(message)
		}
		if string(got) != want {
			t.Errorf("%s: %q, want %q", tt.name, got, want)
		}
	}
	if errors.Is(pretix.ErrNotSig1, pretix.ErrMalformed) {
		t.Error("a secret of another scheme counts as malformed")
	}
}

func TestEveryMessageFitsAListOfRevokedTickets(t *testing.T) {
	t.Parallel()
	if pretix.MaxMessage > list.MaxCode {
		t.Errorf("a message may have %d bytes, a code on a list %d: such a ticket could not be revoked", pretix.MaxMessage, list.MaxCode)
	}
}

// TestPublishedTicketsVerify reads the public vectors and checks who signed them; their verdicts are a matter of `make vectors`.
func TestPublishedTicketsVerify(t *testing.T) {
	t.Parallel()
	dir := corpus(t)
	keys := eventKeys(t, filepath.Join(dir, "event1.json"))
	for _, v := range vectors(t, dir) {
		var ticket pretix.Ticket
		if _, err := ticket.Parse(nil, []byte(v.QR)); err != nil {
			t.Errorf("%s: %v", v.Test, err)
			continue
		}
		signed := slices.ContainsFunc(keys, func(k ed25519.PublicKey) bool { return ed25519.Verify(k, ticket.Message, ticket.Signature) })
		if want := v.Test != "testSignedInvalidSignature"; signed != want {
			t.Errorf("%s: signed = %v, want %v", v.Test, signed, want)
		}
	}
}

type vector struct{ Test, QR string }

func vectors(t testing.TB, dir string) (v []vector) {
	t.Helper()
	readJSON(t, filepath.Join(dir, "sig1_vectors.json"), &v)
	if len(v) < 10 {
		t.Fatalf("only %d vectors", len(v))
	}
	return v
}

func eventKeys(t testing.TB, file string) (keys []ed25519.PublicKey) {
	t.Helper()
	var event struct {
		Keys struct {
			Sig1 [][]byte `json:"pretix_sig1"`
		} `json:"valid_keys"`
	}
	readJSON(t, file, &event)
	for _, b := range event.Keys.Sig1 {
		block, _ := pem.Decode(b)
		keys = append(keys, ed25519.PublicKey(block.Bytes[len(block.Bytes)-ed25519.PublicKeySize:]))
	}
	return keys
}

func readJSON(t testing.TB, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// corpus returns the folder of pretix's public vectors.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "corpora")
	}
	dir = filepath.Join(dir, "pretix")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no public test data at %s: put the folder there, or name it by CORPORA", dir)
	}
	return dir
}

func FuzzParse(f *testing.F) {
	for _, message := range []string{ok, ok + "\x28\x80\x00", ok + item, ok + "\x3a\x02ab\x3d1234\x3912345678", seed + "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", ""} {
		f.Add(code([]byte(message)))
	}
	f.Add([]byte("===="))
	f.Add(encode(frame([]byte(ok), make([]byte, 63))))
	f.Fuzz(func(t *testing.T, text []byte) {
		var ticket pretix.Ticket
		buf, err := ticket.Parse(nil, text)
		message, listErr := pretix.AppendMessage(nil, text)
		if err != nil {
			if !errors.Is(err, pretix.ErrMalformed) || listErr == nil {
				t.Fatalf("%v; as a secret: %v", err, listErr)
			}
			return
		}
		if again := encode(buf); !bytes.Equal(again, text) {
			t.Fatalf("%q is read, and so is %q", text, again)
		}
		if !bytes.Equal(frame(ticket.Message, ticket.Signature), buf) {
			t.Fatalf("%x is not its parts", buf)
		}
		if listErr != nil || !bytes.Equal(message, ticket.Message) {
			t.Fatalf("as a secret: %x, %v", message, listErr)
		}
		if len(ticket.Seed) == 0 || ticket.Item <= 0 || ticket.Variation < 0 || ticket.Subevent < 0 || ticket.From < 0 || ticket.Until < 0 ||
			max(ticket.From, ticket.Until) > pretix.MaxTime || len(ticket.Message) > pretix.MaxMessage {
			t.Fatalf("accepted %+v", ticket)
		}
	})
}

// FuzzMessage fuzzes the protobuf alone: a fuzzer does not get through base64 often.
func FuzzMessage(f *testing.F) {
	for _, message := range []string{ok, ok + "\x28\x80\x00", ok + item, ok + "\x3a\x02ab\x3d1234\x3912345678", seed + "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", ok + "\x3b\x3c"} {
		f.Add([]byte(message))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > 1<<16-1 {
			return
		}
		var ticket pretix.Ticket
		if _, err := ticket.Parse(nil, code(message)); err == nil != plainTicket(message, &ticket) {
			t.Fatalf("%x: %v; a plain reading says otherwise or something else than %+v", message, err, ticket)
		}
	})
}
