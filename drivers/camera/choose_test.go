package camera

import (
	"errors"
	"testing"

	"github.com/blackjack/webcam"
)

// offered is a camera that only tells what it has: frame sizes by pixel format, each with its fastest rate, 0 if it does not say.
type offered map[webcam.PixelFormat][]sized

type sized struct {
	webcam.FrameSize
	rate uint32
}

func (o offered) GetSupportedFormats() map[webcam.PixelFormat]string {
	formats := map[webcam.PixelFormat]string{}
	for f := range o {
		formats[f] = ""
	}
	return formats
}

func (o offered) GetSupportedFrameSizes(f webcam.PixelFormat) (sizes []webcam.FrameSize) {
	for _, s := range o[f] {
		sizes = append(sizes, s.FrameSize)
	}
	return sizes
}

func (o offered) GetSupportedFramerates(f webcam.PixelFormat, w, h uint32) []webcam.FrameRate {
	for _, s := range o[f] {
		if s.MaxWidth == w && s.MaxHeight == h && s.rate > 0 {
			slow := webcam.FrameRate{MinNumerator: 1, MaxNumerator: 1, MinDenominator: 1, MaxDenominator: 1}
			return []webcam.FrameRate{slow, {MinNumerator: 2, MaxNumerator: 2, MinDenominator: 2 * s.rate, MaxDenominator: 2 * s.rate}}
		}
	}
	return nil
}

// size is one frame size at a rate.
func size(w, h, rate uint32) sized {
	return sized{webcam.FrameSize{MinWidth: w, MaxWidth: w, MinHeight: h, MaxHeight: h}, rate}
}

func TestFormatAndSizeAreChosen(t *testing.T) {
	t.Parallel()
	const other = webcam.PixelFormat('R' | 'G'<<8 | 'B'<<16 | '3'<<24)
	steps := sized{webcam.FrameSize{MinWidth: 32, MaxWidth: 2592, StepWidth: 32, MinHeight: 32, MaxHeight: 1944, StepHeight: 2}, 0}
	anything := sized{}
	for _, tt := range []struct {
		name    string
		offered offered
		w, h    int
		want    layout
		err     error
	}{
		{"brightness alone first", offered{yuyv: {size(1280, 720, 30)}, nv12: {size(1280, 720, 30)}, grey: {size(1280, 720, 30)}}, 1280, 720, layout{grey, 1280, 720}, nil},
		{"planes before pairs", offered{yuyv: {size(1280, 720, 30)}, nv12: {size(1280, 720, 30)}}, 1280, 720, layout{nv12, 1280, 720}, nil},
		{"unpacked before packed", offered{mjpg: {size(1280, 720, 30)}, yuyv: {size(640, 480, 30)}}, 1280, 720, layout{yuyv, 640, 480}, nil},
		{"packed where the others are too small", offered{mjpg: {size(1280, 720, 30)}, yuyv: {size(640, 478, 30)}}, 1280, 720, layout{mjpg, 1280, 720}, nil},
		{"small where nothing is larger", offered{mjpg: {size(320, 240, 30)}, yuyv: {size(352, 288, 30)}}, 1280, 720, layout{yuyv, 352, 288}, nil},
		{"nearest", offered{yuyv: {size(640, 480, 30), size(1920, 1080, 30), size(1280, 800, 30)}}, 1280, 720, layout{yuyv, 1280, 800}, nil},
		{"fast enough", offered{yuyv: {size(1280, 720, 9), size(640, 480, 10)}}, 1280, 720, layout{yuyv, 640, 480}, nil},
		{"all slow", offered{yuyv: {size(1280, 720, 5), size(640, 480, 9)}}, 1280, 720, layout{yuyv, 1280, 720}, nil},
		{"rate not said", offered{yuyv: {size(1280, 720, 0), size(640, 480, 30)}}, 1280, 720, layout{yuyv, 1280, 720}, nil},
		{"in steps", offered{yuyv: {steps}}, 1290, 721, layout{yuyv, 1280, 720}, nil},
		{"above the steps", offered{yuyv: {steps}}, 4000, 4000, layout{yuyv, 2592, 1944}, nil},
		{"below the steps", offered{yuyv: {size(32, 32, 0), {webcam.FrameSize{MinWidth: 160, MaxWidth: 200, StepWidth: 8, MinHeight: 160, MaxHeight: 200, StepHeight: 8}, 0}}}, 120, 120, layout{yuyv, 160, 160}, nil},
		{"range not known", offered{yuyv: {anything}}, 1280, 720, layout{yuyv, 1280, 720}, nil},
		{"sizes not known", offered{yuyv: nil}, 1280, 720, layout{yuyv, 1280, 720}, nil},
		{"no format of ours", offered{other: {size(1280, 720, 30)}}, 1280, 720, layout{}, ErrPixels},
		{"no format", offered{}, 1280, 720, layout{}, ErrNotCamera},
	} {
		got, err := choose(tt.offered, Options{Width: tt.w, Height: tt.h}, preferred[:])
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %d x %d in %#x, %v; want %d x %d in %#x", tt.name, got.width, got.height, got.format, err, tt.want.width, tt.want.height, tt.want.format)
		}
	}
}

func TestSizesLookedAtAreLimited(t *testing.T) {
	t.Parallel()
	var many []sized
	for i := range uint32(maxSizes - 1) {
		many = append(many, size(160+i, 120, 30))
	}
	for _, more := range []int{0, 1} {
		sizes := append(many[:len(many):len(many)], make([]sized, more)...)
		for i := range more {
			sizes[len(many)+i] = size(200, 150, 30)
		}
		sizes = append(sizes, size(1280, 720, 30))
		got, err := choose(offered{yuyv: sizes}, Options{Width: 1280, Height: 720}, preferred[:])
		if err != nil || (got.width == 1280) != (more == 0) {
			t.Errorf("%d sizes: got %d x %d, %v", len(sizes), got.width, got.height, err)
		}
	}
}
