package main

import (
	"strings"
	"testing"
	"time"
)

func TestWhatTheBoardSaysIsCounted(t *testing.T) {
	t.Parallel()
	lines := func(l ...string) string { return strings.Join(l, "\n") + "\n" }
	for _, tt := range []struct {
		name           string
		text           string
		partial        bool
		passed, failed int
		err            bool
	}{
		{"two scenarios below a heading", lines("rig: begin a", "=== RUN   TestA", "--- PASS: TestA (1s)", "    --- PASS: TestA/x (0s)", "    --- PASS: TestA/y (0s)", "rig: end a <nil>", "rig: done"), false, 2, 0, false},
		{"one of them failed", lines("rig: begin a", "--- FAIL: TestA (1s)", "    --- PASS: TestA/x (0s)", "    --- FAIL: TestA/y (0s)", "rig: end a exit status 1", "rig: done"), false, 1, 1, false},
		{"the heading itself failed", lines("rig: begin a", "--- FAIL: TestA (1s)", "    --- PASS: TestA/x (0s)", "rig: end a exit status 1", "rig: done"), false, 1, 1, false},
		{"skipped is failed", lines("rig: begin a", "--- SKIP: TestA (0s)", "rig: end a <nil>", "rig: done"), false, 0, 1, false},
		{"the program fails, its tests do not", lines("rig: begin a", "--- PASS: TestA (0s)", "rig: end a exit status 2", "rig: done"), false, 1, 1, false},
		{"nothing ran", lines("rig: begin a", "testing: warning: no tests to run", "PASS", "rig: end a <nil>", "rig: done"), false, 0, 1, false},
		{"nothing of it was asked for", lines("rig: begin a", "PASS", "rig: end a <nil>", "rig: done"), true, 0, 0, false},
		{"a program without its end", lines("rig: begin a", "--- PASS: TestA (0s)", "rig: begin b", "--- PASS: TestB (0s)", "rig: end b <nil>", "rig: done"), false, 2, 1, false},
		{"the board dies in the middle", lines("rig: begin a", "--- PASS: TestA (0s)"), false, 1, 1, true},
		{"the plug is pulled where it should be", lines("rig: begin a", "--- PASS: TestA (0s)", "rig: end a <nil>", "rig: begin b", "rig: staying"), false, 1, 0, false},
	} {
		got := newTally()
		got.partial = tt.partial
		err := hear(strings.NewReader(tt.text), got, time.Now(), func() bool { return true })
		passed, failed := got.count(1)
		if passed != tt.passed || failed != tt.failed || (err != nil) != tt.err {
			t.Errorf("%s: %d passed, %d failed, %v; want %d, %d, error %v", tt.name, passed, failed, err, tt.passed, tt.failed, tt.err)
		}
	}
}

func TestScenarioHasToPassInEveryRound(t *testing.T) {
	t.Parallel()
	total := newTally()
	for round := range 2 {
		one := newTally()
		one.result("always", true)
		if round == 0 {
			one.result("once", true)
		}
		one.result("sometimes", round == 0)
		total.add(one)
	}
	if passed, failed := total.count(2); passed != 1 || failed != 2 {
		t.Errorf("%d passed, %d failed, want 1 and 2", passed, failed)
	}
}

func TestFiguresAreSummedUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []string
		want   string
	}{
		{[]string{"20ms", "10ms"}, "10ms; 20ms"},
		{[]string{"20ms", "10ms", "30ms", "1.5s"}, "30ms in the middle, 1.5s at most, of 4"},
		{[]string{"0 lost of 5", "0 lost of 5", "0 lost of 5", "0 lost of 5"}, "0 lost of 5"},
	} {
		if got := summary(tt.values); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.values, got, tt.want)
		}
	}
}
