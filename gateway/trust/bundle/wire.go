package bundle

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"

	"passerelle/gateway/trust"
)

// encMode writes deterministic CBOR (RFC 8949, section 4.2.1); an absent list is an empty one, never null.
var encMode = must(encOptions().EncMode())

func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	return o
}

// decMode refuses duplicate and unknown map keys, indefinite lengths, tags and invalid UTF-8. The longest array is the
// list of keys; the next higher number is let through so that the limit is named where it is checked.
var decMode = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	MaxNestedLevels:   8,
	MaxArrayElements:  max(trust.MaxKeys, MaxDisabled) + 1,
	MaxMapPairs:       MaxParts + 1,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
}.DecMode())

func must[M any](mode M, err error) M {
	if err != nil {
		panic(err) // the options above are constant
	}
	return mode
}

// decodeExact decodes one item of which b is the deterministic encoding; anything that would be written otherwise (null,
// a float for an integer, a field that is empty) is refused.
func decodeExact(b []byte, v any) error {
	if err := decMode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %v", ErrFormat, err)
	}
	again, err := encMode.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrFormat, err)
	}
	if !bytes.Equal(again, b) {
		return fmt.Errorf("%w: not the deterministic encoding", ErrFormat)
	}
	return nil
}

// fileWire is the file. Draft is a manifest that nobody has signed yet, Signed a COSE_Sign message: one of the two.
type fileWire struct {
	Draft     []byte            `cbor:"0,keyasint,omitempty"`
	Signed    []byte            `cbor:"1,keyasint,omitempty"`
	Parts     map[string][]byte `cbor:"2,keyasint"` // by name, deflated (RFC 1951)
	Rotations [][]byte          `cbor:"3,keyasint,omitempty"`
}

func decodeFile(file []byte) (*fileWire, error) {
	w := new(fileWire)
	if err := decMode.Unmarshal(file, w); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	if len(w.Parts) > MaxParts {
		return nil, fmt.Errorf("%w: %d parts, at most %d", ErrFormat, len(w.Parts), MaxParts)
	}
	if len(w.Rotations) > MaxRotations {
		return nil, fmt.Errorf("%w: %d earlier manifests, at most %d", ErrFormat, len(w.Rotations), MaxRotations)
	}
	return w, nil
}

func (w *fileWire) openHead() (envelope, error) {
	switch {
	case len(w.Draft) > 0 && len(w.Signed) == 0:
		return newEnvelope(w.Draft)
	case len(w.Signed) > 0 && len(w.Draft) == 0:
		return openEnvelope(w.Signed)
	}
	return envelope{}, fmt.Errorf("%w: want one manifest", ErrFormat)
}

func (w *fileWire) setHead(head *envelope) error {
	if len(head.message.Signatures) == 0 {
		w.Draft = head.payload
		return nil
	}
	signed, err := head.encode()
	if err != nil {
		return err
	}
	w.Signed = signed
	return nil
}

// openRotations opens the earlier manifests: rising versions below limit, each naming roots.
func (w *fileWire) openRotations(limit uint64) ([]envelope, error) {
	var chain []envelope
	var last uint64
	for _, signed := range w.Rotations {
		e, err := openEnvelope(signed)
		if err != nil {
			return nil, fmt.Errorf("earlier manifest: %w", err)
		}
		if v := e.manifest.Version; v <= last || v >= limit {
			return nil, fmt.Errorf("%w: earlier manifest of version %d out of order", ErrFormat, v)
		}
		if e.manifest.Roots == nil {
			return nil, fmt.Errorf("%w: earlier manifest of version %d names no roots", ErrFormat, e.manifest.Version)
		}
		last = e.manifest.Version
		chain = append(chain, e)
	}
	return chain, nil
}

// allParts returns every part by name, inflated and hashed.
func (b *Bundle) allParts() (map[string][]byte, error) {
	raw := make(map[string][]byte, len(b.head.manifest.Parts))
	for _, p := range b.head.manifest.Parts {
		part, err := b.part(p)
		if err != nil {
			return nil, err
		}
		raw[p.Name] = part
	}
	return raw, nil
}

// part returns one part from the file, or from what is held, checked against its manifest entry.
func (b *Bundle) part(p Part) ([]byte, error) {
	var raw []byte
	if deflated, ok := b.parts[p.Name]; ok {
		var err error
		if raw, err = inflate(deflated, p.Length); err != nil {
			return nil, fmt.Errorf("%w: %q: %v", ErrPart, p.Name, err)
		}
	} else if b.held != nil {
		raw = b.held(p.SHA256)
	}
	if raw == nil {
		return nil, fmt.Errorf("%w: %q is missing and not held", ErrPart, p.Name)
	}
	if uint64(len(raw)) != p.Length || sha256.Sum256(raw) != p.SHA256 {
		return nil, fmt.Errorf("%w: %q is not what the manifest names", ErrPart, p.Name)
	}
	return raw, nil
}

func (b *Bundle) deflated(p Part) ([]byte, error) {
	if d, ok := b.parts[p.Name]; ok {
		return d, nil
	}
	raw, err := b.part(p)
	if err != nil {
		return nil, err
	}
	return deflate(raw)
}

func deflate(raw []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	return out.Bytes(), nil
}

// inflate reads at most one byte more than length, which MaxFile bounds, and refuses what follows the stream.
func inflate(deflated []byte, length uint64) ([]byte, error) {
	in := bytes.NewReader(deflated)
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(in), int64(length)+1))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	if uint64(len(raw)) != length || in.Len() != 0 {
		return nil, fmt.Errorf("inflate: not exactly %d bytes", length)
	}
	return raw, nil
}
