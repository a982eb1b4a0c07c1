package usbip

import "slices"

// FTDI's own numbers of its FT232R, and the release by which drivers tell the chip.
const (
	FTDIVendor   = 0x0403
	FTDIProduct  = 0x6001
	ftdiReleaseR = 0x0600
)

// NewFTDI makes a serial port with FTDI's FT232R, which Linux calls ttyUSB. The release in id is that of the chip, whatever is given.
// Requests and packets are those of Linux, drivers/usb/serial/ftdi_sio.h. A real chip also sends an empty packet of status every 16 ms;
// this one sends status with data only.
func NewFTDI(id Identity) *Serial {
	id.Release = ftdiReleaseR
	size := id.Speed.packetSize()
	ftdi := &ftdiFunction{}
	return &Serial{newDevice(id, description{interfaces: []face{
		{class: 0xFF, subClass: 0xFF, protocol: 0xFF, endpoints: []endpoint{{SerialIn, bulk, size, 0}, {SerialOut, bulk, size, 0}}},
	}}, ftdi), ftdi}
}

// ftdiFunction answers FTDI's requests.
type ftdiFunction struct {
	serialCommon
	latency byte // ms
}

// FTDI's requests.
const (
	ftdiReset        = 0x00
	ftdiModemControl = 0x01
	ftdiFlowControl  = 0x02
	ftdiBaudRate     = 0x03
	ftdiData         = 0x04
	ftdiModemStatus  = 0x05
	ftdiEventChar    = 0x06
	ftdiErrorChar    = 0x07
	ftdiSetLatency   = 0x09
	ftdiGetLatency   = 0x0A
	ftdiSetBitMode   = 0x0B
	ftdiReadPins     = 0x0C
	ftdiReadEEPROM   = 0x90
)

const defaultLatency = 16

// ftdiClock is what the chip divides to get a baud rate.
const ftdiClock = 3_000_000

func (f *ftdiFunction) reset(d *Device) {
	f.serialCommon.reset(d)
	f.latency = defaultLatency
}

func (f *ftdiFunction) control(_ *Device, s Setup, _ []byte) (answer []byte, ok bool) {
	if s.kind() != kindVendor {
		return nil, false
	}
	switch s.Request {
	case ftdiReset, ftdiFlowControl, ftdiEventChar, ftdiErrorChar, ftdiSetBitMode:
		return nil, true
	case ftdiModemControl: // the high byte says which lines are meant
		if s.Value&0x100 != 0 {
			f.line.DTR = s.Value&1 != 0
		}
		if s.Value&0x200 != 0 {
			f.line.RTS = s.Value&2 != 0
		}
		return nil, true
	case ftdiBaudRate:
		f.line.Baud = ftdiBaud(s.Value, s.Index)
		return nil, true
	case ftdiData:
		f.line.DataBits = int(s.Value & 0xFF)
		return nil, true
	case ftdiModemStatus:
		return f.status(), true
	case ftdiSetLatency:
		f.latency = byte(s.Value)
		return nil, true
	case ftdiGetLatency:
		return []byte{f.latency}, true
	case ftdiReadPins:
		return []byte{0}, true
	case ftdiReadEEPROM: // an erased one
		return []byte{0xFF, 0xFF}, true
	}
	return nil, false
}

// status is what stands in front of each packet: modem lines (CTS, DSR and DCD on; bit 0 is always set) and line (transmitter empty).
func (f *ftdiFunction) status() []byte { return []byte{0xB1, 0x60} }

func (f *ftdiFunction) packets(p []byte, size int) []step {
	room := size - len(f.status())
	var steps []step
	for part := range slices.Chunk(p, room) {
		steps = append(steps, step{packet: append(f.status(), part...)})
	}
	if len(p)%room == 0 {
		steps = append(steps, step{packet: f.status()})
	}
	return steps
}

// ftdiBaud gives the baud rate of a divisor: 14 bits, and in the three above them the eighths in FTDI's order. 0 is 3,000,000 baud and 1
// is 2,000,000.
func ftdiBaud(value, index uint16) int {
	eighths := [8]int{0, 4, 2, 1, 3, 5, 6, 7}
	divisor := uint32(value) | uint32(index&1)<<16
	switch divisor {
	case 0:
		return ftdiClock
	case 1:
		return ftdiClock * 2 / 3
	}
	n := int(divisor&0x3FFF)*8 + eighths[divisor>>14&7]
	return (ftdiClock*8 + n/2) / n
}
