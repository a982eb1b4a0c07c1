package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestFailureSaysWhatAndWhatToDo(t *testing.T) {
	t.Parallel()
	fault := errors.New("read list: gone")
	for _, tt := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"success", nil, exitOK, ""},
		{"refused: everything was said", errRefused, exitRefused, ""},
		{"refused, wrapped", fmt.Errorf("verify: %w", errRefused), exitRefused, ""},
		{"fault", fault, exitRefused, "passerelle: error: read list: gone\n"},
		{"misuse", misuse{fault}, exitMisuse, "passerelle: error: read list: gone\n"},
		{"hint", withHint(fault, "give %s", "--trust"), exitRefused, "passerelle: error: read list: gone\npasserelle: hint: give --trust\n"},
		{"hint in misuse", misuse{withHint(fault, "x")}, exitMisuse, "passerelle: error: read list: gone\npasserelle: hint: x\n"},
		{"misuse in hint", withHint(misuse{fault}, "x"), exitMisuse, "passerelle: error: read list: gone\npasserelle: hint: x\n"},
		{"joined", errors.Join(withHint(misuse{fault}, "x"), errors.New("close: too")), exitMisuse, "passerelle: error: read list: gone\nclose: too\npasserelle: hint: x\n"},
		{"hostile text", withHint(errors.New("open \x1b[2J\u202e"), "see \x07"), exitRefused, "passerelle: error: open \\x1b[2J\\u202e\npasserelle: hint: see \\a\n"},
	} {
		var out, errs bytes.Buffer
		if got := fail(streams{out: &out, err: &errs}, tt.err); got != tt.code || errs.String() != tt.want || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %q, want %d, %q", tt.name, got, errs.String(), tt.code, tt.want)
		}
	}
	if err := withHint(nil, "x"); err != nil {
		t.Errorf("a hint about nothing is %v", err)
	}
}

func TestResultsComeBeforeTheInputEnds(t *testing.T) {
	t.Parallel()
	list := standardList(t)
	ask, in := io.Pipe()
	out, answer := io.Pipe()
	ended := make(chan int)
	go func() {
		code := execute(t.Context(), []string{"verify", "--trust", list, "--profile", "demo"}, streams{in: ask, out: answer, err: io.Discard})
		answer.Close()
		ended <- code
	}()
	buf := make([]byte, 4096)
	for i := range 3 {
		if _, err := fmt.Fprintf(in, "https://example.org/%d\n", i); err != nil {
			t.Fatal(err)
		}
		n, err := out.Read(buf) // the input is still open
		if err != nil || !strings.HasPrefix(string(buf[:n]), "deny   not_accepted     opaque\n") {
			t.Fatalf("got %q, %v", buf[:n], err)
		}
	}
	in.Close()
	if _, err := out.Read(buf); err != io.EOF {
		t.Errorf("more results than codes, or %v", err)
	}
	if code := <-ended; code != exitRefused {
		t.Errorf("exit code %d", code)
	}
}

func TestInputThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader("https://example.org/\nhalf"), badReader{})
	var out, errs bytes.Buffer
	code := execute(t.Context(), []string{"verify", "--trust", standardList(t)}, streams{in: broken, out: &out, err: &errs})
	if code != exitRefused || out.String() != "deny   not_accepted     opaque\n" || errs.String() != "passerelle: error: read codes: the line went dead\n" {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errs.String())
	}
}

type badReader struct{}

func (badReader) Read([]byte) (int, error) { return 0, errors.New("the line went dead") }
