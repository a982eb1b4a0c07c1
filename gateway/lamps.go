package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"passerelle/drivers/lamp"
	"passerelle/drivers/serial"
	"passerelle/gateway/lane"
)

// lamps makes all that a lane shows its verdicts with. What is opened is closed by the lamps' Close.
func (d *device) lamps() (lamps, error) {
	var all lamps
	for _, m := range []func() (lamp.Lamp, error){d.beeper, d.gpio, d.tower, d.relay} {
		l, err := m()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lane %q: %w", d.config.ID, err), all.Close())
		}
		if l != nil {
			all = append(all, l)
		}
	}
	return all, nil
}

func (d *device) beeper() (lamp.Lamp, error) {
	if d.config.Lamp != "beeper" {
		return nil, nil
	}
	return lamp.NewBeeper(d, d.config.Model)
}

func (d *device) gpio() (lamp.Lamp, error) {
	if d.config.GPIO == nil {
		return nil, nil
	}
	return lamp.NewGPIO(d.config.GPIO.driver())
}

func (d *device) tower() (lamp.Lamp, error) {
	c := d.config.Tower
	if c == nil {
		return nil, nil
	}
	port := &lampPort{path: c.Path}
	tower, err := lamp.NewTower(port, c.Model)
	if err != nil {
		return nil, err
	}
	return portLamp{tower, port}, nil
}

func (d *device) relay() (lamp.Lamp, error) {
	c := d.config.Relay
	if c == nil {
		return nil, nil
	}
	port := &lampPort{path: c.Path}
	board, err := lamp.NewRelayBoard(port, lamp.RelayConfig{Model: c.Model, Channel: c.Channel, Pulse: time.Duration(c.Pulse)})
	if err != nil {
		return nil, err
	}
	return portLamp{board, port}, nil
}

// portLamp is a lamp with a serial port of its own.
type portLamp struct {
	lamp.Lamp
	port *lampPort
}

func (l portLamp) Close() error { return errors.Join(l.Lamp.Close(), l.port.close()) }

// lampPort is the serial port of a lamp. It is opened when something is to be sent, and again after it was unplugged.
type lampPort struct {
	path string // USB port or device file

	mu   sync.Mutex
	open *serial.Scanner // nil while it is not; guarded by mu
}

// WriteTimeout implements lamp.Port.
func (p *lampPort) WriteTimeout(b []byte, d time.Duration) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		path, err := serialFile(p.path)
		if err != nil {
			return 0, err
		}
		if p.open, err = serial.Open(serial.Options{Path: path}); err != nil {
			p.open = nil
			return 0, err
		}
		go drain(p.open)
	}
	n, err := p.open.WriteTimeout(b, d)
	if err != nil {
		_ = p.open.Close() // the error says why; the next command finds it again if it is back
		p.open = nil
	}
	return n, err
}

// drain reads what a lamp answers, which nobody needs, until the port is closed: a device that cannot get rid of it may stop listening.
func drain(s *serial.Scanner) {
	var answers [64]byte
	for {
		if _, err := s.ReadFrame(answers[:]); err != nil {
			return
		}
	}
}

func (p *lampPort) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		return nil
	}
	err := p.open.Close()
	p.open = nil
	return err
}

// lamps shows each signal on all that a lane has: none, one or several.
type lamps []lamp.Lamp

// Set implements lane.Lamp.
func (all lamps) Set(s lane.Signal) error {
	signal := lamp.Off
	switch s {
	case lane.SignalDeny:
		signal = lamp.Red
	case lane.SignalRefer:
		signal = lamp.Amber
	case lane.SignalAdmit:
		signal = lamp.Green
	case lane.SignalFault:
		signal = lamp.Fault
	}
	var failed error
	for _, l := range all {
		failed = errors.Join(failed, l.Set(signal))
	}
	return failed
}

// Close makes all safe.
func (all lamps) Close() error {
	var failed error
	for _, l := range all {
		failed = errors.Join(failed, l.Close())
	}
	return failed
}

// lampsCmd looks after outputs while no gateway runs.
type lampsCmd struct {
	Safe lampsSafeCmd `cmd:"" help:"Switch every lamp, buzzer and relay of a configuration off. A supervisor runs it before each start and after each end."`
	Try  lampsTryCmd  `cmd:"" help:"Show each signal of a lane in turn, green last: it opens the gate."`
}

type lampsSafeCmd struct {
	Config string `help:"The configuration." required:"" placeholder:"FILE"`
}

// Run says what could not be made safe, and goes on with the rest.
func (c *lampsSafeCmd) Run() error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return misuse{err}
	}
	var failed error
	for _, l := range config.Lanes {
		failed = errors.Join(failed, makeSafe(&l))
	}
	return failed
}

func makeSafe(l *laneConfig) error {
	var failed error
	if l.GPIO != nil {
		failed = lamp.Safe(l.GPIO.driver())
	}
	own := &device{config: laneConfig{ID: l.ID, Tower: l.Tower, Relay: l.Relay}}
	if shown, err := own.lamps(); err != nil {
		failed = errors.Join(failed, err)
	} else {
		failed = errors.Join(failed, shown.Set(lane.SignalIdle), shown.Close())
	}
	if failed != nil {
		return fmt.Errorf("lane %q: %w", l.ID, failed)
	}
	return nil
}

type lampsTryCmd struct {
	Config string `help:"The configuration." required:"" placeholder:"FILE"`
	Lane   string `help:"The lane." required:""`
}

// tryTime is how long each signal is shown.
const tryTime = time.Second

// Run shows the signals of one lane.
func (c *lampsTryCmd) Run(std streams) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return misuse{err}
	}
	for _, l := range config.Lanes {
		if l.ID != c.Lane {
			continue
		}
		shown, err := (&device{config: laneConfig{ID: l.ID, GPIO: l.GPIO, Tower: l.Tower, Relay: l.Relay}}).lamps()
		if err != nil {
			return err
		}
		return errors.Join(tryLamps(std, shown), shown.Close())
	}
	return misuse{fmt.Errorf("there is no lane %q", c.Lane)}
}

func tryLamps(std streams, shown lamps) error {
	if len(shown) == 0 {
		return errors.New("the lane has no lamp of its own; its scanner's beeper is tried by a scan")
	}
	for _, s := range []struct {
		name   string
		signal lane.Signal
	}{{"off", lane.SignalIdle}, {"red", lane.SignalDeny}, {"amber", lane.SignalRefer}, {"fault", lane.SignalFault}, {"green", lane.SignalAdmit}, {"off", lane.SignalIdle}} {
		fmt.Fprintln(std.out, s.name)
		if err := shown.Set(s.signal); err != nil {
			return err
		}
		time.Sleep(tryTime)
	}
	return nil
}
