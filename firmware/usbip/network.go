package usbip

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Endpoints of a network adapter.
const (
	NetworkIn     = 0x81
	NetworkOut    = 0x02
	NetworkNotify = 0x83
)

// MAC is the address of a network adapter.
type MAC [6]byte

// NewECM makes a network adapter of the communication class (USB CDC ECM 1.2), as phones in tethering mode and adapters are. Frames that
// the host sends are taken and forgotten; Packets on NetworkIn sends frames to it.
func NewECM(id Identity, address MAC) *Device {
	size := id.Speed.packetSize()
	ethernet := make([]byte, 11)
	ethernet[0], ethernet[1] = 0x0F, stringExtra
	binary.LittleEndian.PutUint16(ethernet[6:], 1514) // longest frame
	data := []endpoint{{NetworkIn, bulk, size, 0}, {NetworkOut, bulk, size, 0}}
	return newDevice(id, description{
		class: 2, extra: strings.ToUpper(fmt.Sprintf("%x", address[:])),
		interfaces: []face{
			{
				number: 0, class: 2, subClass: 6,
				special:   functional([]byte{0x06, 0, 1}, ethernet),
				endpoints: []endpoint{{NetworkNotify, interrupt, 16, 9}},
			},
			{number: 1, class: 0x0A},
			{number: 1, alternate: 1, class: 0x0A, endpoints: data},
		},
	}, ecmFunction{})
}

type ecmFunction struct{}

// ecmSetFilter is the one request that the class demands (ECM 1.2, section 6.2.4).
const ecmSetFilter = 0x43

func (ecmFunction) reset(*Device) {}

func (ecmFunction) control(_ *Device, s Setup, _ []byte) (answer []byte, ok bool) {
	return nil, s.kind() == kindClass && s.Request == ecmSetFilter
}

func (ecmFunction) receive(*Device, byte, []byte) bool { return true }

// NewRNDIS makes a network adapter of Microsoft's kind ("Remote NDIS Specification", revision 1.1), as many phones are in tethering mode.
// Frames that the host sends are taken and forgotten.
func NewRNDIS(id Identity, address MAC) *Device {
	size := id.Speed.packetSize()
	return newDevice(id, description{class: 0xE0, subClass: 1, protocol: 3, interfaces: []face{
		{
			number: 0, class: 0xE0, subClass: 1, protocol: 3,
			special:   functional([]byte{0x01, 0x00, 1}, []byte{0x02, 0x00}, []byte{0x06, 0, 1}),
			endpoints: []endpoint{{NetworkNotify, interrupt, 16, 9}},
		},
		{number: 1, class: 0x0A, endpoints: []endpoint{{NetworkIn, bulk, size, 0}, {NetworkOut, bulk, size, 0}}},
	}}, &rndisFunction{address: address})
}

// rndisFunction answers the messages that come on the control endpoint.
type rndisFunction struct {
	address MAC
	answers [][]byte
}

// Requests that carry messages (CDC 1.2, section 6.2), and messages.
const (
	sendEncapsulated = 0x00
	getEncapsulated  = 0x01

	rndisInit      = 0x00000002
	rndisHalt      = 0x00000003
	rndisQuery     = 0x00000004
	rndisSet       = 0x00000005
	rndisKeepAlive = 0x00000008
	rndisComplete  = 0x80000000 // bit of the answer to a message

	rndisUnsupported = 0xC00000BB

	oidMaximumFrame = 0x00010106
	oidLinkSpeed    = 0x00010107
	oidConnected    = 0x00010114
	oidAddress      = 0x01010101 // permanent
	oidAddressNow   = 0x01010102
)

func (f *rndisFunction) reset(*Device) { f.answers = nil }

func (f *rndisFunction) receive(*Device, byte, []byte) bool { return true }

func (f *rndisFunction) control(d *Device, s Setup, data []byte) (answer []byte, ok bool) {
	switch {
	case s.kind() != kindClass || s.recipient() != toInterface:
		return nil, false
	case s.Request == sendEncapsulated:
		answer := f.message(data)
		if answer == nil {
			return nil, len(data) >= 12
		}
		f.answers = append(f.answers, answer)
		// RESPONSE_AVAILABLE (CDC 1.2, section 6.3), in the form that RNDIS gives it: two words on the notification endpoint.
		return nil, d.queueLocked(NetworkNotify, step{packet: []byte{1, 0, 0, 0, 0, 0, 0, 0}}) == nil
	case s.Request == getEncapsulated:
		if len(f.answers) == 0 {
			return []byte{0}, true
		}
		answer, f.answers = f.answers[0], f.answers[1:]
		return answer, true
	}
	return nil, false
}

// message answers a message of the host: type, length, request id, then what belongs to the type. nil: no answer.
func (f *rndisFunction) message(m []byte) []byte {
	if len(m) < 12 {
		return nil
	}
	kind, id := binary.LittleEndian.Uint32(m), binary.LittleEndian.Uint32(m[8:])
	var rest []uint32
	var value []byte
	switch kind {
	case rndisInit: // status, version 1.0, connectionless, 802.3, one packet a transfer of at most 16 KB, no alignment, reserved
		rest = []uint32{0, 1, 0, 1, 0, 1, 16384, 0, 0, 0}
	case rndisQuery:
		if len(m) < 16 {
			return nil
		}
		if value = f.value(binary.LittleEndian.Uint32(m[12:])); value == nil {
			rest = []uint32{rndisUnsupported, 0, 0}
		} else {
			rest = []uint32{0, uint32(len(value)), 16} // status, length, offset behind the request id
		}
	case rndisSet, rndisKeepAlive:
		rest = []uint32{0}
	default: // halt has no answer
		return nil
	}
	b := binary.LittleEndian.AppendUint32(nil, kind|rndisComplete)
	b = binary.LittleEndian.AppendUint32(b, uint32(12+4*len(rest)+len(value)))
	b = binary.LittleEndian.AppendUint32(b, id)
	for _, word := range rest {
		b = binary.LittleEndian.AppendUint32(b, word)
	}
	return append(b, value...)
}

// value gives what the host asks for, nil for what the adapter does not tell.
func (f *rndisFunction) value(oid uint32) []byte {
	number := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	switch oid {
	case oidAddress, oidAddressNow:
		return f.address[:]
	case oidMaximumFrame:
		return number(1500)
	case oidLinkSpeed:
		return number(120_000) // 100 bit/s: full speed
	case oidConnected:
		return number(0)
	}
	return nil
}
