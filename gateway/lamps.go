package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"passerelle/drivers/frame"
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
	port := newLampPort(c.Path)
	tower, err := lamp.NewTower(port, c.Model)
	if err != nil {
		return nil, err
	}
	go port.keep(tower.Restore)
	return portLamp{tower, port}, nil
}

func (d *device) relay() (lamp.Lamp, error) {
	c := d.config.Relay
	if c == nil {
		return nil, nil
	}
	port := newLampPort(c.Path)
	board, err := lamp.NewRelayBoard(port, lamp.RelayConfig{Model: c.Model, Channel: c.Channel, Pulse: time.Duration(c.Pulse)})
	if err != nil {
		return nil, err
	}
	go port.keep(board.Restore)
	return portLamp{board, port}, nil
}

// portLamp is a lamp with a serial port of its own.
type portLamp struct {
	lamp.Lamp
	port *lampPort
}

func (l portLamp) Close() error { return errors.Join(l.Lamp.Close(), l.port.close()) }

// lampPort is the serial port of a lamp. It is kept open beside, since opening may take seconds on a device that hangs: what is to be sent
// while it is not open is refused at once and never goes out later, or a Green that waited would let in whoever stands there by then.
type lampPort struct {
	path   string // USB port or device file
	closed chan struct{}

	mu   sync.Mutex
	open *serial.Scanner // nil while it is not; guarded by mu
}

func newLampPort(path string) *lampPort { return &lampPort{path: path, closed: make(chan struct{})} }

// WriteTimeout implements lamp.Port.
func (p *lampPort) WriteTimeout(b []byte, d time.Duration) (int, error) {
	p.mu.Lock()
	s := p.open
	p.mu.Unlock()
	if s == nil {
		return 0, fmt.Errorf("write to %s: %w", p.path, frame.ErrGone)
	}
	n, err := s.WriteTimeout(b, d)
	if err != nil {
		_ = s.Close() // what it still holds must not come later
	}
	return n, err
}

// keep opens the port whenever it is there, until close, and has the lamp told what it shows: it may have come back dark, or lit.
func (p *lampPort) keep(restore func() error) {
	for {
		if s, err := p.connect(); err == nil {
			_ = restore() // a port that fails again is opened again
			drain(s)
			p.set(nil)
			_ = s.Close()
		}
		select {
		case <-p.closed:
			return
		case <-time.After(lampStep):
		}
	}
}

func (p *lampPort) connect() (*serial.Scanner, error) {
	path, err := serialFile(p.path)
	if err != nil {
		return nil, err
	}
	s, err := serial.Open(serial.Options{Path: path})
	if err != nil {
		return nil, err
	}
	p.set(s)
	select {
	case <-p.closed: // meanwhile
		p.set(nil)
		return nil, errors.Join(frame.ErrClosed, s.Close())
	default:
		return s, nil
	}
}

func (p *lampPort) set(s *serial.Scanner) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = s
}

// drain reads what the lamp answers, which nobody needs, until the port fails or is closed: a device that cannot get rid of it may stop
// listening.
func drain(s *serial.Scanner) {
	var answers [64]byte
	for {
		if _, err := s.ReadFrame(answers[:]); err != nil {
			return
		}
	}
}

func (p *lampPort) close() error {
	close(p.closed)
	p.mu.Lock()
	s := p.open
	p.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Close()
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

const (
	lampStep     = 50 * time.Millisecond // between attempts to open a lamp's port
	lampPatience = 2 * time.Second       // that it has to open while no gateway runs
)

// Run makes GPIO lines safe first, which takes no time, then all serial lamps at once. It says what could not be made safe.
func (c *lampsSafeCmd) Run() error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return misuse{err}
	}
	failed := make([]error, 2*len(config.Lanes))
	var all sync.WaitGroup
	for i, l := range config.Lanes {
		if l.GPIO != nil {
			failed[i] = inLane(l.ID, lamp.Safe(l.GPIO.driver()))
		}
		all.Go(func() { failed[len(config.Lanes)+i] = inLane(l.ID, serialSafe(&l)) })
	}
	all.Wait()
	return errors.Join(failed...)
}

func inLane(id string, err error) error {
	if err != nil {
		return fmt.Errorf("lane %q: %w", id, err)
	}
	return nil
}

// serialSafe switches a lane's tower and relay off.
func serialSafe(l *laneConfig) error {
	shown, err := (&device{config: laneConfig{ID: l.ID, Tower: l.Tower, Relay: l.Relay}}).lamps()
	if err != nil {
		return err
	}
	return errors.Join(switchOff(shown), shown.Close())
}

// switchOff says Off until it is heard.
func switchOff(shown lamps) (err error) {
	for end := time.Now().Add(lampPatience); ; time.Sleep(lampStep) {
		if err = shown.Set(lane.SignalIdle); err == nil || time.Now().After(end) {
			return err
		}
	}
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
		if err := switchOff(shown); err != nil {
			return errors.Join(err, shown.Close())
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
