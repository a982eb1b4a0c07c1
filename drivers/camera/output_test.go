package camera

import (
	"testing"
	"unsafe"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// output is vivid's video output, to which frames are given: the other end of what the library does.
type output struct {
	t       *testing.T
	fd      int
	buffers [2][]byte
}

// Requests to a video device, on machines of 64 bits, and two numbers in them (videodev2.h of Linux).
const (
	setOutput       = 0xC004562F // VIDIOC_S_OUTPUT
	setFormat       = 0xC0D05605 // VIDIOC_S_FMT
	requestBuffers  = 0xC0145608 // VIDIOC_REQBUFS
	queryBuffer     = 0xC0585609 // VIDIOC_QUERYBUF
	queueBuffer     = 0xC058560F // VIDIOC_QBUF
	streamOn        = 0x40045612 // VIDIOC_STREAMON
	streamOff       = 0x40045613 // VIDIOC_STREAMOFF
	kindOutput      = 2          // V4L2_BUF_TYPE_VIDEO_OUTPUT
	memoryMapped    = 1          // V4L2_MEMORY_MMAP
	fieldNone       = 1          // V4L2_FIELD_NONE: whole frames
	vividHDMIOutput = 1
)

// outputFormat is struct v4l2_format.
type outputFormat struct {
	kind, _                      uint32
	width, height, pixels, field uint32
	_                            [184]byte
}

// outputBuffer is struct v4l2_buffer.
type outputBuffer struct {
	index, kind, used, flags, field uint32
	_                               [40]byte
	memory                          uint32
	offset, _, length               uint32
	_                               [12]byte
}

// openOutput prepares the HDMI output for frames of one pixel format: they come back only to who captures in the same.
func openOutput(t *testing.T, path string, pixels webcam.PixelFormat) *output {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0) // os would poll it, by which the kernel begins to emulate files
	if err != nil {
		t.Fatal(err)
	}
	o := &output{t: t, fd: fd}
	number := uint32(vividHDMIOutput)
	o.ask(setOutput, unsafe.Pointer(&number))
	f := outputFormat{kind: kindOutput, width: vividWidth, height: vividHeight, pixels: uint32(pixels), field: fieldNone}
	o.ask(setFormat, unsafe.Pointer(&f))
	if f.width != vividWidth || f.height != vividHeight || f.pixels != uint32(pixels) {
		t.Fatalf("output became %d x %d, format %#x", f.width, f.height, f.pixels)
	}
	request := [5]uint32{uint32(len(o.buffers)), kindOutput, memoryMapped} // struct v4l2_requestbuffers
	o.ask(requestBuffers, unsafe.Pointer(&request))
	if request[0] != uint32(len(o.buffers)) {
		t.Fatalf("%d buffers", request[0])
	}
	for i := range o.buffers {
		b := outputBuffer{index: uint32(i), kind: kindOutput, memory: memoryMapped}
		o.ask(queryBuffer, unsafe.Pointer(&b))
		if o.buffers[i], err = unix.Mmap(fd, int64(b.offset), int(b.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// show puts a frame into all buffers: the driver shows them in turn and keeps the last.
func (o *output) show(frame []byte) {
	o.t.Helper()
	kind := uint32(kindOutput)
	o.ask(streamOff, unsafe.Pointer(&kind))
	for i, buffer := range o.buffers {
		if len(frame) > len(buffer) {
			o.t.Fatalf("frame of %d bytes, buffer of %d", len(frame), len(buffer))
		}
		copy(buffer, frame)
		b := outputBuffer{index: uint32(i), kind: kindOutput, used: uint32(len(frame)), field: fieldNone, memory: memoryMapped, length: uint32(len(buffer))}
		o.ask(queueBuffer, unsafe.Pointer(&b))
	}
	o.ask(streamOn, unsafe.Pointer(&kind))
}

func (o *output) close() {
	for _, b := range o.buffers {
		if err := unix.Munmap(b); err != nil {
			o.t.Error(err)
		}
	}
	if err := unix.Close(o.fd); err != nil {
		o.t.Error(err)
	}
}

func (o *output) ask(request uintptr, argument unsafe.Pointer) {
	o.t.Helper()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(o.fd), request, uintptr(argument)); errno != 0 {
		o.t.Fatalf("request %#x: %v", request, errno)
	}
}
