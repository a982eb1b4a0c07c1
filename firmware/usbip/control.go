package usbip

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// Standard requests (USB 2.0, table 9-4), their recipients and features.
const (
	getStatus        = 0
	clearFeature     = 1
	setFeature       = 3
	setAddress       = 5
	getDescriptor    = 6
	getConfiguration = 8
	setConfiguration = 9
	getInterface     = 10
	setInterface     = 11

	toDevice    = 0
	toInterface = 1
	toEndpoint  = 2

	featureHalt   = 0 // of an endpoint
	featureWakeup = 1 // of a device
)

// Kinds of requests: bits 5 and 6 of bmRequestType.
const (
	kindStandard = 0x00
	kindClass    = 0x20
	kindVendor   = 0x40
)

func (s Setup) kind() byte      { return s.Type & 0x60 }
func (s Setup) recipient() byte { return s.Type & 0x1F }

// control answers a control request and keeps it.
func (d *Device) control(s Setup, data []byte) (answer []byte, ok bool) {
	switch {
	case d.refuse != nil && d.refuse(s):
	case s.kind() == kindStandard && s.recipient() == toDevice:
		answer, ok = d.standard(s)
	case s.kind() == kindStandard && s.Request != getDescriptor:
		answer, ok = d.standardPart(s)
	default:
		answer, ok = d.function.control(d, s, data)
	}
	if len(d.requests) < maxRequests {
		d.requests = append(d.requests, Request{Setup: s, Data: bytes.Clone(data), Stalled: !ok})
	}
	d.notify()
	return answer, ok
}

// standard answers a standard request about the whole device.
func (d *Device) standard(s Setup) (answer []byte, ok bool) {
	switch s.Request {
	case getStatus:
		status := byte(0)
		if d.wakeup {
			status = 2
		}
		return []byte{status, 0}, true
	case clearFeature, setFeature:
		if s.Value != featureWakeup {
			return nil, false
		}
		d.wakeup = s.Request == setFeature
		return nil, true
	case setAddress: // the virtual host controller keeps addresses to itself
		return nil, true
	case getDescriptor:
		return d.descriptor(byte(s.Value>>8), byte(s.Value))
	case getConfiguration:
		return []byte{d.config}, true
	case setConfiguration:
		if s.Value > configurationValue {
			return nil, false
		}
		d.config = byte(s.Value)
		for _, p := range d.pipes {
			p.halted = false
		}
		return nil, true
	}
	return nil, false
}

// standardPart answers a standard request about an interface or an endpoint.
func (d *Device) standardPart(s Setup) (answer []byte, ok bool) {
	if s.recipient() == toInterface {
		switch s.Request {
		case getStatus:
			return []byte{0, 0}, true
		case getInterface:
			return []byte{d.alternate[s.Index]}, true
		case setInterface:
			if !d.description.hasAlternate(byte(s.Index), byte(s.Value)) {
				return nil, false
			}
			d.alternate[s.Index] = byte(s.Value)
			return nil, true
		}
		return nil, false
	}
	p := d.pipes[byte(s.Index)]
	if s.recipient() != toEndpoint || p == nil {
		return nil, false
	}
	switch s.Request {
	case getStatus:
		if p.halted {
			return []byte{1, 0}, true
		}
		return []byte{0, 0}, true
	case clearFeature, setFeature:
		if s.Value != featureHalt {
			return nil, false
		}
		p.halted = s.Request == setFeature
		if byte(s.Index) != 0 {
			d.pump(byte(s.Index))
		}
		return nil, true
	}
	return nil, false
}

// Strings of a device by index; 0 are the languages.
const (
	stringMaker = 1 + iota
	stringName
	stringSerial
	stringExtra // of the function
)

const (
	descriptorDevice        = 1
	descriptorConfiguration = 2
	descriptorString        = 3
)

// descriptor gives a descriptor of the device, or reports false for one that it has not: full-speed devices have no device qualifier
// (USB 2.0, section 9.6.2), and nothing here has another configuration for another speed.
func (d *Device) descriptor(kind, index byte) ([]byte, bool) {
	switch {
	case kind == descriptorDevice && index == 0:
		return d.deviceDescriptor(), true
	case kind == descriptorConfiguration && index == 0:
		return d.description.configuration(), true
	case kind == descriptorString && index == 0:
		return []byte{4, descriptorString, 0x09, 0x04}, true // English (United States)
	case kind == descriptorString:
		text := d.text(index)
		if text == "" {
			return nil, false
		}
		return stringDescriptor(text), true
	}
	return nil, false
}

func (d *Device) text(index byte) string {
	switch index {
	case stringMaker:
		return d.id.Maker
	case stringName:
		return d.id.Name
	case stringSerial:
		return d.id.Serial
	case stringExtra:
		return d.description.extra
	}
	return ""
}

// maxString is the most UTF-16 units of a string descriptor, whose length is one byte (USB 2.0, section 9.6.7).
const maxString = 126

func stringDescriptor(text string) []byte {
	units := utf16.Encode([]rune(text))
	units = units[:min(len(units), maxString)]
	b := []byte{byte(2 + 2*len(units)), descriptorString}
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func (d *Device) deviceDescriptor() []byte {
	c := d.description
	b := []byte{18, descriptorDevice, 0x00, 0x02, c.class, c.subClass, c.protocol, 64}
	b = binary.LittleEndian.AppendUint16(b, d.id.Vendor)
	b = binary.LittleEndian.AppendUint16(b, d.id.Product)
	b = binary.LittleEndian.AppendUint16(b, d.id.Release)
	for index := byte(stringMaker); index <= stringSerial; index++ {
		if d.text(index) == "" {
			b = append(b, 0)
		} else {
			b = append(b, index)
		}
	}
	return append(b, 1) // configurations
}
