package bcbp_test

import (
	"bytes"
	"fmt"
	"testing"

	"passerelle/gateway/credential/bcbp"
)

func TestNumbersAreReadInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"0834 ", "834 true"},
		{"0834A", "834A true"},
		{"834a ", "834A true"},
		{"61   ", "61 true"},
		{" 123 ", "123 true"},
		{"    1", "1 true"},
		{"9999Z", "9999Z true"},
		{"0000 ", "0 false"},
		{"0000A", "0 false"},
		{"     ", "0 false"},
		{"", "0 false"},
		{"12345", "0 false"},
		{"OPEN ", "0 false"},
		{"A123 ", "0 false"},
		{"12AB ", "0 false"},
		{"12 A ", "0 false"},
		{"12-  ", "0 false"},
	} {
		show := func(n int, suffix byte, ok bool) string {
			if suffix == 0 {
				return fmt.Sprint(n, " ", ok)
			}
			return fmt.Sprintf("%d%c %v", n, suffix, ok)
		}
		l := bcbp.Leg{Flight: []byte(tt.text), Sequence: []byte(tt.text)}
		if got := show(l.FlightNumber()); got != tt.want {
			t.Errorf("flight %q: %s, want %s", tt.text, got, tt.want)
		}
		if got := show(l.SequenceNumber()); got != tt.want {
			t.Errorf("sequence %q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestDaysAndSeatsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"001": 1, "1": 1, "45": 45, "366": 366, "367": 0, "000": 0, "": 0, "0045": 0, "4A": 0} {
		l := bcbp.Leg{Date: []byte(text)}
		if n, ok := l.Day(); n != want && ok || ok != (want != 0) {
			t.Errorf("day %q: %d, %v, want %d", text, n, ok, want)
		}
	}
	for text, want := range map[string]string{"001A": "1A", "28C": "28C", "0000": "", "": "", "INF": "INF", "110K": "110K"} {
		l := bcbp.Leg{Seat: []byte(text)}
		if got := l.SeatNumber(); string(got) != want {
			t.Errorf("seat %q: %q, want %q", text, got, want)
		}
	}
}

// leg is a leg of a passenger list.
func leg(edit func(l *bcbp.Leg)) *bcbp.Leg {
	l := &bcbp.Leg{PNR: []byte("QWE123"), From: []byte("CMN"), To: []byte("CDG"), Carrier: []byte("AT"), Flight: []byte("780"), Date: []byte("45"), Sequence: []byte("25")}
	if edit != nil {
		edit(l)
	}
	return l
}

func TestWhatALegLacksIsTold(t *testing.T) {
	t.Parallel()
	if m := leg(nil).Missing(); m != 0 {
		t.Errorf("a whole leg lacks %b", m)
	}
	for _, tt := range []struct {
		name string
		edit func(l *bcbp.Leg)
		want bcbp.Missing
	}{
		{"everything", func(l *bcbp.Leg) { *l = bcbp.Leg{} }, bcbp.MissingCarrier | bcbp.MissingFlight | bcbp.MissingDate | bcbp.MissingOrigin | bcbp.MissingSequence},
		{"no carrier", func(l *bcbp.Leg) { l.Carrier = nil }, bcbp.MissingCarrier},
		{"a carrier of four letters", func(l *bcbp.Leg) { l.Carrier = []byte("ATAT") }, bcbp.MissingCarrier},
		{"a carrier in small letters", func(l *bcbp.Leg) { l.Carrier = []byte("at") }, bcbp.MissingCarrier},
		{"flight 0", func(l *bcbp.Leg) { l.Flight = []byte("0000") }, bcbp.MissingFlight},
		{"an open flight", func(l *bcbp.Leg) { l.Flight = []byte("OPEN") }, bcbp.MissingFlight},
		{"day 0", func(l *bcbp.Leg) { l.Date = []byte("000") }, bcbp.MissingDate},
		{"no origin", func(l *bcbp.Leg) { l.From = nil }, bcbp.MissingOrigin},
		{"an origin of two letters", func(l *bcbp.Leg) { l.From = []byte("CM") }, bcbp.MissingOrigin},
		{"sequence number 0", func(l *bcbp.Leg) { l.Sequence = []byte("0000") }, bcbp.MissingSequence},
		{"no reference", func(l *bcbp.Leg) { l.PNR = nil }, 0},
	} {
		l := leg(tt.edit)
		if got := l.Missing(); got != tt.want {
			t.Errorf("%s: %b, want %b", tt.name, got, tt.want)
		}
		if use := bcbp.AppendUse([]byte("x"), l, 0); (string(use) == "x") != (tt.want != 0) {
			t.Errorf("%s: identity %x", tt.name, use)
		}
		if key := bcbp.AppendPassenger([]byte("x"), l, 0); string(key) != "x" {
			t.Errorf("%s: key %x", tt.name, key)
		}
	}
}

func TestOneBoardingHasOneIdentity(t *testing.T) {
	t.Parallel()
	const day = 1_771_027_200
	use, passenger := bcbp.AppendUse(nil, leg(nil), day), bcbp.AppendPassenger(nil, leg(nil), day)
	if len(use) != 21 || bytes.HasPrefix(passenger, use) || bytes.Equal(use, passenger) {
		t.Fatalf("use %x, passenger %x", use, passenger)
	}
	read := parse(t, one("")).Legs()
	for name, l := range map[string]*bcbp.Leg{
		"of a pass":      &read[0],
		"with zeros":     leg(func(l *bcbp.Leg) { l.Flight, l.Sequence = []byte("0780 "), []byte("0025 ") }),
		"with blanks":    leg(func(l *bcbp.Leg) { l.Flight, l.Sequence, l.Carrier = []byte(" 780"), []byte("  25"), []byte(" AT") }),
		"small letters":  leg(func(l *bcbp.Leg) { l.PNR = []byte("qwe123 ") }),
		"another seat":   leg(func(l *bcbp.Leg) { l.Seat = []byte("1A") }),
		"without its to": leg(func(l *bcbp.Leg) { l.To = nil }),
	} {
		if got := bcbp.AppendUse(nil, l, day); !bytes.Equal(got, use) {
			t.Errorf("%s: use %x, want %x", name, got, use)
		}
		if got := bcbp.AppendPassenger(nil, l, day); !bytes.Equal(got, passenger) {
			t.Errorf("%s: passenger %x, want %x", name, got, passenger)
		}
	}
	seen := map[string]string{string(use): "itself"}
	for name, l := range map[string]*bcbp.Leg{
		"another carrier":    leg(func(l *bcbp.Leg) { l.Carrier = []byte("AF") }),
		"a longer carrier":   leg(func(l *bcbp.Leg) { l.Carrier = []byte("ATA") }),
		"another flight":     leg(func(l *bcbp.Leg) { l.Flight = []byte("781") }),
		"a flight's letter":  leg(func(l *bcbp.Leg) { l.Flight = []byte("780A") }),
		"another letter":     leg(func(l *bcbp.Leg) { l.Flight = []byte("780B") }),
		"another origin":     leg(func(l *bcbp.Leg) { l.From = []byte("RAK") }),
		"another sequence":   leg(func(l *bcbp.Leg) { l.Sequence = []byte("26") }),
		"a sequence letter":  leg(func(l *bcbp.Leg) { l.Sequence = []byte("25A") }),
		"a shifted sequence": leg(func(l *bcbp.Leg) { l.Flight, l.Sequence = []byte("78"), []byte("025") }),
	} {
		key := string(bcbp.AppendUse(nil, l, day))
		if other, found := seen[key]; found {
			t.Errorf("%s is %s", name, other)
		}
		seen[key] = name
	}
	if bytes.Equal(bcbp.AppendUse(nil, leg(nil), day+86400), use) {
		t.Error("the next day is the same use")
	}
	if other := leg(func(l *bcbp.Leg) { l.PNR = []byte("QWE12") }); bytes.Equal(bcbp.AppendPassenger(nil, other, day), passenger) {
		t.Error("another reference is the same passenger")
	}
}
