package frame

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// POSLayout says where a scan lies in the input report of a HID
// point-of-sale scanner. The zero value is not Known. It comes from
// ParseDescriptor or CommonPOS.
//
// Two layouts of 64 bytes are in public manuals. Both have report id 2, the
// length of the data in byte 1, and in bit 0 of byte 63 whether more follows:
//
//	Honeywell, Access-IS: AIM identifier in bytes 2-4, data in 5-60, the
//	    maker's own identifier in 61, 62 reserved ("LSR118 product manual",
//	    appendix B; "ATR110 product manual", appendix A)
//	Newland, Quio: data in 2-57, 58-61 reserved, the maker's own identifier
//	    in 62 ("NLS-FM420 integration guide", HID-POS)
//
// The report descriptor tells which one it is, by the usages of the HID Point
// of Sale Usage Tables 1.02, section 3, and Byte Count of the generic desktop
// page; other sizes and orders that it describes are followed as well.
type POSLayout struct {
	id       byte // report id, in front of the report; 0 for none
	length   int  // bytes of a whole report, id included
	data     int  // offset of the decoded data
	size     int  // bytes of the decoded data; 0: not Known
	count    int  // offset of the byte count, -1 for none
	wide     bool // the count has two bytes, little-endian
	aim      int  // offset of the three bytes of AIM identifier, -1 for none
	more     int  // offset of the byte with the continued flag, -1 for none
	moreMask byte
	needAIM  bool // only the AIM identifier shows that reports are laid out so
}

// Known reports whether the layout can be read.
func (l POSLayout) Known() bool { return l.size > 0 }

// CommonPOS is the Honeywell and Access-IS layout, for a scanner whose
// descriptor does not name the fields. Reports without an
// AIM identifier where this layout has it are then refused, because they are
// laid out in another way.
func CommonPOS() POSLayout {
	return POSLayout{
		id: 2, length: 64, count: 1, aim: 2, data: 5, size: 56,
		more: 63, moreMask: 1, needAIM: true,
	}
}

// posFields collects the fields of one report while a descriptor is read.
// Offsets are in bits and without the report id.
type posFields struct {
	data, size  uint32 // size in bytes
	count       uint32
	countBits   uint32
	more        uint32
	moreBits    uint32
	aim         [3]uint32
	aimSeen     [3]bool
	unsupported bool
}

// place notes where a field lies.
func (f *posFields) place(u usage, offset, bits uint32) {
	switch {
	case u == usage{pageDesktop, usageCount} && f.countBits == 0:
		f.count, f.countBits = offset, bits
		f.unsupported = f.unsupported || offset%8 != 0 || bits != 8 && bits != 16
	case u == usage{pageScanner, usageDecoded}:
		if f.size == 0 {
			f.data = offset
		}
		f.unsupported = f.unsupported || bits != 8 || offset != f.data+8*f.size || offset%8 != 0
		f.size++
	case u == usage{pageScanner, usageContinue} && f.moreBits == 0:
		f.more, f.moreBits = offset, bits
		f.unsupported = f.unsupported || bits != 1 && (bits != 8 || offset%8 != 0)
	case u.page == pageScanner && u.id >= usageAIM1 && u.id <= usageAIM3 && bits == 8 && offset%8 == 0:
		f.aim[u.id-usageAIM1], f.aimSeen[u.id-usageAIM1] = offset, true
	}
}

// layout turns the collected fields into a layout, not Known where they do
// not carry a scan or carry it in a way that is not supported.
func (f *posFields) layout(id byte, length int) POSLayout {
	if f.size == 0 || f.unsupported {
		return POSLayout{}
	}
	shift := 0
	if id != 0 {
		shift = 1
	}
	l := POSLayout{
		id: id, length: length + shift, count: -1, aim: -1, more: -1,
		data: int(f.data/8) + shift, size: int(f.size),
	}
	if f.countBits > 0 {
		l.count, l.wide = int(f.count/8)+shift, f.countBits == 16
	}
	if f.moreBits > 0 {
		l.more, l.moreMask = int(f.more/8)+shift, 0xFF
		if f.moreBits == 1 {
			l.moreMask = 1 << (f.more % 8)
		}
	}
	if f.aimSeen == [3]bool{true, true, true} && f.aim[1] == f.aim[0]+8 && f.aim[2] == f.aim[1]+8 {
		l.aim = int(f.aim[0]/8) + shift
	}
	return l
}

// POS joins the reports of a HID point-of-sale scanner to whole codes.
//
// A report that was lost (the USB library's queue drops the oldest of 32) is
// noticed where the layout allows it: by the AIM identifier, which is the
// same in all reports of a code, and by DefaultGap: scanners send the reports
// of a code 1 to 10 ms apart, and a continuation that has not come by then
// must not be joined to the next person's code. Where it is not noticed the
// code comes out with bytes missing, which a signature shows.
//
// It allocates nothing after NewPOS. It is not safe for concurrent use.
type POS struct {
	layout    POSLayout
	state     posState
	waited    time.Duration // since the last report of ours
	aim       [3]byte       // of the code being joined; zero if it has none
	n         int
	discarded uint64
	buf       [MaxFrame + 1]byte
}

type posState byte

const (
	posIdle     posState = iota
	posJoining           // a code has begun and continues
	posSkipping          // the rest of a discarded code is being passed over
)

// NewPOS returns a decoder for a layout that is Known.
func NewPOS(l POSLayout) *POS { return &POS{layout: l} }

// Report takes one input report, as the USB library gives it, and the time
// since the one before it. Where it completes a code, emit is called with it:
// the AIM identifier first, if the scanner sent one (]Q1…), no terminator.
// Codes are 1 to MaxFrame bytes; MaxFrame+1 bytes stand for a longer one whose
// rest was dropped. The bytes are valid until emit returns.
func (d *POS) Report(report []byte, since time.Duration, emit func(code []byte)) {
	d.waited += since
	if len(report) == 0 || d.layout.id != 0 && report[0] != d.layout.id {
		return // a zero-length packet, or a report about something else
	}
	if d.waited >= DefaultGap {
		d.drop(posIdle)
	}
	d.waited = 0

	part, ok := d.layout.read(report)
	if d.state != posSkipping && !(ok && d.join(part)) {
		d.drop(posSkipping)
	}
	if part.more {
		return
	}
	if d.state == posJoining {
		if code := trimTerminator(d.buf[:d.n], d.aim != [3]byte{}); code != nil {
			emit(code)
		}
	}
	d.state, d.n = posIdle, 0
}

// Reset throws an unfinished code away and overwrites all bytes that the
// decoder held.
func (d *POS) Reset() {
	d.drop(posIdle)
	clear(d.buf[:])
}

// Discarded counts the codes that were thrown away because a part was
// missing, broken or late.
func (d *POS) Discarded() uint64 { return d.discarded }

func (d *POS) drop(next posState) {
	if d.state == posJoining || next == posSkipping {
		d.discarded++
	}
	d.state, d.n = next, 0
}

// join appends one report's part and reports whether it can be one.
func (d *POS) join(p posPart) bool {
	if len(p.data) == 0 && p.more {
		return false
	}
	if d.state == posIdle {
		d.state, d.aim = posJoining, p.aim
		if p.aim != [3]byte{} && !bytes.HasPrefix(p.data, p.aim[:]) {
			d.n = copy(d.buf[:], p.aim[:])
		}
	} else if p.aim != [3]byte{} && p.aim != d.aim {
		return false // a part of another code: the rest of ours was lost
	}
	d.n += copy(d.buf[d.n:], p.data)
	return true
}

// posPart is what one report holds.
type posPart struct {
	data []byte
	aim  [3]byte // zero if the report has none
	more bool
}

// read takes a report apart. Where it reports false, only p.more may be used:
// that is true for a report which is cut short, because the end of its code
// has not been seen.
func (l *POSLayout) read(r []byte) (p posPart, ok bool) {
	if len(r) < l.length {
		return posPart{more: true}, false
	}
	if l.more >= 0 {
		p.more = r[l.more]&l.moreMask != 0
	}
	if l.aim >= 0 && r[l.aim] == ']' {
		p.aim = [3]byte(r[l.aim:])
	}
	p.data = r[l.data : l.data+l.size]
	if l.count < 0 {
		p.data = bytes.TrimRight(p.data, "\x00") // nothing else tells the padding
		return p, true
	}
	n := int(r[l.count])
	if l.wide {
		n |= int(r[l.count+1]) << 8
	}
	if n > l.size || l.needAIM && p.aim == [3]byte{} && n > 0 {
		return posPart{more: p.more}, false
	}
	p.data = p.data[:n]
	return p, true
}

// trimTerminator takes the line end off a text code: one CR, LF, CRLF or TAB
// that a scanner was set to add. A code that holds other control characters
// than those of text and of GS1 and IATA messages, or is not UTF-8, is binary
// and stays as it is: its last byte may be anything. It returns nil for a
// code that is empty but for its AIM identifier.
func trimTerminator(code []byte, aim bool) []byte {
	head := 0
	if aim {
		head = 3
	}
	body := code[head:]
	if isText(body) {
		switch {
		case bytes.HasSuffix(body, []byte("\r\n")):
			body = body[:len(body)-2]
		case len(body) > 0 && bytes.IndexByte([]byte("\r\n\t"), body[len(body)-1]) >= 0:
			body = body[:len(body)-1]
		}
	}
	if len(body) == 0 {
		return nil
	}
	return code[:head+len(body)]
}

func isText(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 0x20 && c != 0x7F, c == '\t', c == '\n', c == '\r':
		case c >= 0x1C && c <= 0x1F, c == 0x02, c == 0x03, c == 0x04: // FS GS RS US, STX ETX EOT
		default:
			return false
		}
	}
	return utf8.Valid(b)
}
