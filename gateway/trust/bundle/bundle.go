// Package bundle makes, signs, opens and verifies the signed bundle by which a trust list travels to a gate.
//
// A bundle is a manifest that root keys signed, and the parts that it names by SHA-256 and length. The manifest is a
// COSE_Sign message (RFC 9052, section 4.1) over deterministic CBOR (RFC 8949, section 4.2.1); k distinct roots of the
// pinned set must have signed it. A file (deterministic CBOR too) carries the manifest, the parts, deflated, and the
// earlier manifests that changed the roots; parts that the receiver holds already may be left out, which is the delta.
//
// What is decided here:
//   - Only Verify makes a Verified, and only a Verified gives a trust.Snapshot. A part is inflated after the signatures
//     were checked, never beyond the length that the manifest states, and must hash to what the manifest states.
//   - A manifest may name the next roots. Its own k roots authorise them, whoever holds an older set follows the chain
//     of such manifests in the file, and a change that is not newer than the set in hand is never followed (replay).
//     What a demo root authorises is a demo root too.
//   - MinProgram is a format level: an integer that rises when an older program could misread a bundle. Parts with
//     names that this program does not know are checked, kept and passed on, but not read; anything else unknown is
//     refused, so that a new meaning needs either a new part or a new level.
//   - One unreadable key is left out and named, and never sinks the list: without it an issuer is unknown, which
//     refuses. Unreadable switch-offs, acceptance rows and revocations do sink it: without them a gate would admit more.
//   - Expiry blocks taking a list (Check), never reading one that is held.
//   - The parts "authorities", "carriers" and "delegates" came later. A manifest names all three or none; it needs no higher level for
//     them, since whoever does not know them admits nobody by them.
//
// A feed is what changes by the minute: a COSE_Sign1 message (RFC 9052, section 4.2) by a delegate that the list names with kinds,
// scope and validity, over deterministic CBOR in which a million codes are one byte string. It has a version of its own. A status list
// (draft-ietf-oauth-status-list) is signed by a key for tickets of the list, and taken as it is.
package bundle

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// Level is the highest MinProgram that this program reads.
const Level = 1

// Limits of what comes from outside.
const (
	MaxFile       = 64 << 20        // bytes of a file, and of all parts of a manifest together
	MaxManifest   = 64 << 10        // bytes of a signed manifest
	MaxParts      = 64              // parts of a manifest
	MaxPartName   = 64              // bytes
	MaxSignatures = 16              // on one manifest
	MaxRoots      = 16              // of one set
	MaxRotations  = 16              // earlier manifests in one file
	MaxText       = 256             // bytes of an issuer, a source, a reason, a root's name
	MaxDisabled   = 20_000          // switched-off keys
	MaxAcceptance = 4_096           // rows
	MaxLists      = 1_024           // revocation lists
	MaxUsages     = 64              // of one key or row
	MaxAlgorithms = 16              // of one key
	MaxSPKI       = 1_024           // bytes of one public key: RSA-4096 has 550
	MaxAhead      = 24 * 3600       // seconds that a manifest may be issued ahead of the trusted time
	maxTime       = 253_402_300_799 // the end of the year 9999
	minTime       = -2_208_988_800  // the start of the year 1900
)

// What a bundle is refused for. Every error of this package wraps one of them, or comes from a signer's key.
var (
	ErrFormat    = errors.New("malformed bundle")
	ErrProgram   = errors.New("bundle needs a newer program")
	ErrRoots     = errors.New("root keys")
	ErrSignature = errors.New("not signed by enough pinned roots")
	ErrSigned    = errors.New("no further signature is taken")
	ErrPart      = errors.New("part of a bundle")
	ErrContent   = errors.New("content of a bundle")
	ErrHeld      = errors.New("this very list is held already")
	ErrOld       = errors.New("not newer than the list that is held")
	ErrExpired   = errors.New("bundle has expired")
	ErrFuture    = errors.New("bundle was issued in the future")

	ErrDelegate    = errors.New("not signed by a key that may sign this feed")
	ErrStatus      = errors.New("not signed by a key for tickets that is on the list")
	ErrFeedExpired = errors.New("feed has expired")
	ErrFeedFuture  = errors.New("feed was issued in the future")
)

// Bundle is an opened or built bundle. Nothing in it has been verified.
type Bundle struct {
	head      envelope
	rotations []envelope                // rising versions, all below head's
	parts     map[string][]byte         // by name, deflated
	held      func(sum [32]byte) []byte // parts that the file may leave out; nil if there are none
}

// Open reads a file's structure and its manifest; it checks no signature and inflates no part. held gives a part by its
// SHA-256, or nil, for files that leave parts out; it may be nil. The Bundle keeps no reference to file.
func Open(file []byte, held func(sum [32]byte) []byte) (*Bundle, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFormat, len(file), MaxFile)
	}
	w, err := decodeFile(file)
	if err != nil {
		return nil, err
	}
	b := &Bundle{parts: w.Parts, held: held}
	if b.head, err = w.openHead(); err != nil {
		return nil, err
	}
	if b.rotations, err = w.openRotations(b.head.manifest.Version); err != nil {
		return nil, err
	}
	for name := range b.parts {
		if _, ok := b.head.manifest.part(name); !ok {
			return nil, fmt.Errorf("%w: %q is not in the manifest", ErrPart, name)
		}
	}
	return b, nil
}

// Manifest returns what the roots sign. Its slices are not to be changed.
func (b *Bundle) Manifest() Manifest { return b.head.manifest }

// Digest returns the SHA-256 of the manifest without its signatures: more signatures do not make it another list.
func (b *Bundle) Digest() [32]byte { return sha256.Sum256(b.head.payload) }

// Inspect returns the content for people to read, and what of it cannot be read; for a list to decide by see Verified.
func (b *Bundle) Inspect() (Content, []Skipped, error) {
	raw, err := b.allParts()
	if err != nil {
		return Content{}, nil, err
	}
	return decodeContent(raw)
}

// Part returns the part of that SHA-256, inflated, or nil if the bundle lacks it: what Open takes as held.
func (b *Bundle) Part(sum [32]byte) []byte {
	for _, p := range b.head.manifest.Parts {
		if p.SHA256 != sum {
			continue
		}
		raw, err := b.part(p)
		if err != nil {
			return nil
		}
		return raw
	}
	return nil
}

// File returns the bundle as one file. Parts for which omit returns true are left out; omit may be nil.
func (b *Bundle) File(omit func(sum [32]byte) bool) ([]byte, error) {
	w := fileWire{Parts: make(map[string][]byte)}
	for _, p := range b.head.manifest.Parts {
		if omit != nil && omit(p.SHA256) {
			continue
		}
		deflated, err := b.deflated(p)
		if err != nil {
			return nil, err
		}
		w.Parts[p.Name] = deflated
	}
	for i := range b.rotations {
		signed, err := b.rotations[i].encode()
		if err != nil {
			return nil, err
		}
		w.Rotations = append(w.Rotations, signed)
	}
	if err := w.setHead(&b.head); err != nil {
		return nil, err
	}
	file, err := encMode.Marshal(&w)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	if len(file) > MaxFile {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFormat, len(file), MaxFile)
	}
	return file, nil
}

// After makes b reachable for whoever holds prev or anything before it in prev's chain: it carries on the changes of
// roots that led to prev, and prev's own. The centre does this when it builds, a gate before it stores.
func (b *Bundle) After(prev *Verified) error {
	if prev.bundle.head.manifest.Version >= b.head.manifest.Version {
		return fmt.Errorf("%w: version %d after version %d", ErrOld, b.head.manifest.Version, prev.bundle.head.manifest.Version)
	}
	chain := append([]envelope(nil), prev.chain...)
	if prev.bundle.head.manifest.Roots != nil {
		chain = append(chain, prev.bundle.head)
	}
	for _, r := range b.rotations {
		if len(chain) == 0 || r.manifest.Version > chain[len(chain)-1].manifest.Version {
			chain = append(chain, r)
		}
	}
	if len(chain) > MaxRotations {
		return fmt.Errorf("%w: changed more than %d times since they were pinned; pin the present ones", ErrRoots, MaxRotations)
	}
	b.rotations = chain
	return nil
}
