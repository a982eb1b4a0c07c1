package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screen is a pseudo-terminal and what it shows.
type screen struct {
	device *os.File // the program's end
	all    bytes.Buffer
	done   chan error
}

func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	master, device, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(device, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	s := &screen{device: device, done: make(chan error)}
	go func() {
		_, err := io.Copy(&s.all, master)
		s.done <- errors.Join(err, master.Close())
	}()
	return s
}

// close returns all that was written.
func (s *screen) close(t *testing.T) string {
	t.Helper()
	s.device.Close()
	if err := <-s.done; err != nil && !errors.Is(err, syscall.EIO) { // EIO is the end of a pseudo-terminal
		t.Error(err)
	}
	return s.all.String()
}

// shown returns the lines that stand on a screen of that width after text was written to it.
func shown(t *testing.T, text string, columns int) []string {
	t.Helper()
	lines, at := []string{""}, 0
	for len(text) > 0 {
		last := &lines[len(lines)-1]
		erase := regexp.MustCompile(`^\x1b\[([02]?)K`).FindStringSubmatch(text)
		switch {
		case erase != nil && erase[1] == "2":
			*last, text = "", text[len(erase[0]):]
		case erase != nil:
			*last, text = (*last)[:min(at, len(*last))], text[len(erase[0]):]
		case text[0] == '\r':
			at, text = 0, text[1:]
		case text[0] == '\n':
			lines, text = append(lines, ""), text[1:]
		case text[0] < ' ' || text[0] > '~':
			t.Fatalf("unexpected %.10q", text)
		default:
			line := []byte(*last + strings.Repeat(" ", max(0, at+1-len(*last))))
			line[at] = text[0]
			*last, text, at = string(line), text[1:], at+1
			if at > columns {
				t.Fatalf("a line is longer than the terminal: %q", line)
			}
		}
	}
	return lines
}

// slow takes results slowly, so that there is progress to see.
type slow struct {
	bytes.Buffer
	pause time.Duration
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.Buffer.Write(p)
}

func rowsFile(t *testing.T, n int, row string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(name, []byte(strings.Repeat(row+"\n", n)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestProgressOfFilesShowsRowsShareAndTime(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, columns := range []uint16{80, 60, 0} {
		s := newScreen(t, columns)
		out := &slow{pause: 15 * time.Millisecond}
		files := []string{rowsFile(t, 1000, "https://example.org/"), rowsFile(t, 1000, "x")}
		args := append([]string{"verify", "--trust", standardList(t), "--cores", "1"}, files...)
		if code := execute(t.Context(), args, streams{in: strings.NewReader(""), out: out, err: s.device}); code != exitRefused {
			t.Errorf("exit code %d", code)
		}
		text := s.close(t)
		lines := shown(t, text, max(int(columns), 80))
		if len(lines) != 2 || lines[1] != "" || !regexp.MustCompile(`^2000 rows, \d+ rows/s +100% \[=+\]$`).MatchString(strings.TrimRight(lines[0], " ")) {
			t.Errorf("%d columns: the last state is %q", columns, lines)
		}
		if n := len(regexp.MustCompile(`\d+ rows, \d+ rows/s +[1-9]\d?% \[=*>?\.+\]  \[\d+s:\d+s\]`).FindAllString(text, -1)); n == 0 {
			t.Errorf("%d columns: not seen on the way: %q", columns, text)
		}
		if n := strings.Count(out.String(), "\n"); n != 2000 {
			t.Errorf("%d results", n)
		}
	}
}

func TestProgressOfAPipeShowsRows(t *testing.T) {
	t.Setenv("TERM", "xterm")
	in, feed := io.Pipe()
	go func() {
		for range 5 {
			fmt.Fprint(feed, strings.Repeat("x\n", 100))
			time.Sleep(2 * progressEvery)
		}
		feed.Close()
	}()
	s := newScreen(t, 80)
	if code := execute(t.Context(), []string{"verify", "--trust", standardList(t)}, streams{in: in, out: io.Discard, err: s.device}); code != exitRefused {
		t.Errorf("exit code %d", code)
	}
	text := s.close(t)
	lines := shown(t, text, 80)
	if len(lines) != 2 || lines[1] != "" || !regexp.MustCompile(`^\S 500 rows, \d+ rows/s +\[\d+s\] *$`).MatchString(lines[0]) || strings.Contains(text, "%") {
		t.Errorf("the last state is %q", lines)
	}
	if !regexp.MustCompile(` [1-4]00 rows, `).MatchString(text) {
		t.Errorf("not seen on the way: %q", text)
	}
}

func TestProgressLeavesErrorsWhole(t *testing.T) {
	t.Setenv("TERM", "xterm")
	s := newScreen(t, 80)
	name := rowsFile(t, 30, strings.Repeat("{\"payload\":\"x\"}\n", 63)+"{\"code\":1}")
	missing := filepath.Join(t.TempDir(), "missing")
	args := []string{"verify", "--trust", standardList(t), "--input", "jsonl", "--cores", "1", name, missing}
	if code := execute(t.Context(), args, streams{in: strings.NewReader(""), out: &slow{pause: 20 * time.Millisecond}, err: s.device}); code != exitMisuse {
		t.Errorf("exit code %d", code)
	}
	lines := shown(t, s.close(t), 1000)
	if len(lines) != 30+1+2 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i, line := range lines[:30] {
		if want := fmt.Sprintf(`passerelle: error: row %d: no member "payload"`, 64*(i+1)); line != want {
			t.Errorf("got %q, want %q", line, want)
		}
	}
	if !strings.HasPrefix(strings.TrimLeft(lines[30], `|/-\ `), "1920 rows, ") {
		t.Errorf("the last state is %q", lines[30])
	}
	if want := "passerelle: error: read codes: open " + missing + ": no such file or directory"; lines[31] != want {
		t.Errorf("got %q, want %q", lines[31], want)
	}
}

func TestProgressIsNotShownWhereItWouldSpoilSomething(t *testing.T) {
	list, name := standardList(t), rowsFile(t, 3, "x")
	const result = "deny   not_accepted     opaque\r\n"
	for _, test := range []struct {
		what    string
		term    string
		columns uint16
		std     func(terminal *os.File) streams
		args    []string
		want    string
	}{
		{"results on the same terminal", "xterm", 80, func(tty *os.File) streams { return streams{strings.NewReader(""), tty, tty} }, []string{name}, strings.Repeat(result, 3)},
		{"errors into a file", "xterm", 80, func(tty *os.File) streams { return streams{strings.NewReader(""), tty, new(bytes.Buffer)} }, []string{name}, strings.Repeat(result, 3)},
		{"both elsewhere", "xterm", 80, func(*os.File) streams { return streams{strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer)} }, []string{name}, ""},
		{"a terminal that cannot", "dumb", 80, func(tty *os.File) streams { return streams{strings.NewReader(""), io.Discard, tty} }, []string{name}, ""},
		{"a narrow one", "xterm", minColumns - 1, func(tty *os.File) streams { return streams{strings.NewReader(""), io.Discard, tty} }, []string{name}, ""},
		{"nobody wants it", "xterm", 80, func(tty *os.File) streams { return streams{strings.NewReader(""), io.Discard, tty} }, []string{"--no-progress", name}, ""},
		{"a device as input", "xterm", 80, func(tty *os.File) streams { return streams{strings.NewReader(""), io.Discard, tty} }, []string{os.DevNull}, "passerelle: error: nothing to verify: no code in the input\r\n"},
	} {
		t.Setenv("TERM", test.term)
		s := newScreen(t, test.columns)
		code := execute(t.Context(), append([]string{"verify", "--trust", list}, test.args...), test.std(s.device))
		if text := s.close(t); text != test.want || code == exitOK {
			t.Errorf("%s: exit code %d, %q, want %q", test.what, code, text, test.want)
		}
	}
	t.Setenv("TERM", "xterm")
	s := newScreen(t, 80)
	if (&verifyCmd{Progress: true}).progress(streams{in: s.device, out: io.Discard, err: s.device}) != nil {
		t.Error("codes that are typed: there is a bar among them")
	}
	if text := s.close(t); text != "" {
		t.Errorf("got %q", text)
	}
}
