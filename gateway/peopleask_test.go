package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func TestSecretIsNotShownAndAPromptCanBeLeft(t *testing.T) {
	t.Parallel()
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	defer terminal.Close()
	echoes := func() bool {
		t.Helper()
		mode, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return mode.Lflag&unix.ECHO != 0
	}
	ctx, interrupt := context.WithCancel(t.Context())
	prompt := &onWrite{do: func() {
		if _, err := io.WriteString(keyboard, "480913\n"); err != nil {
			t.Error(err)
		}
	}}
	ask := newAsker(ctx, streams{in: terminal, out: io.Discard, err: prompt})
	if got, err := ask.secret("PIN: "); got != "480913" || err != nil || !echoes() {
		t.Fatalf("got %q, %v, echo %v", got, err, echoes())
	}
	prompt.do = interrupt
	if got, err := ask.secret("PIN: "); got != "" || err == nil || !strings.Contains(err.Error(), "interrupted") || !echoes() {
		t.Errorf("got %q, %v, echo %v, want an interruption and a terminal that shows what is typed", got, err, echoes())
	}
	if _, err := io.WriteString(terminal, "end"); err != nil {
		t.Fatal(err)
	}
	shown := make([]byte, 64)
	if n, err := keyboard.Read(shown); err != nil || string(shown[:n]) != "end" {
		t.Errorf("the terminal showed %q, %v, want nothing of what was typed", shown[:n], err)
	}
}

// onWrite does something when the prompt comes.
type onWrite struct{ do func() }

func (w *onWrite) Write(b []byte) (int, error) {
	if do := w.do; do != nil {
		w.do = nil
		do()
	}
	return len(b), nil
}
