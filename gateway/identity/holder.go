package identity

import (
	"fmt"
	"strings"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/policy"
)

// compareHolders compares the salted hash of a ticket's holder with the other side's name and date of birth, in each way in which that
// may be read. A hash that fits nothing proves nothing: the name may have been spelled otherwise when the ticket was sold.
func compareHolders(a, b *Person) policy.Binding {
	if a.hasHolder && b.hasHolder {
		return policy.Unclear
	}
	ticket, other := a, b
	if b.hasHolder {
		ticket, other = b, a
	}
	for _, r := range other.readings() {
		if name, ok := r.zone(); ok && cwt.HolderHash(ticket.salt[:ticket.saltLen], name, other.birth.digits()) == ticket.holder {
			return policy.Same
		}
	}
	return policy.Unclear
}

// HolderName returns a name, in letters that ICAO Doc 9303 has a table for, as machine-readable zones write it, for cwt.HolderHash.
func HolderName(family, given string) (string, error) {
	var p Person
	p.family.set([]byte(family))
	p.given.set([]byte(given))
	for _, r := range p.readings() {
		if name, ok := r.zone(); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("no machine-readable form of the name %q %q: give it in Latin letters", family, given)
}

// zone writes a reading as FAMILY<<GIVEN. It is not ok for words in Arabic script, whose vowels are not known.
func (r *reading) zone() (string, bool) {
	family, ok := fillers(r.family)
	given, ok2 := fillers(r.given)
	return family + "<<" + given, ok && ok2 && family != ""
}

func fillers(words []word) (string, bool) {
	parts := make([]string, 0, len(words))
	for _, w := range words {
		if w.arabic != nil {
			return "", false
		}
		parts = append(parts, w.letters)
	}
	return strings.Join(parts, "<"), true
}

// digits returns YYMMDD, with 00 for what is not known.
func (b birth) digits() string {
	return fmt.Sprintf("%02d%02d%02d", max(b.year, 0), max(b.month, 0), max(b.day, 0))
}
