package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// hear reads what test programs print, until the rig is done, and enters it in t. A test that has others below it is no scenario but
// a heading, unless it fails by itself; one that was skipped has failed: the board has everything. It calls awake when the rig speaks.
func hear(r io.Reader, t *tally, begun time.Time, awake func() bool) error {
	var results []outcome
	program := ""
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		switch words := strings.Fields(line); {
		case strings.HasPrefix(line, "rig: begin "):
			awake()
			if program != "" {
				enter(t, program, results, "it has no end")
			}
			program, results = words[2], nil
			t.figure("qemu started → rig runs "+program, fmt.Sprintf("%.1f s", time.Since(begun).Seconds()))
		case strings.HasPrefix(line, "rig: end "):
			enter(t, program, results, line)
			program = ""
		case line == "rig: staying":
			return nil
		case line == "rig: done":
			if program != "" {
				enter(t, program, results, "it has no end")
			}
			return nil
		case strings.Contains(line, "figure: "):
			_, figure, _ := strings.Cut(line, "figure: ")
			name, value, _ := strings.Cut(figure, ": ")
			t.figure(name, value)
		case len(words) >= 3 && words[0] == "---" && strings.HasSuffix(words[1], ":"):
			results = append(results, outcome{name: words[2], word: strings.TrimSuffix(words[1], ":")})
		}
	}
	if program != "" {
		enter(t, program, results, "it ended in the middle")
	}
	return errors.Join(lines.Err(), errors.New("the board ended before the rig was done"))
}

// outcome is what a test program says of one test.
type outcome struct{ name, word string }

// enter enters the outcomes of one test program.
func enter(t *tally, program string, results []outcome, end string) {
	failed := false
	for _, o := range results {
		ok := o.word == "PASS"
		failed = failed || !ok
		below := false
		for _, other := range results {
			below = below || strings.HasPrefix(other.name, o.name+"/")
		}
		if !below || !ok && !failedBelow(results, o.name) {
			t.result(program+": "+o.name, ok)
		}
	}
	if !strings.HasSuffix(end, "<nil>") && !failed {
		t.result(program+": "+end, false)
	}
	if len(results) == 0 && !t.partial {
		t.result(program+": none of its scenarios ran", false)
	}
}

func failedBelow(results []outcome, name string) bool {
	for _, o := range results {
		if strings.HasPrefix(o.name, name+"/") && o.word != "PASS" {
			return true
		}
	}
	return false
}
