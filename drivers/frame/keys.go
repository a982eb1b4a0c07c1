package frame

import "slices"

// Modifier bits of a boot keyboard report (HID 1.11, appendix B.1).
const (
	LeftCtrl   = 1 << 0
	LeftShift  = 1 << 1
	LeftAlt    = 1 << 2
	LeftGUI    = 1 << 3
	RightCtrl  = 1 << 4
	RightShift = 1 << 5
	RightAlt   = 1 << 6 // AltGr
	RightGUI   = 1 << 7
)

// BootReport is the length of a boot keyboard report: modifiers, one reserved
// byte, six key codes (HID 1.11, appendix B.1).
const BootReport = 8

const bootKeys = 6

// Key codes up to this one are no keys but errors: 1 roll-over, 2 self-test
// failed, 3 undefined (HID Usage Tables 1.5, section 10).
const lastErrorCode = 0x03

// Key is one event of a keyboard: a key that was pressed with these
// modifiers, or, with Code 0, a change of the modifiers alone.
type Key struct {
	Code byte // usage of the keyboard page: 4 is the key marked A on a US keyboard
	Mods byte // modifier bits held
}

// Keys turns boot keyboard reports into events. The zero value is ready. It
// allocates nothing and is not safe for concurrent use.
//
// An event is a press: releases are not told, except of modifiers, because
// Alt + number pad ends with the release of Alt. A key that stays down from
// report to report was pressed once, however often the report is repeated.
type Keys struct {
	mods byte
	held [bootKeys]byte
}

// Report takes one boot report and calls emit for each event in it, in the
// order of the report. Reports that are too short, zero-length packets and
// roll-over errors (more keys down than the report can name) change nothing.
func (k *Keys) Report(report []byte, emit func(Key)) {
	if len(report) < BootReport {
		return
	}
	mods, codes := report[0], report[2:BootReport]
	for _, c := range codes {
		if c > 0 && c <= lastErrorCode {
			return
		}
	}
	pressed := false
	for i, c := range codes {
		if c == 0 || slices.Contains(k.held[:], c) || slices.Contains(codes[:i], c) {
			continue
		}
		pressed = true
		emit(Key{Code: c, Mods: mods})
	}
	if !pressed && mods != k.mods {
		emit(Key{Mods: mods})
	}
	k.mods = mods
	copy(k.held[:], codes)
}

// Reset forgets which keys are held.
func (k *Keys) Reset() { *k = Keys{} }

// KeyLayout says where the key codes lie in a keyboard's input report. The
// zero value is not Known. It comes from ParseDescriptor or BootKeys.
//
// Scanners of two functions put a report id in front of the eight bytes, and
// some have no reserved byte. Keyboards that report a bit for each key (NKRO)
// are not Known; scanners are none of them.
type KeyLayout struct {
	id       byte // report id, in front of the report; 0 for none
	length   int  // bytes of a whole report, id included
	mods     int  // offset of the modifier byte, -1 for none
	keys     int  // offset of the first key code
	n        int  // key codes in a report; 0: not Known
	modsSeen bool
}

// Known reports whether the layout can be read.
func (l KeyLayout) Known() bool { return l.n > 0 }

// BootKeys is the layout of the boot protocol, for a keyboard whose
// descriptor cannot be had.
func BootKeys() KeyLayout {
	return KeyLayout{length: BootReport, mods: 0, keys: 2, n: bootKeys, modsSeen: true}
}

// Boot puts a keyboard's input report into the form of a boot report, and
// reports false for one that is cut short or about something else. Of more
// than six key codes the first six are taken.
func (l KeyLayout) Boot(report []byte) (boot [BootReport]byte, ok bool) {
	if !l.Known() || len(report) < l.length || l.id != 0 && report[0] != l.id {
		return boot, false
	}
	if l.mods >= 0 {
		boot[0] = report[l.mods]
	}
	copy(boot[2:], report[l.keys:l.keys+l.n])
	return boot, true
}

// place notes an input item of a keyboard while a descriptor is read. start
// and size are in bits, without the report id.
func (l *KeyLayout) place(first usage, start, size, count uint32, variable bool) {
	if first.page != pageKeys || start%8 != 0 {
		return
	}
	switch {
	case variable && size == 1 && count == 8 && first.id == usageLeftCtl && !l.modsSeen:
		l.mods, l.modsSeen = int(start/8), true
	case !variable && size == 8 && !l.Known():
		l.keys, l.n = int(start/8), int(count)
	}
}

// complete turns offsets without report id into those of a layout.
func (l KeyLayout) complete(id byte, length int) KeyLayout {
	if !l.Known() {
		return KeyLayout{}
	}
	if !l.modsSeen {
		l.mods = -1
	}
	l.id, l.length = id, length
	if id != 0 {
		l.length++
		l.keys++
		if l.modsSeen {
			l.mods++
		}
	}
	return l
}
