package camera

import (
	"image"
	"image/color"
)

// quiet is the white border, in pixels, that pad adds.
const quiet = 40

// gray makes a picture of brightness, transparent parts white, with its upper left corner at 0, 0.
func gray(img image.Image) *image.Gray {
	b := img.Bounds()
	g := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	switch src := img.(type) {
	case *image.Gray:
		for y := range b.Dy() {
			copy(g.Pix[y*g.Stride:][:b.Dx()], src.Pix[src.PixOffset(b.Min.X, b.Min.Y+y):])
		}
	case *image.YCbCr:
		for y := range b.Dy() {
			copy(g.Pix[y*g.Stride:][:b.Dx()], src.Y[src.YOffset(b.Min.X, b.Min.Y+y):])
		}
	default:
		for y := range b.Dy() {
			for x := range b.Dx() {
				g.Pix[y*g.Stride+x] = brightness(img.At(b.Min.X+x, b.Min.Y+y))
			}
		}
	}
	return g
}

// brightness weighs the colours as JPEG does (ITU-R BT.601). RGBA gives them multiplied by the opacity.
func brightness(c color.Color) byte {
	r, g, b, a := c.RGBA()
	return byte(min((19595*r+38470*g+7471*b+1<<15)>>16+(0xFFFF-a), 0xFFFF) >> 8)
}

// shrink makes a picture smaller by averaging squares of n pixels.
func shrink(g *image.Gray, n int) *image.Gray {
	small := image.NewGray(image.Rect(0, 0, g.Rect.Dx()/n, g.Rect.Dy()/n))
	shrinkInto(small, g, n)
	return small
}

// shrinkInto is shrink into a picture of the size that it makes.
func shrinkInto(small, g *image.Gray, n int) {
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			sum := 0
			for dy := range n {
				for _, p := range g.Pix[(y*n+dy)*g.Stride+x*n:][:n] {
					sum += int(p)
				}
			}
			small.Pix[y*small.Stride+x] = byte(sum / (n * n))
		}
	}
}

// enlarge makes a picture n times as large and smooth, each pixel from the four that are next to its place (bilinear).
func enlarge(g *image.Gray, n int) *image.Gray {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	large := image.NewGray(image.Rect(0, 0, n*w, n*h))
	for y := range n * h {
		y0, y1, fy := neighbours(y, n, h)
		upper, lower := g.Pix[y0*g.Stride:][:w], g.Pix[y1*g.Stride:][:w]
		for x := range n * w {
			x0, x1, fx := neighbours(x, n, w)
			top := int(upper[x0])*(2*n-fx) + int(upper[x1])*fx
			bottom := int(lower[x0])*(2*n-fx) + int(lower[x1])*fx
			large.Pix[y*large.Stride+x] = byte((top*(2*n-fy) + bottom*fy) / (4 * n * n))
		}
	}
	return large
}

// doubleInto is enlarge by 2 into a picture of the size that it makes, four times as fast: row is scratch, four numbers a pixel of
// g's width. All weights are quarters.
func doubleInto(large, g *image.Gray, row []uint16) {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	wide := func(y int) []uint16 { return row[y%2*2*w:][:2*w] }
	for y := range h + 1 { // the lines of large between y-1 and y of g
		above, below := wide(y+1), wide(y)
		if y < h {
			doubleLine(below, g.Pix[y*g.Stride:][:w])
		} else {
			below = above
		}
		if y == 0 {
			above = below
		}
		if y > 0 {
			mix(large.Pix[(2*y-1)*large.Stride:][:2*w], above, below)
		}
		if y < h {
			mix(large.Pix[2*y*large.Stride:][:2*w], below, above)
		}
	}
}

// doubleLine makes a line twice as long, of four times the brightness.
func doubleLine(out []uint16, in []byte) {
	out = out[:2*len(in)]
	before := uint16(in[0])
	for x, p := range in {
		here, after := uint16(p), uint16(in[min(x+1, len(in)-1)])
		out[2*x], out[2*x+1] = 3*here+before, 3*here+after
		before = here
	}
}

// mix makes a line of three parts of near and one of far, both of four times its brightness.
func mix(out []byte, near, far []uint16) {
	near, far = near[:len(out)], far[:len(out)]
	for x := range out {
		out[x] = byte((3*near[x] + far[x]) / 16)
	}
}

// neighbours gives, for place i of a row that is enlarged n times, the two pixels of the row of length size that it lies
// between, and the weight of the second in parts of 2n. The centre of pixel k of the row lies at 2nk+n, that of place i at 2i+1.
func neighbours(i, n, size int) (first, second, weight int) {
	place := 2*i + 1 + n // counted from the centre of a pixel before the first
	first = place/(2*n) - 1
	return max(first, 0), min(first+1, size-1), place % (2 * n)
}

// pad puts a white border around a picture: a code needs a quiet zone.
func pad(g *image.Gray) *image.Gray {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	padded := image.NewGray(image.Rect(0, 0, w+2*quiet, h+2*quiet))
	for i := range padded.Pix {
		padded.Pix[i] = 0xFF
	}
	for y := range h {
		copy(padded.Pix[(y+quiet)*padded.Stride+quiet:], g.Pix[y*g.Stride:][:w])
	}
	return padded
}
