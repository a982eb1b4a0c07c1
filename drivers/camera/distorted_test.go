package camera

import (
	"image"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A distortion is what a camera or a document program does to a code.
type distortion struct {
	degrees, scale  float64
	noise, contrast float64 // standard deviation in brightness levels; 1 is full contrast
	cropped         bool    // without quiet zone
}

// distort turns and scales a picture about its middle, between pixels (bilinear), and adds noise.
func distort(g *image.Gray, d distortion) *image.Gray {
	sin, cos := math.Sincos(d.degrees * math.Pi / 180)
	w, h := float64(g.Rect.Dx()), float64(g.Rect.Dy())
	side := int(d.scale * (w*math.Abs(cos) + h*math.Abs(sin)))
	out := image.NewGray(image.Rect(0, 0, side, side))
	r := rand.New(rand.NewPCG(1, 2))
	for y := range side {
		for x := range side {
			dx, dy := (float64(x)-float64(side)/2)/d.scale, (float64(y)-float64(side)/2)/d.scale
			level := sample(g, dx*cos+dy*sin+w/2-0.5, -dx*sin+dy*cos+h/2-0.5)
			level = 128 + (level-128)*d.contrast + r.NormFloat64()*d.noise
			out.Pix[y*out.Stride+x] = byte(min(max(level, 0), 0xFF))
		}
	}
	return out
}

func sample(g *image.Gray, x, y float64) float64 {
	at := func(x, y int) float64 {
		if !image.Pt(x, y).In(g.Rect) {
			return 0xFF
		}
		return float64(g.GrayAt(x, y).Y)
	}
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	fx, fy := x-float64(x0), y-float64(y0)
	return (at(x0, y0)*(1-fx)+at(x0+1, y0)*fx)*(1-fy) + (at(x0, y0+1)*(1-fx)+at(x0+1, y0+1)*fx)*fy
}

// measured is how many codes there were when the floors below were measured.
const measured = 732

// Each way but the first two is here for pictures that the ones before it miss: this shows that it still finds them.
func TestDistortedCodesAreFoundByTheirWay(t *testing.T) {
	t.Parallel()
	payloads := slices.Sorted(maps.Values(certificates(t)))
	tests := []struct {
		name    string
		options QROptions
		distortion
		floor int // of a hundred; of 18 codes of the public data 18, 18, 18, 18, 6 and 16 were read
		way   string
	}{
		{"no quiet zone", QROptions{'Q', 4}, distortion{0, 1, 0, 1, true}, 80, "half size"},
		{"small, turned a little", QROptions{'Q', 2}, distortion{4, 1, 0, 1, false}, 80, "double size"},
		{"drawn at 0.7 times its size", QROptions{'Q', 3}, distortion{0, 0.7, 0, 1, false}, 80, "double size"},
		{"turned, low contrast, noise", QROptions{'Q', 4}, distortion{30, 1, 10, 0.6, false}, 80, "double size"},
		{"drawn at 0.8 times its size", QROptions{'Q', 2}, distortion{0, 0.8, 0, 1, false}, 10, "padded"},
		{"small, turned by half a right angle", QROptions{'Q', 2}, distortion{45, 1, 0, 1, true}, 65, "treble size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shown, read, found := 0, 0, map[string]int{}
			for i := 0; i < len(payloads); i += (len(payloads) + 17) / 18 {
				shown++
				code := gray(qr(t, payloads[i], tt.options))
				if tt.cropped {
					zone := quietZone * tt.options.Module
					code = gray(code.SubImage(code.Rect.Inset(zone)))
				}
				symbols, way, err := decode(distort(code, tt.distortion))
				if err != nil {
					continue
				}
				if len(symbols) != 1 || string(symbols[0].Payload) != payloads[i] {
					t.Errorf("got %q, want %q", symbols, payloads[i])
				}
				read++
				found[way]++
			}
			t.Logf("%d of %d read: %v", read, shown, found)
			if len(payloads) != measured {
				return // what is lost to a distortion depends on the codes
			}
			if read*100 < tt.floor*shown || found[tt.way] == 0 {
				t.Errorf("%d of %d read, %v; want at least %d %%, some by %q", read, shown, found, tt.floor, tt.way)
			}
		})
	}
}
