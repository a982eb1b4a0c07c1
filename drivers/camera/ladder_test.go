package camera

import (
	"image"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// framesOf makes the pictures of one kind of shot that a ladder is given, with the payload of each.
func framesOf(codes map[string]*image.Gray, s shot) map[string]*image.Gray {
	l := layout{grey, shotWidth, shotHeight}
	frames := map[string]*image.Gray{}
	for payload, code := range codes {
		g := image.NewGray(image.Rect(0, 0, l.side(), l.side()))
		l.centre(g, shoot(code, s, uint64(len(payload))).Pix)
		frames[payload] = g
	}
	return frames
}

// someCodes are QR codes of public certificates, Aztec codes of public boarding passes, and Data Matrix codes.
func someCodes(t *testing.T) map[string]map[string]*image.Gray {
	t.Helper()
	codes := map[string]map[string]*image.Gray{"QR": {}, "Aztec": {}, "Data Matrix": {}}
	payloads := slices.Sorted(maps.Values(certificates(t)))
	for i := 0; i < len(payloads); i += 184 {
		codes["QR"][payloads[i]] = gray(qr(t, payloads[i], QROptions{Level: 'Q'}))
		codes["Data Matrix"][payloads[i][:60+i/2]] = matrix(t, payloads[i][:60+i/2])
	}
	for _, name := range []string{"20250216-UAL61-aztec.png", "UAL574-aztec.png"} {
		img := readPNG(t, corpora(t)+"/bcbp/png/"+name)
		symbols, err := Decode(img)
		if err != nil {
			t.Fatal(err)
		}
		codes["Aztec"][string(symbols[0].Payload)] = gray(img)
	}
	return codes
}

func TestDoublingIsEnlargingByTwo(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range []image.Point{{1, 1}, {2, 1}, {1, 2}, {7, 5}, {64, 33}} {
		g := image.NewGray(image.Rectangle{Max: size})
		for i := range g.Pix {
			g.Pix[i] = byte(r.Uint32())
		}
		large := image.NewGray(image.Rectangle{Max: size.Mul(2)})
		doubleInto(large, g, make([]uint16, 4*size.X))
		if want := enlarge(g, 2); !slices.Equal(large.Pix, want.Pix) {
			t.Errorf("%v: got %v, want %v", size, large.Pix, want.Pix)
		}
	}
}
