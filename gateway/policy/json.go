package policy

import "strconv"

// AppendJSON appends the candidate as one JSON object: what `passerelle verify --output json`, POST /v1/verify, the
// journal and the event stream all use. Every value comes from a fixed vocabulary or is a number; of a code's own bytes only the
// key id that it names gets in, in hexadecimal.
// The last brace is left to the caller, who may add members after a comma.
func (c *Candidate) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"verdict":"`...)
	dst = append(dst, c.outcome.String()...)
	dst = append(dst, `","reason":"`...)
	dst = append(dst, c.reason.String()...)
	dst = append(dst, `","kind":"`...)
	dst = append(dst, c.Kind.String()...)
	if c.Second != Unknown {
		dst = append(dst, `","second":"`...)
		dst = append(dst, c.Second.String()...)
	}
	dst = append(dst, `","issuer":"`...)
	dst = appendCountry(dst, c.Issuer)
	dst = append(dst, `","key":"`...)
	if c.HasKey {
		dst = appendHex(dst, c.Key[:])
	}
	dst = append(dst, `","checks":{`...)
	for i := Check(0); i < NumChecks; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, i.String()...)
		dst = append(dst, `":"`...)
		dst = append(dst, c.findings.states[i].String()...)
		dst = append(dst, '"')
	}
	dst = append(dst, `},"final":`...)
	dst = strconv.AppendBool(dst, c.final)
	dst = append(dst, `,"trust":{"version":`...)
	dst = strconv.AppendUint(dst, c.List, 10)
	dst = append(dst, `,"age":`...)
	dst = strconv.AppendInt(dst, c.Aged, 10)
	dst = append(dst, `},"clock":"`...)
	dst = append(dst, c.Clock.String()...)
	return append(dst, '"')
}

// appendCountry keeps letters only: a country comes from a list that is signed, and still no text goes out unchecked.
func appendCountry(dst []byte, s string) []byte {
	for i := 0; i < len(s) && i < 3; i++ {
		if c := s[i] &^ 0x20; 'A' <= c && c <= 'Z' {
			dst = append(dst, c)
		}
	}
	return dst
}

func appendHex(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range b {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}
