package verify

import (
	"bytes"
	"strings"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/policy"
)

// Detect says what a code is by its first bytes, and returns what the format's own decoder is to read: without an AIM
// identifier (ISO/IEC 15424) and without HC1's or PT1's prefix. It proves nothing; a code that only looks like a kind is refused by
// that kind's decoder.
func Detect(code []byte) (policy.Kind, []byte) {
	body := code[aimLen(code):]
	for _, p := range prefixes {
		if rest, ok := bytes.CutPrefix(body, []byte(p.text)); ok {
			if len(rest) == 0 {
				return p.kind, body // a prefix and nothing else: malformed, not unreadable
			}
			return p.kind, rest
		}
	}
	for _, f := range shapes {
		if f.is(body) {
			return f.kind, body
		}
	}
	return policy.Opaque, body
}

// prefixes are ours to take off.
var prefixes = [...]struct {
	text string
	kind policy.Kind
}{{"HC1:", policy.HCERT}, {"PT1:", policy.PT1}}

// shapes are tried in this order. Those that are not read here are recognised so that they can be refused by name, unless the list of
// the lane's event has them for codes of its own.
var shapes = []struct {
	kind policy.Kind
	is   func(b []byte) bool
}{
	{policy.SHC, prefix("shc:/")},
	{policy.SealIDB, func(b []byte) bool { return hasPrefix(b, "NDB1") || hasPrefix(b, "RDB1") }},
	{policy.Seal2DDoc, func(b []byte) bool { return len(b) > 4 && hasPrefix(b, "DC0") && '1' <= b[3] && b[3] <= '4' }},
	{policy.SealVDS, prefix("\xdc")},
	{policy.VDSNC, isVDSNC},
	{policy.UIC, prefix("#UT0")},
	{policy.Pretix, isPretix}, // before BCBP: one in a few hundred tickets begins like a pass, and no pass is all base64
	{policy.BCBP, isBCBP},
	{policy.MRZ, mrz.Shaped},
	{policy.MDL, prefix("mdoc:")},
	{policy.AAMVA, prefix("@\n\x1e\rANSI ")},
	{policy.Claim169, isBase45Zlib},
}

func prefix(p string) func([]byte) bool {
	return func(b []byte) bool { return hasPrefix(b, p) }
}

func hasPrefix(b []byte, p string) bool { return len(b) >= len(p) && string(b[:len(p)]) == p }

// aimBytes is the length of an AIM identifier.
const aimBytes = 3

// aimLen returns the length of an AIM identifier in front: "]", a letter, a digit or letter.
func aimLen(b []byte) int {
	if len(b) >= aimBytes && b[0] == ']' && isLetter(b[1]) && (isDigit(b[2]) || isLetter(b[2])) {
		return aimBytes
	}
	return 0
}

// isVDSNC: a JSON object, alone or in an array, that opens with "data" or "sig" and names an ICAO type (ICAO VDS-NC, section 3). Blanks
// and line ends may stand between (RFC 8259, section 2).
func isVDSNC(b []byte) bool {
	const blanks = " \t\r\n"
	b = bytes.TrimLeft(b, blanks)
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("[")), blanks)
	b, ok := bytes.CutPrefix(b, []byte("{"))
	if b = bytes.TrimLeft(b, blanks); !ok || !hasPrefix(b, `"data"`) && !hasPrefix(b, `"sig"`) {
		return false
	}
	return bytes.Contains(b, []byte(`"icao.`))
}

// isBCBP: "M", the number of legs, then the name, a letter first (IATA Resolution 792). The shape is enough here.
func isBCBP(b []byte) bool {
	return len(b) >= bcbp.MinLength && b[0] == 'M' && '1' <= b[1] && b[1] <= '9' && isUpperOrSpace(b[2])
}

// isPretix: base64 spelled backwards whose first byte, at the end, is the version 1 of pretix-sig1.
func isPretix(b []byte) bool {
	n := len(b)
	for n > 0 && b[len(b)-n] == '=' { // padding comes first, reversed
		n--
	}
	if n < 64 || b[len(b)-1] != 'A' || b[len(b)-2] != 'Q' {
		return false
	}
	for _, c := range b[len(b)-n:] {
		if !isLetter(c) && !isDigit(c) && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// isBase45Zlib: base45 that opens as a zlib stream (RFC 1950, section 2.2), long enough to hold a signed message.
func isBase45Zlib(b []byte) bool {
	if len(b) < minBase45 || bytes.ContainsFunc(b, func(r rune) bool { return !strings.ContainsRune(base45Alphabet, r) }) {
		return false
	}
	head, err := base45.AppendDecode(make([]byte, 0, 2), b[:3])
	return err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

const (
	base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	minBase45      = 100
)

func isDigit(c byte) bool        { return '0' <= c && c <= '9' }
func isLetter(c byte) bool       { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isUpperOrSpace(c byte) bool { return 'A' <= c && c <= 'Z' || c == ' ' }
