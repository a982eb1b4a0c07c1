package issuer_test

import (
	"encoding/base64"
	"slices"
	"strings"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
)

// opaque: no format that we know, and no list that could explain it.
func (c *cases) opaque() {
	no := func(name, title, payload string) {
		c.add("not-accepted-"+name, title, "no format that we know; without a list nothing can explain it", "deny not_accepted", kindOpaque, payload)
	}
	good := c.hc1(testkeys.Ministry, vaccination())
	no("text", "a word", "HELLO")
	no("url", "a web address: never fetched", "https://example.invalid/verify?id=1")
	no("stamp", "sixteen digits, as an electronic stamp has", "4929123456789012")
	no("ean", "an article's bar code", "6111242100992")
	no("wifi", "a wireless network's code", "WIFI:T:WPA;S:Guest;P:secret;;")
	no("vcard", "an address", "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Specimen\r\nEND:VCARD\r\n")
	no("json", "JSON of no known kind", `{"data":{"ticket":1},"sig":"x"}`)
	no("emoji", "pictures", "🎫🎫")
	no("nul", "one NUL byte", "\x00")
	no("binary", "binary", string(noise(64)))
	no("hc2", "the next version of the prefix", "HC2:"+good[4:])
	no("hc1-lower-case", "the prefix in lower case", "hc1:"+good[4:])
	no("hc1-no-colon", "the prefix without its colon", "HC1"+good[4:])
	no("hc1-space-in-front", "a space before the prefix", " "+good)
	no("hc1-no-prefix", "base45 without the prefix", good[4:])
	no("hl1", "another prefix (upstream case H1)", "HL0:"+good[4:])
	no("byte-order-mark", "a byte order mark before the prefix", "\ufeff"+good)
	c.add("unreadable-empty", "nothing", "a frame of no bytes", "deny unreadable", kindOpaque, "")
	c.add("unreadable-aim-only", "an AIM identifier and nothing behind it", "a scanner that read nothing", "deny unreadable", kindOpaque, "]Q1")
}

// unsupported: known by name, and refused by name. The contents are made up to have the shape.
func (c *cases) unsupported() {
	no := func(name, title, kind, payload string) {
		c.add("unsupported-"+name, title, "recognised, and not read by this program", "deny unsupported", kind, payload)
	}
	no("shc", "SMART Health Card", "shc", "shc:/567629095243206034602924374044603122295953265460346029254077280433602870286471674522280928")
	no("idb", "French visible digital seal NDB1", "idb", "NDB1FR01AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	no("idb-red", "French visible digital seal RDB1", "idb", "RDB1FR01AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	no("2d-doc", "2D-Doc, version 4", "2d-doc", "DC04FR000001125E125B0126FR0001SPECIMEN\x1dYASMINE\x1d\x1fAAAAAAAAAAAAAAAAAAAAAAAA")
	no("vds", "ICAO visible digital seal", "vds", "\xdc\x03"+string(noise(60)))
	no("uic", "railway ticket, UIC 918.3", "uic", "#UT011"+string(noise(80)))
	no("mdl", "mobile driving licence", "mdl", "mdoc:owBjMS4wAYIB2BhYS6QBAiABIVggSPECIMENSPECIMENSPECIMEN")
	no("aamva", "North American driving licence", "aamva", "@\n\x1e\rANSI 636000090002DL00410278ZV03190008DLDAQT64235789\r")
}

// elsewhere: kinds that are read, and not accepted under this profile, or damaged.
func (c *cases) elsewhere() {
	no := func(name, title, kind, payload string) {
		c.add("not-accepted-"+name, title, "read, and not accepted here", "deny not_accepted", kind, payload)
	}
	no("bcbp", "boarding pass", "bcbp", "M1SPECIMEN/YASMINE    EABC123 CMNCDGAT 0780 166Y012A0034 100")
	no("mrz-td3", "passport's machine-readable zone, joined", "mrz", passport(""))
	no("mrz-td3-lines", "passport's machine-readable zone, two lines", "mrz", passport("\r"))
	no("mrz-td1", "card's machine-readable zone, joined", "mrz", card())
	c.add("malformed-vds-nc", "ICAO VDS-NC without certificate and signature", "nobody signed it", "deny malformed", "vds-nc",
		`{"data":{"hdr":{"t":"icao.vacc","v":1,"is":"UTO"},"msg":{"uvci":"SPECIMEN"}},"sig":{"alg":"ES256","cer":"","sigvl":""}}`)
	c.add("malformed-pretix", "pretix ticket of noise", "its message is no protobuf", "deny malformed", "pretix", pretix())
	c.add("unknown-pt1", "a certificate behind the prefix of tickets", "its key signs no tickets", "deny unknown_issuer", "pt1",
		"PT1:"+c.hc1(testkeys.Ministry, vaccination())[4:])
}

// passport returns a specimen's TD3 zone (ICAO Doc 9303, part 4) with right check digits.
func passport(between string) string {
	number, birth, ends, personal := "L898902C3", "880101", "310101", strings.Repeat("<", 14)
	first := fill("P<UTOSPECIMEN<<YASMINE", 44)
	second := number + digit(number) + "UTO" + birth + digit(birth) + "F" + ends + digit(ends) + personal + digit(personal)
	return first + between + second + digit(number+digit(number)+birth+digit(birth)+ends+digit(ends)+personal+digit(personal))
}

// card returns a specimen's TD1 zone (part 5), joined.
func card() string {
	number, birth, ends := "D23145890", "740812", "320415"
	first := fill("I<UTO"+number+digit(number), 30)
	second := fill(birth+digit(birth)+"F"+ends+digit(ends)+"UTO", 29)
	return first + second + digit(first[5:]+birth+digit(birth)+ends+digit(ends)+second[18:29]) + fill("SPECIMEN<<YASMINE", 30)
}

func fill(s string, n int) string { return s + strings.Repeat("<", n-len(s)) }

// digit is the check digit of part 3, section 4.9: weights 7, 3, 1.
func digit(s string) string {
	sum := 0
	for i := range len(s) {
		value := 0
		switch ch := s[i]; {
		case '0' <= ch && ch <= '9':
			value = int(ch - '0')
		case 'A' <= ch && ch <= 'Z':
			value = int(ch-'A') + 10
		}
		sum += value * [3]int{7, 3, 1}[i%3]
	}
	return string(rune('0' + sum%10))
}

// pretix returns a code of pretix-sig1's shape.
func pretix() string {
	payload, signature := noise(40), noise(64)
	b := append([]byte{1, 0, byte(len(payload)), 0, byte(len(signature))}, append(payload, signature...)...)
	s := []byte(base64.StdEncoding.EncodeToString(b))
	slices.Reverse(s)
	return string(s)
}

// hostile: text that is meant for whatever shows or stores it.
func (c *cases) hostile() {
	for _, h := range []struct{ name, title, text string }{
		{"terminal", "terminal escapes", "\x1b[2J\x1b[1;32mADMIT\x1b[0m\x1b]0;x\x07"},
		{"html", "HTML", `<script>alert(1)</script><img src=x onerror=alert(1)>`},
		{"shell", "a shell command", "$(reboot);`reboot`;|reboot&"},
		{"sql", "SQL", "'; DROP TABLE used;--"},
		{"json", "JSON that breaks out", `","verdict":"admit","x":"`},
		{"control", "control characters", "\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x1c\x1d\x1e\x1f\x7f"},
		{"bidi", "letters that turn the direction of writing", "\u202eTIMDA\u202c\u2066\u2069"},
		{"format", "a format string", "%s%s%n%x{{.}}${x}"},
		{"csv", "a formula for spreadsheets", "=HYPERLINK(\"http://example.invalid\")"},
		{"log", "a line break with a forged entry", "x\n{\"verdict\":\"admit\"}"},
	} {
		c.add("hostile-opaque-"+h.name, h.title+" as a code", "bytes of a code go nowhere unescaped",
			"deny not_accepted", kindOpaque, h.text)
		c.add("hostile-name-"+h.name, h.title+" in a name, well signed", "the certificate is genuine; who shows the name must escape it",
			admit, kindVaccination, c.odd(vaccination(), func(m *issuer.Message) {
				m.Claims = dcc(vaccination(), func(m issuer.Map) issuer.Map {
					return set(m, "nam", issuer.Map{{Key: "fn", Value: h.text}, {Key: "gn", Value: h.text}, {Key: "fnt", Value: "X"}})
				})
			}))
	}
}

// aim: identifiers in front of a code (ISO/IEC 15424). They are stripped once.
func (c *cases) aim() {
	good := c.hc1(testkeys.Ministry, vaccination())
	for _, a := range []struct{ name, id, symbol string }{
		{"qr", "]Q1", "QR code"},
		{"qr-eci", "]Q2", "QR code with ECI"},
		{"aztec", "]z0", "Aztec"},
		{"data-matrix", "]d2", "Data Matrix"},
		{"pdf417", "]L0", "PDF417"},
		{"upper-modifier", "]XM", "a symbol of another kind, modifier a letter"},
	} {
		c.add("valid-aim-"+a.name, "AIM identifier "+a.id+" ("+a.symbol+") in front", "it is stripped; the symbol does not matter",
			admit, kindVaccination, a.id+good)
	}
	c.add("not-accepted-aim-twice", "two AIM identifiers in front", "one is stripped; the rest has no known format",
		"deny not_accepted", kindOpaque, "]Q1]Q1"+good)
	c.add("not-accepted-aim-damaged", "a bracket in front: ]HC1:", "]HC has the shape of an identifier, and what is left has no known format",
		"deny not_accepted", kindOpaque, "]"+good)
	c.add("malformed-aim-cut", "AIM identifier and a cut code", "cut within the zlib stream", malformed, kindHCERT, "]Q1"+good[:100])
}
