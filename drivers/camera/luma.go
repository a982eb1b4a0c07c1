package camera

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"

	"github.com/blackjack/webcam"
)

const (
	// lookSide is the largest side, in pixels, of the square that a frame is cut and shrunk to.
	lookSide = 768

	// maxPadding is how many bytes a driver may put behind each line of a frame. A frame that has more is one of another size.
	maxPadding = 255
)

// layout says what a frame looks like.
type layout struct {
	format        webcam.PixelFormat
	width, height int
}

// side is that of the square that centre makes.
func (l layout) side() int {
	side := min(l.width, l.height)
	return side / ((side + lookSide - 1) / lookSide)
}

// centre copies the brightness of the square in the middle of a frame to dst, shrunk to side. It reports whether frame
// can be what l says.
func (l layout) centre(dst *image.Gray, frame []byte) bool {
	plane, stride, step := frame, 0, 1
	switch l.format {
	case grey:
		stride = lineOf(len(frame), l.height)
	case yuyv:
		stride, step = lineOf(len(frame), l.height), 2
	case nv12: // the colours come behind, half as many lines
		stride = lineOf(2*len(frame), 3*l.height)
	case mjpg:
		return l.unpack(dst, frame)
	}
	if stride < step*l.width || stride > step*l.width+maxPadding {
		return false
	}
	l.cut(dst, plane, stride, step)
	return true
}

// lineOf is the length of each of n lines, 0 if they are not equally long.
func lineOf(size, n int) int {
	if size%n != 0 {
		return 0
	}
	return size / n
}

// cut copies the middle of a plane whose lines begin every stride bytes and whose brightness stands in every step-th byte.
func (l layout) cut(dst *image.Gray, plane []byte, stride, step int) {
	side := l.side()
	n := min(l.width, l.height) / side
	x0, y0 := (l.width-n*side)/2, (l.height-n*side)/2
	for y := range side {
		out := dst.Pix[y*dst.Stride:][:side]
		if n == 1 {
			in := plane[(y0+y)*stride+x0*step:]
			if step == 1 {
				copy(out, in)
				continue
			}
			for x := range out {
				out[x] = in[x*step]
			}
			continue
		}
		for x := range out {
			sum := 0
			for dy := range n {
				in := plane[(y0+n*y+dy)*stride+(x0+n*x)*step:]
				for dx := range n {
					sum += int(in[dx*step])
				}
			}
			out[x] = byte(sum / (n * n))
		}
	}
}

// unpack is centre for a frame that is a JPEG picture.
func (l layout) unpack(dst *image.Gray, frame []byte) bool {
	config, err := jpeg.DecodeConfig(bytes.NewReader(frame))
	if err != nil || config.Width != l.width || config.Height != l.height {
		return false
	}
	img, err := jpeg.Decode(withTables(frame))
	if err != nil {
		return false
	}
	switch src := img.(type) {
	case *image.YCbCr:
		l.cut(dst, src.Y, src.YStride, 1)
		clear(src.Y)
	case *image.Gray:
		l.cut(dst, src.Pix, src.Stride, 1)
		clear(src.Pix)
	default:
		return false
	}
	return true
}

// Markers of a JPEG picture (ITU-T T.81, table B.1).
const (
	startOfImage  = 0xD8
	huffmanTables = 0xC4
	startOfScan   = 0xDA
)

// withTables puts the Huffman tables that cameras leave out, those of ITU-T T.81, appendix K.3, into a picture without any.
func withTables(picture []byte) io.Reader {
	if !bytes.HasPrefix(picture, []byte{0xFF, startOfImage}) || segments(picture, huffmanTables) != nil {
		return bytes.NewReader(picture)
	}
	return io.MultiReader(bytes.NewReader(picture[:2]), bytes.NewReader(usualTables()), bytes.NewReader(picture[2:]))
}

// usualTables takes the tables out of a picture by the standard library, which uses these.
func usualTables() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 8, 8), image.YCbCrSubsampleRatio444), nil); err != nil {
		return nil // then the picture cannot be read
	}
	return segments(b.Bytes(), huffmanTables)
}

// segments gives the segments with a marker that stand in front of the picture's data, each with its marker.
func segments(picture []byte, marker byte) (found []byte) {
	for at := 2; at+4 <= len(picture) && picture[at] == 0xFF && picture[at+1] != startOfScan; {
		end := at + 2 + int(picture[at+2])<<8 + int(picture[at+3])
		if end > len(picture) {
			break
		}
		if picture[at+1] == marker {
			found = append(found, picture[at:end]...)
		}
		at = end
	}
	return found
}
