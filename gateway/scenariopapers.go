package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
)

// papers is the office that gives invented people their certificates and identity documents.
type papers struct {
	now          time.Time
	rand         *rand.Rand
	certificates *samples
	persons      []citizen       // the first one has a card whose number is in his certificate
	issued       map[string]bool // numbers
}

// citizen is an invented person. Each time that he comes, his documents have new numbers: no two showings are alike.
type citizen struct {
	about                 string // for the table: what binds the two documents
	binds                 bond
	family, given         string // as he writes it
	familyICAO, givenICAO string // in the certificate, where no table yields it
	inZone                [2]string
	country               string // of the document, three letters
	birth                 string // YYYY-MM-DD
	sex                   byte
	expires               time.Time // of the document; zero for in five years

	revoked, stranger, lapsed bool // the certificate
}

// bond is which document somebody has, and whether the certificate has its number.
type bond uint8

// The bonds.
const (
	nationalCard   bond = iota // Morocco's: the number on its face stands in the optional data of the zone
	residenceCard              // Morocco's
	passport                   // by its number
	passportByName             // the certificate has no number
	cardByName
)

func newPapers(s *story) (*papers, error) {
	made, err := newSamples(s.now)
	if err != nil {
		return nil, err
	}
	return &papers{now: s.now, rand: s.rand, certificates: made, persons: citizens, issued: make(map[string]bool)}, nil
}

// citizens have different days of birth, so that everybody is told from everybody else.
var citizens = []citizen{
	{
		about: "national card, Arabic name, by number", binds: nationalCard, family: "الإدريسي", given: "فاطمة الزهراء",
		familyICAO: "EL<IDRISSI", givenICAO: "FATIMA<ZAHRA", inZone: [2]string{"EL<IDRISSI", "FATIMA<ZAHRA"}, country: "MAR",
		birth: "1986-03-14", sex: 'F',
	},
	{
		about: "national card, Latin name, by number", binds: nationalCard, family: "Benjelloun", given: "Youssef",
		inZone: [2]string{"BENJELLOUN", "YOUSSEF"}, country: "MAR", birth: "1979-11-02", sex: 'M',
	},
	{
		about: "residence card, by number", binds: residenceCard, family: "Diallo", given: "Aïssatou",
		inZone: [2]string{"DIALLO", "AISSATOU"}, country: "MAR", birth: "1992-07-23", sex: 'F',
	},
	{
		about: "passport, Arabic name, by number", binds: passport, family: "بنجلون", given: "أمين",
		familyICAO: "BENJELLOUN", givenICAO: "AMINE", inZone: [2]string{"BENJELLOUN", "AMINE"}, country: "MAR", birth: "1968-01-30", sex: 'M',
	},
	{
		about: "passport, Arabic name, by name", binds: passportByName, family: "العلوي", given: "خديجة",
		familyICAO: "EL<ALAOUI", givenICAO: "KHADIJA", inZone: [2]string{"EL<ALAOUI", "KHADIJA"}, country: "MAR", birth: "1958-05-09", sex: 'F',
	},
	{
		about: "passport, accents, by name", binds: passportByName, family: "Lefèvre-Durand", given: "Zoé",
		inZone: [2]string{"LEFEVRE<DURAND", "ZOE"}, country: "FRA", birth: "1990-12-25", sex: 'F',
	},
	{
		about: "passport, two letters for one, by name", binds: passportByName, family: "Müller", given: "Jürgen",
		inZone: [2]string{"MUELLER", "JUERGEN"}, country: "UTO", birth: "1971-08-17", sex: 'M',
	},
	{
		about: "passport, tildes, by name", binds: passportByName, family: "Ibáñez Núñez", given: "José Ángel",
		inZone: [2]string{"IBANEZ<NUNEZ", "JOSE<ANGEL"}, country: "ESP", birth: "1983-04-04", sex: 'M',
	},
	{
		about: "card whose zone is too narrow, by name", binds: cardByName, family: "García López de la Torre", given: "María del Carmen",
		inZone: [2]string{"GARCIA<LOPEZ<DE<LA<TORRE", "MARIA<DEL<CARMEN"}, country: "ESP", birth: "1995-10-11", sex: 'F',
	},
	{
		about: "card, apostrophe, by name", binds: cardByName, family: "D'Angelo", given: "Niccolò",
		inZone: [2]string{"DANGELO", "NICCOLO"}, country: "ITA", birth: "1964-06-28", sex: 'M',
	},
}

// byName returns somebody with a passport whose number is not in his certificate.
func (o *papers) byName() citizen {
	for {
		if p := o.persons[o.rand.IntN(len(o.persons))]; p.binds == passportByName {
			return p
		}
	}
}

// of returns somebody's certificate and his card or passport.
func (o *papers) of(p citizen) (cert, card document, err error) {
	number := o.number()
	c := o.certificate(p.revoked)
	c.Name = issuer.Name{Family: p.family, Given: p.given, FamilyICAO: p.familyICAO, GivenICAO: p.givenICAO}
	c.Birth, c.Document = p.birth, p.binds.named(number)
	key := testkeys.Ministry
	if p.country != "MAR" {
		key = testkeys.France
	}
	switch {
	case p.revoked:
		key, c.Vaccination.ID = testkeys.Ministry, revokedID
		c.Expires -= int64(len(o.issued)) // another code each time
	case p.stranger:
		key = testkeys.Stranger
	case p.lapsed:
		c.IssuedAt, c.Expires = o.now.AddDate(0, -6, 0).Unix(), o.now.AddDate(0, 0, -1).Unix()
	}
	cert.name = certificate
	if cert.code, err = o.certificates.sign(key, c); err != nil {
		return document{}, document{}, err
	}
	card, err = o.document(p, number)
	return cert, card, err
}

// certificate returns one that nobody had before, of any type; of one type where that is to be revoked.
func (o *papers) certificate(revoked bool) *issuer.Certificate {
	makers := []func() *issuer.Certificate{o.certificates.vaccination, o.certificates.test, o.certificates.recovery}
	if revoked {
		return makers[0]()
	}
	return makers[o.rand.IntN(len(makers))]()
}

// number returns a document's number that nobody has.
func (o *papers) number() string {
	for {
		n := fmt.Sprintf("%c%c%06d", 'A'+o.rand.IntN(26), 'A'+o.rand.IntN(26), o.rand.IntN(1_000_000))
		if !o.issued[n] {
			o.issued[n] = true
			return n
		}
	}
}

// named returns what the certificate says of the document.
func (b bond) named(number string) issuer.Document {
	switch b {
	case nationalCard:
		return issuer.Document{Type: issuer.NationalCard, Number: number}
	case residenceCard:
		return issuer.Document{Type: issuer.ResidenceCard, Number: number}
	case passport:
		return issuer.Document{Type: issuer.Passport, Number: number}
	}
	return issuer.Document{}
}

// document returns a card or a passport.
func (o *papers) document(p citizen, number string) (d document, err error) {
	birth, err := time.Parse(time.DateOnly, p.birth)
	if err != nil {
		return document{}, err
	}
	expires := p.expires
	if expires.IsZero() {
		expires = o.now.AddDate(5, 0, 0)
	}
	t := issuer.TravelDocument{
		Country: p.country, Number: number, Family: p.inZone[0], Given: p.inZone[1],
		Birth: birth.Format("060102"), Sex: p.sex, Expires: expires.Format("060102"),
	}
	if p.binds == nationalCard {
		t.Number, t.Optional = o.number(), number
	}
	d.name = "passport"
	write := t.Passport
	if p.binds != passport && p.binds != passportByName {
		d.name = "card"
		write = t.Card
	}
	d.code, err = write()
	return d, err
}

// misread returns a document as a reader sees it that takes one digit of the day of birth for another.
func misread(d document) document {
	lines := strings.Split(d.code, "\r")
	at := 0 // on a card
	if len(lines) == 2 {
		at = 13 // in a passport
	}
	second := []byte(lines[1])
	second[at] = '0' + (second[at]-'0'+1)%10
	lines[1] = string(second)
	return document{name: d.name, code: strings.Join(lines, "\r")}
}
