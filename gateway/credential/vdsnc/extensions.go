package vdsnc

// Object identifiers, as the contents of their DER elements.
const (
	oidCountry          = "\x55\x04\x06"
	oidSKI              = "\x55\x1d\x0e"
	oidKeyUsage         = "\x55\x1d\x0f"
	oidBasicConstraints = "\x55\x1d\x13"
	oidAKI              = "\x55\x1d\x23"
	oidExtendedKeyUsage = "\x55\x1d\x25"
	oidDocumentTypes    = "\x67\x81\x08\x01\x01\x06\x02" // 2.23.136.1.1.6.2
	oidSealUsage        = "\x67\x81\x08\x01\x01\x0e\x02" // 2.23.136.1.1.14.2
)

const (
	maxExtensions    = 32
	tagKeyIdentifier = 0x80 // in the authority key identifier
	digitalSignature = 0x80 // the first bit of the key usage
)

// readExtensions reads those that matter (RFC 5280, section 4.2).
func (s *Signer) readExtensions(d *der) bool {
	list := d.enter(tagSequence)
	var seen [maxExtensions]string
	n := 0
	for list.more() {
		e := list.enter(tagSequence)
		oid := string(e.contents(tagOID))
		critical := e.is(tagBoolean)
		if critical {
			if b := e.contents(tagBoolean); len(b) != 1 || b[0] != 0xff { // the default is not written in DER
				return false
			}
		}
		value := der{rest: e.contents(tagOctetString)}
		if !e.done() || n == maxExtensions {
			return false
		}
		for _, other := range seen[:n] {
			if other == oid {
				return false
			}
		}
		seen[n] = oid
		n++
		if known, ok := s.readExtension(oid, &value); !ok || critical && !known {
			return false
		}
	}
	return list.done() && d.done()
}

// readExtension reads one; known is false for those that do not matter here.
func (s *Signer) readExtension(oid string, d *der) (known, ok bool) {
	switch oid {
	case oidSKI:
		s.SKI = d.contents(tagOctetString)
		return true, d.done() && len(s.SKI) > 0
	case oidAKI:
		return true, s.readAKI(d)
	case oidKeyUsage: // the profile has none; a signer with one must have this bit
		b := d.contents(tagBitString)
		return true, d.done() && len(b) >= 2 && b[1]&digitalSignature != 0
	case oidBasicConstraints: // the profile has none; an authority is no signer
		constraints := d.enter(tagSequence)
		return true, d.done() && constraints.done()
	case oidExtendedKeyUsage:
		return true, s.readUsage(d)
	case oidDocumentTypes:
		return true, s.readDocumentTypes(d)
	}
	return false, true
}

// readAKI reads the key identifier; the issuer's name and serial number may stand beside it.
func (s *Signer) readAKI(d *der) bool {
	list := d.enter(tagSequence)
	if list.is(tagKeyIdentifier) {
		s.AKI = list.contents(tagKeyIdentifier)
	}
	return d.done() && !list.bad
}

func (s *Signer) readUsage(d *der) bool {
	list := d.enter(tagSequence)
	for list.more() {
		if string(list.contents(tagOID)) == oidSealUsage {
			s.Usage = true
		}
	}
	return d.done() && list.done()
}

func (s *Signer) readDocumentTypes(d *der) bool {
	s.types.listed = true
	list := d.enter(tagSequence)
	version := list.integer()
	set := list.enter(tagSet)
	for set.more() {
		switch string(set.contents(tagPrintable)) {
		case "NV": // proof of vaccination
			s.types.vaccination = true
		case "NT": // proof of a test
			s.types.test = true
		}
	}
	return d.done() && list.done() && set.done() && version == 0
}
