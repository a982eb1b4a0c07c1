package lamp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// ErrBusy says that another program, or another part of this one, holds a line.
var ErrBusy = errors.New("line is in use")

// consumer is what gpioinfo and others show as the holder of our lines.
const consumer = "passerelle"

// Flags of a line request (linux/gpio.h, enum gpio_v2_line_flag).
const (
	flagUsed         = 1 << 0
	flagActiveLow    = 1 << 1
	flagInput        = 1 << 2
	flagOutput       = 1 << 3
	flagEdgeRising   = 1 << 4
	flagEdgeFalling  = 1 << 5
	flagPullUp       = 1 << 8
	flagPullDown     = 1 << 9
	flagBiasDisabled = 1 << 10
)

// The kernel's structures have these sizes on every architecture (linux/gpio.h); the requests' numbers hold them too.
var (
	_ [68]byte  = [unsafe.Sizeof(unix.GPIOChipInfo{})]byte{}
	_ [256]byte = [unsafe.Sizeof(unix.GPIOV2LineInfo{})]byte{}
	_ [592]byte = [unsafe.Sizeof(unix.GPIOV2LineRequest{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(unix.GPIOV2LineValues{})]byte{}
	_ [48]byte  = [unsafe.Sizeof(unix.GPIOV2LineEvent{})]byte{}
)

// request is what is wanted of some lines of one chip.
type request struct {
	lines    []Line
	flags    uint64        // for all of them; which level means on comes on top
	debounce time.Duration // 0: none
	events   uint32        // that the kernel keeps until they are read; 0: its default
}

// lines are lines of one chip that this process holds.
type lines struct{ f *os.File }

// requestLines takes lines from the kernel, all or none. Outputs are off from the first moment on. A chip is a path, or the label
// that gpiodetect shows, which stays the same where the kernel numbers its chips another way.
func requestLines(chip string, r request) (*lines, error) {
	f, err := openChip(chip)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the lines stay
	fd, err := r.take(f)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &lines{os.NewFile(uintptr(fd), chip)}, nil
}

func openChip(chip string) (*os.File, error) {
	if chip == "" {
		return nil, errors.New("no GPIO chip is named")
	}
	if !strings.Contains(chip, "/") {
		return openLabel(chip)
	}
	f, err := os.OpenFile(chip, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if _, err := chipInfo(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openLabel opens the one chip that has the label. A second name of the same chip does not count.
func openLabel(label string) (*os.File, error) {
	paths, err := filepath.Glob("/dev/gpiochip*")
	if err != nil {
		return nil, err
	}
	var found *os.File
	var name [32]byte
	for _, path := range paths {
		f, err := openChip(path)
		if err != nil {
			continue
		}
		info, err := chipInfo(f)
		if err != nil || text(info.Label[:]) != label || found != nil && info.Name == name {
			f.Close()
			continue
		}
		if found != nil {
			f.Close()
			found.Close()
			return nil, errors.New("several GPIO chips have this label: name its path in /dev")
		}
		found, name = f, info.Name
	}
	if found == nil {
		return nil, errors.New("no GPIO chip has this label, or none that may be opened")
	}
	return found, nil
}

func chipInfo(f *os.File) (unix.GPIOChipInfo, error) {
	var info unix.GPIOChipInfo
	if err := ioctl(f, unix.GPIO_GET_CHIPINFO_IOCTL, &info); err != nil {
		return info, fmt.Errorf("not a GPIO chip: %w", err)
	}
	return info, nil
}

// take has the kernel give the lines and returns their descriptor.
func (r request) take(chip *os.File) (int, error) {
	info, err := chipInfo(chip)
	if err != nil {
		return -1, err
	}
	q := unix.GPIOV2LineRequest{Num_lines: uint32(len(r.lines)), Event_buffer_size: r.events}
	copy(q.Consumer[:], consumer)
	var low uint64
	for i, l := range r.lines {
		if l.offset() >= info.Lines {
			return -1, fmt.Errorf("there is no line %d: the chip has %d", l.offset(), info.Lines)
		}
		q.Offsets[i] = l.offset()
		if l.low {
			low |= 1 << i
		}
	}
	r.configure(&q.Config, low)
	if err := ioctl(chip, unix.GPIO_V2_GET_LINE_IOCTL, &q); err != nil {
		if errors.Is(err, unix.EBUSY) {
			return -1, r.held(chip)
		}
		return -1, fmt.Errorf("request lines %q: %w", r.lines, err)
	}
	return int(q.Fd), nil
}

// configure says what the lines have to be. The kernel sets them up with their first values in one step.
func (r request) configure(c *unix.GPIOV2LineConfig, low uint64) {
	attribute := func(mask uint64, id uint32, value uint64) {
		c.Attrs[c.Num_attrs] = unix.GPIOV2LineConfigAttribute{Attr: unix.GPIOV2LineAttribute{Id: id, Flags: value}, Mask: mask}
		c.Num_attrs++
	}
	c.Flags = r.flags
	all := uint64(1)<<len(r.lines) - 1
	if low != 0 {
		attribute(low, unix.GPIO_V2_LINE_ATTR_ID_FLAGS, r.flags|flagActiveLow)
	}
	if r.flags&flagOutput != 0 {
		attribute(all, unix.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, 0)
	}
	if r.debounce != 0 {
		var value [8]byte // a union: the first half holds microseconds
		binary.NativeEndian.PutUint32(value[:], uint32(r.debounce.Microseconds()))
		attribute(all, unix.GPIO_V2_LINE_ATTR_ID_DEBOUNCE, binary.NativeEndian.Uint64(value[:]))
	}
}

// held says which line is in use, and by whom.
func (r request) held(chip *os.File) error {
	for _, l := range r.lines {
		info := unix.GPIOV2LineInfo{Offset: l.offset()}
		if err := ioctl(chip, unix.GPIO_V2_GET_LINEINFO_IOCTL, &info); err == nil && info.Flags&flagUsed != 0 {
			return fmt.Errorf("line %d is held by %q: %w", l.offset(), text(info.Consumer[:]), ErrBusy)
		}
	}
	return ErrBusy
}

// set switches all lines in one step; bit i is line i of the request, 1 is on.
func (l *lines) set(bits uint64) error {
	return ioctl(l.f, unix.GPIO_V2_LINE_SET_VALUES_IOCTL, &unix.GPIOV2LineValues{Bits: bits, Mask: ^uint64(0)})
}

// get reads all lines in one step.
func (l *lines) get() (uint64, error) {
	values := unix.GPIOV2LineValues{Mask: ^uint64(0)}
	if err := ioctl(l.f, unix.GPIO_V2_LINE_GET_VALUES_IOCTL, &values); err != nil {
		return 0, err
	}
	return values.Bits, nil
}

func (l *lines) close() error { return l.f.Close() }

// ioctl is the only way to the kernel's GPIO lines, and golang.org/x/sys has their structures but no call for them: hence unsafe, here
// alone. A chip that was pulled is frame.ErrGone.
func ioctl[T any](f *os.File, number uint, argument *T) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var code unix.Errno
	err = conn.Control(func(fd uintptr) {
		for code = unix.EINTR; code == unix.EINTR; {
			_, _, code = unix.Syscall(unix.SYS_IOCTL, fd, uintptr(number), uintptr(unsafe.Pointer(argument)))
		}
	})
	switch {
	case err != nil:
		return err
	case code == unix.ENODEV:
		return fmt.Errorf("%w (%v)", frame.ErrGone, code)
	case code != 0:
		return code
	}
	return nil
}

// text is a name of the kernel's without the zeros behind it.
func text(b []byte) string {
	name, _, _ := strings.Cut(string(b), "\x00")
	return name
}
