package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sys/unix"
)

// progress shows on a terminal how far a run is: rows, rows a second and, where the size of the input is known, how much of it
// is done and how long the rest will take. A nil one shows nothing.
// It is for one goroutine.
type progress struct {
	bar     *progressbar.ProgressBar
	out     io.Writer
	total   int64 // bytes of input; 0 if unknown
	began   time.Time
	visible bool
	rows    int
	bytes   int64
}

const (
	progressEvery = 100 * time.Millisecond
	progressWidth = 30 // columns; fewer on a narrow terminal
	minColumns    = 50 // of a terminal, so that there is room for the figures
)

// progress returns what shows the progress, nil where it would spoil something: standard error is no terminal, the results come
// to one, or codes are typed at one.
func (v *verifyCmd) progress(std streams) *progress {
	if !v.Progress || os.Getenv("TERM") == "dumb" || !isTerminal(std.err) || isTerminal(std.out) || len(v.Files) == 0 && isTerminal(std.in) {
		return nil
	}
	if size, err := unix.IoctlGetWinsize(int(std.err.(*os.File).Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 && size.Col < minColumns {
		return nil
	}
	total := v.inputSize(std.in)
	most := total
	if total == 0 {
		most = -1 // a spinner
	}
	return &progress{
		bar: progressbar.NewOptions64(most,
			progressbar.OptionSetWriter(std.err), progressbar.OptionSetWidth(progressWidth), progressbar.OptionUseANSICodes(true),
			progressbar.OptionSetTheme(progressbar.ThemeASCII), progressbar.OptionSetSpinnerChangeInterval(0)), // 0: no goroutine turns it
		out: std.err, total: total, began: time.Now(),
	}
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// inputSize returns how many bytes of input there are, 0 if that is not known.
func (v *verifyCmd) inputSize(in io.Reader) (total int64) {
	if len(v.Files) == 0 {
		f, ok := in.(*os.File)
		if !ok {
			return 0
		}
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		return info.Size()
	}
	for _, name := range v.Files {
		size := fileSize(name)
		if size == 0 {
			return 0
		}
		total += size
	}
	return total
}

// fileSize returns the size of a regular file; 0 for any other, whose size says nothing.
func fileSize(name string) int64 {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// ticks tell when to show it; never, for nil. stop ends them.
func (p *progress) ticks() (ticks <-chan time.Time, stop func()) {
	if p == nil {
		return nil, func() {}
	}
	t := time.NewTicker(progressEvery)
	return t.C, t.Stop
}

// add counts what was done.
func (p *progress) add(rows int, bytes int64) {
	if p != nil {
		p.rows += rows
		p.bytes += bytes
	}
}

// show draws the bar. The terminal may be gone; the work goes on.
func (p *progress) show() {
	p.visible = true
	rate := float64(p.rows) / max(time.Since(p.began).Seconds(), 0.001)
	p.bar.Describe(fmt.Sprintf("%d rows, %.0f rows/s", p.rows, rate))
	if p.total == 0 {
		_ = p.bar.Add(1) // turns the spinner
		return
	}
	_ = p.bar.Set64(min(p.bytes, p.total-1)) // the last byte is finish's, also when the file has grown
}

// clear makes room for a line of text; the bar comes again with the next show.
func (p *progress) clear() {
	if p != nil && p.visible {
		_ = p.bar.Clear()
		p.visible = false
	}
}

// finish leaves the last state on a line of its own. It is complete if whole is set.
func (p *progress) finish(whole bool) {
	if p == nil || p.rows == 0 {
		p.clear()
		return
	}
	p.show()
	if whole {
		_ = p.bar.Finish()
	}
	fmt.Fprintln(p.out)
}
