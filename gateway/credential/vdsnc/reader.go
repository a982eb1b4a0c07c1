package vdsnc

import (
	"bytes"
	"encoding/base64"

	"passerelle/gateway/encoding/jcs"
	"passerelle/gateway/sig"
)

// reader fills a Seal from the canonical form. It keeps the first error, and does no harm after it.
type reader struct {
	seal *Seal
	buf  []byte // room for what is decoded
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// document reads the whole text. Members come in the order of their names, so the header comes before the message.
func (r *reader) document(v value) {
	if v.kind() == '[' {
		list := v.elements()
		if !list.next() {
			r.fail(ErrMalformed)
			return
		}
		if v = list.value; list.next() {
			r.fail(ErrMalformed)
			return
		}
	}
	for m := r.members(v); m.next(); {
		switch string(m.name) {
		case "data":
			r.seal.Signed = m.value
			r.data(m.value)
		case "sig":
			r.signature(m.value)
		default:
			r.fail(ErrMalformed)
		}
	}
	if s := r.seal; s.Signed == nil || s.Certificate == nil || s.Signature == nil || s.Alg == 0 {
		r.fail(ErrMalformed)
	}
}

func (r *reader) data(v value) {
	for m := r.members(v); m.next(); {
		switch string(m.name) {
		case "hdr":
			r.header(m.value)
		case "msg":
			r.message(m.value)
		}
	}
	switch s := r.seal; {
	case s.Type == NoType,
		s.Type == Vaccination && s.count == 0,
		s.Type == Test && len(s.Test.Result) == 0:
		r.fail(ErrMalformed)
	}
}

func (r *reader) header(v value) {
	s := r.seal
	for m := r.members(v); m.next(); {
		switch string(m.name) {
		case "is":
			s.Issuer = r.text(m.value)
		case "t":
			s.TypeName = r.text(m.value)
		case "v":
			s.Version = r.version(m.value)
		}
	}
	if !isStateCode(s.Issuer) || len(s.TypeName) == 0 {
		r.fail(ErrMalformed)
		return
	}
	switch name := string(s.TypeName); {
	case name == "icao.test" && s.Version == 1:
		s.Type = Test
	case name == "icao.vacc" && s.Version == 1:
		s.Type = Vaccination
	default:
		r.fail(ErrUnsupported)
	}
}

// isStateCode: one to three capital letters, as Doc 9303, part 3, section 5 has them; Germany's is D.
func isStateCode(code []byte) bool {
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(code) >= 1 && len(code) <= 3
}

// version reads a whole number below 1000.
func (r *reader) version(v value) int {
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' || n > 99 {
			r.fail(ErrMalformed)
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

func (r *reader) message(v value) {
	s := r.seal
	for m := r.members(v); m.next(); {
		switch name := string(m.name); {
		case name == "pid":
			r.person(m.value)
		case name == "uvci" && s.Type == Vaccination, name == "utci" && s.Type == Test:
			s.ID = r.text(m.value)
		case name == "ve" && s.Type == Vaccination:
			r.vaccinations(m.value)
		case (name == "sp" || name == "dat" || name == "tr") && s.Type == Test:
			r.test(m.value)
		}
	}
}

func (r *reader) person(v value) {
	p := &r.seal.Person
	for m := r.members(v); m.next(); {
		switch name := string(m.name); {
		case name == "n":
			p.Name = r.text(m.value)
		case name == "dob":
			p.Birth = r.text(m.value)
		case name == "sex":
			p.Sex = r.text(m.value)
		case name == "dt" && r.seal.Type == Test:
			p.DocumentType = r.text(m.value)
		case name == "dn" && r.seal.Type == Test, name == "i" && r.seal.Type == Vaccination:
			p.DocumentNumber = r.text(m.value)
		case name == "ai":
			p.AdditionalNumber = r.text(m.value)
		}
	}
}

// vaccinations reads the events; each is of one vaccine and has a list of doses.
func (r *reader) vaccinations(v value) {
	for list := r.list(v); list.next(); {
		var shared Dose
		var doses value
		for m := r.members(list.value); m.next(); {
			switch string(m.name) {
			case "des":
				shared.Vaccine = r.text(m.value)
			case "nam":
				shared.Product = r.text(m.value)
			case "dis":
				shared.Disease = r.text(m.value)
			case "vd":
				doses = m.value
			}
		}
		if doses != nil {
			r.doses(doses, shared)
		}
	}
}

func (r *reader) doses(v value, dose Dose) {
	for list := r.list(v); list.next(); {
		dose.Date, dose.Number, dose.Country = nil, nil, nil
		for m := r.members(list.value); m.next(); {
			switch string(m.name) {
			case "dvc":
				dose.Date = r.text(m.value)
			case "seq":
				dose.Number = r.digits(m.value)
			case "ctr":
				dose.Country = r.text(m.value)
			}
		}
		if r.seal.count == MaxDoses {
			r.fail(ErrTooLarge)
			return
		}
		r.seal.doses[r.seal.count] = dose
		r.seal.count++
	}
}

// test reads the place, the times or the result; no two of their names are the same.
func (r *reader) test(v value) {
	t := &r.seal.Test
	for m := r.members(v); m.next(); {
		switch string(m.name) {
		case "spn":
			t.Centre = r.text(m.value)
		case "ctr":
			t.Country = r.text(m.value)
		case "sc":
			t.Collected = r.text(m.value)
		case "ri":
			t.Reported = r.text(m.value)
		case "tc":
			t.Method = r.text(m.value)
		case "r":
			t.Result = r.text(m.value)
		}
	}
}

func (r *reader) signature(v value) {
	s := r.seal
	for m := r.members(v); m.next(); {
		switch string(m.name) {
		case "alg":
			s.Alg = r.algorithm(m.value)
		case "cer":
			s.Certificate = r.bytes(m.value, MaxCertificate)
		case "sigvl":
			s.Signature = r.bytes(m.value, MaxSignature)
		default:
			r.fail(ErrMalformed)
		}
	}
}

// algorithm reads one of the three that the report allows.
func (r *reader) algorithm(v value) sig.Algorithm {
	switch string(v) {
	case `"ES256"`:
		return sig.ES256
	case `"ES384"`:
		return sig.ES384
	case `"ES512"`:
		return sig.ES512
	}
	r.fail(ErrMalformed)
	return 0
}

// members returns an object's members.
func (r *reader) members(v value) iterator {
	if v.kind() != '{' {
		r.fail(ErrMalformed)
		return iterator{}
	}
	return v.elements()
}

// list returns an array's elements; there are none in a null.
func (r *reader) list(v value) iterator {
	if v.kind() == 'n' {
		return iterator{}
	}
	if v.kind() != '[' {
		r.fail(ErrMalformed)
		return iterator{}
	}
	return v.elements()
}

// text reads a string, or null as nil.
func (r *reader) text(v value) []byte {
	switch {
	case v.kind() == 'n':
		return nil
	case v.kind() != '"':
		r.fail(ErrMalformed)
		return nil
	case bytes.IndexByte(v, '\\') < 0:
		return v.inside()
	}
	start := len(r.buf)
	r.buf = jcs.AppendText(r.buf, v)
	return r.buf[start:len(r.buf):len(r.buf)]
}

// digits reads a whole number that is written as a number or as a text, as both occur.
func (r *reader) digits(v value) []byte {
	b := []byte(v)
	if v.kind() == '"' || v.kind() == 'n' {
		b = r.text(v)
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			r.fail(ErrMalformed)
			return nil
		}
	}
	return b
}

// encoding is strict: no two texts stand for the same bytes. It skips line ends, but none can stand in a canonical string.
var encoding = base64.RawURLEncoding.Strict()

// bytes reads base64url, with exact padding or with none.
func (r *reader) bytes(v value, limit int) []byte {
	if v.kind() != '"' {
		r.fail(ErrMalformed)
		return nil
	}
	text := v.inside()
	if n := len(text); n%4 == 0 {
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte{'='}), []byte{'='})
	}
	if encoding.DecodedLen(len(text)) > limit {
		r.fail(ErrTooLarge)
		return nil
	}
	start := len(r.buf)
	buf, err := encoding.AppendDecode(r.buf, text)
	if err != nil || len(buf) == start {
		r.fail(ErrMalformed)
		return nil
	}
	r.buf = buf
	return buf[start:len(buf):len(buf)]
}
