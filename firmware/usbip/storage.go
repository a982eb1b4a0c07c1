package usbip

import (
	"encoding/binary"
	"slices"
)

// Endpoints of a storage device.
const (
	StorageIn  = 0x81
	StorageOut = 0x02
)

// NewStorage makes a storage device of one drive without a medium, such as a card reader: USB Mass Storage, Bulk-Only Transport 1.0, with
// the SCSI transparent command set. A host that has the driver finds a removable drive and no data on it.
func NewStorage(id Identity) *Device {
	size := id.Speed.packetSize()
	return newDevice(id, description{interfaces: []face{
		{class: 8, subClass: 6, protocol: 0x50, endpoints: []endpoint{{StorageIn, bulk, size, 0}, {StorageOut, bulk, size, 0}}},
	}}, storageFunction{})
}

type storageFunction struct{}

// Requests of the class (Bulk-Only Transport, section 3).
const (
	storageReset  = 0xFF
	storageMaxLUN = 0xFE
)

func (storageFunction) reset(*Device) {}

func (storageFunction) control(_ *Device, s Setup, _ []byte) (answer []byte, ok bool) {
	if s.kind() != kindClass || s.recipient() != toInterface {
		return nil, false
	}
	switch s.Request {
	case storageReset:
		return nil, true
	case storageMaxLUN:
		return []byte{0}, true
	}
	return nil, false
}

// Wrappers of commands and their status (sections 5.1 and 5.2).
const (
	commandWrapper     = "USBC"
	statusWrapper      = "USBS"
	commandWrapperSize = 31
	statusPassed       = 0
	statusFailed       = 1
)

// SCSI commands that a drive without a medium answers (SPC-3).
const (
	scsiInquiry      = 0x12
	scsiRequestSense = 0x03
)

// receive takes a command and answers it: data for the two commands that need no medium, a failure for all others.
func (storageFunction) receive(d *Device, _ byte, data []byte) bool {
	if len(data) != commandWrapperSize || string(data[:4]) != commandWrapper {
		return true // data of a command that has failed
	}
	wanted := int(binary.LittleEndian.Uint32(data[8:]))
	answer := scsiAnswer(data[15])
	steps := []step{}
	status := byte(statusFailed)
	if answer != nil {
		status = statusPassed
		answer = answer[:min(len(answer), wanted)]
		steps = append(steps, step{packet: answer})
	} else if wanted > 0 && data[12]&in != 0 {
		steps = append(steps, step{}) // the host waits for data: there is none
	}
	csw := slices.Concat([]byte(statusWrapper), data[4:8], make([]byte, 5))
	binary.LittleEndian.PutUint32(csw[8:], uint32(wanted-len(answer)))
	csw[12] = status
	return d.queueLocked(StorageIn, append(steps, step{packet: csw})...) == nil
}

// scsiAnswer gives the data of a command, nil for one that fails without a medium.
func scsiAnswer(command byte) []byte {
	switch command {
	case scsiInquiry: // a removable disk
		b := make([]byte, 36)
		b[1], b[2], b[3], b[4] = 0x80, 0x04, 0x02, 31
		copy(b[8:], "Rig     Card reader     1.0 ")
		return b
	case scsiRequestSense: // not ready: medium not present
		b := make([]byte, 18)
		b[0], b[2], b[7], b[12] = 0x70, 0x02, 10, 0x3A
		return b
	}
	return nil
}
