package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"sync"
	"time"

	"passerelle/drivers/scannertest"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// simulatedLane is a scanner, what it sent and what came of it.
type simulatedLane struct {
	id      string
	scanner *scannertest.Scanner
	coder   *coder
	events  *lane.Subscription
	faulty  bool

	mu       sync.Mutex
	begun    []time.Time // when each scan's first byte was sent; nil with faults; guarded by mu, like all that follows
	latency  []time.Duration
	verdicts map[policy.Reason]int
	again    int
	late     int
}

// play scans codes that nobody saw before.
func (l *simulatedLane) play(ctx context.Context, rate float64) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		code, err := l.coder.next()
		if err != nil {
			return err
		}
		if !l.faulty {
			l.mu.Lock()
			l.begun = append(l.begun, time.Now())
			l.mu.Unlock()
		}
		if err := l.scanner.Scan(context.WithoutCancel(ctx), code); err != nil {
			return fmt.Errorf("lane %s: %w", l.id, err)
		}
	}
}

// watch counts what the lane says, in order: verdicts come in the order of the scans.
func (l *simulatedLane) watch(ctx context.Context) {
	defer l.events.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-l.events.Events:
			l.count(&e)
		}
	}
}

func (l *simulatedLane) count(e *lane.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case lane.VerdictGiven:
		l.verdicts[e.Candidate.Reason()]++
		took := e.Took
		if n := len(l.latency); n < len(l.begun) { // from the first byte on the wire: an upper bound for the last
			took = e.At.Sub(l.begun[n])
		}
		l.latency = append(l.latency, took)
	case lane.ShownAgain:
		l.again++
	case lane.VerdictLate:
		l.late++
	}
}

// came returns how many frames came out.
func (l *simulatedLane) came() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.again
	for _, k := range l.verdicts {
		n += k
	}
	return uint64(n)
}

// coder makes codes that nobody saw before, with one compressor for all: a new one for each takes 800 kB, and the garbage of
// the simulation would hide that of the gateway.
type coder struct {
	samples *samples
	key     *issuer.Key
	zip     *zlib.Writer
	packed  bytes.Buffer
	code    []byte
}

func newCoder(s *samples) (*coder, error) {
	zip, err := zlib.NewWriterLevel(nil, zlib.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return &coder{samples: s, key: s.keys[testkeys.Ministry], zip: zip}, nil
}

// next returns a code, which is valid until the next call.
func (c *coder) next() ([]byte, error) {
	message, err := issuer.NewMessage(c.key, c.samples.vaccination()).Sign(c.key)
	if err != nil {
		return nil, err
	}
	return c.encode(message)
}

// encode is issuer.Encode.
func (c *coder) encode(message []byte) ([]byte, error) {
	c.packed.Reset()
	c.zip.Reset(&c.packed)
	if _, err := c.zip.Write(message); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := c.zip.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	c.code = base45.AppendEncode(append(c.code[:0], "HC1:"...), c.packed.Bytes())
	return c.code, nil
}
