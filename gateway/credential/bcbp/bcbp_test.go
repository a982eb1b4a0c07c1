package bcbp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"passerelle/gateway/credential/bcbp"
)

// Pieces of passes, each of its width.
const (
	person   = "IDRISSI/FATIMAMRS   E"
	legOne   = "QWE123 CMNCDGAT 0780 045Y012A0025 1"
	legTwo   = "RTY456 CDGJFKAF 0006A046J003K0131B1"
	once     = "1WM6044BAT 0147123456001" // 24 characters
	repeated = "14712345678900 AT AF 1234567890123456N20KY"
)

// sized returns s behind its size in hexadecimal digits.
func sized(s string) string { return fmt.Sprintf("%02X%s", len(s), s) }

// part is the conditional part of a first leg.
func part() string { return ">6" + sized(once) + sized(repeated) }

// two is a whole pass of two legs with a security item.
func two() string {
	return "M2" + person + legOne + sized(part()+"OWN 1") + legTwo + sized(sized(repeated)) + "^1" + sized("SIGNATURE")
}

// one is a whole pass of one leg with this conditional part.
func one(part string) string { return "M1" + person + legOne + sized(part) }

func parse(t *testing.T, code string) *bcbp.Pass {
	t.Helper()
	p := new(bcbp.Pass)
	if err := p.Parse([]byte(code)); err != nil {
		t.Fatalf("%q: %v", code, err)
	}
	return p
}

func TestAPassIsReadWhole(t *testing.T) {
	t.Parallel()
	got := parse(t, two())
	want := &bcbp.Pass{
		NameField: []byte("IDRISSI/FATIMAMRS   "), ETicket: 'E', Version: '6', Description: '1', CheckIn: 'W', Issuance: 'M',
		Issued: []byte("6044"), DocumentType: 'B', Issuer: []byte("AT"), Baggage: [3][]byte{[]byte("0147123456001")},
		Security: bcbp.Security{State: bcbp.HasSecurity, Type: '1', Data: []byte("SIGNATURE")},
		Signed:   []byte(two()[:strings.IndexByte(two(), '^')]),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(bcbp.Pass{})); diff != "" {
		t.Errorf("pass, -want +got:\n%s", diff)
	}
	conditional := bcbp.Leg{
		Numeric: []byte("147"), Serial: []byte("1234567890"), Selectee: '0', Verification: ' ', Marketing: []byte("AT"),
		FlyerAirline: []byte("AF"), FlyerNumber: []byte("1234567890123456"), IDAD: 'N', Allowance: []byte("20K"), FastTrack: 'Y',
	}
	first, second := conditional, conditional
	first.PNR, first.From, first.To, first.Carrier = []byte("QWE123"), []byte("CMN"), []byte("CDG"), []byte("AT")
	first.Flight, first.Date, first.Compartment, first.Seat = []byte("0780"), []byte("045"), 'Y', []byte("012A")
	first.Sequence, first.Status, first.OwnUse = []byte("0025"), '1', []byte("OWN 1")
	second.PNR, second.From, second.To, second.Carrier = []byte("RTY456"), []byte("CDG"), []byte("JFK"), []byte("AF")
	second.Flight, second.Date, second.Compartment, second.Seat = []byte("0006A"), []byte("046"), 'J', []byte("003K")
	second.Sequence, second.Status = []byte("0131B"), '1'
	if diff := cmp.Diff([]bcbp.Leg{first, second}, got.Legs()); diff != "" {
		t.Errorf("legs, -want +got:\n%s", diff)
	}
	if !got.Electronic() {
		t.Error("no electronic ticket")
	}
}

func TestEveryVersionIsRead(t *testing.T) {
	t.Parallel()
	for _, version := range "12345678" {
		p := parse(t, one(fmt.Sprintf(">%c%s%s", version, sized(once), sized(repeated))))
		if p.Version != byte(version) || p.Deviations != 0 || string(p.Legs()[0].Serial) != "1234567890" {
			t.Errorf("version %c: read %c, deviations %b, document %s", version, p.Version, p.Deviations, p.Legs()[0].Serial)
		}
	}
	for _, version := range "09A" {
		if p := parse(t, one(fmt.Sprintf(">%c%s%s", version, sized(once), sized(repeated)))); p.Deviations != bcbp.UnknownVersion {
			t.Errorf("version %c: deviations %b, want %b", version, p.Deviations, bcbp.UnknownVersion)
		}
	}
	if p := parse(t, "M1"+person+legOne+"00"); p.Version != 0 || p.Deviations != 0 {
		t.Errorf("no version: read %d, deviations %b", p.Version, p.Deviations)
	}
}

// Each row is a pass that strays; show gives what is left of it.
func TestWhatIsToleratedIsTold(t *testing.T) {
	t.Parallel()
	whole := one(part())
	for _, tt := range []struct {
		name       string
		code       string
		deviations bcbp.Deviation
		show       func(p *bcbp.Pass) string
		want       string
	}{
		{"nothing", whole, 0, own, ""},
		{"no e-ticket flag", strings.Replace(whole, "RS   E", "RS    ", 1), 0, func(p *bcbp.Pass) string { return fmt.Sprint(p.Electronic()) }, "false"},
		{"lower case", strings.Replace(whole, "IDRISSI/FATIMAMRS", "Idrissi/Fatimamrs", 1), 0, name, "Idrissi/Fatimamrs   "},
		{"hex in lower case", strings.Replace(whole, sized(repeated), "2a"+repeated, 1), 0, serial, "1234567890"},
		{"sizes of zero", one(">60000"), 0, own, ""},
		{"no size for repeated items", one(">600"), 0, own, ""},
		{"nothing but a version", one(">6"), 0, own, ""},
		{"the carrier's own behind it", one(part() + "*30600000K09 "), 0, own, "*30600000K09 "},
		{"items of a later version", one(">8" + sized(once+strings.Repeat("8", 26)+"LATER") + sized(repeated+"NEW") + "OWN"), 0, own, "OWN"},
		{"the carrier's own alone", one("K1A2B3C4D5"), bcbp.NoVersion, own, "K1A2B3C4D5"},
		{"the same with a star", one("*306"), bcbp.NoVersion, own, "*306"},
		{"ends after the date", whole[:47], bcbp.CutMandatory, sequence, ""},
		{"ends after the class", whole[:48], bcbp.CutMandatory, sequence, ""},
		{"ends in the sequence number", whole[:55], bcbp.CutMandatory, sequence, ""},
		{"ends before its letter", whole[:56], bcbp.CutMandatory, sequence, "0025"},
		{"ends before the size", whole[:58], bcbp.CutMandatory, sequence, "0025"},
		{"ends in the size", whole[:59], bcbp.CutMandatory, sequence, "0025"},
		{"ends after the size", whole[:60], bcbp.CutConditional, serial, ""},
		{"ends in the repeated items", whole[:len(whole)-42+14], bcbp.CutConditional, serial, "1234567890"},
		{"ends in an item", whole[:len(whole)-42+12], bcbp.CutConditional | bcbp.PartialItem, serial, ""},
		{"blanks cut off at the end", strings.TrimRight(one(part()+"OWN  "), " "), bcbp.CutConditional, own, "OWN"},
		{"ends in the second leg", two()[:strings.Index(two(), "RTY")+24], bcbp.CutMandatory, second, "AF 0006A 046"},
		{"size zero", "M1" + person + legOne + "00" + part() + "OWN", bcbp.WrongSize, own, "OWN"},
		{"size too small", "M1" + person + legOne + "05" + part() + "OWN", bcbp.WrongSize, own, "OWN"},
		{"size zero and signed", "M1" + person + legOne + "00" + part() + "OWN^101X", bcbp.WrongSize, own, "OWN"},
		{"size zero and cut off", "M1" + person + legOne + "00>5002A147", bcbp.WrongSize | bcbp.CutConditional, serial, ""},
		{"a size that ends inside an item", one(">6" + sized(once[:20]) + sized(repeated)), bcbp.PartialItem, serial, "1234567890"},
		{"frequent flyer's airline of two characters", one(">600" + sized("14712345678900 AT AF9876543210123456N20KY")), bcbp.ShortDesignator, flyer, "AF 9876543210123456 Y"},
		{"a separator between items", strings.Replace(whole, "N20KY", "\x1dN20KY", 1), bcbp.Separator, flyer, "AF 1234567890123456 Y"},
		{"a separator between legs", strings.Replace(two(), "RTY", "\x1dRTY", 1), bcbp.Separator, second, "AF 0006A 046"},
		{"a separator and a flag between legs", strings.Replace(two(), "RTY", "\x1dERTY", 1), bcbp.Separator, second, "AF 0006A 046"},
		{"a reference that begins like the flag", strings.Replace(two(), "RTY456", "\x1dERTY45", 1), bcbp.Separator, second, "AF 0006A 046"},
		{"a separator in the carrier's own", one(part() + "A")[:len(one(part()))] + "A\x1d"[1:] + "A", bcbp.Separator, own, "\x1dA"},
		{"date with blanks", strings.Replace(whole, "045Y", " 45Y", 1), 0, date, "45"},
		{"date with blanks behind", strings.Replace(whole, "045Y", "45 Y", 1), 0, date, "45"},
		{"no date", strings.Replace(whole, "045Y", "   Y", 1), 0, date, ""},
		{"a carrier with its blank in front", strings.Replace(whole, "CDGAT ", "CDG AT", 1), 0, func(p *bcbp.Pass) string { return string(p.Legs()[0].Carrier) }, "AT"},
		{"a first leg that is blank", "M2" + person + strings.Repeat(" ", 35) + sized(">60000") + legOne + "00", 0, second, "AT 0780 045"},
	} {
		p := parse(t, tt.code)
		if got := tt.show(p); got != tt.want || p.Deviations != tt.deviations {
			t.Errorf("%s: %q, deviations %b, want %q, %b", tt.name, got, p.Deviations, tt.want, tt.deviations)
		}
	}
}

func own(p *bcbp.Pass) string      { return string(p.Legs()[0].OwnUse) }
func name(p *bcbp.Pass) string     { return string(p.NameField) }
func serial(p *bcbp.Pass) string   { return string(p.Legs()[0].Serial) }
func sequence(p *bcbp.Pass) string { return string(p.Legs()[0].Sequence) }
func date(p *bcbp.Pass) string     { return string(p.Legs()[0].Date) }
func flyer(p *bcbp.Pass) string {
	l := p.Legs()[0]
	return fmt.Sprintf("%s %s %c", l.FlyerAirline, l.FlyerNumber, l.FastTrack)
}

func second(p *bcbp.Pass) string {
	l := p.Legs()[1]
	return fmt.Sprintf("%s %s %s", l.Carrier, l.Flight, l.Date)
}

func TestWhatIsNoPassIsRefused(t *testing.T) {
	t.Parallel()
	whole, signed := one(part()), one(part())+"^101X"
	for _, tt := range []struct {
		name string
		code string
		want error
	}{
		{"nothing", "", bcbp.ErrMalformed},
		{"another format", "S" + whole[1:], bcbp.ErrMalformed},
		{"a small m", "m" + whole[1:], bcbp.ErrMalformed},
		{"no leg", "M0" + whole[2:], bcbp.ErrMalformed},
		{"a letter for the legs", "MX" + whole[2:], bcbp.ErrMalformed},
		{"five legs", "M5" + whole[2:], bcbp.ErrLegs},
		{"nine legs", "M9" + whole[2:], bcbp.ErrLegs},
		{"a second leg that is not there", "M2" + whole[2:], bcbp.ErrMalformed},
		{"a second leg that ends before its date", two()[:strings.Index(two(), "RTY")+23], bcbp.ErrMalformed},
		{"ends before the date", whole[:46], bcbp.ErrMalformed},
		{"only a name", "M1" + person, bcbp.ErrMalformed},
		{"a line feed behind", whole + "\n", bcbp.ErrCharacter},
		{"a tab", strings.Replace(whole, "IDRISSI/", "IDRISSI\t", 1), bcbp.ErrCharacter},
		{"delete", strings.Replace(whole, "IDRISSI/", "IDRISSI\x7f", 1), bcbp.ErrCharacter},
		{"a name in UTF-8", strings.Replace(whole, "MAMRS ", "MAé", 1), bcbp.ErrCharacter},
		{"a name in Latin-1", strings.Replace(whole, "IDRISSI", "IDRISS\xef", 1), bcbp.ErrCharacter},
		{"a separator in the name", strings.Replace(whole, "IDRISSI", "IDRISS\x1d", 1), bcbp.ErrMalformed},
		{"a separator in a mandatory item", strings.Replace(whole, "0780", "07\x1d0", 1), bcbp.ErrMalformed},
		{"a separator in a conditional item", strings.Replace(whole, "14712345", "14712\x1d345", 1), bcbp.ErrMalformed},
		{"an airport in small letters", strings.Replace(whole, "CMN", "cmn", 1), bcbp.ErrMalformed},
		{"an airport with a digit", strings.Replace(whole, "CMN", "CM1", 1), bcbp.ErrMalformed},
		{"an airport of two letters", strings.Replace(whole, "CMN", "CM ", 1), bcbp.ErrMalformed},
		{"a carrier of one letter", strings.Replace(whole, "AT 0780", "A  0780", 1), bcbp.ErrMalformed},
		{"a carrier with a sign", strings.Replace(whole, "AT 0780", "A- 0780", 1), bcbp.ErrMalformed},
		{"day 367", strings.Replace(whole, "045Y", "367Y", 1), bcbp.ErrMalformed},
		{"a day of letters", strings.Replace(whole, "045Y", "ZZZY", 1), bcbp.ErrMalformed},
		{"a day with a hole", strings.Replace(whole, "045Y", "0 5Y", 1), bcbp.ErrMalformed},
		{"a size that is none", strings.Replace(whole, sized(part()), "4G"+part(), 1), bcbp.ErrMalformed},
		{"a damaged start of the version", strings.Replace(whole, ">6", "+6", 1), bcbp.ErrMalformed},
		{"a start of another keyboard", strings.Replace(whole, ">6", ":6", 1), bcbp.ErrMalformed},
		{"a section larger than its part", one(">6FF" + once), bcbp.ErrMalformed},
		{"a repeated section larger than its part", one(">600FF" + repeated), bcbp.ErrMalformed},
		{"half a size", one(">6002"), bcbp.ErrMalformed},
		{"a section without a size", one(">600XX"), bcbp.ErrMalformed},
		{"no version behind its sign", one(">"), bcbp.ErrMalformed},
		{"something behind a leg without a part", "M1" + person + legOne + "00+100", bcbp.ErrMalformed},
		{"something behind the last of two legs", strings.Replace(two(), "^", "+^", 1), bcbp.ErrMalformed},
		{"a first part that reaches into the second leg", strings.Replace(two(), sized(part()+"OWN 1"), "FF"+part()+"OWN 1", 1), bcbp.ErrMalformed},
		{"an old start of a security item", whole + ">101X", bcbp.ErrMalformed},
		{"no type", whole + "^", bcbp.ErrSecurity},
		{"no size", whole + "^1", bcbp.ErrSecurity},
		{"half a size of the signature", whole + "^10", bcbp.ErrSecurity},
		{"a size that is no number", whole + "^1YY", bcbp.ErrSecurity},
		{"a signature that is too short", whole + "^101", bcbp.ErrSecurity},
		{"a signature that is too long", signed + "Y", bcbp.ErrSecurity},
		{"a line feed behind the signature", signed + "\n", bcbp.ErrCharacter},
		{"a separator behind the signature", signed + "\x1d", bcbp.ErrSecurity},
		{"two security items", signed + "^101X", bcbp.ErrSecurity},
		{"signed and cut off", signed[:len(signed)-7] + "^101X", bcbp.ErrMalformed},
		{"signed and cut off in the leg", whole[:58] + "^101X", bcbp.ErrMalformed},
		{"signed, with a size that would take the signature in", "M1" + person + legOne + "FF" + part() + "^101X", bcbp.ErrMalformed},
		{"a caret in the name", strings.Replace(signed, "IDRISSI", "IDRISS^", 1), bcbp.ErrSecurity},
		{"a caret in the carrier's own", one(part() + "A^B"), bcbp.ErrSecurity},
	} {
		var p bcbp.Pass
		if err := p.Parse([]byte(tt.code)); !errors.Is(err, tt.want) || !errors.Is(err, bcbp.ErrMalformed) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestTheLongestPassIsReadAndALongerOneIsNot(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("X", 255)
	code := "M4" + person + legOne + sized((part() + full)[:255])
	for range 3 {
		code += legTwo + sized((sized(repeated) + full)[:255])
	}
	code += "^1" + sized(full)
	if p := parse(t, code); len(code) != bcbp.MaxLength || len(p.Legs()) != bcbp.MaxLegs || len(p.Security.Data) != 255 || p.Deviations != 0 {
		t.Errorf("%d bytes of at most %d, %d legs, deviations %b", len(code), bcbp.MaxLength, len(p.Legs()), p.Deviations)
	}
	var p bcbp.Pass
	if err := p.Parse([]byte(code + "X")); err != bcbp.ErrTooLong {
		t.Errorf("a byte more: %v", err)
	}
	if p := parse(t, one("")[:bcbp.MinLength]); p.Deviations != bcbp.CutMandatory {
		t.Errorf("the shortest: deviations %b", p.Deviations)
	}
}

// A pass that lost its end must not read as a whole one, and never as one that is signed.
func TestEveryCutIsRefusedOrTold(t *testing.T) {
	t.Parallel()
	for _, code := range []string{two(), one(part()) + "^101X", one(part() + "OWN")} {
		bare := strings.IndexByte(code+"^", '^') // here it ends like a pass without a security item
		for n := range code {
			var p bcbp.Pass
			err := p.Parse([]byte(code[:n]))
			if err == nil && (p.Deviations == 0 && n != bare || p.Security.State != bcbp.NoSecurity) {
				t.Errorf("%d of %d bytes: deviations %b, security %d", n, len(code), p.Deviations, p.Security.State)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, code := range []string{
		two(), one(""), one(part()), one("K1A2B3C4D5"), one("")[:47], one(part()) + "^100", strings.Replace(two(), "RTY", "\x1dERTY", 1),
		"M1" + person + legOne + "00" + part(), "M1" + person + legOne + "3D>10B0MM9167BLA 29 1045LA 99999999",
		one(">600" + sized("14712345678900 AT AF9876543210123456N20KY")), one(part())[:80],
	} {
		f.Add([]byte(code))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again bcbp.Pass
		before := string(b)
		err := p.Parse(b)
		if string(b) != before {
			t.Fatal("the code was changed")
		}
		if err != nil {
			if !errors.Is(err, bcbp.ErrMalformed) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if n := len(p.Legs()); n < 1 || n > bcbp.MaxLegs || len(p.NameField) != 20 {
			t.Fatalf("%d legs, name %q", n, p.NameField)
		}
		i := strings.IndexByte(before, '^')
		if (i >= 0) != (p.Security.State != bcbp.NoSecurity) || i >= 0 && string(p.Signed) != before[:i] || i < 0 && p.Signed != nil {
			t.Fatalf("security %d, signed %q", p.Security.State, p.Signed)
		}
		var scratch []byte
		for i := range p.Legs() {
			l := &p.Legs()[i]
			use := bcbp.AppendUse(nil, l, 0)
			if (l.Missing() == 0) != (len(use) == 21) {
				t.Fatalf("leg %d lacks %b, use %x", i, l.Missing(), use)
			}
			scratch = bcbp.AppendPassenger(scratch, l, 0)
			_ = l.SeatNumber()
		}
		p.Name()
		p.Issue(0)
		if signature, err := p.Security.AppendSignature(nil, 32); (err == nil) != (len(signature) == 64) {
			t.Fatalf("signature %x, %v", signature, err)
		}
		// A pass that does not stray has no room for a character more.
		if p.Deviations == 0 && again.Parse([]byte(before+"x")) == nil && again.Deviations == 0 {
			t.Fatal("a character more makes no difference")
		}
	})
}
