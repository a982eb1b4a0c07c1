package usbip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Commands and the length of all headers (usbip_protocol.rst).
const (
	cmdSubmit = 1
	cmdUnlink = 2
	retSubmit = 3
	retUnlink = 4

	headerSize = 48

	directionIn = 1

	noPackets = 0xFFFFFFFF // number_of_packets of a transfer that is not isochronous; Linux sends 0 as well
)

// maxTransfer is the most bytes that one transfer may have. Linux's serial and storage drivers stay below 256 KB.
const maxTransfer = 1 << 20

// maxEndpoint is the greatest number of an endpoint (USB 2.0, section 9.6.6).
const maxEndpoint = 15

// ErrProtocol says that what came from the kernel's end is no USB/IP request that can be answered.
var ErrProtocol = errors.New("bad USB/IP request")

// Status of a transfer: 0, or one of these errors of the kernel, negative.
const (
	statusStall    = -int32(unix.EPIPE)
	statusUnlinked = -int32(unix.ECONNRESET)
	statusBabble   = -int32(unix.EOVERFLOW) // the device sent more than the host had room for
)

// Setup is the head of a control request (USB 2.0, section 9.3).
type Setup struct {
	Type    byte // bmRequestType
	Request byte
	Value   uint16
	Index   uint16
	Length  uint16
}

func parseSetup(b [8]byte) Setup {
	return Setup{
		Type: b[0], Request: b[1],
		Value: binary.LittleEndian.Uint16(b[2:]), Index: binary.LittleEndian.Uint16(b[4:]), Length: binary.LittleEndian.Uint16(b[6:]),
	}
}

// in reports whether the device sends the data of the request.
func (s Setup) in() bool { return s.Type&0x80 != 0 }

// request is one request of the kernel.
type request struct {
	command  uint32
	sequence uint32
	endpoint byte // with its direction bit; 0 for control
	toDevice bool // which way the data goes
	length   int  // room for data from the device, or bytes of data
	packets  uint32
	setup    [8]byte
	data     []byte // to the device
	unlink   uint32 // sequence number of the transfer that is taken back
}

// readRequest reads one request. io.EOF says that the other end closed between two requests.
func readRequest(r io.Reader) (request, error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return request{}, err
	}
	q, err := parseHeader(h)
	if err != nil {
		return request{}, err
	}
	if q.command == cmdSubmit && q.toDevice && q.length > 0 {
		q.data = make([]byte, q.length)
		_, err := io.ReadFull(r, q.data)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // a header without its data
		}
		if err != nil {
			return request{}, fmt.Errorf("read the data of a transfer: %w", err)
		}
	}
	return q, nil
}

// parseHeader takes a header apart. The only error is ErrProtocol.
func parseHeader(h [headerSize]byte) (request, error) {
	word := func(at int) uint32 { return binary.BigEndian.Uint32(h[at:]) }
	q := request{command: word(0), sequence: word(4)}
	switch q.command {
	case cmdUnlink:
		q.unlink = word(0x14)
		return q, nil
	case cmdSubmit:
	default:
		return request{}, fmt.Errorf("%w: command %#x", ErrProtocol, q.command)
	}
	direction, endpoint, length := word(0xC), word(0x10), word(0x18)
	q.packets = word(0x20)
	copy(q.setup[:], h[0x28:])
	switch {
	case direction > directionIn || endpoint > maxEndpoint:
		return request{}, fmt.Errorf("%w: direction %d of endpoint %d", ErrProtocol, direction, endpoint)
	case length > maxTransfer:
		return request{}, fmt.Errorf("%w: transfer of %d bytes", ErrProtocol, length)
	case q.packets != 0 && q.packets != noPackets:
		return request{}, fmt.Errorf("%w: isochronous transfer", ErrProtocol)
	case endpoint == 0 && length > 0 && (direction == directionIn) != parseSetup(q.setup).in():
		return request{}, fmt.Errorf("%w: direction %d of control request %#x", ErrProtocol, direction, q.setup[0])
	}
	q.length, q.toDevice, q.endpoint = int(length), direction != directionIn, byte(endpoint)
	if endpoint != 0 && !q.toDevice {
		q.endpoint |= in
	}
	return q, nil
}

// appendReturn appends the answer to a submitted transfer: data goes to the host, moved is what the device took where it went the other
// way.
func appendReturn(dst []byte, q *request, status int32, data []byte, moved int) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	h := dst[start:]
	binary.BigEndian.PutUint32(h[0:], retSubmit)
	binary.BigEndian.PutUint32(h[4:], q.sequence)
	binary.BigEndian.PutUint32(h[0x14:], uint32(status))
	binary.BigEndian.PutUint32(h[0x18:], uint32(len(data)+moved))
	binary.BigEndian.PutUint32(h[0x20:], q.packets)
	return append(dst, data...)
}

// appendUnlinked appends the answer to an unlink request.
func appendUnlinked(dst []byte, q *request, status int32) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	h := dst[start:]
	binary.BigEndian.PutUint32(h[0:], retUnlink)
	binary.BigEndian.PutUint32(h[4:], q.sequence)
	binary.BigEndian.PutUint32(h[0x14:], uint32(status))
	return dst
}
