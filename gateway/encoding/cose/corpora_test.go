package cose

import (
	"os"
	"path/filepath"
	"testing"
)

// corpora returns the path of public test data: below $CORPORA, or else below
// ../shared/corpora beside the repository.
func corpora(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the package")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "corpora")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("public test data is missing: %v", err)
		}
		t.Skipf("public test data is missing (%v): set CORPORA to the folder that holds it", err)
	}
	return path
}
