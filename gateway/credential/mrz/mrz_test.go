package mrz_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/credential/mrz"
)

func TestEachFormatIsReadWhole(t *testing.T) {
	t.Parallel()
	all := mrz.Checks{Number: mrz.Right, Birth: mrz.Right, Expiry: mrz.Right, Composite: mrz.Right, Characters: mrz.Right}
	passportChecks, visaChecks := all, all
	passportChecks.Optional, visaChecks.Composite = mrz.Right, mrz.None
	for _, tt := range []struct {
		name string
		text string
		want mrz.Zone
	}{
		{ // parts 4 to 7: the specimen of Utopia
			"TD3", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
			mrz.Zone{
				Format: mrz.TD3, Type: []byte("P"), Issuer: []byte("UTO"), Nationality: []byte("UTO"), Sex: 'F', Number: []byte("L898902C3"),
				Birth: []byte("740812"), Expiry: []byte("120415"), Optional1: []byte("ZE184226B"),
				Primary: []byte("ERIKSSON"), Secondary: []byte("ANNA<MARIA"), Checks: passportChecks,
			},
		},
		{
			"TD2", "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
			mrz.Zone{
				Format: mrz.TD2, Type: []byte("I"), Issuer: []byte("UTO"), Nationality: []byte("UTO"), Sex: 'F', Number: []byte("D23145890"),
				Birth: []byte("740812"), Expiry: []byte("120415"), Optional1: []byte{},
				Primary: []byte("ERIKSSON"), Secondary: []byte("ANNA<MARIA"), Checks: all,
			},
		},
		{
			"TD1 with a long number", "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
			mrz.Zone{
				Format: mrz.TD1, Type: []byte("I"), Issuer: []byte("UTO"), Nationality: []byte("UTO"), Sex: 'M', Number: []byte("D23145890"), Rest: []byte("734"),
				Birth: []byte("340712"), Expiry: []byte("950712"), Optional1: []byte{}, Optional2: []byte{},
				Primary: []byte("STEVENSON"), Secondary: []byte("PETER<JOHN"), Checks: all,
			},
		},
		{
			"MRV-A", "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<",
			mrz.Zone{
				Format: mrz.MRVA, Type: []byte("V"), Issuer: []byte("UTO"), Nationality: []byte("XXX"), Sex: 'F', Number: []byte("L8988901C"),
				Birth: []byte("400907"), Expiry: []byte("961210"), Optional1: []byte("6ZE184226B"),
				Primary: []byte("ERIKSSON"), Secondary: []byte("ANNA<MARIA"), Checks: visaChecks,
			},
		},
		{
			"MRV-B, a name with one part that fills its field", "V<UTOABCDEFGHIJKLMNOPQRSTUVWXYZABCDE\nL8988901C4XXX4009078<9612109<<<<<<<<",
			mrz.Zone{
				Format: mrz.MRVB, Type: []byte("V"), Issuer: []byte("UTO"), Nationality: []byte("XXX"), Sex: '<', Number: []byte("L8988901C"),
				Birth: []byte("400907"), Expiry: []byte("961210"), Optional1: []byte{},
				Primary: []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE"), NameTruncated: true, Checks: visaChecks,
			},
		},
	} {
		var got mrz.Zone
		if err := got.Parse([]byte(tt.text)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || !got.Valid() {
			t.Errorf("%s: valid %v, -want +got:\n%s", tt.name, got.Valid(), diff)
		}
	}
}

func TestAMoroccanCardHasItsHoldersNumberInTheOptionalData(t *testing.T) {
	t.Parallel()
	var z mrz.Zone
	if err := z.Parse(card().joined()); err != nil || !z.Valid() {
		t.Fatalf("%v, %+v", err, z.Checks)
	}
	if got := string(z.AppendNumber(nil)); got != "VSX00001" {
		t.Errorf("document number %q", got)
	}
	if got := string(z.AppendPersonal([]byte("CNIE "))); got != "CNIE XX123456" {
		t.Errorf("personal number %q", got)
	}
}

func TestLongNumbersGoOnInTheOptionalData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, number, optional, rest, wantOptional string
		format                                     mrz.Format
		want                                       mrz.Check
	}{
		{"ten characters", "D231458901", "", "1", "", mrz.TD1, mrz.Right},
		{"with optional data behind it", "D231458901", "X7", "1", "X7", mrz.TD1, mrz.Right},
		{"the longest of a TD1", "D23145890ABCDEFGHIJKLM", "", "ABCDEFGHIJKLM", "", mrz.TD1, mrz.Right},
		{"one more: no filler behind the digit", "D23145890ABCDEFGHIJKLMN", "", "", "ABCDEFGHIJKLMN", mrz.TD1, mrz.Wrong},
		{"the longest of a TD2", "D23145890ABCDE", "", "ABCDE", "", mrz.TD2, mrz.Right},
		{"one more of a TD2", "D23145890ABCDEF", "", "", "ABCDEF", mrz.TD2, mrz.Wrong},
		{"none of a TD3", "D23145890AB", "", "", "AB", mrz.TD3, mrz.Wrong},
	} {
		d := card()
		if tt.format == mrz.TD3 {
			d = passport()
		}
		d.format, d.number, d.optional1 = tt.format, tt.number, tt.optional
		var z mrz.Zone
		if err := z.Parse(d.joined()); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		full := tt.number
		if tt.want == mrz.Wrong {
			full = tt.number[:9]
		}
		if z.Checks.Number != tt.want || string(z.Rest) != tt.rest || !strings.HasPrefix(string(z.Optional1), tt.wantOptional) ||
			string(z.AppendNumber(nil)) != full || len(full) > mrz.MaxNumber {
			t.Errorf("%s: number %v, rest %q, optional %q, whole %q", tt.name, z.Checks.Number, z.Rest, z.Optional1, z.AppendNumber(nil))
		}
	}
	short := card()
	short.lone = true
	var z mrz.Zone
	if err := z.Parse(short.joined()); err != nil || z.Checks.Number != mrz.Wrong || z.Valid() {
		t.Errorf("a short number without its digit: %v, %v", err, z.Checks.Number)
	}
}

func TestEachFramingIsTakenOff(t *testing.T) {
	t.Parallel()
	for _, d := range all() {
		lines := d.lines()
		var want mrz.Zone
		if err := want.Parse(d.joined()); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"LF":                         strings.Join(lines, "\n"),
			"CR":                         strings.Join(lines, "\r") + "\r",
			"CRLF":                       strings.Join(lines, "\r\n") + "\r\n",
			"empty lines":                "\r\n\r\n" + strings.Join(lines, "\r\r\n"),
			"STX and ETX":                "\x02" + strings.Join(lines, "\r") + "\r\x03",
			"STX and ETX in delimiters":  "Z\x02" + strings.Join(lines, "\r") + "\r\x03Z",
			"STX and ETX, joined":        "\x02" + strings.Join(lines, "") + "\x03",
			"SOH":                        "\x01\x5fOU\x02A" + strings.Join(lines, "\r") + "\r\x03\x41",
			"SOH, the check byte is ETX": "\x01\x5fOU\x02A" + strings.Join(lines, "\r") + "\r\x03\x03",
			"SOH, an empty upper line":   "\x01\x5fOU\x02A\r" + strings.Join(lines, "\r") + "\r\x03\x41",
			"AIM identifiers":            "]o1" + strings.Join(lines, "\r]o1"),
			"blanks around":              " \t" + strings.Join(lines, "\r") + " \r\n ",
			"blanks inside STX and ETX":  " \x02 " + strings.Join(lines, "\r") + "\r \x03 ",
		} {
			if !mrz.Shaped([]byte(text)) {
				t.Errorf("%v, %s: not seen as a zone", d.format, name)
			}
			var got mrz.Zone
			if err := got.Parse([]byte(text)); err != nil {
				t.Errorf("%v, %s: %v", d.format, name, err)
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v, %s: -want +got:\n%s", d.format, name, diff)
			}
		}
	}
}

func TestWhatHasNoShapeIsMalformed(t *testing.T) {
	t.Parallel()
	td1, td3 := card().lines(), passport().lines()
	nameless := card()
	nameless.names = ""
	longest := "\x01\x5fOUOUO\x02" + strings.Join(td1, "\r\n\r\n") + "\x03" // and line ends up to the limit
	longest = strings.Replace(longest, "\x03", strings.Repeat("\r", mrz.MaxBytes-len(longest))+"\x03", 1)
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", mrz.ErrMalformed},
		{"line ends alone", "\r\n\r\n", mrz.ErrMalformed},
		{"one line of a passport", td3[0], mrz.ErrMalformed},
		{"two lines of a card", td1[0] + "\n" + td1[1], mrz.ErrMalformed},
		{"four lines", strings.Join(td1, "\n") + "\n" + td1[0], mrz.ErrMalformed},
		{"three lines of a passport", td3[0] + "\n" + td3[1] + "\n" + td3[1], mrz.ErrMalformed},
		{"lines of two widths", td3[0] + "\n" + td1[1], mrz.ErrMalformed},
		{"a character too few", strings.Join(td1, "")[1:], mrz.ErrMalformed},
		{"a character too many", strings.Join(td1, "") + "<", mrz.ErrMalformed},
		{"lower case", strings.ToLower(strings.Join(td1, "\n")), mrz.ErrMalformed},
		{"one letter in lower case", strings.Replace(strings.Join(td1, "\n"), "F", "f", 1), mrz.ErrMalformed},
		{"a space", strings.Replace(strings.Join(td1, "\n"), "<", " ", 1), mrz.ErrMalformed},
		{"a byte that is no ASCII", strings.Replace(strings.Join(td1, "\n"), "<", "\xab", 1), mrz.ErrMalformed},
		{"a code that no document has", "B" + strings.Join(td1, "\n")[1:], mrz.ErrMalformed},
		{"a digit as the code", "1" + strings.Join(td1, "\n")[1:], mrz.ErrMalformed},
		{"a visa of three lines", "V" + strings.Join(td1, "\n")[1:], mrz.ErrMalformed},
		{"no name", string(nameless.joined()), mrz.ErrMalformed},
		{"STX without ETX", "\x02" + strings.Join(td1, "\r"), mrz.ErrMalformed},
		{"ETX without STX", strings.Join(td1, "\r") + "\x03", mrz.ErrMalformed},
		{"two STX", "\x02\x02" + strings.Join(td1, "\r") + "\x03", mrz.ErrMalformed},
		{"a header without SOH", "ab\x02" + strings.Join(td1, "\r") + "\x03", mrz.ErrMalformed},
		{"a header at its limit", "\x01234567" + "8\x02" + strings.Join(td1, "\r") + "\x03", nil},
		{"a header over its limit", "\x01234567" + "89\x02" + strings.Join(td1, "\r") + "\x03", mrz.ErrMalformed},
		{"a trailer at its limit", "\x02" + strings.Join(td1, "\r") + "\x031234", nil},
		{"a trailer over its limit", "\x02" + strings.Join(td1, "\r") + "\x0312345", mrz.ErrMalformed},
		{"as long as may be", longest, nil},
		{"a byte longer", longest + "\r", mrz.ErrTooLong},
		{"the French card of before 2021", "IDFRASPECIMEN<<<<<<<<<<<<<<<<<123456\n1207123123456NATACHA<<<<<<<6504284F0", mrz.ErrNational},
		{"the French card since", string(document{
			format: mrz.TD1, kind: "ID", issuer: "FRA", nationality: "FRA", number: "X4RTBPFW4", birth: "900713", expiry: "300211", sex: "F", names: "MARTIN<<MAELYS<GAELLE",
		}.joined()), nil},
	} {
		var z mrz.Zone
		err := z.Parse([]byte(tt.text))
		if err == nil && !mrz.Shaped([]byte(tt.text)) {
			t.Errorf("%s: not seen as a zone", tt.name)
		}
		if !errors.Is(err, tt.want) || err != nil && !errors.Is(err, mrz.ErrMalformed) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if err != nil && z.Valid() {
			t.Errorf("%s: refused, and yet valid", tt.name)
		}
	}
}

func TestNamesAreSplitAtTwoFillers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		format                    mrz.Format
		field, primary, secondary string
		truncated                 bool
	}{
		{mrz.TD1, "ARKFREITH", "ARKFREITH", "", false},
		{mrz.TD1, "SATRIYA<SUDARPA", "SATRIYA<SUDARPA", "", false},
		{mrz.TD1, "<<ANNA<MARIA", "", "ANNA<MARIA", false},
		{mrz.TD1, "NILAVADHANANANDA<<CHAYAPA<DE<K", "NILAVADHANANANDA", "CHAYAPA<DE<K", true},
		{mrz.TD1, "PAPANDROPOULOUS<<JONATHON<ALEC", "PAPANDROPOULOUS", "JONATHON<ALEC", true}, // whole, and yet it must count as cut
		{mrz.TD1, "BENNELONG<WOOLOOM<WA<WARN<<D<P", "BENNELONG<WOOLOOM<WA<WARN", "D<P", true},
		{mrz.TD2, "BENNELONG<WOOLOOMOOLOO<W<W<<D<P", "BENNELONG<WOOLOOMOOLOO<W<W", "D<P", true},
		{mrz.TD3, "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI", "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W", "DI", true},
		{mrz.TD3, "CESHI<<<YANGBEN", "CESHI", "YANGBEN", false}, // a filler too many
		{mrz.MRVA, "VAN<DER<MUELLEN<<MARTIN", "VAN<DER<MUELLEN", "MARTIN", false},
		{mrz.MRVB, "OCONNOR<<ENYA<SIOBHAN", "OCONNOR", "ENYA<SIOBHAN", false},
	} {
		d := visa(tt.format)
		if tt.format < mrz.MRVA {
			d.kind, d.optional1 = "I", ""
		}
		d.names = tt.field
		var z mrz.Zone
		if err := z.Parse(d.joined()); err != nil {
			t.Errorf("%v %s: %v", tt.format, tt.field, err)
			continue
		}
		if string(z.Primary) != tt.primary || string(z.Secondary) != tt.secondary || z.NameTruncated != tt.truncated || !z.Valid() {
			t.Errorf("%v %s: got %q, %q, truncated %v, %+v", tt.format, tt.field, z.Primary, z.Secondary, z.NameTruncated, z.Checks)
		}
	}
}

func TestParseLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	text := []byte("\x01\x5fOU\x02A" + strings.Join(card().lines(), "\r") + "\r\x03\x41")
	before := bytes.Clone(text)
	var z mrz.Zone
	if err := z.Parse(text); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, before) {
		t.Errorf("got %q, want %q", text, before)
	}
}
