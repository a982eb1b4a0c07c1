// Package ours calls the product as the product calls itself: the only place of the benchmarks that makes its verifiers.
package ours

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/inflate"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// Path is the whole way from a code's text to a candidate, and the signatures alone. One a goroutine.
type Path struct {
	fast       *sig.Accelerator
	verifier   *verify.Verifier
	signatures *sig.Verifier
	candidates []policy.Candidate
}

// tableMemory is the limit for keys' tables that the product has unless it is told otherwise, in bytes.
const tableMemory = 64 << 20

// New returns a Path under the profile of a checkpoint.
func New() *Path {
	profile := policy.Health()
	fast := newAccelerator()
	return &Path{
		fast: fast, verifier: verify.New(&profile, fast), signatures: sig.NewVerifier(fast),
		candidates: make([]policy.Candidate, 0, maxScans),
	}
}

func newAccelerator() *sig.Accelerator {
	return sig.NewAccelerator(sig.AcceleratorOptions{Memory: tableMemory})
}

// Background returns what lanes share, with the goroutine that the product has for it; stop ends that.
func Background() (fast *sig.Accelerator, stop func()) {
	fast = newAccelerator()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { fast.Run(ctx) })
	return fast, func() { cancel(); running.Wait() }
}

// Settle does what the product does on another thread: it builds the tables that were asked for and verifies samples a second
// time. Call it between passes until nothing gets faster; while a pass is timed, nothing else runs.
func (p *Path) Settle() { p.fast.Settle() }

// Check returns an error if the fast path was given up, or ever differed from crypto/ecdsa.
func (p *Path) Check() error {
	if s := p.fast.Stats(); s.Standard || s.Differed > 0 {
		return fmt.Errorf("crypto/ecdsa took over: %d differences", s.Differed)
	}
	return nil
}

// maxScans is the most that Verify is given at once.
const maxScans = 16 << 10

// Verify verifies scans in one call. The result is valid until the next.
func (p *Path) Verify(scans []verify.Scan, list *trust.Snapshot, now policy.Now) []policy.Candidate {
	p.candidates = p.verifier.Verify(p.candidates[:0], scans, list, now)
	return p.candidates
}

// Genuine reports whether the i-th scan of the last Verify has a good signature and claims that could be read.
func (p *Path) Genuine(i int) bool { return p.verifier.Result(i).Layer == verify.LayerDone }

// Tables says how many keys have a table.
func (p *Path) Tables() string {
	t := p.fast.Stats().Tables
	return fmt.Sprintf("large tables %d, small tables %d, %d MB", t.Large, t.Small, t.Bytes/1_000_000)
}

// Signatures checks signatures in one call.
func (p *Path) Signatures(jobs []sig.Job) { p.signatures.Verify(jobs) }

// Decoder does what Verify does to a code before and after its signature: the stages alone cannot be called in verify.
type Decoder struct {
	inflate inflate.Decoder
	text    []byte
	message cose.Message
	buf     []byte
	claims  []byte
	cert    hcert.Certificate
}

// NewDecoder returns a Decoder with its memory allocated.
func NewDecoder() *Decoder {
	return &Decoder{
		text:   make([]byte, 0, verify.MaxScan),
		buf:    make([]byte, cose.Headroom+verify.MaxInflated),
		claims: make([]byte, verify.MaxInflated),
	}
}

// Decode takes a code apart, hashes what was signed and reads the claims.
func (d *Decoder) Decode(code []byte) (digest [sha256.Size]byte, err error) {
	kind, text := verify.Detect(code)
	if kind != policy.HCERT {
		return digest, errors.New("no HC1 code")
	}
	if d.text, err = base45.AppendDecode(d.text[:0], text); err != nil {
		return digest, err
	}
	buf, err := d.inflate.AppendZlib(d.buf[:cose.Headroom], d.text, verify.MaxInflated)
	if err != nil {
		return digest, err
	}
	if err := d.message.Parse(buf, cose.Headroom); err != nil {
		return digest, err
	}
	digest = sha256.Sum256(d.message.ToBeSigned())
	claims := d.claims[:copy(d.claims, d.message.Payload)]
	return digest, d.cert.Parse(claims)
}
