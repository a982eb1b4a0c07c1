package usbip

// hubNotify is the endpoint on which a hub tells which ports have changed.
const hubNotify = 0x81

// hubPorts is how many ports the hub has: all of them empty, because the virtual host controller cannot reach devices behind a hub.
const hubPorts = 4

// NewHub makes a hub with four empty ports (USB 2.0, chapter 11).
func NewHub(id Identity) *Device {
	protocol := byte(0)
	if id.Speed == HighSpeed {
		protocol = 1 // one transaction translator
	}
	return newDevice(id, description{class: 9, protocol: protocol, interfaces: []face{
		{class: 9, endpoints: []endpoint{{hubNotify, interrupt, 1, 12}}},
	}}, &hubFunction{})
}

type hubFunction struct{ powered [hubPorts + 1]bool }

const (
	descriptorHub   = 0x29
	featurePower    = 8 // of a port (USB 2.0, table 11-17)
	recipientOther  = 3 // a port
	recipientDevice = 0 // the hub itself
	statusPower     = 1 // bit 8 of a port's status (table 11-21), in its second byte
)

func (f *hubFunction) reset(*Device) { f.powered = [hubPorts + 1]bool{} }

func (f *hubFunction) receive(*Device, byte, []byte) bool { return false }

func (f *hubFunction) control(_ *Device, s Setup, _ []byte) (answer []byte, ok bool) {
	if s.kind() != kindClass {
		return nil, false
	}
	port := int(s.Index)
	switch {
	case s.recipient() == recipientDevice && s.Request == getDescriptor && s.Value>>8 == descriptorHub:
		// individual power switching, individual over-current protection, power good after 20 ms, all ports removable
		return []byte{9, descriptorHub, hubPorts, 0x09, 0x00, 10, 50, 0x00, 0xFF}, true
	case s.recipient() == recipientDevice && s.Request == getStatus:
		return make([]byte, 4), true
	case s.recipient() == recipientDevice:
		return nil, s.Request == setFeature || s.Request == clearFeature
	case s.recipient() != recipientOther || port < 1 || port > hubPorts:
		return nil, false
	case s.Request == getStatus:
		status := make([]byte, 4)
		if f.powered[port] {
			status[1] = statusPower
		}
		return status, true
	case s.Request == setFeature, s.Request == clearFeature:
		if s.Value == featurePower {
			f.powered[port] = s.Request == setFeature
		}
		return nil, true
	}
	return nil, false
}
