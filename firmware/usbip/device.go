package usbip

import (
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Speed is that of a device, as the kernel numbers it (Linux, enum usb_device_speed).
type Speed uint32

const (
	FullSpeed Speed = 2 // 12 Mbit/s: what most scanners have
	HighSpeed Speed = 3 // 480 Mbit/s
)

// packetSize is the most bytes of a bulk packet at that speed (USB 2.0, section 5.8.3).
func (s Speed) packetSize() int {
	if s == HighSpeed {
		return 512
	}
	return 64
}

// Identity is what a device says of itself.
type Identity struct {
	Vendor, Product uint16
	Release         uint16 // bcdDevice: 0x0123 is 1.23
	Maker, Name     string // at most 126 UTF-16 units each
	Serial          string
	Speed           Speed // 0: FullSpeed
}

// Request is one request on the control endpoint.
type Request struct {
	Setup
	Data    []byte // to the device
	Stalled bool   // the device refused it
}

// maxRequests is how many control requests a device keeps; later ones are answered but not kept.
const maxRequests = 10_000

// Device is a USB device. Its methods may be called at any time, from several goroutines. While it is not plugged in it has no power: it
// takes no packets (ErrUnplugged), and what was queued when the plug was pulled is gone.
type Device struct {
	id          Identity
	description description
	function    function

	mu        sync.Mutex // guards what follows, and the order of what is written to conn
	conn      io.Writer  // nil while unplugged
	broken    error      // of writing to conn
	out       []byte     // scratch
	pipes     map[byte]*pipe
	hung      bool
	config    byte
	wakeup    bool
	alternate map[uint16]byte // setting of each interface
	requests  []Request
	refuse    func(Setup) bool
	gone      chan struct{} // closed when unplugged
	changed   chan struct{} // closed and replaced when something came from the host
}

// function is what a device does beyond what all devices do. Its methods are called with the device locked.
type function interface {
	// control answers a request that is not a standard one of the device, or reports false to refuse it.
	control(d *Device, s Setup, data []byte) (answer []byte, ok bool)
	// receive takes data from the host, or reports false to halt the endpoint.
	receive(d *Device, endpoint byte, data []byte) bool
	// reset brings the function to its power-on state.
	reset(d *Device)
}

func newDevice(id Identity, c description, f function) *Device {
	if id.Speed == 0 {
		id.Speed = FullSpeed
	}
	d := &Device{id: id, description: c, function: f, gone: make(chan struct{}), changed: make(chan struct{})}
	close(d.gone)
	return d
}

var errPlugged = errors.New("the device is plugged in already")

// plug brings the device to its power-on state.
func (d *Device) plug(conn io.Writer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		return errPlugged
	}
	d.conn, d.broken = conn, nil
	d.config, d.wakeup, d.alternate = 0, false, make(map[uint16]byte)
	d.pipes = map[byte]*pipe{0: {}}
	for _, e := range d.description.endpoints() {
		d.pipes[e.address] = &pipe{packet: e.packet}
	}
	d.gone = make(chan struct{})
	d.function.reset(d)
	return nil
}

func (d *Device) unplug() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pipes {
		if p.timer != nil {
			p.timer.Stop()
		}
	}
	d.conn, d.pipes = nil, nil
	close(d.gone)
}

// answer ends a transfer.
func (d *Device) answer(q *request, status int32, data []byte, moved int) {
	d.out = appendReturn(d.out[:0], q, status, data, moved)
	d.write(d.out)
}

// write sends an answer. A transfer and what takes it back must be answered in one order, so it is done while the device is locked; the
// kernel's end always reads.
func (d *Device) write(b []byte) {
	if d.conn == nil || d.broken != nil {
		return
	}
	_, d.broken = d.conn.Write(b)
}

// notify wakes whoever waits for something from the host.
func (d *Device) notify() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Requests returns the control requests since the device was made, in order.
func (d *Device) Requests() []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

// Configured reports whether the host has chosen the device's configuration, which it does when it has read what the device is.
func (d *Device) Configured() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn != nil && d.config != 0
}

// StallControl makes the device refuse all control requests for which refuse returns true; nil ends that.
func (d *Device) StallControl(refuse func(Setup) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = refuse
}

// Delay makes every transfer of an endpoint wait for a time before it is answered; 0 ends that. Endpoint 0 is the control endpoint. It
// lasts until the device is unplugged.
func (d *Device) Delay(endpoint byte, t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.pipes[endpoint]; p != nil {
		p.delay = t
	}
}

// Hang makes the device deaf and dumb on all endpoints, the control endpoint included, until Recover, also when it is plugged in only
// later. Transfers are not answered; the host can only take them back.
func (d *Device) Hang() { d.hang(true) }

// Recover ends Hang: waiting transfers are answered.
func (d *Device) Recover() { d.hang(false) }

func (d *Device) hang(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hung = on
	for endpoint := range d.pipes {
		d.pump(endpoint)
	}
}
