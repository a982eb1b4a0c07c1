package main

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passerelle/drivers/answer"
	"passerelle/drivers/forward"
	"passerelle/drivers/lamp"
	"passerelle/drivers/serial"
	"passerelle/drivers/tcp"
	"passerelle/gateway/lane"
)

// laneConfig is one [[lane]]: where its scanner is, how it speaks, and what shows the verdict.
type laneConfig struct {
	ID         string         `toml:"id"`
	Profile    string         `toml:"profile"`
	Scanner    string         `toml:"scanner"`
	Path       string         `toml:"path"`
	Baud       int            `toml:"baud"`
	Terminator string         `toml:"terminator"`
	UndoUTF8   bool           `toml:"undo_utf8"`
	Layout     string         `toml:"layout"`
	Peer       string         `toml:"peer"`
	Heartbeat  string         `toml:"heartbeat"`
	Answer     answer.Model   `toml:"answer"`
	Trigger    answer.Trigger `toml:"trigger"`
	Lamp       string         `toml:"lamp"`
	Model      lamp.Model     `toml:"model"`
	Cards      bool           `toml:"cards"`
	Repeat     duration       `toml:"repeat"`
	Hold       duration       `toml:"hold"`

	GPIO    *gpioConfig    `toml:"gpio"`
	Tower   *towerConfig   `toml:"tower"`
	Relay   *relayConfig   `toml:"relay"`
	Contact *contactConfig `toml:"contact"`
	Forward *forwardConfig `toml:"forward"`
}

// gpioConfig is lamps, a buzzer and a relay on lines of a GPIO chip.
type gpioConfig struct {
	Chip   string    `toml:"chip"`
	Red    lamp.Line `toml:"red"`
	Amber  lamp.Line `toml:"amber"`
	Green  lamp.Line `toml:"green"`
	Buzzer lamp.Line `toml:"buzzer"`
	Relay  lamp.Line `toml:"relay"`
	Pulse  duration  `toml:"pulse"`
}

func (g *gpioConfig) driver() lamp.GPIOConfig {
	return lamp.GPIOConfig{
		Chip: g.Chip, Red: g.Red, Amber: g.Amber, Green: g.Green, Buzzer: g.Buzzer, Relay: g.Relay, Pulse: time.Duration(g.Pulse),
	}
}

// towerConfig is a signal tower on a serial port.
type towerConfig struct {
	Path  string          `toml:"path"`
	Model lamp.TowerModel `toml:"model"`
}

// relayConfig is a relay on a serial port.
type relayConfig struct {
	Path    string          `toml:"path"`
	Model   lamp.RelayModel `toml:"model"`
	Channel int             `toml:"channel"`
	Pulse   duration        `toml:"pulse"`
}

// contactConfig is a turnstile's contact on a GPIO line.
type contactConfig struct {
	Chip     string    `toml:"chip"`
	Line     lamp.Line `toml:"line"`
	Bias     string    `toml:"bias"`
	Debounce duration  `toml:"debounce"`
	Within   duration  `toml:"within"`
}

// passing is how long somebody who was let in may take to walk through; 0 where that is not asked.
func (l *laneConfig) passing() time.Duration {
	if l.Contact == nil {
		return 0
	}
	return time.Duration(l.Contact.Within)
}

// forwardConfig is a program that gets what is read, as if the scanner stood there.
type forwardConfig struct {
	To         string          `toml:"to"`
	Content    forward.Content `toml:"content"`
	Prefix     string          `toml:"prefix"`
	Terminator string          `toml:"terminator"`
	MaxAge     duration        `toml:"max_age"`
	Baud       int             `toml:"baud"`
	Peer       string          `toml:"peer"`
}

func (f *forwardConfig) driver(now func() time.Time) forward.Options {
	return forward.Options{
		To: f.To, Content: f.Content, Prefix: f.Prefix, Terminator: f.Terminator, MaxAge: time.Duration(f.MaxAge), Baud: f.Baud, Peer: f.Peer, Now: now,
	}
}

// bound returns what the configuration names of what may be plugged in: USB ports and device files.
func (c *config) bound() []string {
	bound := slices.Clone(c.Devices.Expected)
	for _, l := range c.Lanes {
		bound = append(bound, l.Path)
		if l.Tower != nil {
			bound = append(bound, l.Tower.Path)
		}
		if l.Relay != nil {
			bound = append(bound, l.Relay.Path)
		}
		if l.Forward != nil {
			bound = append(bound, strings.TrimPrefix(l.Forward.To, "serial:"))
		}
	}
	return bound
}

// checkLanes refuses lanes that share a name, a scanner or another device: what comes or goes there would be one lane's by chance.
func (c *config) checkLanes() error {
	if len(c.Lanes) == 0 {
		return errors.New("there is no [[lane]]")
	}
	ids, paths := make(map[string]bool), make(map[string]string)
	for i := range c.Lanes {
		l := &c.Lanes[i]
		if err := l.check(); err != nil {
			return err
		}
		if _, err := c.profile(l.Profile); err != nil {
			return fmt.Errorf("lane %q: %w", l.ID, err)
		}
		if ids[l.ID] {
			return fmt.Errorf("lane %q stands twice", l.ID)
		}
		ids[l.ID] = true
		for i, path := range l.paths() {
			switch other, taken := paths[path]; {
			case taken && other == l.ID:
				return fmt.Errorf("lane %q needs %s twice", l.ID, path)
			case taken && i == 0:
				return fmt.Errorf("lanes %q and %q have the same scanner: %s", other, l.ID, path)
			case taken:
				return fmt.Errorf("lanes %q and %q both need %s", other, l.ID, path)
			}
			paths[path] = l.ID
		}
	}
	return nil
}

// paths names each thing that this lane alone may have, its scanner first.
func (l *laneConfig) paths() []string {
	paths := []string{l.Path}
	line := func(chip string, line lamp.Line) {
		if line != (lamp.Line{}) {
			number, _, _ := strings.Cut(line.String(), " ")
			paths = append(paths, chip+" line "+number)
		}
	}
	if l.Tower != nil {
		paths = append(paths, l.Tower.Path)
	}
	if l.Relay != nil { // a board has several relays, but one port
		paths = append(paths, l.Relay.Path)
	}
	if l.Forward != nil {
		paths = append(paths, strings.TrimPrefix(l.Forward.To, "serial:"))
	}
	if g := l.GPIO; g != nil {
		for _, output := range []lamp.Line{g.Red, g.Amber, g.Green, g.Buzzer, g.Relay} {
			line(g.Chip, output)
		}
	}
	if l.Contact != nil {
		line(l.Contact.Chip, l.Contact.Line)
	}
	return paths
}

// Kinds of scanner.
const (
	scannerSerial = "serial"
	scannerHID    = "hid"
	scannerTCP    = "tcp"    // we connect to it
	scannerListen = "listen" // it connects to us
	scannerCamera = "camera"
)

func (l *laneConfig) check() error {
	stream := l.Scanner == scannerSerial || l.Scanner == scannerTCP || l.Scanner == scannerListen
	switch {
	case l.ID == "" || strings.ContainsFunc(l.ID, func(r rune) bool { return !isNameRune(r) }) || len(l.ID) > 32:
		return fmt.Errorf("lane id %q: want 1 to 32 of a-z, A-Z, 0-9, '-', '_'", l.ID)
	case !stream && l.Scanner != scannerHID && l.Scanner != scannerCamera:
		return fmt.Errorf(`lane %q: scanner %q: want "serial", "hid", "tcp", "listen" or "camera"`, l.ID, l.Scanner)
	case l.Path == "":
		return fmt.Errorf(`lane %q: "path" is missing: the USB port that doctor shows, a device file, or an address`, l.ID)
	case l.Lamp != "" && l.Lamp != "none" && l.Lamp != "beeper":
		return fmt.Errorf(`lane %q: lamp %q: want "none" or "beeper"; [lane.gpio], [lane.tower] and [lane.relay] are lamps besides`, l.ID, l.Lamp)
	case !stream && (l.Terminator != "" || l.UndoUTF8 || l.Answer != "" || l.Trigger != ""):
		return fmt.Errorf("lane %q: terminator, undo_utf8, answer and trigger are for scanners that send bytes: serial, tcp, listen", l.ID)
	case l.Scanner != scannerSerial && l.Baud != 0:
		return fmt.Errorf("lane %q: baud is for serial scanners", l.ID)
	case l.Scanner != scannerHID && l.Layout != "":
		return fmt.Errorf("lane %q: layout is for keyboard scanners, which are hid", l.ID)
	case l.Scanner != scannerListen && l.Peer != "":
		return fmt.Errorf("lane %q: peer says who may connect; scanner is not listen", l.ID)
	case l.Scanner != scannerTCP && l.Scanner != scannerListen && l.Heartbeat != "":
		return fmt.Errorf("lane %q: heartbeat is for scanners on the network", l.ID)
	case l.Lamp != "beeper" && l.Model != "":
		return fmt.Errorf("lane %q: model says whose beeper it is; lamp is not beeper", l.ID)
	case l.Lamp == "beeper" && !stream:
		return fmt.Errorf("lane %q: only the beeper of a serial or network scanner can be driven", l.ID)
	case l.Lamp == "beeper" && l.Model == "":
		return fmt.Errorf("lane %q: \"model\" is missing: whose beeper it is, one of %q", l.ID, lamp.Models())
	case l.Lamp == "beeper" && l.Answer != "":
		return fmt.Errorf("lane %q: a scanner either waits for answers or has a beeper to drive: the commands are the same", l.ID)
	case l.Trigger != "" && l.Answer != "":
		return fmt.Errorf("lane %q: a scanner that is triggered again at once cannot wait for an answer: answer or trigger", l.ID)
	case l.Cards && l.Forward != nil:
		return fmt.Errorf("lane %q: a supervisor's card must not be forwarded: cards or [lane.forward]", l.ID)
	case l.Baud != 0 && (l.Baud < serial.MinBaud || l.Baud > serial.MaxBaud):
		return fmt.Errorf("lane %q: baud %d: want %d to %d", l.ID, l.Baud, serial.MinBaud, serial.MaxBaud)
	}
	if err := l.checkNames(); err != nil {
		return fmt.Errorf("lane %q: %w", l.ID, err)
	}
	return errors.Join(l.checkTimes(), l.checkDevices())
}

// checkNames refuses models that no table has: the library sets a text without asking its type.
func (l *laneConfig) checkNames() error {
	type name struct {
		key, value string
		into       encoding.TextUnmarshaler
	}
	names := []name{
		{"model", string(l.Model), new(lamp.Model)},
		{"answer", string(l.Answer), new(answer.Model)},
		{"trigger", string(l.Trigger), new(answer.Trigger)},
	}
	if l.Tower != nil {
		names = append(names, name{"tower.model", string(l.Tower.Model), new(lamp.TowerModel)})
	}
	if l.Relay != nil {
		names = append(names, name{"relay.model", string(l.Relay.Model), new(lamp.RelayModel)})
	}
	for _, n := range names {
		if n.value == "" {
			continue
		}
		if err := n.into.UnmarshalText([]byte(n.value)); err != nil {
			return fmt.Errorf("%s: %w", n.key, err)
		}
	}
	return nil
}

func (l *laneConfig) checkTimes() error {
	switch {
	case l.Repeat != 0 && (time.Duration(l.Repeat) < lane.MinRepeat || time.Duration(l.Repeat) > lane.MaxRepeat):
		return fmt.Errorf("lane %q: repeat %v: want %v to %v", l.ID, time.Duration(l.Repeat), lane.MinRepeat, lane.MaxRepeat)
	case l.Hold != 0 && time.Duration(l.Hold) < lane.MinHold:
		return fmt.Errorf("lane %q: hold %v: want at least %v", l.ID, time.Duration(l.Hold), lane.MinHold)
	case l.Hold != 0 && l.pulse() > time.Duration(l.Hold), l.Hold == 0 && l.pulse() > lane.DefaultHold:
		return fmt.Errorf("lane %q: pulse %v is longer than hold, which ends it", l.ID, l.pulse())
	case time.Duration(l.Hold) > maxHold:
		return fmt.Errorf("lane %q: hold %v: at most %v", l.ID, time.Duration(l.Hold), maxHold)
	}
	return nil
}

// pulse is how long the lane's relay is on.
func (l *laneConfig) pulse() time.Duration {
	var longest duration
	if l.GPIO != nil {
		longest = l.GPIO.Pulse
	}
	if l.Relay != nil {
		longest = max(longest, l.Relay.Pulse)
	}
	return time.Duration(longest)
}

// answerDelay is by how much an answer may come in later than it was sent.
func (l *laneConfig) answerDelay() time.Duration {
	if l.Scanner == scannerTCP || l.Scanner == scannerListen {
		return tcp.AckTime
	}
	return 0
}

// checkDevices refuses tables that lack what they cannot do without; the drivers look at the rest.
func (l *laneConfig) checkDevices() error {
	switch {
	case l.Answer != "" && l.Answer.Limit(l.answerDelay()) <= 2*lane.AnswerTime:
		return fmt.Errorf("lane %q: answer: %s waits %v for its host, too short for a network: use its serial port", l.ID, l.Answer, l.Answer.Window())
	case l.GPIO != nil && l.GPIO.Chip == "":
		return fmt.Errorf(`lane %q: gpio: "chip" is missing`, l.ID)
	case l.Tower != nil && l.Relay != nil, l.Lamp == "beeper" && (l.Tower != nil || l.Relay != nil):
		return fmt.Errorf("lane %q: of beeper, tower and relay one at most: each may take its time, and a verdict waits for all", l.ID)
	case l.Tower != nil && (l.Tower.Path == "" || l.Tower.Model == ""):
		return fmt.Errorf(`lane %q: tower: "path" or "model" is missing`, l.ID)
	case l.Relay != nil && (l.Relay.Path == "" || l.Relay.Model == ""):
		return fmt.Errorf(`lane %q: relay: "path" or "model" is missing`, l.ID)
	case l.Contact != nil && (l.Contact.Chip == "" || l.Contact.Line == lamp.Line{}):
		return fmt.Errorf(`lane %q: contact: "chip" or "line" is missing`, l.ID)
	case l.passing() != 0 && (l.passing() < lane.MinPassing || l.passing() > lane.MaxPassing):
		return fmt.Errorf("lane %q: contact: within %v: want %v to %v, or nothing", l.ID, l.passing(), lane.MinPassing, lane.MaxPassing)
	case l.Forward != nil && l.Forward.To == "":
		return fmt.Errorf(`lane %q: forward: "to" is missing`, l.ID)
	}
	return nil
}
