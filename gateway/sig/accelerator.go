package sig

import (
	"context"
	"crypto/sha256"
	"sync/atomic"

	"passerelle/gateway/sig/p256"
)

// Accelerator is what all Verifiers of a process share to verify ES256 with P-256 keys, and PS256, by code of our own: the
// keys' tables, and the guard.
//
// The guard is a second opinion. A lane asks Recheck for each Admit; besides, of the signatures that Verifiers accept, and of
// those that they refuse, one in sampleEvery is verified again by the standard library in Run. The first time that the two differ,
// the standard library takes over for good, and Options.Differ is called.
//
// A nil Accelerator is valid: everything is done by the standard library. Safe for concurrent use.
type Accelerator struct {
	tables   *p256.Tables
	differ   func(Difference)
	samples  chan sample
	standard atomic.Bool
	checked  atomic.Uint64
	missed   atomic.Uint64
	differed atomic.Uint64
}

// sampleEvery is how many results of a kind a Verifier gives between two that are verified again.
const sampleEvery = 256

// AcceleratorOptions are what an Accelerator needs to know.
type AcceleratorOptions struct {
	// Memory is the limit for tables in bytes; with less than p256.MinLimit there are none.
	Memory int64
	// Differ is told of each difference, from the goroutine that found it; nil tells nobody. It must not block for long.
	Differ func(Difference)
}

// Difference says that the fast path and the standard library disagreed about a signature, or that a table failed its check.
type Difference struct {
	Table    bool     // a table failed; nothing else is said
	Key      [32]byte // fingerprint
	Accepted bool     // by the fast path; the standard library refused it, or the other way round
}

// maxSignature is the length of the longest signature, in bytes.
const maxSignature = MaxRSABits / 8

// sample is a signature that is to be verified again.
type sample struct {
	key       *Key
	alg       Algorithm
	digest    [sha256.Size]byte
	signature [maxSignature]byte
	size      int // of signature
	accepted  bool
}

// NewAccelerator returns an Accelerator without any table yet but the generator's, which takes some ten milliseconds to make.
func NewAccelerator(o AcceleratorOptions) *Accelerator {
	return &Accelerator{tables: p256.NewTables(o.Memory), differ: o.Differ, samples: make(chan sample, 64)}
}

// Run builds the tables that are asked for, and verifies samples again, until the context ends.
func (a *Accelerator) Run(ctx context.Context) {
	if a == nil {
		return
	}
	var second standard
	for {
		select {
		case <-ctx.Done():
			return
		case k := <-a.tables.Asked():
			a.answer(k)
		case s := <-a.samples:
			a.check(&second, &s)
		}
	}
}

// Settle does what Run would have to do now, and returns: for those who want to measure, or to test, a state that stays.
func (a *Accelerator) Settle() {
	if a != nil {
		a.drain(a.tables.Asked())
	}
}

// CheckSamples verifies the samples that wait, and returns.
func (a *Accelerator) CheckSamples() {
	if a != nil {
		a.drain(nil)
	}
}

func (a *Accelerator) drain(asked <-chan *p256.Key) {
	var second standard
	for {
		select {
		case k := <-asked:
			a.answer(k)
		case s := <-a.samples:
			a.check(&second, &s)
		default:
			return
		}
	}
}

// UseStandard has the standard library do everything from now on.
func (a *Accelerator) UseStandard() {
	if a != nil {
		a.standard.Store(true)
	}
}

// Stats says how an Accelerator fares.
type Stats struct {
	Tables   p256.Stats
	Standard bool   // the standard library does everything
	Checked  uint64 // samples that were verified again
	Missed   uint64 // samples that nobody had time for
	Differed uint64
}

// Stats returns how it fares; the zero Stats, with Standard, for nil.
func (a *Accelerator) Stats() Stats {
	if a == nil {
		return Stats{Standard: true}
	}
	return Stats{
		Tables: a.tables.Stats(), Standard: a.standard.Load(), Checked: a.checked.Load(), Missed: a.missed.Load(),
		Differed: a.differed.Load(),
	}
}

func (a *Accelerator) check(second *standard, s *sample) {
	a.checked.Add(1)
	if second.verify(s.key, s.alg, s.digest[:], s.signature[:s.size]) != s.accepted {
		a.alarm(s.key, s.accepted)
	}
}

// answer builds a table that was asked for. One that fails its check ends the fast path, too.
func (a *Accelerator) answer(k *p256.Key) {
	if !a.tables.Answer(k) {
		a.tell(Difference{Table: true})
	}
}

// alarm ends the fast path.
func (a *Accelerator) alarm(k *Key, accepted bool) {
	a.tell(Difference{Key: k.fingerprint, Accepted: accepted})
}

func (a *Accelerator) tell(d Difference) {
	a.standard.Store(true)
	a.differed.Add(1)
	if a.differ != nil {
		a.differ(d)
	}
}
