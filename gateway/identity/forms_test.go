package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/identity"
	"passerelle/gateway/issuer"
)

// somebody is a person, of whom the issuer prints documents.
type somebody struct {
	family, given string // as their bearer writes them
	icaoFamily    string // for names in a script without a table; empty else
	icaoGiven     string
	birth         string // YYYY-MM-DD
	cnie          string // numbers; empty for none
	residence     string
	passport      string
}

func amina() somebody {
	return somebody{family: "El Alaoui", given: "Amina", birth: "1990-05-17", cnie: "AB123456", passport: "XY1234567"}
}

func (s somebody) with(edit func(*somebody)) somebody {
	edit(&s)
	return s
}

func (s somebody) name() issuer.Name {
	return issuer.Name{Family: s.family, Given: s.given, FamilyICAO: s.icaoFamily, GivenICAO: s.icaoGiven}
}

// zone returns the name in the letters of machine-readable zones.
func (s somebody) zone(t testing.TB) (family, given string) {
	if s.icaoFamily != "" {
		return s.icaoFamily, s.icaoGiven
	}
	return must(issuer.Transliterate(s.family))(t), must(issuer.Transliterate(s.given))(t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// certificate prints a certificate with that kind of document in it; "" for none.
func (s somebody) certificate(t testing.TB, document string) *identity.Person {
	t.Helper()
	number := map[string]string{issuer.NationalCard: s.cnie, issuer.ResidenceCard: s.residence, issuer.Passport: s.passport}[document]
	if number == "" {
		document = ""
	}
	c := &issuer.Certificate{
		IssuedAt: 1_780_000_000, Expires: 1_790_000_000, Name: s.name(), Birth: s.birth, Document: issuer.Document{Type: document, Number: number},
		Recovery: &issuer.Recovery{Disease: "840539006", Positive: "2026-05-01", Country: "MA", Authority: "M", From: "2026-05-12", Until: "2026-10-28", ID: "URN:UVCI:01:MA:1"},
	}
	var read hcert.Certificate
	if err := read.Parse(must(cbor.Marshal(c.Claims("MA")))(t)); err != nil {
		t.Fatal(err)
	}
	p := new(identity.Person)
	p.Certificate(&read)
	return p
}

// ticket prints a ticket that is bound to the person.
func (s somebody) ticket(t testing.TB) *identity.Person {
	t.Helper()
	ticket := &issuer.Ticket{
		IssuedAt: 1_780_000_000, Expires: 1_790_000_000, ID: []byte("1"), Kind: cwt.Ticket, Event: "E",
		Holder: &issuer.Holder{Name: s.name(), Birth: s.birth, Salt: []byte("salt of " + s.family)[:8]},
	}
	var read cwt.Claims
	if err := read.Parse(must(cbor.Marshal(ticket.Claims("Box Office")))(t)); err != nil {
		t.Fatal(err)
	}
	p := new(identity.Person)
	p.Ticket(&read)
	return p
}

func (s somebody) document(t testing.TB) *issuer.TravelDocument {
	family, given := s.zone(t)
	day := must(time.Parse(time.DateOnly, s.birth))(t)
	return &issuer.TravelDocument{Country: "MAR", Family: family, Given: given, Birth: day.Format("060102"), Sex: 'F', Expires: "300101"}
}

// card prints a TD1 with the number of a national card, or of a residence card, where Morocco has it: in the optional data.
func (s somebody) card(t testing.TB, edit func(*issuer.TravelDocument)) *identity.Person {
	d := s.document(t)
	d.Number, d.Optional = "C00000001", s.cnie+s.residence
	if edit != nil {
		edit(d)
	}
	return zoneOf(t, must(d.Card())(t))
}

// booklet prints a passport.
func (s somebody) booklet(t testing.TB, edit func(*issuer.TravelDocument)) *identity.Person {
	d := s.document(t)
	d.Number = s.passport
	if edit != nil {
		edit(d)
	}
	return zoneOf(t, must(d.Passport())(t))
}

func zoneOf(t testing.TB, text string) *identity.Person {
	t.Helper()
	var z mrz.Zone
	if err := z.Parse([]byte(text)); err != nil || !z.Valid() {
		t.Fatalf("%q: %v, %+v", text, err, z.Checks)
	}
	p := new(identity.Person)
	p.Zone(&z)
	return p
}

// boards prints a boarding pass, with a title behind the given name.
func (s somebody) boards(t testing.TB, title string) *identity.Person {
	t.Helper()
	family, given := s.zone(t)
	b := issuer.BoardingPass{
		Surname: strings.ReplaceAll(family, "<", " "), Given: strings.ReplaceAll(given, "<", " ") + title,
		Legs: []issuer.BoardingLeg{{PNR: "ABC123", From: "CMN", To: "CDG", Carrier: "AT", Number: 1, Date: time.Unix(1_780_000_000, 0), Sequence: 1}},
	}
	var read bcbp.Pass
	text := must(b.Text())(t)
	if err := read.Parse([]byte(text)); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	p := new(identity.Person)
	p.BoardingPass(&read)
	return p
}
