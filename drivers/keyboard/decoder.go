package keyboard

import (
	"time"
	"unicode/utf8"

	"passerelle/drivers/frame"
)

// MaxGap is the time between two key presses from which on they are not of one code. Scanners press a key every 2 to 16 ms.
const MaxGap = 200 * time.Millisecond

// maxAlt is the greatest number of digits typed with Alt held: 0 and three more.
const maxAlt = 4

// A stroke is one key press of a code, with what it needs to be read under any layout.
type stroke struct {
	code    byte // the byte itself if literal
	mods    byte
	caps    bool
	literal bool // came as Alt + number pad
}

// Decoder puts key presses together to codes. It is not safe for concurrent use.
type Decoder struct {
	fixed bool
	found Layout // Auto: not yet

	keys    frame.Keys
	waited  time.Duration // since the last key press
	caps    bool
	doubt   bool // the next code may be the rest of one that was cut
	broken  bool // this code is to be discarded at its end
	altLen  int  // digits typed with Alt held
	altSum  int
	strokes [frame.MaxFrame]stroke
	n       int

	discarded uint64
	ambiguous uint64
	text      text
	other     text // under another layout, to compare
}

// text has room for the longest code; its last stroke may write two accents and a letter.
type text [frame.MaxFrame + 3*utf8.UTFMax]byte

// New returns a decoder for a fixed layout, or, for Auto, one that finds it.
func New(l Layout) *Decoder { return &Decoder{fixed: l != Auto, found: l} }

// Layout is the fixed layout or the one found, Auto if none was found yet.
func (d *Decoder) Layout() Layout { return d.found }

// Discarded counts the codes that were thrown away: cut, too long, with a key that has no character, or ambiguous.
func (d *Decoder) Discarded() uint64 { return d.discarded }

// Ambiguous counts those of them that were whole, but read differently under the layouts that may be meant. Once it counts,
// the layout is to be fixed, or found from a code that starts with HC1:, PT1: or shc:/.
func (d *Decoder) Ambiguous() uint64 { return d.ambiguous }

// Reset throws an unfinished code away, overwrites all that was typed, and forgets what is held down. The layout stays.
func (d *Decoder) Reset() {
	discarded := d.discarded
	if d.n > 0 || d.altLen > 0 || d.broken {
		discarded++
	}
	*d = Decoder{fixed: d.fixed, found: d.found, discarded: discarded, ambiguous: d.ambiguous}
}

// Report takes one boot keyboard report and the time since the one before it. For each code that it ends, emit is called with
// the code, without its terminator: 1 to frame.MaxFrame bytes, valid until emit returns. A longer code is discarded.
func (d *Decoder) Report(boot []byte, since time.Duration, emit func(code []byte)) {
	d.waited += since
	d.keys.Report(boot, func(k frame.Key) { d.event(k, emit) })
}

func (d *Decoder) event(k frame.Key, emit func(code []byte)) {
	if k.Code != 0 {
		d.checkGap()
	}
	alt := k.Mods&(frame.LeftAlt|frame.LeftCtrl|frame.RightCtrl) == frame.LeftAlt
	if alt && k.Code >= codePad1 && k.Code <= codePad0 {
		d.altLen++
		d.altSum = min(10*d.altSum+int(k.Code-codePad1+1)%10, 1000)
		return
	}
	if d.altLen > 0 && (!alt || k.Code != 0) {
		d.endAlt(emit)
	}
	switch {
	case k.Code == 0, k.Code >= codeF1 && k.Code <= codeNumLock,
		k.Code == codeMenu, k.Code == codePower, k.Code >= codeF13 && k.Code <= codeF24:
	case k.Code == codeCapsLock:
		d.caps = !d.caps
	case k.Code == Enter, k.Code == Tab, k.Code == codePadEnter:
		d.finish(emit)
	default:
		d.add(stroke{code: k.Code, mods: k.Mods, caps: d.caps})
	}
}

// checkGap discards a code that was cut before this key press.
func (d *Decoder) checkGap() {
	if d.waited >= MaxGap && (d.n > 0 || d.altLen > 0 || d.broken) {
		d.discard()
		d.doubt = true
	}
	d.waited = 0
}

// endAlt takes the number typed while Alt was held.
func (d *Decoder) endAlt(emit func(code []byte)) {
	sum, digits := d.altSum, d.altLen
	d.altSum, d.altLen = 0, 0
	switch {
	case digits > maxAlt || sum > 0xFF:
		d.broken = true
	case sum == '\r' || sum == '\n' || sum == '\t':
		d.finish(emit)
	default:
		d.add(stroke{code: byte(sum), literal: true})
	}
}

func (d *Decoder) add(s stroke) {
	if d.n == len(d.strokes) {
		d.broken = true
		return
	}
	d.strokes[d.n] = s
	d.n++
}

func (d *Decoder) discard() {
	d.discarded++
	d.n, d.broken, d.altLen, d.altSum = 0, false, 0, 0
}

// finish ends a code: it is read under the layout that gives it a known start, else under the one found so far.
func (d *Decoder) finish(emit func(code []byte)) {
	doubt := d.doubt
	d.doubt = false
	switch {
	case d.broken:
		d.discard()
		return
	case d.n == 0:
		return // an empty line, or the LF of CR LF
	}
	code, known := d.read()
	if !known && !doubt {
		code, _ = d.translate(d.text[:0], d.fallback(), false)
	}
	if code == nil {
		d.discard()
		return
	}
	d.n = 0
	emit(code)
}

// translate reads the strokes under a layout into text, with caps lock the other way if flip is set. It reports false, and
// gives no code, for a stroke that has no character there, and for a text longer than frame.MaxFrame.
func (d *Decoder) translate(text []byte, l Layout, flip bool) (code []byte, ok bool) {
	t := l.table()
	var accent rune // of a dead key, 0 for none
	for _, s := range d.strokes[:d.n] {
		if len(text) > frame.MaxFrame {
			return nil, false
		}
		if s.literal {
			text = append(appendAccent(text, accent), s.code)
			accent = 0
			continue
		}
		r := t.char(s.code, s.mods, s.caps != flip)
		switch {
		case r == 0:
			return nil, false
		case r < 0 && accent == 0:
			accent = -r
			continue
		case accent != 0 && r == ' ':
			r = accent
		case accent != 0 && composed(accent, r) != 0:
			r = composed(accent, r)
		case accent != 0:
			text = utf8.AppendRune(text, accent)
			r = max(r, -r) // a second dead key writes both accents
		}
		accent = 0
		text = utf8.AppendRune(text, r)
	}
	text = appendAccent(text, accent)
	if len(text) > frame.MaxFrame {
		return nil, false
	}
	return text, true
}

// appendAccent writes the accent of a dead key that no letter followed.
func appendAccent(text []byte, accent rune) []byte {
	if accent == 0 {
		return text
	}
	return utf8.AppendRune(text, accent)
}
