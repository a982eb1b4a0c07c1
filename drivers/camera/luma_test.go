package camera

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// formatsOf makes a picture a frame in each pixel format, and in JPEG once as cameras send it, without tables.
func formatsOf(t testing.TB, g *image.Gray) map[string]pictured {
	t.Helper()
	w, h := g.Rect.Dx(), g.Rect.Dy()
	two := make([]byte, 0, 2*w*h)
	for _, p := range g.Pix {
		two = append(two, p, 0x80)
	}
	colours := image.NewYCbCr(g.Rect, image.YCbCrSubsampleRatio422)
	copy(colours.Y, g.Pix)
	for i := range colours.Cb {
		colours.Cb[i], colours.Cr[i] = 0x80, 0x80
	}
	packed := func(img image.Image) []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole := packed(colours)
	bare := bytes.Replace(whole, segments(whole, huffmanTables), nil, 1)
	if len(bare) > len(whole)-400 {
		t.Fatal("the tables were not found")
	}
	return map[string]pictured{
		"GREY":            {grey, g.Pix},
		"NV12":            {nv12, append(bytes.Clone(g.Pix), bytes.Repeat([]byte{0x80}, w*h/2)...)},
		"YUYV":            {yuyv, two},
		"MJPG":            {mjpg, whole},
		"MJPG, gray":      {mjpg, packed(g)},
		"MJPG, no tables": {mjpg, bare},
	}
}

func TestMiddleOfAFrameIsCutOutAndShrunk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		w, h, side, n int
	}{
		{160, 120, 120, 1},
		{120, 160, 120, 1},
		{768, 768, 768, 1},
		{769, 770, 384, 2},
		{1920, 1080, 540, 2},
		{2304, 2306, 768, 3},
	} {
		g := image.NewGray(image.Rect(0, 0, tt.w, tt.h))
		x0, y0 := (tt.w-tt.side*tt.n)/2, (tt.h-tt.side*tt.n)/2
		for y := range tt.h {
			for x := range tt.w {
				g.SetGray(x, y, color.Gray{byte((x-x0)/tt.n + 3*((y-y0)/tt.n))})
			}
		}
		for name, frame := range formatsOf(t, g) {
			if frame.format == mjpg {
				continue // not exact
			}
			l := layout{frame.format, tt.w, tt.h}
			if l.side() != tt.side {
				t.Fatalf("%d x %d: side %d, want %d", tt.w, tt.h, l.side(), tt.side)
			}
			dst := image.NewGray(image.Rect(0, 0, tt.side, tt.side))
			if !l.centre(dst, frame.bytes) {
				t.Fatalf("%s, %d x %d: refused", name, tt.w, tt.h)
			}
			for y := range tt.side {
				for x := range tt.side {
					if got, want := dst.GrayAt(x, y).Y, byte(x+3*y); got != want {
						t.Fatalf("%s, %d x %d: %d at %d, %d, want %d", name, tt.w, tt.h, got, x, y, want)
					}
				}
			}
		}
	}
}

func TestUnpackedFrameLooksLikeThePicture(t *testing.T) {
	t.Parallel()
	g := image.NewGray(image.Rect(0, 0, 320, 240))
	for i := range g.Pix {
		g.Pix[i] = byte(i % 320 * 255 / 320)
	}
	for name, frame := range formatsOf(t, g) {
		l := layout{frame.format, 320, 240}
		dst := image.NewGray(image.Rect(0, 0, 240, 240))
		if !l.centre(dst, frame.bytes) {
			t.Errorf("%s: refused", name)
			continue
		}
		for i, p := range dst.Pix {
			if want := g.GrayAt(40+i%240, i/240).Y; max(p, want)-min(p, want) > 12 {
				t.Fatalf("%s: %d at %d, want about %d", name, p, i, want)
			}
		}
	}
}

func TestLinesMayBePadded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		format  pictured
		padding int
		ok      bool
	}{
		{pictured{grey, make([]byte, 120*(160+maxPadding))}, maxPadding, true},
		{pictured{grey, make([]byte, 120*(160+maxPadding+1))}, maxPadding + 1, false},
		{pictured{grey, make([]byte, 120*160-120)}, -1, false},
		{pictured{grey, make([]byte, 120*160+1)}, 0, false},
		{pictured{grey, nil}, 0, false},
		{pictured{yuyv, make([]byte, 120*(320+maxPadding))}, maxPadding, true},
		{pictured{yuyv, make([]byte, 120*(320+maxPadding+1))}, maxPadding + 1, false},
		{pictured{yuyv, make([]byte, 120*319)}, -1, false},
		{pictured{nv12, make([]byte, 180*(160+maxPadding))}, maxPadding, true},
		{pictured{nv12, make([]byte, 180*(160+maxPadding+1))}, maxPadding + 1, false},
		{pictured{nv12, make([]byte, 180*159)}, -1, false},
		{pictured{mjpg, []byte("\xff\xd8\xff")}, 0, false},
		{pictured{mjpg, nil}, 0, false},
	} {
		l := layout{tt.format.format, 160, 120}
		if got := l.centre(image.NewGray(image.Rect(0, 0, 120, 120)), tt.format.bytes); got != tt.ok {
			t.Errorf("format %x, %d bytes: %v, want %v", tt.format.format, len(tt.format.bytes), got, tt.ok)
		}
	}
}

func TestPackedFrameOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	frame := formatsOf(t, image.NewGray(image.Rect(0, 0, 160, 120)))["MJPG"]
	for _, l := range []layout{{mjpg, 160, 121}, {mjpg, 161, 120}, {mjpg, 120, 160}} {
		if l.centre(image.NewGray(image.Rect(0, 0, l.side(), l.side())), frame.bytes) {
			t.Errorf("taken as %d x %d", l.width, l.height)
		}
	}
}

func FuzzPackedFrame(f *testing.F) {
	g := image.NewGray(image.Rect(0, 0, 160, 120))
	for i := range g.Pix {
		g.Pix[i] = byte(i)
	}
	for _, frame := range formatsOf(f, g) {
		f.Add(frame.bytes)
	}
	f.Add([]byte("\xff\xd8\xff\xc4\x00\x00"))
	f.Add([]byte("\xff\xd8\xff\xe0\xff\xff"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		dst := image.NewGray(image.Rect(0, 0, 120, 120))
		for _, l := range []layout{{mjpg, 160, 120}, {grey, 160, 120}, {nv12, 160, 120}, {yuyv, 160, 120}} {
			l.centre(dst, frame)
		}
		if s := segments(frame, huffmanTables); len(s) > len(frame) {
			t.Errorf("%d bytes of segments in %d", len(s), len(frame))
		}
	})
}
