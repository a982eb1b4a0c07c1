package policy

import (
	"slices"
	"strconv"
	"time"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/claim169"
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/credential/pretix"
	"passerelle/gateway/credential/vdsnc"
)

// Role says who looks at a credential. The zero value sees colour and reason alone.
type Role uint8

// The roles.
const (
	Steward   Role = iota // colour and reason
	Retail                // yes or no
	Airline               // name and validity
	Authority             // identity too
	NumRoles
)

var roleNames = [NumRoles]string{Steward: "steward", Retail: "retail", Airline: "airline", Authority: "authority"}

// ParseRole returns the role of that name.
func ParseRole(name string) (Role, bool) {
	for r, n := range roleNames {
		if n == name {
			return Role(r), true
		}
	}
	return Steward, false
}

// String returns the role's name.
func (r Role) String() string {
	if r < NumRoles {
		return roleNames[r]
	}
	return roleNames[Steward]
}

// Said is what a code says; all but one (and Leg) are nil, and all are if nobody has vouched for it.
type Said struct {
	Certificate  *hcert.Certificate
	Ticket       *cwt.Claims
	Person       *claim169.Person
	Pretix       *pretix.Ticket
	BoardingPass *bcbp.Pass
	Leg          *bcbp.Leg // of BoardingPass, by which it was judged: the one that is boarded here, or else the first
	Zone         *mrz.Zone
	Seal         *vdsnc.Seal
}

// Disclosed is one thing that a credential says, for a person's eyes.
type Disclosed struct {
	Name  string
	Value string
}

// row is one thing that a credential says, and which role is the least that may see it.
type row struct {
	name  string
	least Role
	value func(*Said) []byte
}

// of reads one kind of credential; it gives nothing for the others.
func of[T any](credential func(*Said) *T, value func(*T) []byte) func(*Said) []byte {
	return func(s *Said) []byte {
		c := credential(s)
		if c == nil {
			return nil
		}
		return value(c)
	}
}

func inCertificate(value func(*hcert.Certificate) []byte) func(*Said) []byte {
	return of(func(s *Said) *hcert.Certificate { return s.Certificate }, value)
}

func inTicket(value func(*cwt.Claims) []byte) func(*Said) []byte {
	return of(func(s *Said) *cwt.Claims { return s.Ticket }, value)
}

func inPerson(value func(*claim169.Person) []byte) func(*Said) []byte {
	return of(func(s *Said) *claim169.Person { return s.Person }, value)
}

func inPretix(value func(*pretix.Ticket) []byte) func(*Said) []byte {
	return of(func(s *Said) *pretix.Ticket { return s.Pretix }, value)
}

func inLeg(value func(*bcbp.Leg) []byte) func(*Said) []byte {
	return of(func(s *Said) *bcbp.Leg { return s.Leg }, value)
}

func inPass(value func(*bcbp.Pass) []byte) func(*Said) []byte {
	return of(func(s *Said) *bcbp.Pass { return s.BoardingPass }, value)
}

func inZone(value func(*mrz.Zone) []byte) func(*Said) []byte {
	return of(func(s *Said) *mrz.Zone { return s.Zone }, value)
}

func inSeal(value func(*vdsnc.Seal) []byte) func(*Said) []byte {
	return of(func(s *Said) *vdsnc.Seal { return s.Seal }, value)
}

// claims is the one table of what credentials say and which role is the least that may see it. What is not in it nobody sees.
var claims = []row{
	{"family_name", Airline, inCertificate(func(c *hcert.Certificate) []byte { return c.Family })},
	{"given_name", Airline, inCertificate(func(c *hcert.Certificate) []byte { return c.Given })},
	{"family_name_icao", Airline, inCertificate(func(c *hcert.Certificate) []byte { return c.FamilyICAO })},
	{"given_name_icao", Airline, inCertificate(func(c *hcert.Certificate) []byte { return c.GivenICAO })},
	{"valid_from", Airline, inCertificate(func(c *hcert.Certificate) []byte { return moment(c.IssuedAt) })},
	{"valid_until", Airline, inCertificate(func(c *hcert.Certificate) []byte { return moment(c.Expires) })},
	{"birth_date", Authority, inCertificate(func(c *hcert.Certificate) []byte { return c.Birth })},
	{"document_type", Authority, inCertificate(func(c *hcert.Certificate) []byte { return c.Document.Type })},
	{"document_number", Authority, inCertificate(func(c *hcert.Certificate) []byte { return c.Document.Number })},
	{"certificate_id", Authority, inCertificate(func(c *hcert.Certificate) []byte { return c.Entry.ID })},
	{"country", Authority, inCertificate(func(c *hcert.Certificate) []byte { return c.Entry.Country })},
	{"issuer", Authority, inCertificate(func(c *hcert.Certificate) []byte { return c.Entry.Issuer })},

	{"event", Airline, inTicket(func(t *cwt.Claims) []byte { return t.Event })},
	{"zone", Airline, inTicket(func(t *cwt.Claims) []byte { return t.Zone })},
	{"gate", Airline, inTicket(func(t *cwt.Claims) []byte { return t.Gate })},
	{"seat", Airline, inTicket(func(t *cwt.Claims) []byte { return t.Seat })},
	{"valid_from", Airline, inTicket(func(t *cwt.Claims) []byte { return moment(max(t.IssuedAt, t.NotBefore)) })},
	{"valid_until", Airline, inTicket(func(t *cwt.Claims) []byte { return moment(t.Expires) })},
	{"issuer", Authority, inTicket(func(t *cwt.Claims) []byte { return t.Issuer })},
	{"ticket_id", Authority, inTicket(func(t *cwt.Claims) []byte { return hexadecimal(t.ID) })},
	{"replaces", Authority, inTicket(func(t *cwt.Claims) []byte { return hexadecimal(t.Replaces) })},

	{"item", Airline, inPretix(func(t *pretix.Ticket) []byte { return decimal(t.Item) })},
	{"variation", Airline, inPretix(func(t *pretix.Ticket) []byte { return decimal(t.Variation) })},
	{"subevent", Airline, inPretix(func(t *pretix.Ticket) []byte { return decimal(t.Subevent) })},
	{"valid_from", Airline, inPretix(func(t *pretix.Ticket) []byte { return moment(t.From) })},
	{"valid_until", Airline, inPretix(func(t *pretix.Ticket) []byte { return moment(t.Until) })},

	{"name", Airline, inPass(func(p *bcbp.Pass) []byte { return p.NameField })},
	{"flight", Airline, inLeg(func(l *bcbp.Leg) []byte { return append(append([]byte{}, l.Carrier...), l.Flight...) })},
	{"from", Airline, inLeg(func(l *bcbp.Leg) []byte { return l.From })},
	{"to", Airline, inLeg(func(l *bcbp.Leg) []byte { return l.To })},
	{"day_of_year", Airline, inLeg(func(l *bcbp.Leg) []byte { return l.Date })},
	{"seat", Airline, inLeg(func(l *bcbp.Leg) []byte { return l.SeatNumber() })},
	{"sequence", Airline, inLeg(func(l *bcbp.Leg) []byte { return l.Sequence })},
	{"booking", Authority, inLeg(func(l *bcbp.Leg) []byte { return l.PNR })},
	{"frequent_flyer", Authority, inLeg(func(l *bcbp.Leg) []byte { return l.FlyerNumber })},

	{"family_name_icao", Airline, inZone(func(z *mrz.Zone) []byte { return z.Primary })},
	{"given_name_icao", Airline, inZone(func(z *mrz.Zone) []byte { return z.Secondary })},
	{"birth_date", Authority, inZone(func(z *mrz.Zone) []byte { return z.Birth })},
	{"nationality", Authority, inZone(func(z *mrz.Zone) []byte { return z.Nationality })},
	{"document_number", Authority, inZone(func(z *mrz.Zone) []byte { return z.Number })},

	{"name", Airline, inSeal(func(s *vdsnc.Seal) []byte { return s.Person.Name })},
	{"birth_date", Authority, inSeal(func(s *vdsnc.Seal) []byte { return s.Person.Birth })},
	{"document_number", Authority, inSeal(func(s *vdsnc.Seal) []byte { return s.Person.DocumentNumber })},
	{"certificate_id", Authority, inSeal(func(s *vdsnc.Seal) []byte { return s.ID })},

	{"name", Airline, inPerson(func(p *claim169.Person) []byte { return p.FullName })},
	{"family_name", Airline, inPerson(func(p *claim169.Person) []byte { return p.LastName })},
	{"given_name", Airline, inPerson(func(p *claim169.Person) []byte { return p.FirstName })},
	{"valid_until", Airline, inPerson(func(p *claim169.Person) []byte { return moment(p.Expires) })},
	{"birth_date", Authority, inPerson(func(p *claim169.Person) []byte { return p.Birth })},
	{"nationality", Authority, inPerson(func(p *claim169.Person) []byte { return p.Nationality })},
	{"document_number", Authority, inPerson(func(p *claim169.Person) []byte { return p.ID })},
}

// ClaimNames returns the names of all that may be disclosed, each once, in the order of the table.
func ClaimNames() []string {
	var names []string
	for _, c := range claims {
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names
}

// moment writes a time; nothing for none.
func moment(t int64) []byte {
	if t == 0 {
		return nil
	}
	return time.Unix(t, 0).UTC().AppendFormat(nil, time.RFC3339)
}

func hexadecimal(b []byte) []byte { return appendHex(nil, b) }

// decimal writes a number; nothing for 0.
func decimal(n int64) []byte {
	if n == 0 {
		return nil
	}
	return strconv.AppendInt(nil, n, 10)
}

// Disclose returns what a role may see of a credential, absent members left out. Values are text from outside.
func Disclose(r Role, s *Said) []Disclosed {
	var seen []Disclosed
	for _, c := range claims {
		if r < c.least {
			continue
		}
		if v := c.value(s); len(v) > 0 {
			seen = append(seen, Disclosed{Name: c.name, Value: string(v)})
		}
	}
	return seen
}
