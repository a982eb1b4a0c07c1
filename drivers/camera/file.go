package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Limits on a file.
const (
	// MaxFile is the largest file that is read, in bytes.
	MaxFile = 32 << 20

	// MaxPages is how many pages of a PDF are looked at, from the first on.
	MaxPages = 4

	// pdfSide is the longer side, in pixels, at which a page is drawn: 256 dots an inch on A4.
	pdfSide = 3000

	// pdfTime is how long pdftoppm may take for a page.
	pdfTime = 10 * time.Second
)

var (
	// ErrFormat says that a file is none of PNG, JPEG and PDF.
	ErrFormat = errors.New("not a PNG, JPEG or PDF file")

	// ErrNoPDF says that pdftoppm is missing.
	ErrNoPDF = errors.New("PDF files need pdftoppm: install poppler-utils (Debian, Ubuntu: apt install poppler-utils), or save the page as PNG")
)

// ReadFile finds the codes in a PNG, JPEG or PDF file, which its content tells apart. The error is, besides those of reading
// the file and of Decode, ErrFormat or ErrNoPDF.
func ReadFile(ctx context.Context, path string) ([]Symbol, error) {
	content, err := readLimited(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var symbols []Symbol
	if bytes.HasPrefix(content, []byte("%PDF-")) {
		symbols, err = decodePDF(ctx, path)
	} else {
		symbols, err = decodeImage(content)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return symbols, nil
}

func readLimited(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > MaxFile {
		return nil, ErrTooLarge
	}
	return content, nil
}

// decodeImage unpacks a picture after its size was looked at.
func decodeImage(content []byte) ([]Symbol, error) {
	var config image.Config
	var err error
	unpack := png.Decode
	switch {
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		config, err = png.DecodeConfig(bytes.NewReader(content))
	case bytes.HasPrefix(content, []byte("\xff\xd8\xff")):
		unpack = jpeg.Decode
		config, err = jpeg.DecodeConfig(bytes.NewReader(content))
	default:
		return nil, ErrFormat
	}
	if err != nil {
		return nil, err
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > MaxPixels/config.Height {
		return nil, ErrTooLarge
	}
	img, err := unpack(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return Decode(img)
}

// decodePDF looks at the pages of a PDF and gives the codes of all.
func decodePDF(ctx context.Context, path string) ([]Symbol, error) {
	program, err := exec.LookPath("pdftoppm")
	if err != nil {
		return nil, ErrNoPDF
	}
	absolute, err := filepath.Abs(path) // a name that starts with - would be an option
	if err != nil {
		return nil, err
	}
	var symbols []Symbol
	for page := 1; page <= MaxPages; page++ {
		img, err := drawPage(ctx, program, absolute, page)
		if err != nil {
			return nil, err
		}
		if img == nil {
			break
		}
		found, err := Decode(img)
		if err != nil && !errors.Is(err, ErrNoCode) {
			return nil, err
		}
		symbols = append(symbols, found...)
	}
	if len(symbols) == 0 {
		return nil, ErrNoCode
	}
	return unique(symbols), nil
}

// drawPage has one page drawn in gray, nil past the last one.
func drawPage(ctx context.Context, program, path string, page int) (*image.Gray, error) {
	ctx, cancel := context.WithTimeout(ctx, pdfTime)
	defer cancel()
	number := strconv.Itoa(page)
	cmd := exec.CommandContext(ctx, program, "-q", "-gray", "-scale-to", strconv.Itoa(pdfSide), "-f", number, "-l", number, path)
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.WaitDelay = time.Second
	out := &limitedBuffer{limit: pdfSide*pdfSide + 64, stop: cancel}
	cmd.Stdout = out
	err := cmd.Run()
	switch {
	case out.full:
		return nil, ErrTooLarge
	case ctx.Err() != nil:
		return nil, fmt.Errorf("draw page %d: %w", page, ctx.Err())
	case len(out.b) == 0 && page > 1:
		return nil, nil // past the last page
	case err != nil:
		return nil, fmt.Errorf("draw page %d: pdftoppm: %w", page, err)
	}
	return parsePGM(out.b)
}

// limitedBuffer keeps what is written up to a limit, refuses the rest, and has the writer stopped. It must not have the
// other methods of a bytes.Buffer: io.Copy would read past the limit by its ReadFrom.
type limitedBuffer struct {
	b     []byte
	limit int
	stop  func()
	full  bool
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if len(p) > b.limit-len(b.b) {
		b.full = true
		b.stop()
		return 0, ErrTooLarge
	}
	b.b = append(b.b, p...)
	return len(p), nil
}

var errPGM = errors.New("pdftoppm gave no picture")

// parsePGM reads the picture that pdftoppm writes: "P5", width, height and 255 as text, then a byte a pixel.
func parsePGM(b []byte) (*image.Gray, error) {
	var width, height int
	if _, err := fmt.Sscanf(string(b[:min(len(b), 64)]), "P5\n%d %d\n255", &width, &height); err != nil {
		return nil, errPGM
	}
	head := fmt.Appendf(nil, "P5\n%d %d\n255\n", width, height)
	if width <= 0 || height <= 0 || width > pdfSide || height > pdfSide || len(b) != len(head)+width*height || !bytes.HasPrefix(b, head) {
		return nil, errPGM
	}
	return &image.Gray{Pix: b[len(head):], Stride: width, Rect: image.Rect(0, 0, width, height)}, nil
}
