package answer

import (
	"fmt"
	"maps"
	"slices"
)

// Trigger names the commands with which a fixed scanner is told to start and to stop reading. It must be set to be triggered by
// its host; what it reads in between is one code, or one after another, by its own settings.
type Trigger string

const (
	// TriggerHoneywell is SYN T CR and SYN U CR, in manual trigger mode (N86XX Decoded Engine User's Guide, page 10-4; the same
	// in the 4820 guide, page 12-4, and in Datalogic's 7000 guide, page 10-5).
	TriggerHoneywell Trigger = "honeywell"

	// TriggerDatalogic is T and X over RS-232 or USB-COM (PowerScan Product Reference Guide, appendix E, page 381).
	TriggerDatalogic Trigger = "datalogic"

	// TriggerOpticon is ESC Z CR and ESC Y CR (NLV-4001 Specifications Manual, page 17). The manual asks for a pause between
	// characters on a serial line.
	TriggerOpticon Trigger = "opticon"

	// TriggerKeyence is LON CR and LOFF CR (SR-750 User's Manual, pages 71 and 72). Its responses must be off ("SR-600
	// compatible", page 72), or they come as codes.
	TriggerKeyence Trigger = "keyence"

	// TriggerCognex is ||>TRIGGER ON and OFF with CR LF (DataMan Control Commands 3.5, overview; DataMan Communications and
	// Programming Manual, page 19, which leaves the reader without response by default).
	TriggerCognex Trigger = "cognex"
)

// triggers is never written to.
var triggers = map[Trigger]struct{ on, off string }{
	TriggerHoneywell: {syn + "T\r", syn + "U\r"},
	TriggerDatalogic: {"T", "X"},
	TriggerOpticon:   {esc + "Z\r", esc + "Y\r"},
	TriggerKeyence:   {"LON\r", "LOFF\r"},
	TriggerCognex:    {"||>TRIGGER ON\r\n", "||>TRIGGER OFF\r\n"},
}

// Triggers lists the known triggers.
func Triggers() []Trigger { return slices.Sorted(maps.Keys(triggers)) }

// UnmarshalText reads the name of a known trigger.
func (t *Trigger) UnmarshalText(text []byte) error {
	if _, ok := triggers[Trigger(text)]; !ok {
		return fmt.Errorf("unknown trigger %q: want one of %q", text, Triggers())
	}
	*t = Trigger(text)
	return nil
}

// Set sends the command that starts or stops reading, within SendTimeout. The errors are those of the port.
func (t Trigger) Set(p Port, on bool) error {
	commands, ok := triggers[t]
	if !ok {
		return fmt.Errorf("unknown trigger %q: want one of %q", t, Triggers())
	}
	command := commands.off
	if on {
		command = commands.on
	}
	if _, err := p.WriteTimeout([]byte(command), SendTimeout); err != nil {
		return fmt.Errorf("trigger %s: %w", t, err)
	}
	return nil
}
