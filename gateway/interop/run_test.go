package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// corpora returns the folder of public test data.
func corpora(t *testing.T) string {
	t.Helper()
	root := os.Getenv("CORPORA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	if _, err := os.Stat(filepath.Join(root, "hcert", "payloads.jsonl")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the public test data is needed here: %v", err)
		}
		t.Skipf("set CORPORA to the folder of public test data: %v", err)
	}
	return root
}

func TestThePublicCertificatesAgree(t *testing.T) {
	t.Parallel()
	r, err := run(t.Context(), corpora(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.wrong {
		t.Errorf("%s: %s", f.source, f.what)
	}
	if !r.pass() {
		t.Errorf("%d payloads, %d disputed, %d wrong", r.payloads, len(r.disputed), len(r.wrong))
	}
	var out bytes.Buffer
	r.print(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !regexp.MustCompile(`^interop: \d+ payloads, \d+ agree, \d+ disputed, 0 wrong$`).MatchString(last) {
		t.Errorf("the last line is %q", last)
	}
}

// TestEveryExpectationCanFail turns round each expectation of a few rows and sees it counted as wrong.
func TestEveryExpectationCanFail(t *testing.T) {
	t.Parallel()
	root := corpora(t)
	rows, err := readRows(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := copyLinks(t, root)
	var turned []row
	for _, name := range []string{
		"EXPECTEDUNPREFIX", "EXPECTEDB45DECODE", "EXPECTEDCOMPRESSION", "EXPECTEDDECODE", "EXPECTEDVERIFY", "EXPECTEDEXPIRATIONCHECK",
		"EXPECTEDKEYUSAGE", "EXPECTEDPICTUREDECODE", "signature_valid",
	} {
		i := indexOf(rows, name)
		if i < 0 {
			t.Logf("no row asserts %s", name)
			continue
		}
		r := rows[i]
		if name == "signature_valid" {
			valid := !*r.SignatureValid
			r.SignatureValid = &valid
		} else {
			r.Expected = map[string]bool{name: !r.Expected[name]}
			r.SignatureValid = nil
		}
		turned = append(turned, r)
	}
	if len(turned) < 5 {
		t.Fatalf("only %d expectations are asserted by any row", len(turned))
	}
	writeRows(t, dir, turned)
	got, err := run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.wrong) != len(turned) || got.pass() {
		t.Errorf("of %d rows that are wrong %d were found: %v", len(turned), len(got.wrong), got.wrong)
	}
}

// indexOf finds a row that passes and asserts a step; for pictures one that has a picture.
func indexOf(rows []row, name string) int {
	for i, r := range rows {
		if name == "EXPECTEDPICTUREDECODE" && !strings.HasPrefix(r.Source, "dgc-testdata/AT/2DCode/raw/1.") {
			continue
		}
		if r.SignatureValid != nil && *r.SignatureValid && (name == "signature_valid" || r.Expected[name]) {
			return i
		}
	}
	return -1
}

// copyLinks makes a folder of the same shape, with everything but the payloads linked.
func copyLinks(t *testing.T, root string) string {
	t.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "hcert"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"trust", filepath.Join("hcert", "png")} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func writeRows(t *testing.T, dir string, rows []row) {
	t.Helper()
	var text bytes.Buffer
	for _, r := range rows {
		if err := json.NewEncoder(&text).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "hcert", "payloads.jsonl"), text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClocksAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"2021-10-10T18:00:00Z": 1633888800, "2021-10-10T18:00:00": 1633888800, "2021-10-10T20:00:00+02:00": 1633888800,
		"2021-10-10T20:00:00+0200": 1633888800, "2021-10-10T18:00:00.123456": 1633888800, "2021-10-10T18:00:00.123456789Z": 1633888800,
	} {
		r := row{Clock: text}
		if got, ok, err := r.clock(); err != nil || !ok || got != want {
			t.Errorf("%s: %d, %v, %v; want %d", text, got, ok, err, want)
		}
	}
	r := row{Clock: "yesterday"}
	if _, _, err := r.clock(); err == nil {
		t.Error("yesterday was taken for a time")
	}
}
