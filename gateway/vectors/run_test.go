package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPublicVectorsGiveWhatIsExpected is `make vectors` as a test.
func TestPublicVectorsGiveWhatIsExpected(t *testing.T) {
	t.Parallel()
	r, err := run(corpora(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r.print(&out)
	t.Log(out.String())
	if !r.pass() {
		t.Error("not every vector gives what is expected")
	}
}

func TestATallySaysWhatDiffers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		tally tally
		want  bool
	}{
		{"all agree", tally{cases: 40, agree: 40}, true},
		{"no case", tally{}, false},
		{"one wrong", tally{cases: 40, agree: 39, odd: 1}, false},
		{"as many listed as may be", tally{cases: 40, agree: 38, listed: 2}, true},
		{"one more", tally{cases: 40, agree: 37, listed: 3}, false},
		{"a listed one agrees", tally{cases: 40, agree: 40, unused: []string{"x"}}, false},
	} {
		if got := (&result{folders: []tally{tt.tally}}).pass(); got != tt.want {
			t.Errorf("%s: pass = %v, want %v", tt.name, got, tt.want)
		}
	}
	var one tally
	one.enter("a", errors.New("got 1, want 2"), "")
	if one.odd != 1 || !strings.Contains(one.findings[0], "got 1, want 2") {
		t.Errorf("a case that differs is entered as %+v", one)
	}
}

// corpora returns the folder of the public test data.
func corpora(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no public test data at %s: put the folder there, or name it by CORPORA", dir)
	}
	return dir
}
