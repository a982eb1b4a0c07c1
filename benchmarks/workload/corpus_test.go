package workload

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus returns the templates, or skips where the public test data is missing.
func corpus(t *testing.T) []*Template {
	t.Helper()
	templates, skipped, err := Templates(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(templates) < 100 || len(skipped)*20 > len(templates) {
		t.Fatalf("%d templates, skipped: %v", len(templates), skipped)
	}
	return templates
}

func folder(t *testing.T) string {
	t.Helper()
	folder, err := Corpora()
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestMissingCorpusIsAnErrorThatSaysWhatToDo(t *testing.T) {
	t.Setenv("CORPORA", t.TempDir())
	_, err := Corpora()
	if !errors.Is(err, ErrNoCorpus) || !strings.Contains(err.Error(), "CORPORA") {
		t.Errorf("%v, want one that names CORPORA", err)
	}
}

func TestDamagedCorpusIsAnErrorThatNamesTheRow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, rows, want string }{
		{"empty", "", "empty"},
		{"no JSON", "{\"payload\": \"HC1:\"}\nHC1:\n", "row 2"},
	} {
		folder := t.TempDir()
		if err := os.MkdirAll(filepath.Join(folder, "hcert"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "hcert", mixName), []byte(tt.rows), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Templates(folder); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
