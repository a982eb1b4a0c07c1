package lamp

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxLine is the highest line number that is taken. The largest chips of Linux have some hundred lines.
const MaxLine = 1023

// activeLow stands behind the number of a line whose low level means "on".
const activeLow = "active-low"

// Line is one line of a GPIO chip: its number there, and which level means "on". The zero value is no line at all.
type Line struct {
	number int // counted from 1, so that 0 is none
	low    bool
}

// ParseLine reads "17" or "17 active-low"; an empty text is no line.
func ParseLine(text string) (Line, error) {
	if text == "" {
		return Line{}, nil
	}
	digits, level, found := strings.Cut(text, " ")
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n > MaxLine || found && level != activeLow || strconv.FormatUint(n, 10) != digits {
		return Line{}, fmt.Errorf("line %q: want a number from 0 to %d, with %q behind it where low means on", text, MaxLine, activeLow)
	}
	return Line{number: int(n) + 1, low: found}, nil
}

// UnmarshalText reads what ParseLine does.
func (l *Line) UnmarshalText(text []byte) error {
	line, err := ParseLine(string(text))
	if err != nil {
		return err
	}
	*l = line
	return nil
}

// String is what ParseLine reads.
func (l Line) String() string {
	switch {
	case l.none():
		return ""
	case l.low:
		return strconv.Itoa(l.number-1) + " " + activeLow
	}
	return strconv.Itoa(l.number - 1)
}

func (l Line) none() bool { return l.number == 0 }

// offset is the line's number on its chip, counted from 0.
func (l Line) offset() uint32 { return uint32(l.number - 1) }
