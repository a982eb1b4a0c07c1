package lamp

import (
	"fmt"
	"slices"
)

// Model names the commands that a scanner understands. All effects end by themselves.
type Model string

const (
	// BEL is any scanner that beeps once on the character BEL, where that option is on: Zebra (Symbol DS9808 Product Reference
	// Guide, table 2-1, page 2-2), Datalogic ("Beep on Bell").
	BEL Model = "bel"

	// Honeywell is Xenon and Granit with Host ACK on (Xenon/Granit User Guide, "Host ACK Responses", page 77): the scanner waits
	// for one of these commands after each scan, and gives an error tone when none came in time.
	Honeywell Model = "honeywell"

	// Datalogic is a scanner on a cable, RS-232 or USB-COM (PowerScan Product Reference Guide, appendix E, page 381). Its command F is
	// not used: it disables the scanner.
	Datalogic Model = "datalogic"

	// DatalogicCordless is a scanner behind its base, with "Host Commands Obey/Ignore" on Ignore and address stamping off
	// (Gryphon I GD4400 Product Reference Guide, "Message Formatting", pages 307 and 308; PowerScan PD96 page 304). ESC [ 8 q is not
	// used: it is a red LED on PowerScan, and a green light on the others.
	DatalogicCordless Model = "datalogic-cordless"

	// Opticon is a scanner with ACK/NAK handshaking (Universal Menu Book, page U12; menu P3): ACK gives its good-read sound,
	// DC1 none, no answer within its time (1 s or 100 ms, by model) its error sound.
	Opticon Model = "opticon"

	// CipherLab is a scanner that beeps on a command (1664 manual, appendix II, page 241).
	CipherLab Model = "cipherlab"
)

// Models lists the known models.
func Models() []Model {
	return []Model{BEL, Honeywell, Datalogic, DatalogicCordless, Opticon, CipherLab}
}

// UnmarshalText reads the name of a known model.
func (m *Model) UnmarshalText(text []byte) error {
	if !Model(text).known() {
		return fmt.Errorf("unknown beeper %q: want one of %q", text, Models())
	}
	*m = Model(text)
	return nil
}

func (m Model) known() bool { return slices.Contains(Models(), m) }

const (
	esc = "\x1b"
	soh = "\x01"
	ack = "\x06"
	dc1 = "\x11"
	dc2 = "\x12"
)

// command returns what is sent for a signal; empty is silence. Only Green has a sound that could be taken for "admitted".
func (m Model) command(s Signal) string {
	switch m {
	case BEL:
		return [Fault + 1]string{Green: "\a"}[s]
	case Honeywell:
		return [Fault + 1]string{
			Red:   esc + "8,",                           // error tone
			Amber: esc + "5," + esc + "5,",              // two beeps, medium
			Green: esc + "7," + esc + "2,",              // good-read beep, green LED for 2 s
			Fault: esc + "4," + esc + "4," + esc + "4,", // three beeps, low
		}[s]
	case Datalogic:
		return [Fault + 1]string{
			Red:   "34\r34\r", // low tone, twice
			Amber: "34\r",
			Green: soh, // good-read tone, whatever the scanner's setting
			Fault: "34\r34\r34\r",
		}[s]
	case DatalogicCordless:
		message := func(do string) string { return dc2 + do + "\r" } // at most 48 characters
		return [Fault + 1]string{
			Off:   message(esc + "[7q"),                                                                       // green LED off
			Red:   message(esc + "[4q"),                                                                       // tone of a failed transmission
			Amber: message(esc + "[2q"),                                                                       // long low tone
			Green: message(esc + "[6q" + esc + "[3q" + esc + "[5q" + esc + "[5q" + esc + "[5q" + esc + "[7q"), // green LED and good-read tone
			Fault: message(esc + "[2q" + esc + "[2q" + esc + "[2q"),
		}[s]
	case Opticon:
		return [Fault + 1]string{Red: dc1, Amber: dc1, Green: ack}[s]
	case CipherLab:
		return [Fault + 1]string{Green: "#@////\r"}[s]
	}
	return ""
}
