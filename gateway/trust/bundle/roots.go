package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/veraison/go-cose"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Root is a public key that signs manifests: ECDSA on P-256 (ES256) or Ed25519 (EdDSA).
type Root struct {
	Key  sig.Key
	Name string // for people
	Demo bool   // its private key is no secret: whatever stands on it is shown as a demonstration
}

// ID returns the first 8 bytes of the SHA-256 of the key's SubjectPublicKeyInfo.
func (r *Root) ID() trust.KeyID {
	sum := r.Key.Fingerprint()
	return trust.KeyID(sum[:8])
}

func (r *Root) algorithm() cose.Algorithm {
	if r.Key.Allows(sig.EdDSA) {
		return cose.AlgorithmEdDSA
	}
	return cose.AlgorithmES256
}

func (r *Root) check() error {
	if algs := r.Key.Algorithms(); len(algs) == 0 || algs[0] != sig.ES256 && algs[0] != sig.EdDSA {
		return fmt.Errorf("%w: %v: want P-256 or Ed25519", ErrRoots, &r.Key)
	}
	if err := checkText(r.Name); err != nil {
		return fmt.Errorf("%w: name: %w", ErrRoots, err)
	}
	return nil
}

// ParseRoot reads a public key from PEM ("PUBLIC KEY").
func ParseRoot(text []byte) (Root, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) != 0 {
		return Root{}, fmt.Errorf("%w: want one PEM block PUBLIC KEY", ErrRoots)
	}
	key, err := sig.ParseSPKI(block.Bytes)
	if err != nil {
		return Root{}, fmt.Errorf("%w: %w", ErrRoots, err)
	}
	r := Root{Key: key}
	if err := r.check(); err != nil {
		return Root{}, err
	}
	return r, nil
}

// Roots is a set of which Threshold distinct members must have signed. The zero Roots verifies nothing.
type Roots struct {
	Threshold int
	Keys      []Root
}

// Demo reports whether any member is a demo root.
func (r *Roots) Demo() bool {
	for i := range r.Keys {
		if r.Keys[i].Demo {
			return true
		}
	}
	return false
}

// Equal reports whether the sets have the same threshold and the same members, names and marks, in the same order.
func (r *Roots) Equal(other *Roots) bool { return r.sum() == other.sum() }

func (r *Roots) check() error {
	if len(r.Keys) > MaxRoots {
		return fmt.Errorf("%w: %d, at most %d", ErrRoots, len(r.Keys), MaxRoots)
	}
	if r.Threshold < 1 || r.Threshold > len(r.Keys) {
		return fmt.Errorf("%w: a threshold of %d among %d keys", ErrRoots, r.Threshold, len(r.Keys))
	}
	seen := make(map[trust.KeyID]bool)
	for i := range r.Keys {
		if err := r.Keys[i].check(); err != nil {
			return err
		}
		if id := r.Keys[i].ID(); seen[id] {
			return fmt.Errorf("%w: %v stands twice", ErrRoots, id)
		}
		seen[r.Keys[i].ID()] = true
	}
	return nil
}

// next returns the set that a manifest names, or r itself when it names none. Nothing that demo roots authorise stops
// being a demo.
func (r *Roots) next(m *Manifest) Roots {
	if m.Roots == nil {
		return *r
	}
	set := Roots{Threshold: m.Roots.Threshold, Keys: append([]Root(nil), m.Roots.Keys...)}
	for i := range set.Keys {
		set.Keys[i].Demo = set.Keys[i].Demo || r.Demo()
	}
	return set
}

func (r *Roots) wire() *rootsWire {
	w := &rootsWire{Threshold: r.Threshold, Keys: make([]rootWire, 0, len(r.Keys))}
	for i := range r.Keys {
		k := &r.Keys[i]
		w.Keys = append(w.Keys, rootWire{Public: k.Key.SPKI(), Name: k.Name, Demo: k.Demo})
	}
	return w
}

func (w *rootsWire) roots() (Roots, error) {
	if len(w.Keys) > MaxRoots {
		return Roots{}, fmt.Errorf("%w: %d, at most %d", ErrRoots, len(w.Keys), MaxRoots)
	}
	r := Roots{Threshold: w.Threshold}
	for _, k := range w.Keys {
		key, err := sig.ParseSPKI(k.Public)
		if err != nil {
			return Roots{}, fmt.Errorf("%w: %w", ErrRoots, err)
		}
		r.Keys = append(r.Keys, Root{Key: key, Name: k.Name, Demo: k.Demo})
	}
	return r, nil
}

// The roots file. Check is a sum over the rest, which the program writes and holds the file to: a bit that flips on a
// card must not lower a threshold. Whoever edits the file takes the line out.
type rootsText struct {
	Threshold int        `toml:"threshold" comment:"so many distinct roots must have signed a list"`
	Check     string     `toml:"check,omitempty" comment:"sum over this file's content; delete this line when you edit the file"`
	Root      []rootText `toml:"root"`
}

type rootText struct {
	ID     string `toml:"id,omitempty" comment:"first 8 bytes of the SHA-256 of the public key"`
	Name   string `toml:"name,omitempty"`
	Demo   bool   `toml:"demo,omitempty"`
	Public string `toml:"public,multiline"`
}

// MarshalText writes the roots file: TOML, with the keys in PEM.
func (r *Roots) MarshalText() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	t := rootsText{Threshold: r.Threshold, Check: r.sum()}
	for i := range r.Keys {
		k := &r.Keys[i]
		public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.Key.SPKI()})
		t.Root = append(t.Root, rootText{ID: k.ID().String(), Name: k.Name, Demo: k.Demo, Public: string(public)})
	}
	text, err := toml.Marshal(&t)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoots, err)
	}
	return text, nil
}

// UnmarshalText reads the roots file. An unknown key is an error that names its line; id and check may be absent.
func (r *Roots) UnmarshalText(text []byte) error {
	if len(text) > MaxManifest {
		return fmt.Errorf("%w: file of %d bytes, at most %d", ErrRoots, len(text), MaxManifest)
	}
	var t rootsText
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&t); err != nil {
		return fmt.Errorf("%w: %w", ErrRoots, withLine(err))
	}
	set := Roots{Threshold: t.Threshold}
	for _, k := range t.Root {
		root, err := ParseRoot([]byte(k.Public))
		if err != nil {
			return err
		}
		root.Name, root.Demo = k.Name, k.Demo
		if k.ID != "" && k.ID != root.ID().String() {
			return fmt.Errorf("%w: id %q is not that of its public key, %v", ErrRoots, k.ID, root.ID())
		}
		set.Keys = append(set.Keys, root)
	}
	if err := set.check(); err != nil {
		return err
	}
	if t.Check != "" && t.Check != set.sum() {
		return fmt.Errorf("%w: the file is not as it was written; whoever edits it deletes the line check", ErrRoots)
	}
	*r = set
	return nil
}

func (r *Roots) sum() string {
	text := fmt.Sprintf("%d\n", r.Threshold)
	for i := range r.Keys {
		text += fmt.Sprintf("%x %t %q\n", r.Keys[i].Key.Fingerprint(), r.Keys[i].Demo, r.Keys[i].Name)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// withLine puts the line, and the key where there is one, into an error of the TOML library.
func withLine(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		row, _ := strict.Errors[0].Position()
		return fmt.Errorf("line %d: unknown key %q", row, strings.Join(strict.Errors[0].Key(), "."))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, _ := decode.Position()
		return fmt.Errorf("line %d: %s: %w", row, strings.Join(decode.Key(), "."), err)
	}
	return err
}
