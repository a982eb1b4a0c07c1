package identity_test

import (
	"testing"

	"passerelle/gateway/credential/claim169"
	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/identity"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
)

var bindings = map[policy.Binding]string{policy.Unclear: "unclear", policy.Different: "different", policy.Same: "same"}

func compare(t *testing.T, name string, a, b *identity.Person, want policy.Binding) {
	t.Helper()
	if got := identity.Compare(a, b); got != want {
		t.Errorf("%s: %s, want %s", name, bindings[got], bindings[want])
	}
	if got := identity.Compare(b, a); got != want {
		t.Errorf("%s, the other way round: %s, want %s", name, bindings[got], bindings[want])
	}
}

func TestDatesOfBirthAreCompared(t *testing.T) {
	t.Parallel()
	certificate := func(birth string) *identity.Person {
		p := new(identity.Person)
		p.Certificate(&hcert.Certificate{Family: []byte("Benali"), Given: []byte("Amina"), Birth: []byte(birth)})
		return p
	}
	zone := func(birth string) *identity.Person {
		p := new(identity.Person)
		p.Zone(&mrz.Zone{Format: mrz.TD3, Issuer: []byte("MAR"), Primary: []byte("BENALI"), Secondary: []byte("AMINA"), Birth: []byte(birth)})
		return p
	}
	for _, tt := range []struct {
		certificate, zone string
		want              policy.Binding
	}{
		{"1990-05-17", "900517", policy.Same},
		{"1890-05-17", "900517", policy.Same}, // zones have no century
		{"1990-05-18", "900517", policy.Different},
		{"1990-06-17", "900517", policy.Different},
		{"1991-05-17", "900517", policy.Different},
		{"1990-05-17T00:00:00Z", "900517", policy.Same},
		{"1990-05", "900517", policy.Same},
		{"1990-06", "900517", policy.Different},
		{"1990", "900517", policy.Same},
		{"1991", "900517", policy.Different},
		{"1990-05-17", "9005<<", policy.Same},
		{"1990-06-17", "9005<<", policy.Different},
		{"1990-05-17", "90<<<<", policy.Same},
		{"1990-05-17", "900500", policy.Same},
		{"1990-05-17", "900000", policy.Same},
		{"1990-05-17", "<<<<<<", policy.Unclear},
		{"1990-05-17", "<<0517", policy.Unclear},
		{"", "900517", policy.Unclear},
		{"unknown", "900517", policy.Unclear},
		{"19", "900517", policy.Unclear},
		{"XXXX-05-17", "900517", policy.Unclear},
		{"", "<<<<<<", policy.Unclear},
		{"2000-01-01", "000101", policy.Same},
		{"2000-01-01", "000102", policy.Different},
		{"19900517", "900517", policy.Same},
	} {
		compare(t, tt.certificate+" and "+tt.zone, certificate(tt.certificate), zone(tt.zone), tt.want)
	}
}

func TestNumbersAreCompared(t *testing.T) {
	t.Parallel()
	a := amina()
	namesake := a.with(func(s *somebody) { s.cnie, s.passport = "CD654321", "ZZ7654321" })
	renamed := a.with(func(s *somebody) { s.family, s.given = "Idrissi", "Salma" })
	resident := a.with(func(s *somebody) { s.cnie, s.residence = "", "R1234567" })
	foreign := func(d *issuer.TravelDocument) { d.Country = "FRA" }
	cnie, cs, pn := issuer.NationalCard, issuer.ResidenceCard, issuer.Passport

	compare(t, "national card", a.certificate(t, cnie), a.card(t, nil), policy.Same)
	compare(t, "national card, by whose number the name does not matter", a.certificate(t, cnie), renamed.card(t, nil), policy.Same)
	compare(t, "a namesake's national card", a.certificate(t, cnie), namesake.card(t, nil), policy.Different)
	compare(t, "national card, which has the number as its own", a.certificate(t, cnie), a.card(t, func(d *issuer.TravelDocument) { d.Number, d.Optional = "AB123456", "" }), policy.Same)
	compare(t, "national card and the person's passport, which has another number", a.certificate(t, cnie), a.booklet(t, nil), policy.Same)
	compare(t, "national card and a passport with the number in its optional data", a.certificate(t, cnie), renamed.booklet(t, func(d *issuer.TravelDocument) { d.Optional = "AB123456" }), policy.Same)
	compare(t, "national card and a passport with another number in its optional data", a.certificate(t, cnie), a.booklet(t, func(d *issuer.TravelDocument) { d.Optional = "CD654321" }), policy.Same)
	compare(t, "another state's card, whose numbers are others", a.certificate(t, cnie), namesake.card(t, foreign), policy.Same)
	compare(t, "another state's card, of another name", a.certificate(t, cnie), renamed.with(func(s *somebody) { s.cnie = "CD654321" }).card(t, foreign), policy.Different)
	compare(t, "residence card", resident.certificate(t, cs), resident.card(t, nil), policy.Same)
	compare(t, "a namesake's residence card", resident.certificate(t, cs), resident.with(func(s *somebody) { s.residence = "R7654321" }).card(t, nil), policy.Different)
	compare(t, "passport", a.certificate(t, pn), a.booklet(t, nil), policy.Same)
	compare(t, "passport, by whose number the name does not matter", a.certificate(t, pn), renamed.booklet(t, nil), policy.Same)
	compare(t, "a namesake's passport", a.certificate(t, pn), namesake.booklet(t, nil), policy.Different)
	compare(t, "passport and the person's national card", a.certificate(t, pn), a.card(t, nil), policy.Same)
	compare(t, "passport and a boarding pass", a.certificate(t, pn), a.boards(t, ""), policy.Same)
	compare(t, "no number", a.certificate(t, ""), a.card(t, nil), policy.Same)
	compare(t, "the number is the same, the date of birth is not", a.certificate(t, cnie), a.with(func(s *somebody) { s.birth = "1990-05-18" }).card(t, nil), policy.Different)

	spaced := new(identity.Person)
	spaced.Certificate(&hcert.Certificate{
		Family: []byte("Nobody"), Given: []byte("Else"), Birth: []byte("1990-05-17"),
		Document: hcert.Document{Type: []byte("CNIE"), Number: []byte("ab 123-456")},
	})
	compare(t, "a number with blanks, hyphens and small letters", spaced, a.card(t, nil), policy.Same)
	short := new(identity.Person)
	short.Certificate(&hcert.Certificate{
		Family: []byte("Nobody"), Given: []byte("Else"), Birth: []byte("1990-05-17"), Document: hcert.Document{Type: []byte("CNIE"), Number: []byte("1")},
	})
	compare(t, "a number of one digit", short, a.card(t, func(d *issuer.TravelDocument) { d.Number, d.Optional = "1", "" }), policy.Different)
}

func TestTicketsAreBoundToTheirHolders(t *testing.T) {
	t.Parallel()
	a := amina()
	brother := a.with(func(s *somebody) { s.given = "Omar" })
	younger := a.with(func(s *somebody) { s.birth = "1990-05-18" })
	long := a.with(func(s *somebody) { s.family, s.given = "Benabdelkader El Mansouri", "Mohammed Amine Abdelilah" })
	german := a.with(func(s *somebody) { s.family, s.given = "Müller-Lüdenscheid", "Jürgen" })
	article := a.with(func(s *somebody) { s.family = "Al Basri" })
	arabic := somebody{family: "العلوي", given: "أمينة", icaoFamily: "EL<ALAOUI", icaoGiven: "AMINA", birth: "1990-05-17", cnie: "AB123456", passport: "XY1234567"}
	for _, s := range []somebody{a, brother, long, german, article, arabic} {
		compare(t, s.family+" with the passport", s.ticket(t), s.booklet(t, nil), policy.Same)
		compare(t, s.family+" with the card", s.ticket(t), s.card(t, nil), policy.Same)
		compare(t, s.family+" with the certificate", s.ticket(t), s.certificate(t, ""), policy.Same)
	}
	compare(t, "a brother's passport", a.ticket(t), brother.booklet(t, nil), policy.Unclear)
	compare(t, "somebody younger's passport", a.ticket(t), younger.booklet(t, nil), policy.Unclear)
	compare(t, "a boarding pass, which has no date of birth", a.ticket(t), a.boards(t, ""), policy.Unclear)
	compare(t, "another ticket", a.ticket(t), a.ticket(t), policy.Unclear)
	compare(t, "a ticket and nobody", a.ticket(t), new(identity.Person), policy.Unclear)
	compare(t, "a state that writes Ü as U", german.ticket(t), german.booklet(t, func(d *issuer.TravelDocument) { d.Family, d.Given = "MULLER<LUDENSCHEID", "JURGEN" }), policy.Unclear)
}

// passportOf is the passport of somebody of that name who was born on 17 May 1990.
func passportOf(t *testing.T, family, given string) *identity.Person {
	t.Helper()
	s := somebody{family: family, given: given, icaoFamily: family, icaoGiven: given, birth: "1990-05-17", passport: "XY1234567"}
	return s.booklet(t, nil)
}

func TestNamesAreCompared(t *testing.T) {
	t.Parallel()
	a := amina()
	for _, title := range []string{"", "MRS", " MRS", "MS", "MISS", "DR", "DRMRS", "PROF", "CHD"} {
		compare(t, "the title "+title, a.certificate(t, ""), a.boards(t, title), policy.Same)
		compare(t, "a sister with the title "+title, a.with(func(s *somebody) { s.given = "Salma" }).certificate(t, ""), a.boards(t, title), policy.Different)
	}
	amr := a.with(func(s *somebody) { s.given = "Amr" })
	compare(t, "AMR, which ends like a title", amr.certificate(t, ""), amr.boards(t, ""), policy.Same)
	compare(t, "AMR with a title", amr.certificate(t, ""), amr.boards(t, "MR"), policy.Same)

	arabic := somebody{family: "بنعلي", given: "محمد", icaoFamily: "BENALI", icaoGiven: "MOHAMMED", birth: "1990-05-17", passport: "XY1234567"}
	compare(t, "a certificate in Arabic with its transliteration", arabic.certificate(t, ""), arabic.booklet(t, nil), policy.Same)
	script := func(family, given string) *identity.Person {
		p := new(identity.Person)
		p.Certificate(&hcert.Certificate{Family: []byte(family), Given: []byte(given), Birth: []byte("1990-05-17")})
		return p
	}
	compare(t, "Arabic script without a transliteration", script("بنعلي", "محمد"), arabic.booklet(t, nil), policy.Same)
	compare(t, "Arabic script, another given name", script("بنعلي", "أحمد"), arabic.booklet(t, nil), policy.Different)
	compare(t, "Arabic script, another family name", script("الإدريسي", "محمد"), arabic.booklet(t, nil), policy.Different)
	compare(t, "Arabic script on both sides", script("بنعلي", "محمد"), script("الإدريسي", "محمد"), policy.Different)

	brother := func(family, given, icao string) *identity.Person {
		p := new(identity.Person)
		p.Certificate(&hcert.Certificate{Family: []byte(family), Given: []byte(given), FamilyICAO: []byte("BENALI"), GivenICAO: []byte(icao), Birth: []byte("1990-05-17")})
		return p
	}
	for _, pair := range [][3]string{{"عمر", "OMAR", "AMAR"}, {"عمر", "OMAR", "EMIR"}, {"سمر", "SAMAR", "SAMIR"}, {"كمل", "KAMAL", "KAMIL"}} {
		twin := arabic.with(func(s *somebody) { s.icaoGiven = pair[2] })
		compare(t, pair[1]+" and "+pair[2]+", whose consonants are the same", brother("بنعلي", pair[0], pair[1]), twin.booklet(t, nil), policy.Unclear)
		himself := arabic.with(func(s *somebody) { s.icaoGiven = pair[1] })
		compare(t, pair[1]+" himself", brother("بنعلي", pair[0], pair[1]), himself.booklet(t, nil), policy.Same)
	}
	half := passportOf(t, "WEI", "LI")
	compare(t, "a family name in letters that no table has", script("王", "Wei Li"), half, policy.Unclear)

	compare(t, "a family name alone", script("El Alaoui", ""), a.booklet(t, nil), policy.Unclear)
	compare(t, "an initial", script("El Alaoui", "A."), a.booklet(t, nil), policy.Unclear)
	compare(t, "an initial of somebody else", script("El Alaoui", "S."), a.booklet(t, nil), policy.Different)
	compare(t, "no name", script("", ""), a.booklet(t, nil), policy.Unclear)
	compare(t, "a letter that no table has", script("El Alaoui 王", "Amina"), a.booklet(t, nil), policy.Unclear)
	compare(t, "nobody and nobody", new(identity.Person), new(identity.Person), policy.Unclear)
	dateless := new(identity.Person)
	dateless.Certificate(&hcert.Certificate{Family: []byte("El Alaoui"), Given: []byte("Amina")})
	compare(t, "the name alone, where documents have dates of birth", dateless, a.booklet(t, nil), policy.Unclear)
}

// TestWhoseNameDiffersInVowelsAloneIsNotTheSame is about twins: Arabic script writes many pairs of names alike, and a certificate that says
// itself which of the two it means has said that it is not the other one. The Arabic spelling may still ask for a person's look.
func TestWhoseNameDiffersInVowelsAloneIsNotTheSame(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ family, given, icaoFamily, icaoGiven, other string }{
		{"العلوي", "عمر", "ALAOUI", "OMAR", "AMAR"},
		{"العلوي", "عمر", "ALAOUI", "OMAR", "EMIR"},
		{"العلوي", "سمر", "ALAOUI", "SAMAR", "SAMIR"},
		{"العلوي", "يسر", "ALAOUI", "YOSR", "YASSER"},
		{"العلوي", "كمل", "ALAOUI", "KAMAL", "KAMIL"},
		{"العلوي", "عمر", "", "OMAR", "AMAR"}, // the certificate has only the given name in both scripts
	} {
		one := somebody{family: tt.family, given: tt.given, icaoFamily: tt.icaoFamily, icaoGiven: tt.icaoGiven, birth: "1990-05-17", passport: "XY1234567"}
		twin := somebody{icaoFamily: "ALAOUI", icaoGiven: tt.other, birth: "1990-05-17", passport: "XY7654321"}
		compare(t, tt.icaoGiven+" and the twin "+tt.other, one.certificate(t, ""), twin.booklet(t, nil), policy.Unclear)
		compare(t, tt.icaoGiven+" and the twin "+tt.other+" who flies", one.certificate(t, ""), twin.boards(t, ""), policy.Unclear)
		latin := somebody{family: "Alaoui", given: tt.icaoGiven, icaoFamily: "ALAOUI", icaoGiven: tt.icaoGiven, birth: "1990-05-17"}
		compare(t, tt.icaoGiven+" in Latin letters alone and the twin "+tt.other, latin.certificate(t, ""), twin.booklet(t, nil), policy.Different)
		if tt.icaoFamily != "" {
			compare(t, tt.icaoGiven+", the bearer", one.certificate(t, ""), somebody{icaoFamily: "ALAOUI", icaoGiven: tt.icaoGiven, birth: "1990-05-17", passport: "XY1234567"}.booklet(t, nil), policy.Same)
		}
	}
}

// TestHalfANameIsNotAName is about names of which one part is in a script that is not read here: what is left would be somebody else's.
func TestHalfANameIsNotAName(t *testing.T) {
	t.Parallel()
	certificate := func(family, given string) *identity.Person {
		p := new(identity.Person)
		p.Certificate(&hcert.Certificate{Family: []byte(family), Given: []byte(given), Birth: []byte("1990-05-17")})
		return p
	}
	zone := func(family, given string) *identity.Person {
		return somebody{icaoFamily: family, icaoGiven: given, birth: "1990-05-17", passport: "XY1234567"}.booklet(t, nil)
	}
	compare(t, "the family name", certificate("王", "Wei Li"), zone("WEI", "LI"), policy.Unclear)
	compare(t, "the given name", certificate("Wei Li", "王"), zone("WEI", "LI"), policy.Unclear)
	compare(t, "one word of the family name", certificate("王 Wei", "Li"), zone("WEI", "LI"), policy.Unclear)
	compare(t, "a family name that is a blank", certificate(" ", "Wei Li"), zone("WEI", "LI"), policy.Same) // all of it is read: the fields were mixed up
	compare(t, "with a transliteration", somebody{family: "王", given: "Wei Li", icaoFamily: "WANG", icaoGiven: "WEI<LI", birth: "1990-05-17"}.certificate(t, ""), zone("WANG", "WEI<LI"), policy.Same)
}

func TestSealsAndIdentityCodesAreCompared(t *testing.T) {
	t.Parallel()
	a := amina()
	seal := func(name, birth, kind, number string) *identity.Person {
		p := new(identity.Person)
		p.Seal(&vdsnc.Seal{Person: vdsnc.Person{Name: []byte(name), Birth: []byte(birth), DocumentType: []byte(kind), DocumentNumber: []byte(number)}})
		return p
	}
	compare(t, "a vaccination's seal", seal("EL ALAOUI  AMINA", "1990-05-17", "", ""), a.booklet(t, nil), policy.Same)
	compare(t, "a sister's", seal("EL ALAOUI  SALMA", "1990-05-17", "", ""), a.booklet(t, nil), policy.Different)
	compare(t, "a test's seal, by the number of the passport", seal("OTHER  NAME", "1990-05-17", "P", "XY1234567"), a.booklet(t, nil), policy.Same)
	compare(t, "a test's seal, of another passport", seal("EL ALAOUI  AMINA", "1990-05-17", "P", "XY7654321"), a.booklet(t, nil), policy.Different)
	compare(t, "a vaccination's seal, of a number that may be any document's", seal("EL ALAOUI  AMINA", "1990-05-17", "", "XY7654321"), a.booklet(t, nil), policy.Same)
	code := func(p claim169.Person) *identity.Person {
		out := new(identity.Person)
		out.Claim169(&p)
		return out
	}
	compare(t, "an identity code with both names", code(claim169.Person{LastName: []byte("El Alaoui"), FirstName: []byte("Amina"), Birth: []byte("19900517")}), a.booklet(t, nil), policy.Same)
	compare(t, "an identity code with the full name", code(claim169.Person{FullName: []byte("Amina El Alaoui"), Birth: []byte("19900517")}), a.booklet(t, nil), policy.Same)
	compare(t, "a sister's identity code with both names", code(claim169.Person{LastName: []byte("El Alaoui"), FirstName: []byte("Salma"), Birth: []byte("19900517")}), a.booklet(t, nil), policy.Different)
	// Nobody knows which of these words is a family name: it is left to a person.
	compare(t, "a sister's identity code with the full name", code(claim169.Person{FullName: []byte("Salma El Alaoui"), Birth: []byte("19900517")}), a.booklet(t, nil), policy.Unclear)
}

func TestAPersonIsForgotten(t *testing.T) {
	t.Parallel()
	p := amina().certificate(t, issuer.NationalCard)
	*p = identity.Person{}
	compare(t, "who was forgotten", p, amina().card(t, nil), policy.Unclear)
}
