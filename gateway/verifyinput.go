package main

import (
	"bytes"
	"context"
	"io"

	"passerelle/gateway/rows"
)

// Sizes of the input.
const (
	chunkBytes = 256 << 10
	chunks     = 2                // one is read into while the other's rows are taken
	maxKept    = rows.MaxLine + 2 // bytes of a line: two more than a row may have, so that it is too long without its carriage return too
)

// chunk is a piece of input that holds whole lines.
type chunk struct {
	buf  [chunkBytes]byte
	text []byte // of buf; only the last line of all may lack its line feed
	err  error  // why nothing follows text: io.EOF or a fault
}

// lineReader cuts input into chunks. It never waits for more while it has a whole line: whoever types a line gets its result.
type lineReader struct {
	in      io.Reader
	rest    []byte // the beginning of the next line
	cutting bool   // the line in work was too long: what comes up to its line feed is dropped
}

// run fills chunks until the input ends or the context does; then one that is waiting in Read stays there, and comes to nothing.
func (r *lineReader) run(ctx context.Context, free <-chan *chunk, full chan<- *chunk) {
	for {
		select {
		case c := <-free:
			r.fill(c)
			full <- c // has room for all there are
			if c.err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// fill reads at least one whole line, or up to the end. A line that breaks off by a fault is dropped; one that is too long is cut
// to maxKept bytes.
func (r *lineReader) fill(c *chunk) {
	n := copy(c.buf[:], r.rest)
	whole := 0 // bytes of whole lines
	for c.err = nil; whole == 0 && c.err == nil; {
		if n > maxKept {
			c.buf[maxKept] = '\n'
			n, whole, r.cutting = maxKept+1, maxKept+1, true
			break
		}
		var m int
		m, c.err = r.in.Read(c.buf[n:])
		fresh := c.buf[n : n+m]
		if r.cutting {
			_, after, found := bytes.Cut(fresh, []byte{'\n'})
			fresh = fresh[:copy(fresh, after)]
			r.cutting = !found
		}
		if end := bytes.LastIndexByte(fresh, '\n') + 1; end > 0 {
			whole = n + end
		}
		n += len(fresh)
	}
	if c.err == io.EOF {
		whole = n
	}
	c.text = c.buf[:whole]
	r.rest = append(r.rest[:0], c.buf[whole:n]...)
}
