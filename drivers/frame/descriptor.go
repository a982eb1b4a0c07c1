package frame

import "errors"

// Limits on a HID report descriptor and on what it may describe. Linux has
// the same first two (HID_MAX_DESCRIPTOR_SIZE, HID_GLOBAL_STACK_SIZE).
const (
	MaxDescriptor = 4096 // bytes of one report descriptor
	maxGlobals    = 4    // depth of Push
	maxUsages     = 32   // usages kept in front of one main item; more are ignored
	maxReportBits = 8 * MaxReport
)

// MaxReport is the longest input report that is read, in bytes: the largest
// packet that a USB interrupt endpoint may have (USB 2.0, section 5.7.3).
const MaxReport = 1024

// ErrDescriptor is what ParseDescriptor says of a descriptor that is too
// long, cut short, or describes a report longer than MaxReport.
var ErrDescriptor = errors.New("bad HID report descriptor")

// Usage pages and usages that say where a scan lies in a report (HID Usage
// Tables 1.5, sections 4, 10 and 25; HID Point of Sale Usage Tables 1.02,
// section 3).
const (
	pageDesktop   = 0x01
	usageKeyboard = 0x06
	usageCount    = 0x3B // Byte Count: how many of the data bytes are the scan

	pageKeys     = 0x07
	usageLeftCtl = 0xE0 // first of the eight modifiers

	pageScanner   = 0x8C
	usageAIM1     = 0xFB // Symbology Identifier 1, then 2 and 3
	usageAIM3     = 0xFD
	usageDecoded  = 0xFE // Decoded Data
	usageContinue = 0xFF // Decode Data Continued

	pageHHP       = 0xFF66 // Honeywell (Hand Held Products)
	usageRedirect = 0x03   // Output Redirection
)

// Descriptor is what a HID report descriptor says about scans.
type Descriptor struct {
	Scanner  bool      // has an application collection of usage page 0x8C
	Keyboard bool      // has an application collection of usage 1:6
	POS      POSLayout // where a scan lies; not Known if nothing describes it
	Keys     KeyLayout // where key codes lie; not Known if nothing describes it
	// Redirect is the id of Honeywell's output-redirection feature report, 0
	// if there is none. Such a scanner types like a keyboard until that report
	// is set to 1.
	Redirect byte
}

// ParseDescriptor reads a HID report descriptor (HID 1.11, section 6.2.2).
// The only error is ErrDescriptor. Items that say nothing about scans are
// skipped.
func ParseDescriptor(b []byte) (Descriptor, error) {
	if len(b) > MaxDescriptor {
		return Descriptor{}, ErrDescriptor
	}
	var p parser
	for len(b) > 0 {
		prefix := b[0]
		if prefix == 0xFE { // long item (section 6.2.2.3): none is defined
			if len(b) < 3 || len(b) < 3+int(b[1]) {
				return Descriptor{}, ErrDescriptor
			}
			b = b[3+int(b[1]):]
			continue
		}
		size := int(prefix & 3)
		if size == 3 {
			size = 4
		}
		if len(b) < 1+size {
			return Descriptor{}, ErrDescriptor
		}
		var value uint32
		for i := range size {
			value |= uint32(b[1+i]) << (8 * i)
		}
		if !p.item(prefix&0xFC, size, value) {
			return Descriptor{}, ErrDescriptor
		}
		b = b[1+size:]
	}
	return p.finish(), nil
}

// Short items by tag and type, the size bits cleared.
const (
	itemInput         = 0x80
	itemOutput        = 0x90
	itemCollection    = 0xA0
	itemFeature       = 0xB0
	itemEndCollection = 0xC0
	itemUsagePage     = 0x04
	itemReportSize    = 0x74
	itemReportID      = 0x84
	itemReportCount   = 0x94
	itemPush          = 0xA4
	itemPop           = 0xB4
	itemUsage         = 0x08
	itemUsageMin      = 0x18
	itemUsageMax      = 0x28
)

// Bits of an Input item (section 6.2.2.5).
const (
	inputConstant = 1 << 0
	inputVariable = 1 << 1
)

type usage struct{ page, id uint16 }

// globals are the item states that Push and Pop save.
type globals struct {
	page        uint16
	id          byte
	size, count uint32
}

type parser struct {
	globals
	stack  [maxGlobals]globals
	pushed int

	usages  [maxUsages]usage
	nUsages int
	minimum usage

	depth int   // open collections
	app   usage // of the outermost one

	bits [256]uint32 // length of each input report so far, without its id
	pos  [256]posFields
	keys [256]KeyLayout
	got  Descriptor
}

// item takes one short item and reports whether the descriptor may go on.
func (p *parser) item(tag byte, size int, v uint32) bool {
	switch tag {
	case itemUsagePage:
		p.page = uint16(v)
	case itemReportSize:
		p.size = v
	case itemReportCount:
		p.count = v
	case itemReportID:
		p.id = byte(v)
		return v > 0 && v < 256
	case itemPush:
		if p.pushed == maxGlobals {
			return false
		}
		p.stack[p.pushed] = p.globals
		p.pushed++
	case itemPop:
		if p.pushed == 0 {
			return false
		}
		p.pushed--
		p.globals = p.stack[p.pushed]
	case itemUsage:
		p.addUsage(p.usage(size, v))
	case itemUsageMin:
		p.minimum = p.usage(size, v)
	case itemUsageMax:
		last := p.usage(size, v)
		for id := uint32(p.minimum.id); id <= uint32(last.id) && p.nUsages < maxUsages; id++ {
			p.addUsage(usage{p.minimum.page, uint16(id)})
		}
	default:
		return p.mainItem(tag, v)
	}
	return true
}

// usage gives a local item's usage: four bytes carry their own page (section
// 6.2.2.8).
func (p *parser) usage(size int, v uint32) usage {
	if size == 4 {
		return usage{uint16(v >> 16), uint16(v)}
	}
	return usage{p.page, uint16(v)}
}

func (p *parser) addUsage(u usage) {
	if p.nUsages < maxUsages {
		p.usages[p.nUsages] = u
		p.nUsages++
	}
}

// mainItem takes a main item; each one ends the local items before it.
func (p *parser) mainItem(tag byte, v uint32) bool {
	first := p.usageAt(0)
	ok := true
	switch tag {
	case itemInput:
		ok = p.input(v)
	case itemFeature:
		if first == (usage{pageHHP, usageRedirect}) && p.size == 8 && p.count == 1 {
			p.got.Redirect = p.id
		}
	case itemCollection:
		if p.depth == 0 {
			p.app = first
			p.got.Scanner = p.got.Scanner || first.page == pageScanner
			p.got.Keyboard = p.got.Keyboard || first == usage{pageDesktop, usageKeyboard}
		}
		p.depth++
	case itemEndCollection:
		p.depth--
		ok = p.depth >= 0
	case itemOutput:
	default:
		return true // a global or local item that says nothing about scans
	}
	p.nUsages, p.minimum = 0, usage{}
	return ok
}

// usageAt gives the usage of the i-th field of a main item: the last usage
// stands for all that follow (section 6.2.2.8).
func (p *parser) usageAt(i uint32) usage {
	if p.nUsages == 0 {
		return usage{}
	}
	return p.usages[min(i, uint32(p.nUsages-1))]
}

// input places the fields of an Input item.
func (p *parser) input(flags uint32) bool {
	start := p.bits[p.id]
	if p.size > maxReportBits || p.count > maxReportBits || start+p.size*p.count > maxReportBits {
		return false
	}
	p.bits[p.id] += p.size * p.count
	if flags&inputConstant != 0 || p.count == 0 {
		return true
	}
	if p.app == (usage{pageDesktop, usageKeyboard}) {
		p.keys[p.id].place(p.usageAt(0), start, p.size, p.count, flags&inputVariable != 0)
	}
	if p.app.page == pageScanner && flags&inputVariable != 0 {
		for i := range p.count {
			p.pos[p.id].place(p.usageAt(i), start+i*p.size, p.size)
		}
	}
	return true
}

// finish chooses the first report that carries a scan, and the first that
// carries key codes.
func (p *parser) finish() Descriptor {
	for id := range p.bits {
		length := int(p.bits[id]+7) / 8
		if !p.got.POS.Known() {
			p.got.POS = p.pos[id].layout(byte(id), length)
		}
		if !p.got.Keys.Known() {
			p.got.Keys = p.keys[id].complete(byte(id), length)
		}
	}
	common := CommonPOS()
	if p.got.Scanner && !p.got.POS.Known() && p.bits[common.id] == 8*uint32(common.length-1) {
		p.got.POS = common
	}
	return p.got
}
