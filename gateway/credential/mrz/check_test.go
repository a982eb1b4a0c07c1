package mrz_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"passerelle/gateway/credential/mrz"
)

func TestEachWrongDigitHasItsOwnOutcome(t *testing.T) {
	t.Parallel()
	right := mrz.Checks{Number: mrz.Right, Birth: mrz.Right, Expiry: mrz.Right, Composite: mrz.Right, Characters: mrz.Right}
	with := func(set func(c *mrz.Checks)) mrz.Checks {
		c := right
		set(&c)
		return c
	}
	passportRight := with(func(c *mrz.Checks) { c.Optional = mrz.Right })
	for _, tt := range []struct {
		name string
		doc  document
		line int
		at   int // position from 1, as Doc 9303 counts
		to   byte
		want mrz.Checks
	}{
		{"number", card(), 0, 15, '!', with(func(c *mrz.Checks) { c.Number, c.Composite = mrz.Wrong, mrz.Wrong })},
		{"number by O for 0", card(), 0, 9, 'O', with(func(c *mrz.Checks) { c.Number, c.Composite = mrz.Wrong, mrz.Wrong })},
		{"birth", card(), 1, 7, '!', with(func(c *mrz.Checks) { c.Birth, c.Composite = mrz.Wrong, mrz.Wrong })},
		{"expiry", card(), 1, 15, '!', with(func(c *mrz.Checks) { c.Expiry, c.Composite = mrz.Wrong, mrz.Wrong })},
		{"optional data of a card", card(), 0, 16, '1', with(func(c *mrz.Checks) { c.Composite = mrz.Wrong })},
		{"composite", card(), 1, 30, '!', with(func(c *mrz.Checks) { c.Composite = mrz.Wrong })},
		{"a letter for the composite", card(), 1, 30, 'B', with(func(c *mrz.Checks) { c.Composite = mrz.Wrong })},
		{"a filler for the composite", card(), 1, 30, '<', with(func(c *mrz.Checks) { c.Composite = mrz.Wrong })},
		{"0 for O in the name", card(), 2, 1, '0', with(func(c *mrz.Checks) { c.Characters = mrz.Wrong })},
		{"1 in the second name", card(), 2, 14, '1', with(func(c *mrz.Checks) { c.Characters = mrz.Wrong })},
		{"0 in the issuer", card(), 0, 3, '0', with(func(c *mrz.Checks) { c.Characters = mrz.Wrong })},
		{"0 in the nationality", card(), 1, 16, '0', with(func(c *mrz.Checks) { c.Characters = mrz.Wrong })},
		{"another sex", card(), 1, 8, 'K', with(func(c *mrz.Checks) { c.Characters = mrz.Wrong })},
		{"X for the sex", card(), 1, 8, 'X', right},
		{"a letter in the date that has the digit's value", card(), 1, 1, 'I', with(func(c *mrz.Checks) { c.Characters = mrz.Wrong })},
		{"personal number of a passport", passport(), 1, 43, '!', func() mrz.Checks {
			c := passportRight
			c.Optional, c.Composite = mrz.Wrong, mrz.Wrong
			return c
		}()},
		{"a filler as the digit of a personal number", passport(), 1, 43, '<', func() mrz.Checks {
			c := passportRight
			c.Optional, c.Composite = mrz.Wrong, mrz.Wrong
			return c
		}()},
	} {
		lines := tt.doc.lines()
		line := []byte(lines[tt.line])
		if tt.to == '!' {
			line[tt.at-1] = '0' + (line[tt.at-1]-'0'+1)%10 // the next digit
		} else {
			line[tt.at-1] = tt.to
		}
		lines[tt.line] = string(line)
		var z mrz.Zone
		if err := z.Parse([]byte(strings.Join(lines, ""))); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		wantValid := tt.want == right || tt.want == passportRight
		if z.Checks != tt.want || z.Valid() != wantValid {
			t.Errorf("%s: got %v %+v, want %v %+v", tt.name, z.Valid(), z.Checks, wantValid, tt.want)
		}
	}
}

func TestAnUnusedPersonalNumberMayHaveAFillerForItsDigit(t *testing.T) {
	t.Parallel()
	for _, asFiller := range []bool{true, false} {
		d := passport()
		d.optional1, d.emptyOptionalIsFiller = "", asFiller
		var z mrz.Zone
		if err := z.Parse(d.joined()); err != nil || !z.Valid() {
			t.Errorf("filler %v: %v, %+v", asFiller, err, z.Checks)
		}
	}
}

func TestADocumentWithoutANumberIsNotValid(t *testing.T) {
	t.Parallel()
	for _, d := range all() {
		d.number = ""
		var z mrz.Zone
		if err := z.Parse(d.joined()); err != nil || z.Valid() || z.Checks.Number != mrz.Wrong {
			t.Errorf("%v: %v, valid %v, number %v", d.format, err, z.Valid(), z.Checks.Number)
		}
	}
}

func TestTheZeroZoneIsNotValid(t *testing.T) {
	t.Parallel()
	if new(mrz.Zone).Valid() {
		t.Error("valid")
	}
}

// covered says which characters of the joined zone the check digits see, the digits among them.
var covered = map[mrz.Format][][2]int{
	mrz.TD1:  {{5, 37}, {38, 45}, {48, 60}},
	mrz.TD2:  {{36, 46}, {49, 56}, {57, 72}},
	mrz.TD3:  {{44, 54}, {57, 64}, {65, 88}},
	mrz.MRVA: {{44, 54}, {57, 64}, {65, 72}},
	mrz.MRVB: {{36, 46}, {49, 56}, {57, 64}},
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"

// value is what check digits see of a character.
func value(c byte) int {
	if c == '<' {
		return 0
	}
	return strings.IndexByte(alphabet, c) % 10
}

// TestNoChangeOfOneCharacterEscapes tries every other character at every place that the digits cover.
func TestNoChangeOfOneCharacterEscapes(t *testing.T) {
	t.Parallel()
	for _, d := range all() {
		right := d.joined()
		for _, span := range covered[d.format] {
			for at := span[0]; at < span[1]; at++ {
				for _, to := range []byte(alphabet) {
					if value(to) == value(right[at]) {
						continue
					}
					text := bytes.Clone(right)
					text[at] = to
					var z mrz.Zone
					if err := z.Parse(text); err != nil || z.Valid() {
						t.Errorf("%v: %c became %c at %d: %v, valid %v", d.format, right[at], to, at, err, z.Valid())
					}
				}
			}
		}
	}
}

// TestOneChangedCharacterIsSeen: every zone of the builder is valid, and none is after a change of one character that the check
// digits cover, but where both characters have the same value modulo 10, which the package's doc owns to.
func TestOneChangedCharacterIsSeen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		text := []byte(strings.Join(d.lines(), ""))
		var z mrz.Zone
		if err := z.Parse(text); err != nil || !z.Valid() {
			t.Fatalf("%s: %v, %+v", text, err, z.Checks)
		}
		if got := string(z.AppendNumber(nil)); got != d.number {
			t.Fatalf("number %q, want %q", got, d.number)
		}
		span := rapid.SampledFrom(covered[d.format]).Draw(t, "span")
		at := rapid.IntRange(span[0], span[1]-1).Draw(t, "at")
		to := rapid.SampledFrom([]byte(alphabet)).Draw(t, "to")
		same := value(to) == value(text[at])
		was := text[at]
		text[at] = to
		if err := z.Parse(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !same && z.Valid() {
			t.Fatalf("%s: %c became %c at %d, and the zone is valid", text, was, to, at)
		}
	})
}

func draw(t *rapid.T) document {
	d := document{
		format: rapid.SampledFrom([]mrz.Format{mrz.TD1, mrz.TD2, mrz.TD3, mrz.MRVA, mrz.MRVB}).Draw(t, "format"),
		issuer: rapid.StringMatching(`[A-Z]{1,3}`).Draw(t, "issuer"), nationality: rapid.StringMatching(`[A-Z]{3}`).Draw(t, "nationality"),
		birth:  rapid.StringMatching(`[0-9]{2}(0[1-9]|1[0-2]|<<)(0[1-9]|1[0-9]|2[0-8]|<<)`).Draw(t, "birth"),
		expiry: rapid.StringMatching(`[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])`).Draw(t, "expiry"),
		sex:    rapid.SampledFrom([]string{"M", "F", "<", "X"}).Draw(t, "sex"),
		names:  rapid.StringMatching(`[A-Z]{1,20}(<[A-Z]{1,10})?(<<[A-Z]{1,12}(<[A-Z]{1,9})?)?`).Draw(t, "names"),
		kind:   "P",
	}
	long := map[mrz.Format]int{mrz.TD1: mrz.MaxNumber, mrz.TD2: 14}[d.format]
	d.number = rapid.StringMatching(fmt.Sprintf(`[A-Z0-9]{1,%d}`, max(long, 9))).Draw(t, "number")
	switch d.format {
	case mrz.TD1, mrz.TD2:
		d.kind = rapid.SampledFrom([]string{"I", "ID", "A", "C", "IR"}).Draw(t, "kind")
		if d.issuer == "FRA" {
			d.issuer = "UTO"
		}
	case mrz.MRVA, mrz.MRVB:
		d.kind = "V"
	}
	if len(d.number) <= 9 {
		d.optional1 = rapid.StringMatching(`[A-Z0-9<]{0,7}`).Draw(t, "optional1")
	}
	d.optional2 = rapid.StringMatching(`[A-Z0-9<]{0,11}`).Draw(t, "optional2")
	return d
}
