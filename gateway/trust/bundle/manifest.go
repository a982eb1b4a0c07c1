package bundle

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Manifest is what the roots sign.
type Manifest struct {
	Version    uint64 // rises with every list; never 0
	Issued     int64  // unix seconds
	Expires    int64  // unix seconds, inclusive
	MinProgram uint64 // format level, see Level
	Parts      []Part // by rising name
	Roots      *Roots // who signs from the next manifest on; nil: no change
}

// Part is a manifest's entry of one part.
type Part struct {
	Name   string
	SHA256 [32]byte
	Length uint64 // bytes, before deflation
}

func (m *Manifest) part(name string) (Part, bool) {
	for _, p := range m.Parts {
		if p.Name == name {
			return p, true
		}
	}
	return Part{}, false
}

type manifestWire struct {
	Version    uint64     `cbor:"1,keyasint"`
	Issued     int64      `cbor:"2,keyasint"`
	Expires    int64      `cbor:"3,keyasint"`
	MinProgram uint64     `cbor:"4,keyasint"`
	Parts      []partWire `cbor:"5,keyasint"`
	Roots      *rootsWire `cbor:"6,keyasint,omitempty"`
}

type partWire struct {
	Name   string `cbor:"1,keyasint"`
	SHA256 []byte `cbor:"2,keyasint"`
	Length uint64 `cbor:"3,keyasint"`
}

type rootsWire struct {
	Threshold int        `cbor:"1,keyasint"`
	Keys      []rootWire `cbor:"2,keyasint"`
}

type rootWire struct {
	Public []byte `cbor:"1,keyasint"` // SubjectPublicKeyInfo
	Name   string `cbor:"2,keyasint,omitempty"`
	Demo   bool   `cbor:"3,keyasint,omitempty"`
}

func encodeManifest(m *Manifest) ([]byte, error) {
	w := manifestWire{
		Version: m.Version, Issued: m.Issued, Expires: m.Expires, MinProgram: m.MinProgram,
		Parts: make([]partWire, 0, len(m.Parts)),
	}
	for _, p := range m.Parts {
		w.Parts = append(w.Parts, partWire{Name: p.Name, SHA256: p.SHA256[:], Length: p.Length})
	}
	if m.Roots != nil {
		w.Roots = m.Roots.wire()
	}
	payload, err := encMode.Marshal(&w)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	return payload, nil
}

func decodeManifest(payload []byte) (Manifest, error) {
	if err := checkLevel(payload); err != nil {
		return Manifest{}, err
	}
	var w manifestWire
	if err := decodeExact(payload, &w); err != nil {
		return Manifest{}, err
	}
	m := Manifest{Version: w.Version, Issued: w.Issued, Expires: w.Expires, MinProgram: w.MinProgram}
	if len(w.Parts) > MaxParts {
		return Manifest{}, fmt.Errorf("%w: %d parts, at most %d", ErrFormat, len(w.Parts), MaxParts)
	}
	for _, p := range w.Parts {
		part := Part{Name: p.Name, Length: p.Length}
		if copy(part.SHA256[:], p.SHA256) != 32 || len(p.SHA256) != 32 {
			return Manifest{}, fmt.Errorf("%w: %q has no SHA-256", ErrPart, p.Name)
		}
		m.Parts = append(m.Parts, part)
	}
	if w.Roots != nil {
		roots, err := w.Roots.roots()
		if err != nil {
			return Manifest{}, err
		}
		m.Roots = &roots
	}
	if err := m.check(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// checkLevel reads MinProgram before anything else: a newer manifest may have fields that this program refuses, and the
// reason to give is its level.
func checkLevel(payload []byte) error {
	var fields map[int64]cbor.RawMessage
	if err := decMode.Unmarshal(payload, &fields); err != nil {
		return fmt.Errorf("%w: manifest: %v", ErrFormat, err)
	}
	var level uint64
	if err := decMode.Unmarshal(fields[4], &level); err != nil {
		return fmt.Errorf("%w: manifest without a level", ErrFormat)
	}
	if level > Level {
		return fmt.Errorf("%w: format level %d, this program reads %d", ErrProgram, level, Level)
	}
	return nil
}

// check holds for what is built and for what is opened.
func (m *Manifest) check() error {
	if m.Version == 0 {
		return fmt.Errorf("%w: version 0", ErrFormat)
	}
	if m.Issued < 0 || m.Expires <= m.Issued || m.Expires > maxTime {
		return fmt.Errorf("%w: issued %d, expires %d", ErrFormat, m.Issued, m.Expires)
	}
	if m.MinProgram == 0 || m.MinProgram > Level {
		return fmt.Errorf("%w: format level %d, this program reads 1 to %d", ErrProgram, m.MinProgram, Level)
	}
	if len(m.Parts) > MaxParts {
		return fmt.Errorf("%w: %d parts, at most %d", ErrFormat, len(m.Parts), MaxParts)
	}
	var total uint64
	for i, p := range m.Parts {
		if p.Name == "" || len(p.Name) > MaxPartName || checkText(p.Name) != nil {
			return fmt.Errorf("%w: bad name %q", ErrPart, p.Name)
		}
		if i > 0 && m.Parts[i-1].Name >= p.Name {
			return fmt.Errorf("%w: %q is out of order or there twice", ErrPart, p.Name)
		}
		if p.Length > MaxFile || total+p.Length > MaxFile {
			return fmt.Errorf("%w: %q: more than %d bytes in all", ErrPart, p.Name, MaxFile)
		}
		total += p.Length
	}
	if err := m.checkNames(); err != nil {
		return err
	}
	if m.Roots != nil {
		return m.Roots.check()
	}
	return nil
}

// checkNames refuses a manifest that leaves a part out: an empty one is named, too.
func (m *Manifest) checkNames() error {
	for _, name := range firstParts {
		if _, ok := m.part(name); !ok {
			return fmt.Errorf("%w: %q is not in the manifest", ErrPart, name)
		}
	}
	named := 0
	for _, name := range laterParts {
		if _, ok := m.part(name); ok {
			named++
		}
	}
	if named != 0 && named != len(laterParts) {
		return fmt.Errorf("%w: of %v the manifest names only some", ErrPart, laterParts)
	}
	return nil
}
