package camera

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/datamatrix"
)

// corpora gives the folder of the public test data.
func corpora(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		root, err := os.Getwd()
		for err == nil {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "corpora")
	}
	if _, err := os.Stat(dir); err != nil {
		const how = "public test data is missing: set CORPORA to the folder that CORPORA.md describes"
		if os.Getenv("CI") == "true" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	return dir
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img
}

// certificates gives the payloads of the public certificates by their source.
func certificates(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join(corpora(t), "hcert", "payloads.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	payloads := map[string]string{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct{ Source, Payload string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		payloads[row.Source] = row.Payload
	}
	return payloads
}

func TestPublicCertificatePictures(t *testing.T) {
	t.Parallel()
	const floor = 95 // of a hundred; of the 72 in dgc-testdata all are read
	want := certificates(t)
	files, err := filepath.Glob(filepath.Join(corpora(t), "hcert", "png", "*.png"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pictures: %v", err)
	}
	read, found := 0, map[string]int{}
	for _, path := range files {
		country, name, ok := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".png"), "png_")
		expected, ok2 := want["dgc-testdata/"+country[:2]+"/2DCode/raw/"+name+".json"]
		if !ok2 {
			expected, ok2 = want["dgc-testdata/"+country[:2]+"/png/"+name+".png"]
		}
		if !ok || !ok2 {
			t.Logf("%s: no expected payload", path)
		}
		symbols, way, err := decode(readPNG(t, path))
		if err != nil {
			t.Logf("%s: %v", filepath.Base(path), err)
			continue
		}
		if len(symbols) != 1 || symbols[0].Format != QR || ok2 && string(symbols[0].Payload) != expected {
			t.Errorf("%s: got %q, want %q", filepath.Base(path), symbols, expected)
		}
		read++
		found[way]++
	}
	t.Logf("%d of %d read: %v", read, len(files), found)
	if read*100 < floor*len(files) {
		t.Errorf("%d of %d read, want at least %d %%", read, len(files), floor)
	}
}

func TestPublicBoardingPassPictures(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"20250216-UAL61-aztec.png": "M1DOE/JOHN            EXYZ123 MELSFOUA 61   047C012D0001 100",
		"UAL574-aztec.png":         "M1DESMARAIS/LUC       EABC123 LASSFOUA 0574 419J001A0025 100",
	} {
		got, err := Decode(readPNG(t, filepath.Join(corpora(t), "bcbp", "png", name)))
		if err != nil || len(got) != 1 || got[0].Format != Aztec || string(got[0].Payload) != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// What WriteQR draws must always be read, at every size of module: of these pictures gozxing alone misses one in twelve.
func TestCleanCodesAreAllRead(t *testing.T) {
	t.Parallel()
	payloads := slices.Sorted(maps.Values(certificates(t)))
	missed, found := 0, map[string]int{}
	for i := 0; i < len(payloads); i += 16 {
		for _, o := range []QROptions{{'Q', 1}, {'Q', 3}, {'Q', 4}, {'L', 2}} {
			symbols, way, err := decode(qr(t, payloads[i], o))
			if err != nil {
				missed++
				continue
			}
			if len(symbols) != 1 || string(symbols[0].Payload) != payloads[i] {
				t.Errorf("got %q, want %q", symbols, payloads[i])
			}
			found[way]++
		}
	}
	t.Logf("missed %d, found %v", missed, found)
	if missed > 0 {
		t.Errorf("%d clean codes missed", missed)
	}
}

func qr(t testing.TB, payload string, o QROptions) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := WriteQR(&b, payload, o); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func everyByte() string {
	var b []byte
	for i := range 256 {
		b = append(b, byte(i))
	}
	return string(b)
}

func TestPayloadsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"digits":                  "0123456789012345",
		"base45":                  "HC1:6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90KECTHGWJC0FDC:5AIA%G7X+AQB9746",
		"ASCII":                   "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 100\x1d^abc{|}~",
		"UTF-8":                   "Café, مرحبا",
		"ISO 8859-1":              "Caf\xe9",
		"Shift JIS by its looks":  "\x93\xfa\x96\x7b\x8c\xea",
		"UTF-16 by its mark":      "\xfe\xff\x00A\x00B",
		"every byte":              everyByte(),
		"every byte, other order": everyByte()[128:] + everyByte(),
		"one":                     "\x80",
		"NUL":                     "\x00",
	} {
		got, err := Decode(qr(t, payload, QROptions{Level: 'M'}))
		if err != nil || len(got) != 1 || got[0].Format != QR || string(got[0].Payload) != payload {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// The writer, which only this test uses, gets bytes wrong that fill a symbol to its end, so these do not.
func TestDataMatrixKeepsItsBytes(t *testing.T) {
	t.Parallel()
	const base45 = "HC1:6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90KECTHGWJC0FDC:5AIA%G7X+AQB9746"
	payloads := []string{"Caf\xe9", everyByte(), everyByte()[128:] + everyByte(), "M1DESMARAIS/LUC \x1d^abc{|}~", "[)>\x1e06\x1d", "\xdc\x03x"}
	for n := 1; n <= 1000; n += 37 {
		payloads = append(payloads, strings.Repeat(base45, 10)[:n])
	}
	for _, payload := range payloads {
		got, err := Decode(matrix(t, payload))
		if err != nil || len(got) != 1 || got[0].Format != DataMatrix || string(got[0].Payload) != payload {
			t.Errorf("%q: got %q, %v", payload, got, err)
		}
	}
}

// matrix draws a Data Matrix code.
func matrix(t testing.TB, payload string) *image.Gray {
	t.Helper()
	bits, err := datamatrix.NewDataMatrixWriter().EncodeWithoutHint(string(utf8Of([]byte(payload))), gozxing.BarcodeFormat_DATA_MATRIX, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	const module, border = 4, 10
	g := image.NewGray(image.Rect(0, 0, (bits.GetWidth()+2*border)*module, (bits.GetHeight()+2*border)*module))
	for y := range g.Rect.Dy() {
		for x := range g.Rect.Dx() {
			mx, my := x/module-border, y/module-border
			if mx < 0 || my < 0 || mx >= bits.GetWidth() || my >= bits.GetHeight() || !bits.Get(mx, my) {
				g.SetGray(x, y, color.Gray{0xFF})
			}
		}
	}
	return g
}

func TestSegmentsAreGivenAsTheirBytes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		text     string
		segments [][]byte
		want     string
	}{
		{"none", "ABC", nil, "ABC"},
		{"as ISO 8859-1", "A\u00e9B\u0080C", [][]byte{{0xE9}, {0x80}}, "A\xe9B\x80C"},
		{"as UTF-8, by an ECI", "A\u00e9B", [][]byte{[]byte("\u00e9B")}, "A\u00e9B"},
		{"by another ECI", "A\u0430B", [][]byte{{0xD0}}, "A\u0430B"},
		{"beside Kanji", "\u65e5\u00e9", [][]byte{{0xE9}}, "\u65e5\xe9"},
		{"twice the same", "xx", [][]byte{{'x'}, {'x'}}, "xx"},
	}
	for _, tt := range tests {
		if got := exact(tt.text, tt.segments); string(got) != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := latin1("A\u00e9\u0000"); string(got) != "A\xe9\x00" {
		t.Errorf("got %q", got)
	}
	if got := latin1("\u00e9\u65e5"); string(got) != "\u00e9\u65e5" {
		t.Errorf("got %q", got)
	}
}

// page draws codes beside each other on white.
func page(codes ...image.Image) *image.NRGBA {
	var size image.Point
	for _, c := range codes {
		size.X += c.Bounds().Dx() + 60
		size.Y = max(size.Y, c.Bounds().Dy()+60)
	}
	img := image.NewNRGBA(image.Rectangle{Max: size})
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	x := 30
	for _, c := range codes {
		draw.Draw(img, image.Rect(x, 30, x+c.Bounds().Dx(), 30+c.Bounds().Dy()), c, c.Bounds().Min, draw.Src)
		x += c.Bounds().Dx() + 60
	}
	return img
}

func TestSeveralCodesInOnePicture(t *testing.T) {
	t.Parallel()
	o := QROptions{}
	got, err := Decode(page(qr(t, "HC1:ABC", o), qr(t, "M1DOE/JOHN", o), qr(t, "HC1:ABC", o)))
	if err != nil {
		t.Fatal(err)
	}
	var payloads []string
	for _, s := range got {
		payloads = append(payloads, string(s.Payload))
	}
	slices.Sort(payloads)
	if !slices.Equal(payloads, []string{"HC1:ABC", "M1DOE/JOHN"}) {
		t.Errorf("got %q", payloads)
	}
}

func TestCodeInTheCornerOfALargePicture(t *testing.T) {
	t.Parallel()
	img := image.NewGray(image.Rect(0, 0, 4000, 3000))
	for i := range img.Pix {
		img.Pix[i] = 0xE0
	}
	c := qr(t, "HC1:ABC", QROptions{Module: 6})
	draw.Draw(img, image.Rect(3000, 2000, 3400, 2400), c, image.Point{}, draw.Src)
	got, err := Decode(img)
	if err != nil || len(got) != 1 || string(got[0].Payload) != "HC1:ABC" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTransparentCodeIsReadOnWhite(t *testing.T) {
	t.Parallel()
	c := qr(t, "HC1:ABC", QROptions{})
	img := image.NewNRGBA(c.Bounds())
	for y := range c.Bounds().Dy() {
		for x := range c.Bounds().Dx() {
			if r, _, _, _ := c.At(x, y).RGBA(); r == 0 {
				img.Set(x, y, color.Black)
			}
		}
	}
	got, err := Decode(img)
	if err != nil || string(got[0].Payload) != "HC1:ABC" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPictureSizes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		w, h int
		want error
	}{
		{0, 0, ErrNoCode},
		{0, 10, ErrNoCode},
		{1, 1, ErrNoCode},
		{1, MaxPixels, ErrNoCode},
		{1, MaxPixels + 1, ErrTooLarge},
		{4096, 4096, ErrNoCode},
		{4096, 4097, ErrTooLarge},
		{1 << 40, 1 << 40, ErrTooLarge},
	} {
		got, err := Decode(blank{tt.w, tt.h})
		if got != nil || !errors.Is(err, tt.want) {
			t.Errorf("%d x %d: got %v, %v", tt.w, tt.h, got, err)
		}
	}
}

// blank is a white picture without memory.
type blank struct{ w, h int }

func (b blank) ColorModel() color.Model { return color.GrayModel }
func (b blank) Bounds() image.Rectangle { return image.Rect(0, 0, b.w, b.h) }
func (b blank) At(int, int) color.Color { return color.Gray{0xFF} }

// corners draws n by n corner patterns of a QR code, of which the search takes minutes if it is let run.
func corners(n int) *image.Gray {
	const module = 2
	side := (9*n + 9) * module
	g := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			mx, my := x/module%9-1, y/module%9-1
			ring := max(abs(mx-3), abs(my-3))
			if x/module/9 >= n || y/module/9 >= n || ring > 3 || ring == 2 {
				g.Pix[y*g.Stride+x] = 0xFF
			}
		}
	}
	return g
}

func abs(n int) int { return max(n, -n) }

func TestHostilePicturesEndInTimeAndGiveNoCode(t *testing.T) {
	t.Parallel()
	noise := func(side int, black float64) *image.Gray {
		r := rand.New(rand.NewPCG(1, uint64(side)))
		g := image.NewGray(image.Rect(0, 0, side, side))
		for i := range g.Pix {
			if r.Float64() >= black {
				g.Pix[i] = 0xFF
			}
		}
		return g
	}
	stripes := func(side, n int) *image.Gray {
		g := image.NewGray(image.Rect(0, 0, side, side))
		for i := range g.Pix {
			g.Pix[i] = byte(i/n%2) * 0xFF
		}
		return g
	}
	pictures := map[string]image.Image{
		"6 x 6 corners":   corners(6),
		"10 x 10 corners": corners(10),
		"14 x 14 corners": corners(14),
		"50 x 50 corners": corners(50),
		"black":           image.NewGray(image.Rect(0, 0, 500, 500)),
		"one pixel high":  image.NewGray(image.Rect(0, 0, 5000, 1)),
	}
	for _, side := range []int{1, 7, 8, 39, 40, 41, 300, 1000} {
		pictures[fmt.Sprint("noise ", side)] = noise(side, 0.5)
		pictures[fmt.Sprint("light noise ", side)] = noise(side, 0.1)
		pictures[fmt.Sprint("stripes ", side)] = stripes(side, 3)
	}
	for name, img := range pictures {
		start := time.Now()
		got, err := Decode(img)
		if len(got) != 0 || !errors.Is(err, ErrNoCode) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %v", name, took)
		} else if took > time.Second {
			t.Logf("%s took %v", name, took)
		}
	}
}

func TestSearchIsGivenUpOneCornerAboveItsLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{maxCorners, maxCornersOfSeveral, maxCornersOfFrame} {
		for corners := limit; corners <= limit+1; corners++ {
			found := guard(func() []Symbol {
				each := limited(nil, limit)[gozxing.DecodeHintType_NEED_RESULT_POINT_CALLBACK].(gozxing.ResultPointCallback)
				for range corners {
					each(gozxing.NewResultPoint(1, 1))
				}
				return []Symbol{{}}
			})
			if (found == nil) != (corners > limit) {
				t.Errorf("%d corners at a limit of %d: %v", corners, limit, found)
			}
		}
	}
}

func TestPanicInTheReaderIsNothingFound(t *testing.T) {
	t.Parallel()
	if got := guard(func() []Symbol { panic("index out of range") }); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestPartsOfAStructuredAppendAreNoCode(t *testing.T) {
	t.Parallel()
	place := []gozxing.ResultPoint{gozxing.NewResultPoint(1, 1)}
	part := gozxing.NewResult("HC1:", nil, place, gozxing.BarcodeFormat_QR_CODE)
	part.PutMetadata(gozxing.ResultMetadataType_STRUCTURED_APPEND_SEQUENCE, 0x03)
	whole := gozxing.NewResult("HC1:ABC", nil, place, gozxing.BarcodeFormat_QR_CODE)
	if got := symbolsOf(QR, part, whole); len(got) != 1 || string(got[0].Payload) != "HC1:ABC" {
		t.Errorf("got %q", got)
	}
	if !joined(gozxing.NewResult("HC1:ABC", nil, nil, gozxing.BarcodeFormat_QR_CODE)) || joined(whole) {
		t.Error("results made of parts are not told from others")
	}
}

func TestWriteQRLimits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		payload string
		o       QROptions
		ok      bool
	}{
		{"longest digits", strings.Repeat("1", 7089), QROptions{Level: 'L', Module: 1}, true},
		{"one digit more", strings.Repeat("1", 7090), QROptions{Level: 'L', Module: 1}, false},
		{"longest base45", strings.Repeat("A", 4296), QROptions{Level: 'L', Module: 1}, true},
		{"one character more", strings.Repeat("A", 4297), QROptions{Level: 'L', Module: 1}, false},
		{"most text", strings.Repeat("a", 2953), QROptions{Level: 'L', Module: 1}, true},
		{"one character more of text", strings.Repeat("a", 2954), QROptions{Level: 'L', Module: 1}, false},
		{"most bytes", strings.Repeat("\xff", 2952), QROptions{Level: 'L', Module: 1}, true},
		{"one byte more", strings.Repeat("\xff", 2953), QROptions{Level: 'L', Module: 1}, false},
		{"empty", "", QROptions{}, false},
		{"smallest module", "A", QROptions{Module: 1}, true},
		{"no module", "A", QROptions{Module: -1}, false},
		{"largest module", "A", QROptions{Module: MaxModule}, true},
		{"larger module", "A", QROptions{Module: MaxModule + 1}, false},
		{"level H", "A", QROptions{Level: 'H'}, true},
		{"level X", "A", QROptions{Level: 'X'}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			err := WriteQR(&b, tt.payload, tt.o)
			if (err == nil) != tt.ok || err != nil && b.Len() > 0 {
				t.Fatalf("%d bytes written, %v", b.Len(), err)
			}
			if !tt.ok {
				return
			}
			img, err := png.Decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(img)
			if err != nil || string(got[0].Payload) != tt.payload {
				t.Errorf("read back: %d symbols, %v", len(got), err)
			}
		})
	}
}

func TestBase45IsPackedAsAlphanumeric(t *testing.T) {
	t.Parallel()
	// 114 characters fit version 6 at level L only in alphanumeric mode (195; 134 bytes would too), 190 do as well: 41 modules.
	if got, want := qr(t, strings.Repeat("A:", 95), QROptions{Level: 'L', Module: 1}).Bounds().Dx(), 41+2*quietZone; got != want {
		t.Errorf("%d modules with the quiet zone, want %d", got, want)
	}
}

func TestWriteErrorIsPassedOn(t *testing.T) {
	t.Parallel()
	if err := WriteQR(failing{}, "A", QROptions{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\x00\xff\x00"), uint8(2))
	var b bytes.Buffer
	if err := WriteQR(&b, "HC1:ABC", QROptions{Module: 1}); err != nil {
		f.Fatal(err)
	}
	img, _ := png.Decode(&b)
	f.Add(gray(img).Pix, uint8(img.Bounds().Dx()))
	m := shrink(matrix(f, "HC1:ABC"), 4)
	f.Add(m.Pix, uint8(m.Rect.Dx()))
	f.Fuzz(func(t *testing.T, pixels []byte, width uint8) {
		w := max(1, int(width))
		h := len(pixels) / w
		if h > 256 {
			return
		}
		got, err := Decode(&image.Gray{Pix: pixels, Stride: w, Rect: image.Rect(0, 0, w, h)})
		if (err == nil) != (len(got) > 0) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func FuzzWriteQR(f *testing.F) {
	f.Add("HC1:ABC", byte('Q'))
	f.Add(everyByte(), byte('L'))
	f.Add("123", byte('H'))
	f.Fuzz(func(t *testing.T, payload string, level byte) {
		var b bytes.Buffer
		if err := WriteQR(&b, payload, QROptions{Level: level, Module: 2}); err != nil {
			return
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(img)
		if err != nil || len(got) != 1 || string(got[0].Payload) != payload {
			t.Errorf("%q: got %q, %v", payload, got, err)
		}
	})
}
