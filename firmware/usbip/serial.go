package usbip

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

// Endpoints of a serial device.
const (
	SerialIn     = 0x81
	SerialOut    = 0x02
	SerialNotify = 0x83 // CDC-ACM only
)

// maxReceived is the most bytes that are kept of what the host sent and nobody received; then its transfers wait no longer but are
// halted, as by a device that ran over.
const maxReceived = 1 << 20

// Line is how the host has set a serial device's line.
type Line struct {
	Baud     int // 0: not set
	DataBits int
	DTR, RTS bool
}

// Serial is a serial port on USB: CDC-ACM or FTDI. Write sends to the host, Receive takes what the host sent.
type Serial struct {
	*Device
	f serialFunction
}

type serialFunction interface {
	function
	common() *serialCommon
	packets(p []byte, size int) []step
}

// serialCommon is what both kinds of serial ports have.
type serialCommon struct {
	line     Line
	received []byte
}

func (c *serialCommon) common() *serialCommon { return c }

func (c *serialCommon) reset(*Device) { *c = serialCommon{} }

func (c *serialCommon) receive(d *Device, endpoint byte, data []byte) bool {
	if endpoint != SerialOut || len(c.received)+len(data) > maxReceived {
		return false
	}
	c.received = append(c.received, data...)
	d.notify()
	return true
}

// Line returns how the host has set the line.
func (s *Serial) Line() Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f.common().line
}

// Write queues bytes for the host: in as few packets as they need, and one zero-length packet (FTDI: one without data) where the last is
// full, so that the host is not left waiting for more. Nothing is lost while nobody has the port open.
func (s *Serial) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.queueLocked(SerialIn, s.f.packets(p, s.id.Speed.packetSize())...); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Receive waits until the host has sent something and copies up to len(p) bytes of it to p. The error is that of ctx, or ErrUnplugged.
func (s *Serial) Receive(ctx context.Context, p []byte) (int, error) {
	for {
		s.mu.Lock()
		c := s.f.common()
		if n := copy(p, c.received); n > 0 {
			c.received = slices.Delete(c.received, 0, n)
			s.mu.Unlock()
			return n, nil
		}
		changed, gone := s.changed, s.gone
		s.mu.Unlock()
		select {
		case <-changed:
		case <-gone:
			return 0, fmt.Errorf("receive: %w", ErrUnplugged)
		case <-ctx.Done():
			return 0, fmt.Errorf("receive: %w", context.Cause(ctx))
		}
	}
}

// NewACM makes a serial port of the communication class, which Linux calls ttyACM (USB CDC PSTN subclass 1.2).
func NewACM(id Identity) *Serial {
	size := id.Speed.packetSize()
	acm := &acmFunction{}
	return &Serial{newDevice(id, description{class: 2, interfaces: []face{
		{
			number: 0, class: 2, subClass: 2, protocol: 1,
			special: functional(
				[]byte{0x01, 0x00, 1}, // call management: none; data interface 1
				[]byte{0x02, 0x02},    // abstract control: line coding, control line state, serial state
				[]byte{0x06, 0, 1},    // union of interfaces 0 and 1
			),
			endpoints: []endpoint{{SerialNotify, interrupt, 16, 9}},
		},
		{number: 1, class: 0x0A, endpoints: []endpoint{{SerialIn, bulk, size, 0}, {SerialOut, bulk, size, 0}}},
	}}, acm), acm}
}

type acmFunction struct {
	serialCommon
	coding [7]byte
}

// Requests of CDC-ACM (PSTN 1.2, section 6.3).
const (
	setLineCoding       = 0x20
	getLineCoding       = 0x21
	setControlLineState = 0x22
	sendBreak           = 0x23
)

func (f *acmFunction) reset(d *Device) {
	f.serialCommon.reset(d)
	f.coding = [7]byte{}
}

func (f *acmFunction) control(_ *Device, s Setup, data []byte) (answer []byte, ok bool) {
	if s.kind() != kindClass || s.recipient() != toInterface || s.Index != 0 {
		return nil, false
	}
	switch s.Request {
	case setLineCoding:
		if len(data) != len(f.coding) {
			return nil, false
		}
		f.coding = [7]byte(data)
		f.line.Baud, f.line.DataBits = int(binary.LittleEndian.Uint32(data)), int(data[6])
		return nil, true
	case getLineCoding:
		return f.coding[:], true
	case setControlLineState:
		f.line.DTR, f.line.RTS = s.Value&1 != 0, s.Value&2 != 0
		return nil, true
	case sendBreak:
		return nil, true
	}
	return nil, false
}

func (f *acmFunction) packets(p []byte, size int) []step {
	var steps []step
	for part := range slices.Chunk(p, size) {
		steps = append(steps, step{packet: slices.Clone(part)})
	}
	if len(p)%size == 0 {
		steps = append(steps, step{})
	}
	return steps
}
