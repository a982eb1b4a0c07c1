package camera

import (
	"image"
	"math"
	"math/rand/v2"
)

// A shot says how a code is seen by a camera of 1280 x 720 pixels.
type shot struct {
	part    float64 // of the frame's height that the code takes, with its quiet zone
	degrees float64 // turned by
	blur    int     // pixels to each side that are mixed
	noise   float64 // standard deviation in brightness levels
	dark    float64 // brightness of the side away from the light, of that of the other
	x, y    float64 // of the code's middle from the frame's, in parts of the frame's height
}

const shotWidth, shotHeight = 1280, 720

// shoot makes a frame: a table of middle gray with a code on it.
func shoot(code *image.Gray, s shot, seed uint64) *image.Gray {
	scale := s.part * shotHeight / float64(code.Rect.Dx())
	sin, cos := math.Sincos(s.degrees * math.Pi / 180)
	w, h := float64(code.Rect.Dx()), float64(code.Rect.Dy())
	frame := image.NewGray(image.Rect(0, 0, shotWidth, shotHeight))
	r := rand.New(rand.NewPCG(seed, 2))
	for y := range shotHeight {
		for x := range shotWidth {
			dx := (float64(x) - shotWidth/2 - s.x*shotHeight) / scale
			dy := (float64(y) - shotHeight/2 - s.y*shotHeight) / scale
			cx, cy := dx*cos+dy*sin+w/2, -dx*sin+dy*cos+h/2
			level := 110.0
			if cx >= 0 && cy >= 0 && cx < w && cy < h {
				level = 30 + 0.75*sample(code, cx-0.5, cy-0.5)
			}
			frame.Pix[y*frame.Stride+x] = byte(level)
		}
	}
	for range s.blur {
		frame = smooth(frame)
	}
	for y := range shotHeight {
		for x := range shotWidth {
			light := s.dark + (1-s.dark)*float64(x)/shotWidth
			p := &frame.Pix[y*frame.Stride+x]
			*p = byte(min(max(float64(*p)*light+r.NormFloat64()*s.noise, 0), 0xFF))
		}
	}
	return frame
}

// smooth mixes each pixel with its eight neighbours.
func smooth(g *image.Gray) *image.Gray {
	out := image.NewGray(g.Rect)
	copy(out.Pix, g.Pix)
	for y := 1; y < g.Rect.Dy()-1; y++ {
		for x := 1; x < g.Rect.Dx()-1; x++ {
			sum := 0
			for dy := -1; dy <= 1; dy++ {
				for _, p := range g.Pix[(y+dy)*g.Stride+x-1:][:3] {
					sum += int(p)
				}
			}
			out.Pix[y*out.Stride+x] = byte(sum / 9)
		}
	}
	return out
}

// shots are what people do in front of a camera.
var shots = map[string]shot{
	"large, straight":     {part: 0.9, noise: 4, dark: 0.8, blur: 1},
	"large, turned 7°":    {part: 0.85, degrees: 7, noise: 4, dark: 0.8, blur: 1},
	"middle, straight":    {part: 0.6, noise: 4, dark: 0.8, blur: 1},
	"middle, turned 3°":   {part: 0.6, degrees: 3, noise: 6, dark: 0.6, blur: 1},
	"middle, turned 25°":  {part: 0.6, degrees: 25, noise: 6, dark: 0.6, blur: 1},
	"middle, upside down": {part: 0.6, degrees: 176, noise: 6, dark: 0.6, blur: 1},
	"middle, blurred":     {part: 0.6, degrees: 4, noise: 4, dark: 0.8, blur: 3},
	"off the middle":      {part: 0.5, degrees: 10, noise: 4, dark: 0.8, blur: 1, x: 0.2, y: -0.2},
	"small, turned 5°":    {part: 0.4, degrees: 5, noise: 4, dark: 0.8, blur: 0},
	"dark, noisy":         {part: 0.6, degrees: 5, noise: 10, dark: 0.3, blur: 1},
}
