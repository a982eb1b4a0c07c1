package lamp

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// pins is lines that write down what they are set to.
type pins struct {
	chip    string
	asked   request
	written []uint64
	closed  int
}

func (p *pins) set(bits uint64) error {
	p.written = append(p.written, bits)
	return nil
}

func (p *pins) close() error {
	p.closed++
	return nil
}

// take is given to newGPIO.
func (p *pins) take(chip string, r request) (handle, error) {
	p.chip, p.asked = chip, r
	return p, nil
}

func TestEachOutputHasItsLine(t *testing.T) {
	t.Parallel()
	var p pins
	g, err := newGPIO(GPIOConfig{
		Chip: "pinctrl-rp1", Red: line("17"), Green: line("0 active-low"), Relay: line("27"), Buzzer: line("5"), // no amber
	}, p.take)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Signal{Red, Amber, Fault, Green, Off} {
		if err := g.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	// In the order of the request: red, green, buzzer, relay.
	if want := []uint64{0b0001, 0, 0b0001, 0b1110, 0, 0}; !cmp.Equal(p.written, want) {
		t.Error(cmp.Diff(want, p.written))
	}
	want := []Line{line("17"), line("0 active-low"), line("5"), line("27")}
	if p.chip != "pinctrl-rp1" || p.asked.flags != flagOutput || !cmp.Equal(p.asked.lines, want, cmp.AllowUnexported(Line{})) || p.closed != 1 {
		t.Errorf("asked %s for %+v, closed %d times", p.chip, p.asked, p.closed)
	}
}

func TestKernelIsAskedForOutputsThatAreOff(t *testing.T) {
	t.Parallel()
	var c unix.GPIOV2LineConfig
	r := request{lines: []Line{line("17"), line("0 active-low"), line("5"), line("27 active-low")}, flags: flagOutput}
	r.configure(&c, 0b1010)
	want := unix.GPIOV2LineConfig{Flags: flagOutput, Num_attrs: 2}
	want.Attrs[0] = unix.GPIOV2LineConfigAttribute{Attr: unix.GPIOV2LineAttribute{Id: unix.GPIO_V2_LINE_ATTR_ID_FLAGS, Flags: flagOutput | flagActiveLow}, Mask: 0b1010}
	want.Attrs[1] = unix.GPIOV2LineConfigAttribute{Attr: unix.GPIOV2LineAttribute{Id: unix.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, Flags: 0}, Mask: 0b1111}
	if c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func TestKernelIsAskedToDebounce(t *testing.T) {
	t.Parallel()
	var c unix.GPIOV2LineConfig
	request{lines: []Line{line("4")}, flags: flagInput, debounce: 10 * time.Millisecond}.configure(&c, 0)
	want := unix.GPIOV2LineConfig{Flags: flagInput, Num_attrs: 1}
	want.Attrs[0] = unix.GPIOV2LineConfigAttribute{Attr: unix.GPIOV2LineAttribute{Id: unix.GPIO_V2_LINE_ATTR_ID_DEBOUNCE, Flags: 10_000}, Mask: 1} // little-endian
	if c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, want string
		c          GPIOConfig
	}{
		{"nothing to drive", "drives nothing", GPIOConfig{Chip: "gpio"}},
		{"one line for two", "line 4 is both amber and relay", GPIOConfig{Chip: "gpio", Amber: line("4"), Relay: line("4 active-low")}},
		{"pulse too short", "not within", GPIOConfig{Chip: "gpio", Relay: line("4"), Pulse: MinPulse - 1}},
		{"pulse too long", "not within", GPIOConfig{Chip: "gpio", Relay: line("4"), Pulse: MaxPulse + 1}},
		{"negative pulse", "not within", GPIOConfig{Chip: "gpio", Relay: line("4"), Pulse: -1}},
	} {
		var p pins
		if g, err := newGPIO(tt.c, p.take); err == nil || g != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if p.chip != "" {
			t.Errorf("%s: lines were taken", tt.name)
		}
	}
	for _, pulse := range []time.Duration{0, MinPulse, MaxPulse} {
		var p pins
		if _, err := newGPIO(GPIOConfig{Chip: "gpio", Relay: line("4"), Pulse: pulse}, p.take); err != nil {
			t.Errorf("pulse %v: %v", pulse, err)
		}
	}
}

func TestNothingToDriveIsSafe(t *testing.T) {
	t.Parallel()
	if err := Safe(GPIOConfig{}); err != nil {
		t.Error(err)
	}
}

func TestChipThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, chip string
		want       func(error) bool
	}{
		{"no name", "", func(err error) bool { return strings.Contains(err.Error(), "no GPIO chip is named") }},
		{"no file", "/dev/gpiochip-none", func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		{"another device", "/dev/null", func(err error) bool { return errors.Is(err, unix.ENOTTY) }},
		{"a folder", "/dev/", func(err error) bool { return errors.Is(err, unix.EISDIR) }},
		{"no such label", "no-such-label", func(err error) bool { return strings.Contains(err.Error(), "label") }},
	} {
		c := GPIOConfig{Chip: tt.chip, Red: line("1")}
		if g, err := NewGPIO(c); err == nil || g != nil || !tt.want(err) {
			t.Errorf("%s: NewGPIO: got %v", tt.name, err)
		}
		if err := Safe(c); err == nil || !tt.want(err) {
			t.Errorf("%s: Safe: got %v", tt.name, err)
		}
	}
}

func TestLinesReadBack(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "0", "17", "1023", "0 active-low", "27 active-low"} {
		var l Line
		if err := l.UnmarshalText([]byte(text)); err != nil || l.String() != text {
			t.Errorf("%q: got %q, %v", text, l, err)
		}
	}
	if (Line{}) != line("") || !line("").none() || line("0").none() {
		t.Error("the zero line is not no line, or line 0 is none")
	}
	for _, text := range []string{"1024", "-1", "+1", "01", " 1", "1 ", "1 low", "1 active-low ", "active-low", "red", "1.0", "99999999999999999999"} {
		l := line("7")
		if err := l.UnmarshalText([]byte(text)); err == nil || l != line("7") {
			t.Errorf("%q: got %q, %v, want an error", text, l, err)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	for _, s := range []string{"", "0", "1023", "1024", "17 active-low", "17 active-low ", "-1", "０"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLine(s)
		if err != nil && l != (Line{}) {
			t.Errorf("%q: %v beside an error", s, l)
		}
		if err == nil && (l.String() != s || l.number > MaxLine+1) {
			t.Errorf("%q reads back as %q", s, l)
		}
	})
}
