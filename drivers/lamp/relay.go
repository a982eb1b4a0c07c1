package lamp

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// RelayModel names the commands of a relay board on a serial port. Only Waveshare ends a pulse by itself, also when the program died in it:
// use that where there is a choice.
type RelayModel string

const (
	// LCUS is LC Technology's LCUS boards with a CH340: 9600 baud; A0, the channel, 1 or 0, and the sum of the three. It is as their
	// sellers print it: A0 01 01 A2 is on, A0 01 00 A1 is off.
	LCUS RelayModel = "lcus"

	// Devantech is USB-RLY02, USB-RLY08 and USB-RLY16: one byte, 65 hex and on to turn on, 6F hex and on to turn off (the maker's technical
	// documentation, robot-electronics.co.uk/htm/usb_rly08btech.htm). Not USB-RLY16L, whose latching relays keep their state without power.
	Devantech RelayModel = "devantech"

	// Numato is Numato Lab's USB relay modules with up to eight relays: "relay on 0" and carriage return (numato.com/docs/8-channel-usb-relay-module).
	Numato RelayModel = "numato"

	// Waveshare is Waveshare's Modbus RTU Relay boards behind an RS-485 adapter, as they are delivered: address 1, 9600 baud. Green is the command
	// "flash on", whose end the board keeps itself (waveshare.com/wiki/Modbus_RTU_Relay: 01 05 02 00 00 07 8D B0 is 700 ms for the first relay).
	Waveshare RelayModel = "waveshare"
)

// MaxChannel is the highest relay of a board.
const MaxChannel = 8

// RelayModels lists the known models.
func RelayModels() []RelayModel { return []RelayModel{LCUS, Devantech, Numato, Waveshare} }

// UnmarshalText reads the name of a known model.
func (m *RelayModel) UnmarshalText(text []byte) error {
	if !RelayModel(text).known() {
		return fmt.Errorf("unknown relay board %q: want one of %q", text, RelayModels())
	}
	*m = RelayModel(text)
	return nil
}

func (m RelayModel) known() bool { return slices.Contains(RelayModels(), m) }

// command turns one relay off, or on: for the pulse at most, where the board can. Channels count from 1, as on the board.
func (m RelayModel) command(channel int, on bool, pulse time.Duration) []byte {
	switch m {
	case LCUS:
		command := []byte{0xA0, byte(channel), 0, 0}
		if on {
			command[2] = 1
		}
		command[3] = command[0] + command[1] + command[2]
		return command
	case Devantech:
		if on {
			return []byte{0x64 + byte(channel)}
		}
		return []byte{0x6E + byte(channel)}
	case Numato:
		do := "off"
		if on {
			do = "on"
		}
		// The first carriage return ends what a command that was cut may have left.
		return []byte("\rrelay " + do + " " + strconv.Itoa(channel-1) + "\r")
	case Waveshare:
		command := []byte{1, 5, 0, byte(channel - 1), 0, 0} // write single coil
		if on {
			command[2] = 2 // flash on, for a number of tenths of a second
			command = binary.BigEndian.AppendUint16(command[:4], uint16((pulse+waveshareUnit-1)/waveshareUnit))
		}
		return binary.LittleEndian.AppendUint16(command, modbusCRC(command))
	}
	return nil
}

const (
	waveshareUnit = 100 * time.Millisecond

	// waveshareQuiet is the time that a command of 8 bytes takes at 9600 baud, and the silence behind it that makes it one (Modbus over
	// Serial Line 1.02, section 2.5.1.1: 3.5 characters).
	waveshareQuiet = 15 * time.Millisecond
)

// quiet is how long nothing may be sent after a command.
func (m RelayModel) quiet() time.Duration {
	if m == Waveshare {
		return waveshareQuiet
	}
	return 0
}

// modbusCRC is the check sum of a message (Modbus over Serial Line 1.02, section 2.5.1.2).
func modbusCRC(message []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, b := range message {
		sum ^= uint16(b)
		for range 8 {
			low := sum & 1
			sum >>= 1
			if low != 0 {
				sum ^= 0xA001
			}
		}
	}
	return sum
}

// RelayConfig says which relay of which board lets one person in.
type RelayConfig struct {
	Model   RelayModel
	Channel int           // 1 to MaxChannel; 0 means 1
	Pulse   time.Duration // as in GPIOConfig
}

// RelayBoard is a relay on a serial port. It has no lamps. When the program dies in a pulse, all boards but Waveshare's keep their relay on
// until power goes or they are told otherwise: see Restore. It is safe for concurrent use.
type RelayBoard struct{ p *player }

// NewRelayBoard returns a RelayBoard that sends nothing yet: until the first Set or Restore nobody knows how its relay stands.
func NewRelayBoard(p Port, c RelayConfig) (*RelayBoard, error) {
	if !c.Model.known() {
		return nil, fmt.Errorf("unknown relay board %q: want one of %q", c.Model, RelayModels())
	}
	if c.Channel == 0 {
		c.Channel = 1
	}
	if c.Channel < 1 || c.Channel > MaxChannel {
		return nil, fmt.Errorf("relay board %s: no channel %d: want 1 to %d", c.Model, c.Channel, MaxChannel)
	}
	if err := checkPulse(c.Pulse); err != nil {
		return nil, fmt.Errorf("relay board %s: %w", c.Model, err)
	}
	board := relayBoard{port: p, model: c.Model, channel: c.Channel, pulse: pulseOf(c.Pulse)}
	return &RelayBoard{newPlayer(fmt.Sprintf("relay board %s", c.Model), board, relay, board.pulse)}, nil
}

// Set turns the relay on for one pulse at Green, and off at any other signal. The errors are those of the port.
func (r *RelayBoard) Set(s Signal) error { return r.p.set(s) }

// Restore turns the relay off. It is for a port that was opened, for the first time or again.
func (r *RelayBoard) Restore() error { return r.p.restore() }

// Close turns the relay off, also on a board that was never set. It does not close the port.
func (r *RelayBoard) Close() error { return r.p.close() }

// relayBoard is the switches of a RelayBoard.
type relayBoard struct {
	port    Port
	model   RelayModel
	channel int
	pulse   time.Duration
}

func (r relayBoard) set(on outputs) error {
	_, err := r.port.WriteTimeout(r.model.command(r.channel, on&relay != 0, r.pulse), SetTimeout)
	time.Sleep(r.model.quiet())
	return err
}

func (relayBoard) release() error { return nil }
