package identity

import (
	"bytes"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/claim169"
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/credential/vdsnc"
)

// Certificate makes p the holder of a certificate.
func (p *Person) Certificate(c *hcert.Certificate) {
	*p = Person{}
	p.family.set(c.Family)
	p.given.set(c.Given)
	p.icaoFamily.set(c.FamilyICAO)
	p.icaoGiven.set(c.GivenICAO)
	p.setBirth(c.Birth)
	switch string(c.Document.Type) {
	case "CNIE":
		p.addNumber(cardNumber, true, c.Document.Number)
	case "CS":
		p.addNumber(residenceNumber, true, c.Document.Number)
	case "PN":
		p.addNumber(passportNumber, true, c.Document.Number)
	}
}

// BoardingPass makes p the passenger.
func (p *Person) BoardingPass(b *bcbp.Pass) {
	*p = Person{field: pass20}
	surname, given, _, cut := b.Name()
	p.family.set(surname)
	p.given.set(given)
	p.cut = cut
}

// Ticket makes p whoever a ticket is bound to; nobody if it is bound to nobody.
func (p *Person) Ticket(t *cwt.Claims) {
	*p = Person{holder: t.Holder, hasHolder: t.HasHolder}
	p.saltLen = uint8(copy(p.salt[:], t.Salt))
}

// Claim169 makes p the owner of an identity code.
func (p *Person) Claim169(c *claim169.Person) {
	*p = Person{}
	p.family.set(c.LastName)
	p.given.set(c.FirstName)
	if len(c.LastName) == 0 {
		p.family.set(c.FullName)
		p.given = text{}
	}
	p.setBirth(c.Birth)
}

// Zone makes p the holder of a card or a passport. On Morocco's national card the number printed on its face stands in the optional data,
// and the zone's own number is the card's; elsewhere the optional data may be anything, so that they can only be the same, never differ.
func (p *Person) Zone(z *mrz.Zone) {
	*p = Person{field: zoneField(z.Format), cut: z.NameTruncated}
	p.family.set(z.Primary)
	p.given.set(z.Secondary)
	p.setBirth(z.Birth)
	var scratch [maxNumber]byte
	moroccan := string(z.Issuer) == "MAR"
	switch z.Format {
	case mrz.TD3:
		p.addNumber(passportNumber, true, z.AppendNumber(scratch[:0]))
		p.addNumber(cardNumber, false, z.AppendPersonal(scratch[:0]))
	case mrz.TD1, mrz.TD2:
		for _, kind := range [...]numberKind{cardNumber, residenceNumber} {
			p.addNumber(kind, moroccan, z.AppendNumber(scratch[:0]))
			p.addNumber(kind, moroccan, z.AppendPersonal(scratch[:0]))
		}
	}
}

// zoneField is how wide the names' field is (ICAO Doc 9303, parts 4 to 7).
func zoneField(f mrz.Format) field {
	switch f {
	case mrz.TD1:
		return mrz30
	case mrz.TD2, mrz.MRVB:
		return mrz31
	}
	return mrz39
}

// Seal makes p the holder of an ICAO VDS-NC, whose name is written as in a passport's zone: two blanks between family and given name, at
// most 39 characters. Which document its number is of, a vaccination's seal does not say: it may be a passport's.
func (p *Person) Seal(s *vdsnc.Seal) {
	*p = Person{field: mrz39, cut: len(s.Person.Name) >= mrz39.width()}
	family, given, _ := bytes.Cut(s.Person.Name, []byte("  "))
	p.family.set(family)
	p.given.set(given)
	p.setBirth(s.Person.Birth)
	firm := string(s.Person.DocumentType) == "P"
	p.addNumber(passportNumber, firm, s.Person.DocumentNumber)
	p.addNumber(cardNumber, false, s.Person.DocumentNumber)
}
