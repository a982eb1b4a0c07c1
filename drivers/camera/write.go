package camera

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

const (
	// quietZone is the white border of a QR code, in modules (ISO/IEC 18004, section 5.3.8).
	quietZone = 4

	// MaxModule is the largest module, in pixels: the largest code is then 3,700 pixels wide.
	MaxModule = 20

	// maxQR is the length of the longest payload, all digits, in the largest code of the lowest level (ISO/IEC 18004, table 7).
	maxQR = 7089
)

// ErrQR says that a payload does not fit a QR code.
var ErrQR = errors.New("payload does not fit a QR code")

// QROptions says how a QR picture is drawn. The zero value is level Q, which the EU certificate's specification recommends, and
// modules of 4 pixels.
type QROptions struct {
	Level  byte // error correction: 'L', 'M', 'Q' or 'H'
	Module int  // pixels a side of a module, up to MaxModule
}

// WriteQR writes a PNG of a QR code that holds the exact bytes of payload, with its quiet zone. Digits, and digits with
// upper-case letters and the signs of base45, are packed tighter than bytes. Bytes that are not UTF-8 are marked as ISO 8859-1
// (ECI 3). The error is ErrQR, of a bad option, or w's.
func WriteQR(w io.Writer, payload string, o QROptions) error {
	if o.Level == 0 {
		o.Level = 'Q'
	}
	if o.Module == 0 {
		o.Module = 4
	}
	level, err := decoder.ErrorCorrectionLevel_ValueOf(string(rune(o.Level)))
	if err != nil {
		return fmt.Errorf("write QR code: unknown error correction level %q", o.Level)
	}
	if o.Module < 0 || o.Module > MaxModule {
		return fmt.Errorf("write QR code: module of %d pixels is not between 1 and %d", o.Module, MaxModule)
	}
	if payload == "" || len(payload) > maxQR {
		return fmt.Errorf("write QR code of %d bytes: %w", len(payload), ErrQR)
	}
	var encode map[gozxing.EncodeHintType]any
	if !utf8.ValidString(payload) { // the encoder takes text: the characters of the bytes' numbers come out as those bytes
		payload = string(utf8Of([]byte(payload)))
		encode = map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_CHARACTER_SET: "ISO-8859-1"}
	}
	code, err := encoder.Encoder_encode(payload, level, encode)
	if err != nil {
		return fmt.Errorf("write QR code of %d bytes: %w", len(payload), ErrQR)
	}
	if err := png.Encode(w, picture(code.GetMatrix(), o.Module)); err != nil {
		return fmt.Errorf("write QR code: %w", err)
	}
	return nil
}

func picture(matrix *encoder.ByteMatrix, module int) *image.Paletted {
	side := (matrix.GetWidth() + 2*quietZone) * module
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			mx, my := x/module-quietZone, y/module-quietZone
			if mx >= 0 && my >= 0 && mx < matrix.GetWidth() && my < matrix.GetHeight() && matrix.Get(mx, my) == 1 {
				img.Pix[y*img.Stride+x] = 1
			}
		}
	}
	return img
}
