package scanners

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

// Link is how a scanner is connected.
type Link string

const (
	HIDPOS      Link = "hid-pos"
	HIDKeyboard Link = "hid-keyboard"
	CDCACM      Link = "cdc-acm"
	FTDI        Link = "ftdi"
	Ethernet    Link = "ethernet" // the scanner is the TCP server
)

// Scanner is one entry of the table.
type Scanner struct {
	Name    string // lower case, unique
	Maker   string
	Model   string
	Vendor  uint16 // 0: no public source
	Product uint16 // 0: no public source
	Link    Link
	Speed   string // of USB: "full" or "high"
	Source  string // title, revision and page of a manual, or where a dump or driver is

	Descriptor       Hex    // HID report descriptor
	DescriptorSource string `toml:"descriptor_source"` // "dump" or "composed"
	Packet           int    // most bytes of a HID packet; 0: 64
	Redirect         byte   // id of Honeywell's output-redirection feature report; 0: none

	Layout  keyboard.Layout // of a keyboard
	PauseMS int             `toml:"pause_ms"` // between two reports; 0: as fast as the host asks
	Baud    int             // of a serial line; 0: it makes no difference

	AIM        string // sent with every code, such as "]Q1"; empty: off
	Prefix     string // in front of it
	Terminator string // "none", or a name of frame.Terminator; for keyboards "cr" is Enter and "tab" Tab

	POS  POSReport
	Keys KeyReport
}

// POSReport says where the parts of a point-of-sale report lie: offsets in bytes, the report's id included; 0 where it has none.
type POSReport struct {
	ID     byte
	Length int
	Count  int
	AIM    int
	Data   int
	Size   int  // of the data
	Own    int  // the maker's own identifier
	OwnQR  byte `toml:"own_qr"` // what that is for a QR code
	More   int  // 1: the code goes on in the next report
}

// KeyReport says where the parts of a keyboard's report lie: offsets in bytes, the report's id included.
type KeyReport struct {
	ID        byte // 0: none
	Length    int
	Modifiers int
	First     int // of the key codes; scanners use only this one
}

// Hex is bytes written as pairs of hexadecimal digits with white space between them.
type Hex []byte

// UnmarshalText reads such a text.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		return fmt.Errorf("read bytes: %w", err)
	}
	*h = b
	return nil
}

//go:embed scanners.toml
var table []byte

// All returns the table.
func All() ([]Scanner, error) { return parse(table) }

// Get returns the entry with a name.
func Get(name string) (Scanner, error) {
	all, err := All()
	if err != nil {
		return Scanner{}, err
	}
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return Scanner{}, fmt.Errorf("there is no scanner %q", name)
}

// parse reads a table strictly.
func parse(text []byte) ([]Scanner, error) {
	var file struct{ Scanner []Scanner }
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&file); err != nil {
		if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
			return nil, fmt.Errorf("read the table of scanners: unknown key\n%s", strict.String())
		}
		return nil, fmt.Errorf("read the table of scanners: %w", err)
	}
	names := make(map[string]bool)
	for i := range file.Scanner {
		s := &file.Scanner[i]
		err := s.check()
		if err == nil && names[s.Name] {
			err = errors.New("the name is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("scanner %d, %q: %w", i+1, s.Name, err)
		}
		names[s.Name] = true
	}
	return file.Scanner, nil
}

// Pause is the time between two reports.
func (s *Scanner) Pause() time.Duration { return time.Duration(s.PauseMS) * time.Millisecond }

// Frame is the terminator that a driver has to be set to. It reports false where there is none.
func (s *Scanner) Frame() (t frame.Terminator, ok bool) {
	if s.Terminator == "none" {
		return 0, false
	}
	err := t.UnmarshalText([]byte(s.Terminator))
	return t, err == nil
}

// around is what stands in front of a code and behind it.
func (s *Scanner) around() (head, tail string) {
	head = s.Prefix + s.AIM
	switch t, ok := s.Frame(); {
	case !ok:
		return head, ""
	case t == frame.STXETX:
		return "\x02" + head, "\x03"
	case t == frame.LF:
		return head, "\n"
	case t == frame.CRLF:
		return head, "\r\n"
	case t == frame.TAB:
		return head, "\t"
	}
	return head, "\r"
}

var errLink = errors.New("not over this link")

// Bytes is what the scanner sends for a code over a serial line or Ethernet.
func (s *Scanner) Bytes(code []byte) ([]byte, error) {
	if s.Link == HIDPOS || s.Link == HIDKeyboard {
		return nil, fmt.Errorf("scan with %s: %w", s.Name, errLink)
	}
	if len(code) == 0 {
		return nil, fmt.Errorf("scan with %s: %w", s.Name, errEmpty)
	}
	head, tail := s.around()
	return []byte(head + string(code) + tail), nil
}
