package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/hid"
	"passerelle/drivers/keyboard"
	"passerelle/drivers/serial"
	"passerelle/gateway/lane"
)

// learnSpeeds are tried in this order, again and again.
var learnSpeeds = []int{9600, 19200, 38400, 57600, 115200, 4800}

const (
	// learnGap is the silence that ends what a scanner sends at once: longer than any pause inside a code.
	learnGap = 300 * time.Millisecond

	// learnDwell is how long a speed is listened at without a byte: a speed may be so wrong that none comes.
	learnDwell = 12 * time.Second

	// typingStep is how often a scanner that types is looked at, and typingKeys how many reports make more than a touched key.
	typingStep = time.Second
	typingKeys = 2 * minText
)

// learned is a scanner that sent the known code, and how.
type learned struct {
	plugged
	framing
	baud   int // 0: means nothing
	typing bool
	layout keyboard.Layout // of one that types; Auto: the code did not tell it
}

// learner knows the code. Its methods are called from a goroutine for each scanner.
type learner struct {
	known []byte
	dwell time.Duration
	tell  func(p *plugged, text string) // to people
}

// read listens to one scanner until it sends the known code. The error is the context's, frame.ErrGone, or why it cannot be opened.
func (l *learner) read(ctx context.Context, p *plugged) (*learned, error) {
	if p.scanner == scannerHID {
		return l.readHID(ctx, p)
	}
	return l.readSerial(ctx, p)
}

// readSerial tries one speed after the other: at a wrong one no text comes.
func (l *learner) readSerial(ctx context.Context, p *plugged) (*learned, error) {
	speeds, dwell := learnSpeeds, l.dwell
	if p.fixedSpeed() {
		speeds, dwell = []int{0}, 0
	}
	var told bool
	for i := 0; ; i++ {
		baud := speeds[i%len(speeds)]
		s, err := serial.Open(serial.Options{Path: p.file, Baud: baud, Terminator: frame.IdleGap, Gap: learnGap})
		if err != nil {
			return nil, err
		}
		if !told {
			l.tell(p, "listening; scan the code")
			told = true
		}
		f, err := l.atSpeed(ctx, p, s, baud, dwell)
		if f != nil || err != nil {
			return f, err
		}
	}
}

// atSpeed listens at one speed, and closes the port. It returns nothing when the next speed is to be tried: when what came is no text,
// or nothing came within dwell (0: for ever).
func (l *learner) atSpeed(ctx context.Context, p *plugged, s lane.Scanner, baud int, dwell time.Duration) (*learned, error) {
	shut := sync.OnceFunc(func() { _ = s.Close() }) // whoever comes second waits: the port is opened again
	defer shut()
	defer context.AfterFunc(ctx, shut)()
	next := func() bool { return false }
	if dwell > 0 {
		next = time.AfterFunc(dwell, shut).Stop
	}
	defer next()
	buf := make([]byte, frame.MaxFrame+1)
	defer clear(buf)
	for {
		n, err := s.ReadFrame(buf)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, frame.ErrClosed):
			return nil, nil
		case err != nil:
			return nil, err
		}
		raw := buf[:n]
		way, ok := findFraming(l.known, raw)
		if ok {
			return &learned{plugged: *p, framing: way, baud: baud}, nil
		}
		line, seven := sevenBits(l.known, raw)
		noise := isNoise(raw)
		what := difference(l.known, raw)
		clear(raw)
		switch {
		case seven:
			next() // the speed is right
			l.tell(p, fmt.Sprintf("it sends %s%s, which no lane reads: set it to 8 data bits, no parity, 1 stop bit, then scan the code again", line, speed(baud)))
		case noise && dwell > 0:
			l.tell(p, fmt.Sprintf("no text came%s: scan the code again, another speed is tried", speed(baud)))
			return nil, nil
		default:
			next()
			l.tell(p, what+"; scan the code again")
		}
	}
}

func speed(baud int) string {
	if baud == 0 {
		return ""
	}
	return fmt.Sprintf(" at %d baud", baud)
}

func (l *learner) readHID(ctx context.Context, p *plugged) (*learned, error) {
	typed := newTyping()
	s, err := hid.Open(ctx, hid.Config{Port: p.path, Keyboard: typed, Now: time.Now})
	if err != nil {
		return nil, err
	}
	text := "listening; scan the code"
	if p.kind == hid.Keyboard {
		text += "; what it types goes to no console meanwhile"
	}
	l.tell(p, text)
	return l.listenHID(ctx, p, s, typed)
}

// listenHID listens to an open USB-HID scanner, and closes it.
func (l *learner) listenHID(ctx context.Context, p *plugged, s lane.Scanner, typed *typing) (*learned, error) {
	defer s.Close()
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	var watching sync.WaitGroup
	ended := make(chan struct{})
	defer watching.Wait()
	defer close(ended)
	watching.Go(func() { typed.watch(ended, typingStep, func(text string) { l.tell(p, text) }) })
	buf := make([]byte, frame.MaxFrame+1)
	defer clear(buf)
	for {
		n, err := s.ReadFrame(buf)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, err
		}
		raw := buf[:n]
		if aim, ok := isKnown(l.known, raw); ok {
			if err := s.Close(); err != nil { // from here on the decoder is ours
				return nil, err
			}
			f := &learned{plugged: *p, framing: framing{aim: aim}, typing: typed.used.Load(), layout: typed.decoder.Layout()}
			f.kind = hid.POS
			if f.typing {
				f.kind = hid.Keyboard
			}
			f.mode = hidMode(&hid.Info{Kind: f.kind}) // as it turned out: without a driver it was not known before
			return f, nil
		}
		what := difference(l.known, raw)
		clear(raw)
		l.tell(p, what+"; scan the code again")
	}
}

// typing is a keyboard decoder that shows whether keys come of which no code is made.
type typing struct {
	decoder *keyboard.Decoder
	used    atomic.Bool
	reports atomic.Uint64 // since the last whole code
	broken  atomic.Uint64 // codes that were thrown away
}

func newTyping() *typing { return &typing{decoder: keyboard.New(keyboard.Auto)} }

// Report implements hid.Decoder.
func (t *typing) Report(report []byte, since time.Duration, emit func(code []byte)) {
	t.used.Store(true)
	t.reports.Add(1)
	t.decoder.Report(report, since, func(code []byte) {
		t.reports.Store(0)
		emit(code)
	})
	t.broken.Store(t.decoder.Discarded())
}

// Reset implements hid.Decoder.
func (t *typing) Reset() { t.decoder.Reset() }

// watch tells when keys came, then none for a step, and no code was made of them.
func (t *typing) watch(ended <-chan struct{}, step time.Duration, tell func(text string)) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	var reports, broken uint64
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		now, lost := t.reports.Load(), t.broken.Load()
		if now == reports && now >= typingKeys || lost > broken {
			tell("keys came, but no whole code: it must end each code with Enter or Tab, pause nowhere inside, and type as a keyboard us, fr or de; " +
				"set it so and scan the code again")
			now = 0
			t.reports.Store(0)
		}
		reports, broken = now, lost
	}
}

// isCandidate reports whether a thing may be a scanner that learn can read.
func (p *plugged) isCandidate() bool {
	switch p.scanner {
	case scannerSerial:
		return true
	case scannerHID: // without a driver its kind is not known yet
		return p.driver != driverHeld && (p.kind != hid.Other || p.driver == "" && !strings.HasPrefix(p.mode, "mouse"))
	}
	return false
}

// candidates chooses what is listened to: what sits at path, or, without one, all that nothing is named for.
func candidates(all []plugged, uses []use, path string, consoles []string) []plugged {
	return slices.DeleteFunc(slices.Clone(all), func(p plugged) bool {
		switch {
		case !p.isCandidate():
			return true
		case path != "":
			return !p.is(path)
		}
		return p.usedBy(uses) != "" || slices.ContainsFunc(p.names, func(n string) bool { return slices.Contains(consoles, n) })
	})
}
