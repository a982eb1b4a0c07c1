package usbip

import "encoding/binary"

// description is what a device's descriptors say beside its identity.
type description struct {
	class, subClass, protocol byte // of the whole device; 0: each interface says its own
	interfaces                []face
	extra                     string // text of string stringExtra
}

// face is one interface, or an alternate setting of one.
type face struct {
	number, alternate         byte
	class, subClass, protocol byte
	special                   []byte // class descriptors between interface and endpoints
	endpoints                 []endpoint
}

// endpoint is one endpoint beside the control endpoint.
type endpoint struct {
	address  byte // with its direction bit
	kind     byte // interrupt or bulk
	packet   int
	interval byte // of an interrupt endpoint: milliseconds at full speed, 2^(n-1) × 125 µs at high speed
}

const (
	bulk      = 2
	interrupt = 3
)

const configurationValue = 1

// configuration gives the configuration descriptor and all that follows it (USB 2.0, sections 9.6.3 to 9.6.6).
func (c *description) configuration() []byte {
	var parts []byte
	numbers := 0
	for _, f := range c.interfaces {
		if f.alternate == 0 {
			numbers++
		}
		parts = append(parts, 9, 4, f.number, f.alternate, byte(len(f.endpoints)), f.class, f.subClass, f.protocol, 0)
		parts = append(parts, f.special...)
		for _, e := range f.endpoints {
			parts = append(parts, 7, 5, e.address, e.kind)
			parts = binary.LittleEndian.AppendUint16(parts, uint16(e.packet))
			parts = append(parts, e.interval)
		}
	}
	const busPowered, milliamperes = 0x80, 100
	b := []byte{9, descriptorConfiguration}
	b = binary.LittleEndian.AppendUint16(b, uint16(9+len(parts)))
	b = append(b, byte(numbers), configurationValue, 0, busPowered, milliamperes/2)
	return append(b, parts...)
}

// endpoints gives the endpoints of all interfaces and settings.
func (c *description) endpoints() (all []endpoint) {
	for _, f := range c.interfaces {
		all = append(all, f.endpoints...)
	}
	return all
}

func (c *description) hasAlternate(number, alternate byte) bool {
	for _, f := range c.interfaces {
		if f.number == number && f.alternate == alternate {
			return true
		}
	}
	return false
}

// function descriptors of communication devices (CDC 1.2, section 5.2.3): header, then others.
func functional(parts ...[]byte) []byte {
	b := []byte{5, 0x24, 0x00, 0x10, 0x01}
	for _, p := range parts {
		b = append(b, byte(2+len(p)), 0x24)
		b = append(b, p...)
	}
	return b
}
