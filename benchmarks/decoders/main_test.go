package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"passerelle/benchmarks/workload"
)

func TestEveryDecoderReadsAPlainCodeAndNothingElse(t *testing.T) {
	t.Parallel()
	const payload = "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 100"
	code, err := qr(payload)
	if err != nil {
		t.Fatal(err)
	}
	empty := image.NewGray(image.Rect(0, 0, 200, 200))
	for _, d := range decoders() {
		if got, err := d.read(code); err != nil || string(got) != payload {
			t.Errorf("%s: got %q, %v", d.name, got, err)
		}
		if got, err := d.read(empty); err == nil {
			t.Errorf("%s: got %q from nothing", d.name, got)
		}
	}
}

func TestReadAndWrongAreCounted(t *testing.T) {
	t.Parallel()
	pixel := image.NewGray(image.Rect(0, 0, 1, 1))
	s := set{"three", []picture{{pixel, "A"}, {pixel, "B"}, {pixel, "A"}}}
	a := decoder{"says A", func(*image.Gray) ([]byte, error) { return []byte("A"), nil }}
	if r := measure(a, s); r.read != 2 || r.wrong != 1 {
		t.Errorf("%d read, %d wrong, want 2 and 1", r.read, r.wrong)
	}
	none := decoder{"blind", func(*image.Gray) ([]byte, error) { return nil, errNothing }}
	if r := measure(none, s); r.read != 0 || r.wrong != 0 {
		t.Errorf("%d read, %d wrong, want 0 and 0", r.read, r.wrong)
	}
}

// The counts are those of the table in README.md.
func TestTableIsThatOfTheReadme(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("the table was made on amd64: other processors round the pictures of frames differently")
	}
	var out bytes.Buffer
	err := run(&out, "")
	if errors.Is(err, workload.ErrNoCorpus) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		for _, d := range decoders() {
			rest, ok := strings.CutPrefix(line, d.name+" ")
			if !ok {
				continue
			}
			read := strings.Join(strings.Fields(rest)[2:5], " ") // name, format, "71 of 72"
			row := "| " + d.name + " |"
			at := strings.Index(string(text), row)
			if at < 0 {
				t.Errorf("README.md has no row %q", row)
				continue
			}
			end := strings.IndexByte(string(text[at:]), '\n')
			if !strings.Contains(string(text[at:at+end]), read) {
				t.Errorf("%s: %q is not in its row", d.name, read)
			}
		}
	}
}

func TestPicturesAreWrittenWithTheirPayloads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pixel := image.NewGray(image.Rect(0, 0, 2, 3))
	if err := write(dir, []set{{"one", []picture{{pixel, "A"}}}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index []struct {
		Set, File, Want string
		W, H            int
	}
	if err := json.Unmarshal(text, &index); err != nil || len(index) != 1 || index[0].Want != "41" || index[0].W != 2 || index[0].H != 3 {
		t.Fatalf("got %s, %v", text, err)
	}
	if pixels, err := os.ReadFile(filepath.Join(dir, index[0].File)); err != nil || len(pixels) != 6 {
		t.Errorf("%d pixels, %v", len(pixels), err)
	}
}
