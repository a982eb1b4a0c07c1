package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// asker reads secrets, a line each, without showing them on a terminal. It gives up when ctx ends: Ctrl-C at a prompt.
type asker struct {
	ctx   context.Context
	std   streams
	lines *bufio.Reader
}

// maxLine is the longest line that is read for a secret, in bytes.
const maxLine = 1024

func newAsker(ctx context.Context, std streams) *asker {
	return &asker{ctx: ctx, std: std, lines: bufio.NewReader(io.LimitReader(std.in, 4*maxLine))}
}

func (a *asker) secret(prompt string) (string, error) {
	f, ok := a.std.in.(*os.File)
	if !ok {
		return a.line()
	}
	old, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil { // not a terminal
		return a.line()
	}
	silent := *old
	silent.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &silent); err != nil {
		return "", fmt.Errorf("hide what is typed: %w", err)
	}
	defer func() {
		_ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, old)
		fmt.Fprintln(a.std.err)
	}()
	fmt.Fprint(a.std.err, prompt)
	return a.line()
}

// line reads a line; the reading that ctx ends early is left behind, and the program with it.
func (a *asker) line() (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := a.lines.ReadString('\n')
		done <- read{line, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", fmt.Errorf("read a secret: %w", r.err)
		}
		if len(r.line) > maxLine {
			return "", errors.New("read a secret: the line is too long")
		}
		return strings.TrimRight(r.line, "\r\n"), nil
	case <-a.ctx.Done():
		return "", errors.New("read a secret: interrupted")
	}
}
