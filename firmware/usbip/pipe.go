package usbip

import (
	"fmt"
	"slices"
	"time"
)

// in is the direction bit of an endpoint's address: from the device to the host (USB 2.0, section 9.6.6).
const in = 0x80

// pipe is one endpoint of a device that is plugged in, or the control endpoint, which is the pipe at address 0.
type pipe struct {
	packet int // most bytes of a packet; 0 for control

	waiting []request // transfers of the host, oldest first
	steps   []step    // what the device does next, on an endpoint that sends
	partial []byte    // what the oldest transfer has got so far

	halted  bool
	delay   time.Duration // of each transfer
	delayed bool          // the oldest transfer has had its delay
	timer   *time.Timer   // running: nothing happens until it fires
}

// step is a packet, or a pause where pause is not 0, or a stall.
type step struct {
	packet []byte
	pause  time.Duration
	stall  bool
}

// queue adds steps to an endpoint that sends, and goes on.
func (d *Device) queue(endpoint byte, steps ...step) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queueLocked(endpoint, steps...)
}

func (d *Device) queueLocked(endpoint byte, steps ...step) error {
	if d.conn == nil {
		return fmt.Errorf("queue packets: %w", ErrUnplugged)
	}
	p := d.pipes[endpoint]
	if p == nil || endpoint&in == 0 {
		return fmt.Errorf("queue packets: the device sends nothing on endpoint %#x", endpoint)
	}
	for _, s := range steps {
		if len(s.packet) > p.packet {
			return fmt.Errorf("queue packets: %d bytes on endpoint %#x, whose packets have %d", len(s.packet), endpoint, p.packet)
		}
	}
	p.steps = append(p.steps, steps...)
	d.pump(endpoint)
	return nil
}

// maxWaiting is how many transfers of an endpoint may wait. Linux's drivers keep 1 to 16.
const maxWaiting = 1024

// submit takes a transfer of the host. The only error is ErrProtocol: too many wait.
func (d *Device) submit(q request) error {
	p := d.pipes[q.endpoint]
	switch {
	case p == nil:
		d.answer(&q, statusStall, nil, 0)
		return nil
	case len(p.waiting) == maxWaiting:
		return fmt.Errorf("%w: more than %d transfers wait on endpoint %#x", ErrProtocol, maxWaiting, q.endpoint)
	}
	p.waiting = append(p.waiting, q)
	d.pump(q.endpoint)
	return nil
}

// unlink takes a transfer back, if it is still waiting. Its partial data is lost, as it is on a wire.
func (d *Device) unlink(q request) {
	for _, p := range d.pipes {
		i := slices.IndexFunc(p.waiting, func(w request) bool { return w.sequence == q.unlink })
		if i < 0 {
			continue
		}
		p.waiting = slices.Delete(p.waiting, i, i+1)
		if i == 0 {
			p.partial, p.delayed = nil, false
		}
		d.write(appendUnlinked(d.out[:0], &q, statusUnlinked))
		return
	}
	d.write(appendUnlinked(d.out[:0], &q, 0))
}

// pump answers the transfers of an endpoint, in their order, as far as the device can.
func (d *Device) pump(endpoint byte) {
	p := d.pipes[endpoint]
	for len(p.waiting) > 0 && !d.hung && p.timer == nil {
		if p.delay > 0 && !p.delayed {
			p.delayed = true
			d.pauseFor(endpoint, p.delay)
			return
		}
		q := p.waiting[0]
		switch {
		case p.halted:
			d.finish(p, &q, statusStall, nil, 0)
		case endpoint == 0:
			d.finishControl(p, &q)
		case endpoint&in == 0:
			d.finishOut(p, &q)
		case !d.step(endpoint, p, &q):
			return
		}
	}
}

// step does the next thing on an endpoint that sends, and reports whether there was one.
func (d *Device) step(endpoint byte, p *pipe, q *request) bool {
	if len(p.steps) == 0 {
		return false
	}
	s := p.steps[0]
	p.steps = p.steps[1:]
	switch {
	case s.stall:
		p.halted = true
		return true
	case s.pause > 0:
		d.pauseFor(endpoint, s.pause)
		return true
	}
	room := q.length - len(p.partial)
	if len(s.packet) > room {
		data := append(p.partial, s.packet[:room]...)
		d.finish(p, q, statusBabble, data, 0)
		return true
	}
	p.partial = append(p.partial, s.packet...)
	if len(s.packet) < p.packet || len(p.partial) == q.length {
		d.finish(p, q, 0, p.partial, 0)
	}
	return true
}

// finishOut hands the data of a transfer to the device.
func (d *Device) finishOut(p *pipe, q *request) {
	if !d.function.receive(d, q.endpoint, q.data) {
		p.halted = true
		d.finish(p, q, statusStall, nil, 0)
		return
	}
	d.finish(p, q, 0, nil, len(q.data))
}

// finishControl answers a control request. A stall of the control endpoint ends with the request (USB 2.0, section 8.5.3.4).
func (d *Device) finishControl(p *pipe, q *request) {
	s := parseSetup(q.setup)
	answer, ok := d.control(s, q.data)
	switch {
	case !ok:
		d.finish(p, q, statusStall, nil, 0)
	case s.in():
		d.finish(p, q, 0, answer[:min(len(answer), int(s.Length), q.length)], 0)
	default:
		d.finish(p, q, 0, nil, len(q.data))
	}
}

// finish answers the oldest transfer of an endpoint.
func (d *Device) finish(p *pipe, q *request, status int32, data []byte, moved int) {
	d.answer(q, status, data, moved)
	p.waiting = p.waiting[1:]
	p.partial, p.delayed = nil, false
}

// pauseFor stops an endpoint for a time.
func (d *Device) pauseFor(endpoint byte, t time.Duration) {
	p := d.pipes[endpoint]
	p.timer = time.AfterFunc(t, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.pipes[endpoint] != p {
			return // unplugged meanwhile
		}
		p.timer = nil
		d.pump(endpoint)
	})
}

// Stall halts an endpoint that sends, after what is queued on it: transfers fail until the host clears it.
func (d *Device) Stall(endpoint byte) error { return d.queue(endpoint, step{stall: true}) }

// Pause lets a time pass on an endpoint that sends, after what is queued on it.
func (d *Device) Pause(endpoint byte, t time.Duration) error {
	return d.queue(endpoint, step{pause: t})
}

// Packets queues packets on an endpoint that sends: an empty one is a zero-length packet. A packet is at most as long as the endpoint's
// largest. What is queued before the host asks waits for it.
func (d *Device) Packets(endpoint byte, packets ...[]byte) error {
	steps := make([]step, len(packets))
	for i, b := range packets {
		steps[i].packet = slices.Clone(b)
	}
	return d.queue(endpoint, steps...)
}

// Pending is how many packets, pauses and stalls the host has not taken from an endpoint yet.
func (d *Device) Pending(endpoint byte) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.pipes[endpoint]; p != nil {
		return len(p.steps)
	}
	return 0
}

// Discard forgets what is queued on an endpoint.
func (d *Device) Discard(endpoint byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.pipes[endpoint]; p != nil {
		p.steps = nil
	}
}
