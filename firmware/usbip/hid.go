package usbip

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Endpoints of a HID device.
const (
	HIDIn  = 0x81
	HIDOut = 0x02 // only with HIDOptions.OutEndpoint
)

// HIDOptions says what kind of HID device it is.
type HIDOptions struct {
	Descriptor []byte // report descriptor
	Boot       bool   // a boot keyboard, as its interface descriptor says
	PacketSize int    // of both endpoints; 0: 64
	Interval   byte   // of both endpoints; 0: 1 ms at full speed, 1 ms at high speed

	// OutEndpoint adds an endpoint for output reports; without it they come by SET_REPORT.
	OutEndpoint bool

	// Redirect is the id of the feature report that Honeywell calls output redirection; 0: none. Until the host sets it to 1, such a
	// scanner sends no reports of its own: Send drops them and counts them in Withheld.
	Redirect byte

	Features [][]byte // feature reports at power-on, each with its id in front
}

// HID is a HID device: a point-of-sale scanner, a keyboard, or whatever its report descriptor says (HID 1.11).
type HID struct {
	*Device
	f *hidFunction
}

// NewHID makes a HID device that is not plugged in.
func NewHID(id Identity, o HIDOptions) *HID {
	if o.PacketSize == 0 {
		o.PacketSize = 64
	}
	if o.Interval == 0 {
		o.Interval = 1
		if id.Speed == HighSpeed {
			o.Interval = 4
		}
	}
	o.Descriptor = bytes.Clone(o.Descriptor)
	f := face{class: 3, endpoints: []endpoint{{HIDIn, interrupt, o.PacketSize, o.Interval}}}
	if o.Boot {
		f.subClass, f.protocol = 1, 1
	}
	if o.OutEndpoint {
		f.endpoints = append(f.endpoints, endpoint{HIDOut, interrupt, o.PacketSize, o.Interval})
	}
	function := &hidFunction{options: o}
	f.special = function.descriptor()
	return &HID{newDevice(id, description{interfaces: []face{f}}, function), function}
}

// BootKeyboard is the report descriptor of a keyboard (HID 1.11, appendix B.1).
func BootKeyboard() []byte {
	return []byte("\x05\x01\x09\x06\xA1\x01\x05\x07\x19\xE0\x29\xE7\x15\x00\x25\x01\x75\x01\x95\x08\x81\x02\x95\x01\x75\x08\x81\x01" +
		"\x95\x05\x75\x01\x05\x08\x19\x01\x29\x05\x91\x02\x95\x01\x75\x03\x91\x01" +
		"\x95\x06\x75\x08\x15\x00\x25\x65\x05\x07\x19\x00\x29\x65\x81\x00\xC0")
}

// NewKeyboard makes a boot keyboard with packets of 8 bytes.
func NewKeyboard(id Identity) *HID {
	return NewHID(id, HIDOptions{Descriptor: BootKeyboard(), Boot: true, PacketSize: 8, Interval: 8})
}

// Send queues input reports, with their ids where the device has ids. Each is cut into packets of the endpoint's size; an empty report
// is one zero-length packet. A report shorter than the longest one of the device, and as long as whole packets, needs a zero-length
// packet after it (HID 1.11, section 8.4), which is the caller's to send.
func (h *HID) Send(reports ...[]byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil && !h.f.directed() {
		h.f.withheld += len(reports)
		return nil
	}
	var steps []step
	for _, r := range reports {
		if len(r) > maxTransfer {
			return fmt.Errorf("send a report: %d bytes are more than %d", len(r), maxTransfer)
		}
		for {
			n := min(len(r), h.f.options.PacketSize)
			steps = append(steps, step{packet: bytes.Clone(r[:n])})
			if r = r[n:]; len(r) == 0 {
				break
			}
		}
	}
	return h.queueLocked(HIDIn, steps...)
}

// Withheld counts the reports that were not sent because the host had not set the output-redirection feature report.
func (h *HID) Withheld() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.f.withheld
}

// Feature returns a feature report as the host set it last, or as it was at power-on, nil if there is none.
func (h *HID) Feature(id byte) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Clone(h.f.features[id])
}

// Outputs returns the output reports that the host sent since the device was made, such as the state of keyboard lamps.
func (h *HID) Outputs() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.f.outputs)
}

// hidFunction answers the requests of the HID class.
type hidFunction struct {
	options  HIDOptions
	features map[byte][]byte // by id, with the id in front where it is not 0
	outputs  [][]byte
	idle     byte // 4 ms
	protocol byte // 1: reports as described, 0: boot
	withheld int
}

// Requests of the class (HID 1.11, section 7.2), and types of reports.
const (
	getReport   = 0x01
	getIdle     = 0x02
	getProtocol = 0x03
	setReport   = 0x09
	setIdle     = 0x0A
	setProtocol = 0x0B

	reportOutput  = 2
	reportFeature = 3

	descriptorHID    = 0x21
	descriptorReport = 0x22
)

// maxOutputs is how many output reports are kept.
const maxOutputs = 10_000

func (f *hidFunction) reset(*Device) {
	f.features = make(map[byte][]byte)
	for _, r := range f.options.Features {
		if len(r) > 0 {
			f.features[r[0]] = bytes.Clone(r)
		}
	}
	if f.options.Redirect != 0 {
		f.features[f.options.Redirect] = []byte{f.options.Redirect, 0}
	}
	f.idle, f.protocol = 0, 1
}

// directed reports whether reports go to the host.
func (f *hidFunction) directed() bool {
	r := f.features[f.options.Redirect]
	return f.options.Redirect == 0 || len(r) == 2 && r[1] == 1
}

func (f *hidFunction) receive(_ *Device, endpoint byte, data []byte) bool {
	f.output(data)
	return endpoint == HIDOut
}

func (f *hidFunction) output(report []byte) {
	if len(f.outputs) < maxOutputs {
		f.outputs = append(f.outputs, bytes.Clone(report))
	}
}

func (f *hidFunction) control(_ *Device, s Setup, data []byte) (answer []byte, ok bool) {
	switch {
	case s.recipient() != toInterface || s.Index != 0:
		return nil, false
	case s.kind() == kindStandard && s.Request == getDescriptor && s.Value == descriptorReport<<8:
		return f.options.Descriptor, true
	case s.kind() == kindStandard && s.Request == getDescriptor && s.Value == descriptorHID<<8:
		return f.descriptor(), true
	case s.kind() != kindClass:
		return nil, false
	}
	kind, id := byte(s.Value>>8), byte(s.Value)
	switch s.Request {
	case getReport: // an input report comes when there is one, and is not there to be fetched
		r := f.features[id]
		return r, kind == reportFeature && r != nil
	case setReport:
		return nil, f.set(kind, id, data)
	case getIdle:
		return []byte{f.idle}, true
	case setIdle: // an idle rate of 0 is never repeat, which is all that this device does
		f.idle = byte(s.Value >> 8)
		return nil, true
	case getProtocol:
		return []byte{f.protocol}, f.options.Boot
	case setProtocol:
		if !f.options.Boot || s.Value > 1 {
			return nil, false
		}
		f.protocol = byte(s.Value)
		return nil, true
	}
	return nil, false
}

// set takes a report of the host. Feature reports that the device does not have are refused.
func (f *hidFunction) set(kind, id byte, data []byte) bool {
	switch kind {
	case reportOutput:
		f.output(data)
		return true
	case reportFeature:
		if f.features[id] == nil || len(data) != len(f.features[id]) {
			return false
		}
		f.features[id] = bytes.Clone(data)
		return true
	}
	return false
}

// descriptor is the HID descriptor (HID 1.11, section 6.2.1).
func (f *hidFunction) descriptor() []byte {
	b := []byte{9, descriptorHID, 0x11, 0x01, 0, 1, descriptorReport}
	return binary.LittleEndian.AppendUint16(b, uint16(len(f.options.Descriptor)))
}
