package setup

import (
	"strings"
	"testing"
)

func TestAdviceForADevice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		vendor, product uint16
		kind            string
		ok              bool
		maker           string
		mode            Mode
		codes           int
		text            []string // parts that must be in it
	}{
		{"keyboard of a maker with a published code", 0x0C2E, 0x0B61, "keyboard", true, "Honeywell (Metrologic)", Keyboard, 2, []string{
			"keyboard mode: slow and layout-dependent", "scan this to switch", "terminal ID 131", "page 5-4", "terminal ID 130",
		}},
		{"keyboard of a maker without one", 0x05E0, 0x1200, "keyboard", true, "Zebra (Symbol)", Keyboard, 0, []string{"keyboard mode", `"USB HID POS"`}},
		{"keyboard of an unknown maker", 0x1234, 1, "keyboard", true, "", Keyboard, 0, []string{"scanner in keyboard mode", `"USB HID POS"`}},
		{"mode by product number alone", 0x11FA, 0x0200, "", true, "Code", Keyboard, 0, []string{"Code scanner in keyboard mode"}},
		{"what is seen goes before the number", 0x11FA, 0x0200, "pos", true, "Code", POS, 0, []string{"as it should be"}},
		{"point of sale by number", 0x1EAB, 0x0D10, "other", true, "Newland", POS, 0, []string{"as it should be"}},
		{"serial by number, with its module", 0x065A, 0x0009, "", true, "Opticon", Serial, 0, []string{"kernel module opticon"}},
		{"a mode that cannot be read", 0x05E0, 0x0600, "other", true, "Zebra (Symbol)", Other, 0, []string{"cannot be read", "Simple COM Port Emulation"}},
		{"known maker, unknown number and kind", 0x0C2E, 0xFFFF, "", true, "Honeywell (Metrologic)", Unknown, 0, []string{"do not tell"}},
		{"serial port of an unknown maker", 0x1234, 1, "serial", true, "", Serial, 0, []string{"scanner as a serial port"}},
		{"nothing known", 0x1234, 1, "other", false, "", Unknown, 0, nil},
		{"a kind that is no mode of a scanner", 0x1234, 1, "storage", false, "", Unknown, 0, nil},
		{"the zero numbers", 0, 0, "", false, "", Unknown, 0, nil},
	} {
		a, ok := Advise(tt.vendor, tt.product, tt.kind)
		if ok != tt.ok || a.Maker != tt.maker || a.Mode != tt.mode || len(a.Codes) != tt.codes {
			t.Errorf("%s: got %+v, %v", tt.name, a, ok)
		}
		for _, part := range tt.text {
			if !strings.Contains(a.Text, part) {
				t.Errorf("%s: %q does not say %q", tt.name, a.Text, part)
			}
		}
		if strings.ContainsAny(a.Text, "\r\n\t") || !ok && a.Text != "" {
			t.Errorf("%s: %q is not one line", tt.name, a.Text)
		}
	}
}

// What has no source is not in the table, and no code leads back to keyboard mode.
func TestEveryEntryNamesItsSource(t *testing.T) {
	t.Parallel()
	for vendor, m := range makers {
		if m.name == "" || len(m.products) == 0 {
			t.Errorf("vendor %04x: %+v", vendor, m)
		}
		for number, p := range m.products {
			if p.source == "" || p.mode == Unknown || p.mode == Other && p.note == "" {
				t.Errorf("%s %04x: %+v", m.name, number, p)
			}
			a, ok := Advise(vendor, number, "")
			if !ok || a.Source != p.source || a.Mode != p.mode || a.Maker != m.name || a.Text == "" {
				t.Errorf("%s %04x: advice %+v, %v", m.name, number, a, ok)
			}
		}
		for _, c := range m.codes {
			if c.To != POS && c.To != Serial || c.Label == "" || c.Manual == "" {
				t.Errorf("%s: %+v", m.name, c)
			}
		}
	}
}
