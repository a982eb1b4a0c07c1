package cose

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	oracle "github.com/fxamacker/cbor/v2"

	"passerelle/gateway/encoding/cbor"
)

// referenceMessage is what the plain decoder below makes of a message.
type referenceMessage struct {
	alg                                           int64
	content, protected, keyID, payload, signature []byte
}

var decoding = func() oracle.DecMode {
	mode, err := oracle.DecOptions{
		DupMapKey:        oracle.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  32,
		MaxArrayElements: cbor.MaxItems,
		MaxMapPairs:      cbor.MaxItems,
		DefaultMapType:   reflect.TypeFor[map[any]any](),
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// reference decodes a COSE_Sign1 by fxamacker/cbor, with our rules, plainly.
func reference(message []byte) (r referenceMessage, ok bool) {
	content := message
	if major(content) == 6 {
		var tag oracle.RawTag
		if decoding.Unmarshal(content, &tag) != nil {
			return r, false
		}
		content = tag.Content
		if tag.Number == 61 && major(content) == 6 {
			if decoding.Unmarshal(content, &tag) != nil {
				return r, false
			}
			content = tag.Content
		}
		if tag.Number != 18 {
			return r, false
		}
	}
	r.content = content
	var elements []oracle.RawMessage
	if major(content) != 4 || decoding.Unmarshal(content, &elements) != nil || len(elements) != 4 {
		return r, false
	}
	if major(elements[0]) != 2 || major(elements[2]) != 2 || major(elements[3]) != 2 ||
		decoding.Unmarshal(elements[0], &r.protected) != nil ||
		decoding.Unmarshal(elements[2], &r.payload) != nil ||
		decoding.Unmarshal(elements[3], &r.signature) != nil {
		return r, false
	}
	_, unprotectedKeyID, ok := header(elements[1])
	if !ok {
		return r, false
	}
	rawAlg, keyID, ok := header(r.protected)
	var alg any
	if !ok || rawAlg == nil || decoding.Unmarshal(rawAlg, &alg) != nil {
		return r, false
	}
	switch alg := alg.(type) {
	case uint64:
		r.alg = int64(alg)
		if alg > math.MaxInt64 {
			return r, false
		}
	case int64:
		r.alg = alg
	case string:
	default:
		return r, false
	}
	if r.keyID = keyID; keyID == nil {
		r.keyID = unprotectedKeyID
	}
	return r, true
}

// header decodes a header's map, and returns the algorithm as it stands there,
// and the key id.
func header(b []byte) (alg oracle.RawMessage, keyID []byte, ok bool) {
	var labels map[any]oracle.RawMessage
	if major(b) != 5 || decoding.Unmarshal(b, &labels) != nil {
		return nil, nil, false
	}
	for label := range labels {
		switch label := label.(type) {
		case int64, string:
		case uint64:
			if label > math.MaxInt64 {
				return nil, nil, false
			}
		default:
			return nil, nil, false
		}
	}
	if raw, ok := labels[uint64(4)]; ok {
		if major(raw) != 2 || decoding.Unmarshal(raw, &keyID) != nil || len(keyID) > MaxKeyID {
			return nil, nil, false
		}
		keyID = append([]byte{}, keyID...)
	}
	_, critical := labels[uint64(2)]
	return labels[uint64(1)], keyID, !critical
}

func major(b []byte) int {
	if len(b) == 0 {
		return -1
	}
	return int(b[0] >> 5)
}

// mindsTags reports whether the other decoder refuses b for the content of a tag 0, 1, 2 or 3.
func mindsTags(b []byte) bool {
	var v any
	err := decoding.Unmarshal(b, &v)
	return err != nil && strings.Contains(err.Error(), "tag number")
}

// withinLimits reports whether package cbor, which has a fuzz target of its own,
// reads b: it has limits that the other decoder has not.
func withinLimits(b []byte) bool {
	var c cbor.Cursor
	c.Reset(b)
	c.Skip()
	c.End()
	return c.Err() == nil
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"84" + es256Header + "a0 4101 42aabb",
		"d2 84 4d a2 01 26 04" + kid8 + "a0 4101 42aabb",
		"d83d d2 84" + es256Header + "a1 04" + kid8 + "4101 42aabb",
		"84 47 a2 01 26 04 42 1122 a1 04" + kid8 + "4101 42aabb",
		"9f 5f 41 bf 42 0126 41 ff ff bf 04 5f 41 11 41 22 ff ff 5f 41 01 42 0203 ff 5f 41 aa 41 bb ff ff",
		"84 48 a1 01 65 4553323536 a0 4101 42aabb",
		"84 46 a2 01 26 02 81 01 a0 4101 42aabb",
		"84 40 a1 01 26 4101 42aabb",
		"84 49 a3 01 26 03 00 6178 8101 a2 1821 43 010203 20 f6 4101 42aabb",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		want, accepted := reference(message)
		accepted = accepted && len(message) <= cbor.MaxLen && withinLimits(want.content) && withinLimits(want.protected)
		var m Message
		err := m.Parse(room(message), Headroom)
		if !accepted && err == nil && (mindsTags(message) || mindsTags(want.protected)) {
			return // a value that nobody reads has a tag whose content the other decoder looks at
		}
		if accepted != (err == nil) {
			t.Fatalf("%x: %v, the reference accepts it: %v", message, err, accepted)
		}
		if err != nil {
			if m.Payload != nil || m.ToBeSigned() != nil {
				t.Fatalf("%x: something is left beside %v", message, err)
			}
			return
		}
		if m.Alg != want.alg || !bytes.Equal(m.KeyID, want.keyID) || !bytes.Equal(m.Payload, want.payload) || !bytes.Equal(m.Signature, want.signature) {
			t.Fatalf("%x: got %+v, want %+v", message, m, want)
		}
		if got, want := m.ToBeSigned(), sigStructure(t, want.protected, want.payload); !bytes.Equal(got, want) {
			t.Fatalf("%x: to be signed %x, want %x", message, got, want)
		}
		if !bytes.Equal(m.Payload, want.payload) || !bytes.Equal(m.Signature, want.signature) {
			t.Fatalf("%x: ToBeSigned changed the payload or the signature", message)
		}
	})
}
