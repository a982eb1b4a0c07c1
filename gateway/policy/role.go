package policy

import (
	"time"

	"passerelle/gateway/credential/hcert"
)

// Role says who looks at a credential. The zero value sees colour and reason alone.
type Role uint8

// The roles.
const (
	Steward   Role = iota // colour and reason
	Retail                // yes or no
	Airline               // name and validity
	Authority             // identity too
	numRoles
)

var roleNames = [numRoles]string{Steward: "steward", Retail: "retail", Airline: "airline", Authority: "authority"}

// ParseRole returns the role of that name.
func ParseRole(name string) (Role, bool) {
	for r, n := range roleNames {
		if n == name {
			return Role(r), true
		}
	}
	return Steward, false
}

// Disclosed is one thing that a credential says, for a person's eyes.
type Disclosed struct {
	Name  string
	Value string
}

// hcertClaims is the one table of what a certificate says and which role is the least that may see it. What is not in it
// nobody sees.
var hcertClaims = []struct {
	name  string
	least Role
	value func(*hcert.Certificate) []byte
}{
	{"family_name", Airline, func(c *hcert.Certificate) []byte { return c.Family }},
	{"given_name", Airline, func(c *hcert.Certificate) []byte { return c.Given }},
	{"family_name_icao", Airline, func(c *hcert.Certificate) []byte { return c.FamilyICAO }},
	{"given_name_icao", Airline, func(c *hcert.Certificate) []byte { return c.GivenICAO }},
	{"valid_from", Airline, func(c *hcert.Certificate) []byte { return moment(c.IssuedAt) }},
	{"valid_until", Airline, func(c *hcert.Certificate) []byte { return moment(c.Expires) }},
	{"birth_date", Authority, func(c *hcert.Certificate) []byte { return c.Birth }},
	{"document_type", Authority, func(c *hcert.Certificate) []byte { return c.Document.Type }},
	{"document_number", Authority, func(c *hcert.Certificate) []byte { return c.Document.Number }},
	{"certificate_id", Authority, func(c *hcert.Certificate) []byte { return c.Entry.ID }},
	{"country", Authority, func(c *hcert.Certificate) []byte { return c.Entry.Country }},
	{"issuer", Authority, func(c *hcert.Certificate) []byte { return c.Entry.Issuer }},
}

func moment(t int64) []byte { return time.Unix(t, 0).UTC().AppendFormat(nil, time.RFC3339) }

// Disclose returns what a role may see of a certificate, absent members left out. Values are text from outside.
func Disclose(r Role, c *hcert.Certificate) []Disclosed {
	var claims []Disclosed
	for _, row := range hcertClaims {
		if r < row.least {
			continue
		}
		if v := row.value(c); len(v) > 0 {
			claims = append(claims, Disclosed{Name: row.name, Value: string(v)})
		}
	}
	return claims
}
