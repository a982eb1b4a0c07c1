package identity_test

import (
	"bytes"
	"testing"
	"time"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/identity"
	"passerelle/gateway/policy"
)

// zoneWith is a card with a name in it, as far as a zone can hold it.
func zoneWith(name string) *mrz.Zone {
	letters := bytes.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r
		}
		return '<'
	}, bytes.ToUpper([]byte(name)))
	if len(letters) > 30 {
		letters = letters[:30]
	}
	primary, secondary, _ := bytes.Cut(letters, []byte("<<"))
	return &mrz.Zone{Format: mrz.TD1, Issuer: []byte("MAR"), Primary: primary, Secondary: secondary, Birth: []byte("900517"), NameTruncated: len(letters) == 30}
}

// passWith is a boarding pass with a name in it; an empty one if no pass can hold that.
func passWith(name string) *bcbp.Pass {
	field := append(bytes.ToUpper([]byte(name)), bytes.Repeat([]byte(" "), 20)...)[:20]
	text := append(append([]byte("M1"), field...), "EABC123 CMNCDGAT 0123 166Y028C0001 100"...)
	p := new(bcbp.Pass)
	if p.Parse(text) != nil {
		return new(bcbp.Pass)
	}
	return p
}

// maxFuzz is what 36 comparisons may take on a machine that does other things as well; see TestHostileNamesTakeBoundedWork.
const maxFuzz = 5 * time.Second

// FuzzCompare: no two documents panic or take long, the order never matters, and a person is no other than himself.
func FuzzCompare(f *testing.F) {
	for _, names := range [][4]string{
		{"Benali", "Amina", "EL ALAOUI<<AMINA", "BENALI/AMINAMRS"},
		{"Müller-Lüdenscheid", "Jürgen", "MUELLER<LUEDENSCHEID<<JUERGEN", "MUELLERLUEDENSCHEID/J"},
		{"العلوي", "أمينة", "EL<ALAOUI<<AMINA", "ELALAOUI/AMINA"},
		{"A A A A A A A A A A", "B B B B B B", "A<A<A<A<A<A<A<A<A<A<<B", "A A A A A A A A A A/B"},
		{"Ιωάννου", "Γιώργος", "IOANNOU<<GIORGOS", "IOANNOU/GIORGOSMR"},
		{"", "", "<<", "/"},
	} {
		f.Add(names[0], names[1], "1990-05-17", "AB123456", names[2], names[3])
	}
	f.Fuzz(func(t *testing.T, family, given, birth, number, zone, pass string) {
		people := []*identity.Person{new(identity.Person), new(identity.Person), new(identity.Person), new(identity.Person)}
		people[0].Certificate(&hcert.Certificate{
			Family: []byte(family), Given: []byte(given), Birth: []byte(birth), Document: hcert.Document{Type: []byte("CNIE"), Number: []byte(number)},
		})
		people[1].Zone(zoneWith(zone))
		people[2].BoardingPass(passWith(pass))
		people[3].Certificate(&hcert.Certificate{Family: []byte(zone), Given: []byte(given), FamilyICAO: []byte(family), GivenICAO: []byte(pass), Birth: []byte(birth)})
		start := time.Now()
		for i, a := range people {
			for k, b := range people {
				if one, other := identity.Compare(a, b), identity.Compare(b, a); one != other {
					t.Fatalf("%d and %d: %s one way, %s the other", i, k, bindings[one], bindings[other])
				}
			}
			if identity.Compare(a, new(identity.Person)) == policy.Same {
				t.Fatalf("%d is nobody", i)
			}
		}
		if took := time.Since(start); took > maxFuzz {
			t.Fatalf("it took %v", took)
		}
		if birth != "" { // a number of the same kind or a name that agrees, and nothing less
			var empty identity.Person
			empty.Certificate(&hcert.Certificate{Birth: []byte(birth)})
			if identity.Compare(people[0], &empty) == policy.Same {
				t.Fatal("a date of birth alone is enough")
			}
		}
	})
}
