package lane

import "time"

// backlog is what may wait in a scanner's port, or for the next connection of one on the network, because all buffers were out: the disk
// stood still. Codes that are read from it count as there since the port was left alone, so that they are known to be late, and none turns
// the lamp green when somebody else stands at the gate.
type backlog struct {
	left    time.Time // since when the port was left alone; zero if it was empty since
	resumed time.Time // when it was read again last, after all buffers were out or the scanner was away
}

const (
	// silence is how long nothing is read until the port was empty for certain: longer than any reading of what is there, which may end by a
	// gap of its own.
	silence = time.Second

	// drained is how long there was always a scanner and a free buffer until the port was empty for certain, however close together people
	// come: it holds some thousand bytes, which take some milliseconds.
	drained = 3 * time.Second
)

// begin notes that all buffers are out.
func (b *backlog) begin(now time.Time) {
	if b.left.IsZero() {
		b.left = now
	}
}

// resume notes that the port is read again, by a free buffer or from a scanner that is back.
func (b *backlog) resume(now time.Time) { b.resumed = now }

// since is when a code was there at the earliest, each at a time of its own. Its reading took from begun to now.
func (b *backlog) since(begun, now time.Time) time.Time {
	if b.left.IsZero() || now.Sub(begun) >= silence || begun.Sub(b.resumed) >= drained {
		b.left = time.Time{}
		return now
	}
	at := b.left
	b.left = at.Add(1)
	return at
}
