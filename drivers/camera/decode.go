package camera

import (
	"errors"
	"fmt"
	"image"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/aztec"
	"github.com/makiuchi-d/gozxing/datamatrix"
	multi "github.com/makiuchi-d/gozxing/multi/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/text/encoding/charmap"
)

// Limits on a picture.
const (
	// MaxPixels is the largest picture that is looked at: 16 Mi pixels, what a good phone takes.
	MaxPixels = 1 << 24

	// maxSide is the side, in pixels, to which a larger picture is made smaller before it is searched.
	maxSide = 2048

	// maxCorners is the number of corner patterns from which on a picture is not searched for a QR code: the time grows with
	// its third power. A picture of one code has 3, and a few that are none.
	maxCorners = 200

	// maxCornersOfSeveral is the same where several codes are looked for, which takes longer.
	maxCornersOfSeveral = 40

	// maxCornersOfFrame is the same in a camera's frame: a fifth of the time, and a frame of one code has as few.
	maxCornersOfFrame = 16
)

var (
	// ErrNoCode says that no code was found.
	ErrNoCode = errors.New("no QR, Aztec or Data Matrix code found in the picture")

	// ErrTooLarge says that a file or picture is larger than MaxFile or MaxPixels.
	ErrTooLarge = errors.New("picture is too large")
)

// Format is the kind of a code.
type Format string

// The formats that are read.
const (
	QR         Format = "QR"
	Aztec      Format = "Aztec"
	DataMatrix Format = "Data Matrix"
)

// Symbol is one code in a picture.
type Symbol struct {
	Format  Format
	Payload []byte // exact bytes, without AIM identifier
}

// A way is one way to look at a picture.
type way struct {
	name string
	read func(*image.Gray) []Symbol
}

// ways are tried in this order until one finds something. Of the 72 QR pictures in the public test data the first finds 71 and
// "half size" the last one. Of clean pictures of public payloads "as it is" misses 5 to 9 %, "several" and "pure" none. Small
// or turned pictures with few pixels a module need the last three.
var ways = [...]way{
	{"several", func(g *image.Gray) []Symbol {
		return append(readSeveral(g, maxCornersOfSeveral), readAztecAndDataMatrix(g, nil)...)
	}},
	{"as it is", func(g *image.Gray) []Symbol { return readQR(g, nil) }},
	{"pure", func(g *image.Gray) []Symbol { return append(readQR(g, pure), readAztecAndDataMatrix(g, pure)...) }},
	{"half size", func(g *image.Gray) []Symbol { return readAny(shrink(g, 2)) }},
	{"padded", func(g *image.Gray) []Symbol { return readAny(pad(g)) }},
	{"double size", func(g *image.Gray) []Symbol { return readEnlarged(g, 2) }},
	{"treble size", func(g *image.Gray) []Symbol { return readEnlarged(g, 3) }},
}

// Decode finds the codes in a picture, at least one. The error is ErrNoCode or ErrTooLarge.
func Decode(img image.Image) ([]Symbol, error) {
	symbols, _, err := decode(img)
	return symbols, err
}

// decode also tells the way that found the codes.
func decode(img image.Image) (symbols []Symbol, name string, err error) {
	size := img.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 {
		return nil, "", ErrNoCode
	}
	if size.X > MaxPixels/size.Y {
		return nil, "", ErrTooLarge
	}
	whole := gray(img)
	picture := whole
	if factor := (max(size.X, size.Y) + maxSide - 1) / maxSide; factor > 1 {
		picture = shrink(whole, factor)
	}
	for _, w := range ways {
		if found := w.read(picture); len(found) > 0 {
			return unique(found), w.name, nil
		}
	}
	if picture != whole { // too small a code for the smaller picture
		if found := readAny(whole); len(found) > 0 {
			return unique(found), "full size", nil
		}
	}
	return nil, "", ErrNoCode
}

type hints map[gozxing.DecodeHintType]any

// pure says that a picture holds nothing but the code, upright.
var pure = hints{gozxing.DecodeHintType_PURE_BARCODE: true}

func readAny(g *image.Gray) []Symbol {
	return append(readQR(g, nil), readAztecAndDataMatrix(g, nil)...)
}

func readEnlarged(g *image.Gray, n int) []Symbol {
	if n*max(g.Rect.Dx(), g.Rect.Dy()) > maxSide {
		return nil
	}
	return readAny(enlarge(pad(g), n))
}

func readQR(g *image.Gray, h hints) []Symbol { return readOne(g, QR, qrcode.NewQRCodeReader(), h) }

func readAztecAndDataMatrix(g *image.Gray, h hints) []Symbol {
	return append(readOne(g, Aztec, aztec.NewAztecReader(), h), readOne(g, DataMatrix, datamatrix.NewDataMatrixReader(), h)...)
}

func readOne(g *image.Gray, format Format, reader gozxing.Reader, h hints) []Symbol {
	return guard(func() []Symbol {
		bitmap, err := bitmapOf(g)
		if err != nil {
			return nil
		}
		result, err := reader.Decode(bitmap, limited(h, maxCorners))
		if err != nil {
			return nil
		}
		return symbolsOf(format, result)
	})
}

func readSeveral(g *image.Gray, corners int) []Symbol {
	return guard(func() []Symbol {
		bitmap, err := bitmapOf(g)
		if err != nil {
			return nil
		}
		results, err := multi.NewQRCodeMultiReader().DecodeMultiple(bitmap, limited(nil, corners))
		if err != nil {
			return nil
		}
		return symbolsOf(QR, slices.DeleteFunc(results, joined)...)
	})
}

// joined reports whether the reader for several codes made a result out of the parts of a structured append that it found, be
// they all or not: such a one has no place in the picture.
func joined(r *gozxing.Result) bool { return len(r.GetResultPoints()) == 0 }

func bitmapOf(g *image.Gray) (*gozxing.BinaryBitmap, error) {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	source, err := gozxing.NewPlanarYUVLuminanceSource(g.Pix, w, h, 0, 0, w, h, false)
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	return gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(source))
}

// errTooManyCorners is what the search is stopped with: gozxing has no other way out of it than a panic, which guard catches.
var errTooManyCorners = errors.New("too many corner patterns")

// limited adds to h the limit on corner patterns, and the character set that maps every byte to the character of its number.
func limited(h hints, corners int) hints {
	l := hints{
		gozxing.DecodeHintType_CHARACTER_SET: charmap.ISO8859_1,
		gozxing.DecodeHintType_NEED_RESULT_POINT_CALLBACK: gozxing.ResultPointCallback(func(gozxing.ResultPoint) {
			if corners--; corners < 0 {
				panic(errTooManyCorners)
			}
		}),
	}
	for k, v := range h {
		l[k] = v
	}
	return l
}

// guard makes nothing found of a panic.
func guard(read func() []Symbol) (symbols []Symbol) {
	defer func() {
		if recover() != nil {
			symbols = nil
		}
	}()
	return read()
}

// unique drops codes that were found twice.
func unique(symbols []Symbol) []Symbol {
	var kept []Symbol
	for _, s := range symbols {
		if !slices.ContainsFunc(kept, func(k Symbol) bool { return k.Format == s.Format && string(k.Payload) == string(s.Payload) }) {
			kept = append(kept, s)
		}
	}
	return kept
}
