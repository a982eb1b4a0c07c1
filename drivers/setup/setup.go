package setup

import (
	"fmt"
	"strings"
)

// Mode is how a scanner sends codes.
type Mode string

const (
	Unknown  Mode = ""
	Keyboard Mode = "keyboard" // types
	POS      Mode = "pos"      // HID point of sale
	Serial   Mode = "serial"   // a serial port: CDC-ACM, or a driver of the kernel's own
	Other    Mode = "other"    // one that no driver here reads
)

// Code is a setup code in a maker's guide.
type Code struct {
	To     Mode
	Label  string // what stands beside the code
	Manual string // title and page
}

// Advice is what can be said of one device.
type Advice struct {
	Maker  string // empty: not in the table
	Mode   Mode   // as seen, else as its product number says
	Source string // the document that says so of the product number, if it is in the table
	Codes  []Code // that switch it to a better mode; shared, not to be changed
	Text   string // what it is and what to do, for people, in one line
}

// Advise says what there is to say of a device with these USB numbers. kind is what it is seen to be: "keyboard", "pos",
// "serial", or anything else if that is not known. It reports false where neither the maker nor the kind tells anything.
func Advise(vendor, product uint16, kind string) (Advice, bool) {
	m, known := makers[vendor]
	p := m.products[product]
	a := Advice{Maker: m.name, Mode: p.mode, Source: p.source}
	switch Mode(kind) {
	case Keyboard, POS, Serial:
		a.Mode = Mode(kind)
	}
	if !known && a.Mode == Unknown {
		return Advice{}, false
	}
	if a.Mode == Keyboard || a.Mode == Other {
		a.Codes = m.codes
	}
	a.Text = a.text(p.note)
	return a, true
}

func (a *Advice) text(note string) string {
	who := "scanner"
	if a.Maker != "" {
		who = a.Maker + " scanner"
	}
	var parts []string
	switch a.Mode {
	case Keyboard:
		parts = append(parts, who+" in keyboard mode: slow and layout-dependent", a.scan())
	case POS:
		parts = append(parts, who+" in HID point-of-sale mode: as it should be")
	case Serial:
		parts = append(parts, who+" as a serial port: as it should be")
	case Other:
		parts = append(parts, who+" in a mode that cannot be read", a.scan())
	default:
		parts = append(parts, who+" in a mode that its numbers do not tell")
	}
	if note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, "; ")
}

// scan says which code to scan.
func (a *Advice) scan() string {
	if len(a.Codes) == 0 {
		return `scan "USB HID POS" or "USB serial (CDC)" in its guide`
	}
	var ways []string
	for _, c := range a.Codes {
		ways = append(ways, fmt.Sprintf("%q (%s)", c.Label, c.Manual))
	}
	return "scan this to switch: " + strings.Join(ways, " or ")
}
