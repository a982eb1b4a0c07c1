package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"passerelle/gateway/rows"
)

// verifyPipeline verifies rows on several cores and writes the results in the order of the rows:
//
//	lineReader → chunks → rows of the open batch → one rowVerifier a core → write
//
// Nobody waits for a batch to fill: when no more input is there, a verifier that has nothing to do takes the open one as it is, so
// batches grow with the load, to verify.MaxBatch. All buffers are made at start; their number is the memory limit, and the back-pressure when results are
// written more slowly than codes come.
//
// A slow row holds up the results behind it, which keep their order, and no other row's verdict.
type verifyPipeline struct {
	ctx  context.Context // of the run: it ends early with the caller's, or when results cannot be written
	stop context.CancelFunc
	job  *verifyJob
	std  streams
	bar  *progress

	// Batches, in the order of their way.
	free    chan *verifyBatch
	open    *verifyBatch      // takes rows; nil if there is none yet
	work    chan *verifyBatch // has no room: who receives is ready to verify
	order   chan *verifyBatch // all that were sent, in the order of their rows; has room for all there are
	written chan struct{}     // closed when all is written, or will never be

	chunks [chunks]*chunk
	reader lineReader
	sent   int // rows

	// Of write, until written is closed.
	done verifyDone
	err  error
}

// verifyDone counts rows whose results were written.
type verifyDone struct {
	rows, refused int
}

// errEnded is why no more rows are taken when the run ends early.
var errEnded = errors.New("ended")

// batchesPerCore is one in work and three that are filled or wait for the results before theirs.
const batchesPerCore = 4

// newVerifyPipeline starts verifying. It ends with finish.
func newVerifyPipeline(ctx context.Context, job *verifyJob, std streams, bar *progress) *verifyPipeline {
	batches := batchesPerCore*job.cores + 2
	p := &verifyPipeline{
		job: job, std: std, bar: bar,
		free:    make(chan *verifyBatch, batches),
		work:    make(chan *verifyBatch),
		order:   make(chan *verifyBatch, batches),
		written: make(chan struct{}),
	}
	p.ctx, p.stop = context.WithCancel(ctx)
	for range batches {
		p.free <- newVerifyBatch()
	}
	for i := range p.chunks {
		p.chunks[i] = new(chunk)
	}
	for range job.cores {
		v := newRowVerifier(job)
		go func() {
			for b := range p.work {
				v.verify(b)
				b.done <- struct{}{}
			}
		}()
	}
	go p.write()
	return p
}

// lines adds one row a line, until the input or the run ends.
func (p *verifyPipeline) lines(in io.Reader) error {
	free, full := make(chan *chunk, chunks), make(chan *chunk, chunks)
	for _, c := range p.chunks {
		free <- c
	}
	p.reader = lineReader{in: in, rest: p.reader.rest[:0]}
	var reading sync.WaitGroup
	reading.Go(func() { p.reader.run(p.ctx, free, full) })
	for {
		c, err := p.next(full)
		if err != nil {
			return err
		}
		for text := c.text; len(text) > 0; {
			line, rest, _ := rows.Cut(text)
			if err := p.add(inputRow{code: line}, int64(len(text)-len(rest))); err != nil {
				return err
			}
			text = rest
		}
		if c.err != nil {
			reading.Wait()
		}
		switch c.err {
		case nil:
			free <- c
		case io.EOF:
			return nil
		default:
			return fmt.Errorf("read codes: %w", c.err)
		}
	}
}

// next waits for input. Meanwhile the open batch goes to whoever is ready to verify it.
func (p *verifyPipeline) next(full <-chan *chunk) (*chunk, error) {
	select {
	case c := <-full: // what is there joins the batch
		return c, nil
	default:
	}
	work := p.work
	if p.open == nil {
		work = nil
	}
	for {
		select {
		case c := <-full:
			return c, nil
		case work <- p.open:
			p.handedOver()
			work = nil
		case <-p.ctx.Done():
			return nil, errEnded
		}
	}
}

// add adds a row that takes up that many bytes of input. A row that is too long is cut so that it still is.
func (p *verifyPipeline) add(row inputRow, bytes int64) error {
	row.code = row.code[:min(len(row.code), rows.MaxLine+1)]
	for p.open == nil || !p.open.add(row) {
		if err := p.turn(); err != nil {
			return err
		}
	}
	p.open.bytes += bytes
	return nil
}

// turn sends the open batch off, if there is one, and opens the next.
func (p *verifyPipeline) turn() error {
	if p.open != nil {
		select {
		case p.work <- p.open:
			p.handedOver()
		case <-p.ctx.Done():
			return errEnded
		}
	}
	select {
	case p.open = <-p.free:
		p.open.first = p.sent + 1
		return nil
	case <-p.ctx.Done():
		return errEnded
	}
}

// handedOver puts the batch that a verifier has received in its place among the results.
func (p *verifyPipeline) handedOver() {
	p.sent += len(p.open.rows)
	p.order <- p.open
	p.open = nil
}

// finish has what was added verified and written, and says how much that was. fed is why no more was added, nil at the end of
// the input. A run that is broken off gets shutdownTime to write what it has.
func (p *verifyPipeline) finish(fed error) (verifyDone, error) {
	defer p.stop()
	if p.open != nil {
		p.work <- p.open // never for long: verifiers do not wait for anybody
		p.handedOver()
	}
	close(p.work)
	close(p.order)
	select {
	case <-p.written:
	case <-p.ctx.Done():
		select {
		case <-p.written:
		case <-time.After(shutdownTime):
			return verifyDone{}, errors.New("interrupted, and nobody takes the results")
		}
	}
	p.bar.finish(p.err == nil && fed == nil)
	switch {
	case p.err != nil:
		return verifyDone{}, fmt.Errorf("write results: %w", p.err)
	case errors.Is(fed, errEnded):
		return verifyDone{}, fmt.Errorf("interrupted after %d rows", p.done.rows)
	case fed != nil:
		return verifyDone{}, fed
	}
	return p.done, nil
}

// write writes the results of each batch in turn. After an error the run ends, and batches only go round.
func (p *verifyPipeline) write() {
	defer close(p.written)
	ticks, stop := p.bar.ticks()
	defer stop()
	for {
		select {
		case b, more := <-p.order:
			if !more {
				return
			}
			<-b.done
			if p.err == nil {
				if p.err = p.writeBatch(b); p.err != nil {
					p.stop()
				}
			}
			b.reset()
			p.free <- b
		case <-ticks:
			p.bar.show()
		}
	}
}

func (p *verifyPipeline) writeBatch(b *verifyBatch) error {
	if len(b.notes) > 0 {
		p.bar.clear()
		_, _ = p.std.err.Write(b.notes) // the rows' results say so, too
	}
	if _, err := p.std.out.Write(b.out); err != nil {
		return err
	}
	p.done.rows += len(b.rows)
	p.done.refused += b.refused
	p.bar.add(len(b.rows), b.bytes)
	return nil
}
