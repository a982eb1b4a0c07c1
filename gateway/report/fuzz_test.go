package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"
)

// compact returns a JSON text with its members in order and without white space.
func compact(t testing.TB, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// What is read as a batch is exactly what would be written for it, is JSON, and is within every limit.
func FuzzParseBatch(f *testing.F) {
	for _, n := range []int{1, 2, 5} {
		f.Add(body(chain(testJournal, n, "x")))
	}
	f.Add([]byte(`{"journal":"00112233445566778899aabbccddeeff","first":1,"last":1,"entries":[]}`))
	f.Add([]byte(`{"journal":"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseBatch(data)
		if err != nil {
			if b != nil {
				t.Fatal("a batch beside an error")
			}
			return
		}
		if again := appendBatch(nil, b.journal, b.entries); !bytes.Equal(again, data) {
			t.Fatalf("read %q, would write %q", data, again)
		}
		if !json.Valid(data) || len(b.entries) > MaxBatchEntries || uint64(len(b.entries)) != b.size() {
			t.Fatalf("%d entries of %q", len(b.entries), data)
		}
		for i := range b.entries {
			entryCounter(b.entries[i].Body)
		}
	})
}

// An entry's object alone: the hash of a fuzzed batch is hardly ever right, so this is where its text is tried.
func FuzzObject(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"lane":"a","event":"verdict","verdict":"admit"}`, `{"a":[[[[[[[1]]]]]]]}`, `{"a":"}]\"}"}`, `{"lane":"a","Lane":"b"}`,
		`{"a":"\ud800"}`, `{"a":1}}`, `[1]`, "{\"a\":\n1}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := reader{rest: data}
		object := r.object()
		if r.err != nil {
			return
		}
		if !json.Valid(object) || object[0] != '{' || len(object) > MaxEntryBytes || bytes.ContainsAny(object, "\r\n") {
			t.Fatalf("taken as an object: %q", object)
		}
		if !bytes.Equal(append(bytes.Clone(object), r.rest...), data) {
			t.Fatalf("%q was taken apart into %q and %q", data, object, r.rest)
		}
		d, err := describe(object)
		if err != nil {
			return
		}
		var said map[string]any
		if err := json.Unmarshal(object, &said); err != nil {
			t.Fatal(err)
		}
		if lane, ok := said["lane"].(string); ok != (d.lane != "" || said["lane"] == "") || ok && lane != d.lane {
			t.Fatalf("%q: lane %q, want %v", object, d.lane, said["lane"])
		}
		if len(d.lane) > maxLane || len(d.event) > maxWord || len(d.verdict) > maxWord {
			t.Fatalf("%q: longer than the limits", object)
		}
	})
}

// What is read as a signature header gives signatures that, written again, are in it.
func FuzzParseSignatures(f *testing.F) {
	f.Add([]byte(referenceSignature))
	f.Add([]byte(referenceSignature + " " + referenceSignature))
	f.Add([]byte("v1a,abc " + referenceSignature))
	f.Add([]byte("v1,"))
	f.Add([]byte(" , "))
	f.Fuzz(func(t *testing.T, header []byte) {
		signatures, err := parseSignatures(nil, header)
		if err != nil {
			if signatures != nil {
				t.Fatal("signatures beside an error")
			}
			return
		}
		if len(signatures) == 0 || len(signatures) > maxSignatures || len(header) > maxSignatureHeader {
			t.Fatalf("%d signatures in %d bytes", len(signatures), len(header))
		}
		for _, s := range signatures {
			if !bytes.Contains(header, []byte("v1,"+base64.StdEncoding.EncodeToString(s[:]))) {
				t.Fatalf("%q does not hold %x", header, s)
			}
		}
		if signedBy([]Secret{mustSecret(t, referenceSecret)}, signatures, "id", "1", []byte("body")) {
			t.Fatal("a forged signature")
		}
	})
}

func FuzzParseTimestamp(f *testing.F) {
	for _, text := range []string{"1614265330", "", "0", "-1", "99999999999", "100000000000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseTimestamp(text)
		if err == nil && (at.Unix() <= 0 || at.Year() > 5138 || len(text) > 11) {
			t.Fatalf("%q is %v", text, at)
		}
	})
}

// The forwarder's own files: whatever they hold, they are read or refused.
func FuzzDecodeCursor(f *testing.F) {
	c := cursor{Journal: testJournal, Next: 7, Pending: []span{{7, 256}, {257, 506}}, Parked: 3}
	data, err := c.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"journal":"` + testJournal + `","next":18446744073709551615,"pending":[{"First":18446744073709551615,"Last":18446744073709551615}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeCursor(data)
		if err != nil {
			return
		}
		again, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeCursor(again); err != nil {
			t.Fatalf("%s is read, %s is not: %v", data, again, err)
		}
	})
}

func FuzzParseParked(f *testing.F) {
	e := parkable(3, 30)
	line, err := appendParked(nil, &e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSuffix(line, []byte("\n")))
	f.Add([]byte("x {}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := parseParked(line)
		if !ok {
			return
		}
		again, err := appendParked(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := parseParked(bytes.TrimSuffix(again, []byte("\n"))); !ok {
			t.Fatalf("%q is read, %q is not", line, again)
		}
	})
}

func FuzzReadSlot(f *testing.F) {
	f.Add(make([]byte, slotSize))
	f.Fuzz(func(t *testing.T, data []byte) {
		slot := make([]byte, slotSize)
		copy(slot, data)
		if _, value, ok := readSlot(slot); ok && len(value) > slotRoom {
			t.Fatalf("a value of %d bytes", len(value))
		}
	})
}
