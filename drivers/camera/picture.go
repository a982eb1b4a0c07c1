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
	w, h := g.Rect.Dx()/n, g.Rect.Dy()/n
	small := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			sum := 0
			for dy := range n {
				for _, p := range g.Pix[(y*n+dy)*g.Stride+x*n:][:n] {
					sum += int(p)
				}
			}
			small.Pix[y*small.Stride+x] = byte(sum / (n * n))
		}
	}
	return small
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
