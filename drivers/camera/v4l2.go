package camera

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

var (
	// ErrNotCamera says that a device file is not one that frames can be captured from, such as a camera's second one for its
	// metadata.
	ErrNotCamera = errors.New("not a camera that frames can be captured from")

	// ErrPixels says that a camera offers none of the pixel formats GREY, NV12, YUYV and MJPG.
	ErrPixels = errors.New("camera offers none of GREY, NV12, YUYV and MJPG")

	// ErrBusy says that another program captures from the camera.
	ErrBusy = errors.New("another program captures from the camera")
)

// The pixel formats that are read (videodev2.h of Linux).
const (
	grey = webcam.PixelFormat('G' | 'R'<<8 | 'E'<<16 | 'Y'<<24)
	nv12 = webcam.PixelFormat('N' | 'V'<<8 | '1'<<16 | '2'<<24)
	yuyv = webcam.PixelFormat('Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24)
	mjpg = webcam.PixelFormat('M' | 'J'<<8 | 'P'<<16 | 'G'<<24)
)

const (
	// buffers is how many frames the kernel may hold for us: one that we look at, one that the camera fills, and two between.
	buffers = 4

	// minRate is the lowest rate, in frames a second, at which a frame size is taken: USB 2.0 carries large uncompressed
	// frames only a few times a second.
	minRate = 10

	// maxSizes is how many frame sizes of a format are looked at.
	maxSizes = 64
)

// preferred is the order in which pixel formats are taken: least to carry and to touch first. MJPG comes last because each frame
// has to be unpacked, which takes as long as to search it.
var preferred = [...]webcam.PixelFormat{grey, nv12, yuyv, mjpg}

// device is what is used of a *webcam.Webcam that streams.
type device interface {
	GetFrame() (frame []byte, index uint32, err error) // EAGAIN where none is there; frame is the device's until ReleaseFrame
	ReleaseFrame(index uint32) error
	Close() error
}

// openStream opens a camera and starts it.
func openStream(o Options, formats []webcam.PixelFormat) (stream, layout, error) {
	cam, err := webcam.Open(o.Path)
	var number unix.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return stream{}, layout{}, fmt.Errorf("%w (%v)", frame.ErrGone, err)
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL), err != nil && !errors.As(err, &number):
		return stream{}, layout{}, fmt.Errorf("%w (%v)", ErrNotCamera, err)
	case err != nil:
		return stream{}, layout{}, err
	}
	l, err := start(cam, o, formats)
	if err != nil {
		unmap(cam)
		return stream{}, layout{}, errors.Join(err, cam.Close())
	}
	return stream{cam, mapped(cam).Len()}, l, nil
}

// start chooses the format and starts the stream.
func start(cam *webcam.Webcam, o Options, formats []webcam.PixelFormat) (layout, error) {
	l, err := choose(cam, o, formats)
	if err != nil {
		return layout{}, err
	}
	// The library says back the size that was asked for, not the one that the driver made of it, which the first frame's length
	// then contradicts.
	got, _, _, err := cam.SetImageFormat(l.format, uint32(l.width), uint32(l.height))
	switch {
	case errors.Is(err, unix.EBUSY):
		return layout{}, ErrBusy
	case errors.Is(err, unix.ENODEV):
		return layout{}, frame.ErrGone
	case err != nil:
		return layout{}, fmt.Errorf("set frame format: %w", err)
	case got != l.format:
		return layout{}, ErrPixels
	}
	if err := cam.SetBufferCount(buffers); err != nil {
		return layout{}, err
	}
	return l, cam.StartStreaming()
}

// offer is what a camera tells of itself, as *webcam.Webcam does.
type offer interface {
	GetSupportedFormats() map[webcam.PixelFormat]string
	GetSupportedFrameSizes(webcam.PixelFormat) []webcam.FrameSize
	GetSupportedFramerates(f webcam.PixelFormat, width, height uint32) []webcam.FrameRate
}

// choose takes the first of formats that the camera has in a size of at least two thirds of the wanted height, else the first
// that it has at all.
func choose(cam offer, o Options, formats []webcam.PixelFormat) (layout, error) {
	offered := cam.GetSupportedFormats()
	if len(offered) == 0 {
		return layout{}, ErrNotCamera
	}
	var first layout
	for _, f := range formats {
		if _, ok := offered[f]; !ok {
			continue
		}
		l := nearest(cam, f, o)
		if 3*l.height >= 2*o.Height {
			return l, nil
		}
		if first.width == 0 {
			first = l
		}
	}
	if first.width == 0 {
		return layout{}, ErrPixels
	}
	return first, nil
}

// nearest is the frame size of a format that differs least from the wanted one, of those that are not too slow if there are any. A
// driver that names no sizes gets the wanted one.
func nearest(cam offer, f webcam.PixelFormat, o Options) layout {
	sizes := cam.GetSupportedFrameSizes(f)
	sizes = sizes[:min(len(sizes), maxSizes)]
	fast := slices.DeleteFunc(slices.Clone(sizes), func(s webcam.FrameSize) bool {
		return s.MinWidth == s.MaxWidth && slow(cam.GetSupportedFramerates(f, s.MaxWidth, s.MaxHeight))
	})
	if len(fast) > 0 {
		sizes = fast
	}
	best := layout{f, o.Width, o.Height}
	for i, s := range sizes {
		l := layout{f, fit(o.Width, s.MinWidth, s.MaxWidth, s.StepWidth), fit(o.Height, s.MinHeight, s.MaxHeight, s.StepHeight)}
		if i == 0 || l.difference(o) < best.difference(o) {
			best = l
		}
	}
	return best
}

func (l layout) difference(o Options) int {
	return max(l.width-o.Width, o.Width-l.width) + max(l.height-o.Height, o.Height-l.height)
}

// fit is the largest number of smallest, smallest+step, … largest that is not above want; want where the range is not known.
func fit(want int, smallest, largest, step uint32) int {
	if largest == 0 {
		return want
	}
	n := min(max(want, int(smallest)), int(largest))
	if step > 1 {
		n -= (n - int(smallest)) % int(step)
	}
	return n
}

// slow reports whether a camera says that it gives less than minRate frames a second.
func slow(rates []webcam.FrameRate) bool {
	for _, r := range rates {
		if r.MinNumerator == 0 || r.MaxDenominator >= minRate*r.MinNumerator {
			return false
		}
	}
	return len(rates) > 0
}

// unmap gives back the memory of a stream that could not be started: the library's Close does that only for one that runs, and
// a camera that is tried again every second would use up the machine's memory.
func unmap(cam *webcam.Webcam) {
	buffers := mapped(cam)
	for i := range buffers.Len() {
		if b := buffers.Index(i).Bytes(); b != nil {
			_ = unix.Munmap(b) // what is not mapped stays as it is
		}
	}
}

// mapped is the library's list of the stream's buffers, which it keeps for itself.
func mapped(cam *webcam.Webcam) reflect.Value {
	return reflect.ValueOf(cam).Elem().FieldByName("buffers")
}

// stream is a camera that runs.
type stream struct {
	device
	buffers int // that the kernel may fill
}

// newest takes the newest frame that the camera has given, hands it to use, and gives every other back unseen. It reports
// whether there was one. A frame is only new if the camera had room for another: when all buffers were full it had to wait, and
// all of them are old.
func (s stream) newest(use func(frame []byte)) (bool, error) {
	var frame []byte
	var held uint32
	n := 0
	for n < s.buffers {
		f, index, err := s.GetFrame()
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err == nil && n > 0 {
			err = s.ReleaseFrame(held)
		}
		if err != nil {
			return false, err
		}
		frame, held = f, index
		n++
	}
	if n == 0 {
		return false, nil
	}
	fresh := n < s.buffers
	if fresh {
		use(frame)
	}
	return fresh, s.ReleaseFrame(held)
}
