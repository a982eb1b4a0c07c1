package camera

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func payloads(symbols []Symbol) (all []string) {
	for _, s := range symbols {
		all = append(all, string(s.Payload))
	}
	slices.Sort(all)
	return all
}

func TestImageFilesAreToldByTheirContent(t *testing.T) {
	t.Parallel()
	img := qr(t, "HC1:ABC", QROptions{})
	var asPNG, asJPEG bytes.Buffer
	if err := errors.Join(png.Encode(&asPNG, img), jpeg.Encode(&asJPEG, img, nil)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		content []byte
		want    error
	}{
		{"code.png", asPNG.Bytes(), nil},
		{"code.jpg", asJPEG.Bytes(), nil},
		{"wrong.pdf", asPNG.Bytes(), nil},
		{"empty.png", nil, ErrFormat},
		{"text.png", []byte("HC1:ABC"), ErrFormat},
		{"gif.png", []byte("GIF89a"), ErrFormat},
		{"cut.png", asPNG.Bytes()[:60], errAny},
		{"head.png", asPNG.Bytes()[:20], errAny},
		{"cut.jpg", asJPEG.Bytes()[:600], errAny},
		{"head.jpg", asJPEG.Bytes()[:20], errAny},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadFile(t.Context(), writeFile(t, tt.name, tt.content))
			if tt.want == nil {
				if err != nil || !slices.Equal(payloads(got), []string{"HC1:ABC"}) {
					t.Errorf("got %q, %v", got, err)
				}
				return
			}
			if got != nil || err == nil || tt.want != errAny && !errors.Is(err, tt.want) {
				t.Errorf("got %q, %v, want %v", got, err, tt.want)
			}
		})
	}
}

var errAny = errors.New("any error")

func TestMissingFile(t *testing.T) {
	t.Parallel()
	if _, err := ReadFile(t.Context(), filepath.Join(t.TempDir(), "no.png")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadFile(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}

// header makes a PNG that says it is this large and has no picture in it.
func header(width, height uint32) []byte {
	ihdr := []byte("IHDR")
	ihdr = binary.BigEndian.AppendUint32(ihdr, width)
	ihdr = binary.BigEndian.AppendUint32(ihdr, height)
	ihdr = append(ihdr, 8, 0, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

func TestFileLimits(t *testing.T) {
	t.Parallel()
	atLimit := append(header(4096, 4096), make([]byte, MaxFile-len(header(1, 1)))...)
	for _, tt := range []struct {
		name     string
		content  []byte
		tooLarge bool
	}{
		{"pixels at the limit", header(4096, 4096), false},
		{"pixels over the limit", header(4096, 4097), true},
		{"pixels beyond counting", header(0x7FFFFFFF, 0x7FFFFFFF), true},
		{"file at the limit", atLimit, false},
		{"file over the limit", append(atLimit, 0), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadFile(t.Context(), writeFile(t, "big.png", tt.content))
			if got != nil || err == nil {
				t.Fatalf("got %v, %v", got, err)
			}
			// The picture's data is missing: within the limit that is the error, and over it is not looked for.
			if is := errors.Is(err, ErrTooLarge) || strings.Contains(err.Error(), "dimension overflow"); is != tt.tooLarge {
				t.Errorf("got %v", err)
			}
		})
	}
}

// pdf makes a document with a picture on each page, a page without one for nil.
func pdf(pictures ...*image.Gray) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids []string
	for i := range pictures {
		kids = append(kids, fmt.Sprintf("%d 0 R", 3+3*i))
	}
	object("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids))
	for i, p := range pictures {
		draw := "q 150 0 0 150 60 600 cm /Code Do Q"
		if p == nil {
			p, draw = image.NewGray(image.Rect(0, 0, 1, 1)), ""
		}
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /XObject << /Code %d 0 R >> >> >>", 4+3*i, 5+3*i)
		object("<< /Length %d >>\nstream\n%s\nendstream", len(draw), draw)
		object("<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Length %d >>\nstream\n%s\nendstream",
			p.Rect.Dx(), p.Rect.Dy(), len(p.Pix), p.Pix)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, xref)
	return b.Bytes()
}

func needPDF(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("pdftoppm"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("pdftoppm is missing; install poppler-utils: %v", err)
	}
}

func TestPDFFiles(t *testing.T) {
	t.Parallel()
	needPDF(t)
	code := func(payload string) *image.Gray { return gray(qr(t, payload, QROptions{})) }
	long := "HC1:" + strings.Repeat("6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5", 16)
	tests := []struct {
		name    string
		content []byte
		want    []string
		err     error
	}{
		{"one page", pdf(code(long)), []string{long}, nil},
		{"several pages", pdf(nil, code("HC1:ABC"), code("M1DOE/JOHN"), code("HC1:ABC")), []string{"HC1:ABC", "M1DOE/JOHN"}, nil},
		{"last page that is looked at", pdf(nil, nil, nil, code("HC1:ABC"), code("PT1:ABC")), []string{"HC1:ABC"}, nil},
		{"one page too late", pdf(nil, nil, nil, nil, code("HC1:ABC")), nil, ErrNoCode},
		{"no code", pdf(nil), nil, ErrNoCode},
		{"no document", []byte("%PDF-1.4\nnothing"), nil, errAny},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadFile(t.Context(), writeFile(t, "-f.pdf", tt.content))
			if (err == nil) != (tt.err == nil) || tt.err != nil && tt.err != errAny && !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if !slices.Equal(payloads(got), tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDrawingAPageEndsWithTheContext(t *testing.T) {
	t.Parallel()
	needPDF(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ReadFile(ctx, writeFile(t, "a.pdf", pdf(nil))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutPdftoppmTheHintSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := ReadFile(t.Context(), writeFile(t, "a.pdf", pdf(nil)))
	if !errors.Is(err, ErrNoPDF) || !strings.Contains(err.Error(), "poppler-utils") {
		t.Errorf("got %v", err)
	}
}

// A program that answers with too much, or with no picture, stands in for a pdftoppm that a hostile document has turned.
func TestWhatPdftoppmSaysIsNotTrusted(t *testing.T) {
	for name, script := range map[string]string{
		"endless output": "#!/bin/sh\nexec cat /dev/zero\n",
		"no picture":     "#!/bin/sh\necho P6\n",
		"failure":        "#!/bin/sh\nexit 1\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "pdftoppm"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":/bin:/usr/bin")
		got, err := ReadFile(t.Context(), writeFile(t, "a.pdf", pdf(nil)))
		if got != nil || err == nil || name == "endless output" && !errors.Is(err, ErrTooLarge) || name == "no picture" && !errors.Is(err, errPGM) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestPGM(t *testing.T) {
	t.Parallel()
	row := strings.Repeat("x", pdfSide)
	for content, want := range map[string]image.Point{
		"P5\n2 1\n255\nab": {2, 1},
		"P5\n1 1\n255\n\n": {1, 1},
		fmt.Sprintf("P5\n%d 1\n255\n%s", pdfSide, row):    {pdfSide, 1},
		fmt.Sprintf("P5\n%d 1\n255\n%sx", pdfSide+1, row): {},
		"":                         {},
		"P5\n2 1\n255\na":          {},
		"P5\n2 1\n255\nabc":        {},
		"P6\n2 1\n255\nab":         {},
		"P5\n2 1\n254\nab":         {},
		"P5\n0 1\n255\n":           {},
		"P5\n-1 -1\n255\na":        {},
		"P5\n02 1\n255\nab":        {},
		"P5\n99999999 99\n255\nab": {},
	} {
		img, err := parsePGM([]byte(content))
		if (err == nil) != (want != image.Point{}) || err == nil && img.Rect.Size() != want {
			t.Errorf("%.40q: got %v, %v", content, img, err)
		}
	}
}

func FuzzDecodeImage(f *testing.F) {
	var asPNG, asJPEG bytes.Buffer
	if err := WriteQR(&asPNG, "HC1:ABC", QROptions{Module: 1}); err != nil {
		f.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(asPNG.Bytes()))
	if err != nil {
		f.Fatal(err)
	}
	if err := jpeg.Encode(&asJPEG, img, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(asPNG.Bytes())
	f.Add(asJPEG.Bytes())
	f.Add(header(4, 4))
	f.Add([]byte("P5\n1 1\n255\na"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if got, err := decodeImage(content); (err == nil) != (len(got) > 0) {
			t.Errorf("got %q, %v", got, err)
		}
		_, _ = parsePGM(content)
	})
}
