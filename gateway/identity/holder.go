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
		if w.article {
			parts = append(parts, "AL") // as it stands there: only comparing takes it for EL
			continue
		}
		parts = append(parts, w.letters)
	}
	return strings.Join(parts, "<"), true
}

// digits returns YYMMDD, with 00 for what is not known.
func (b birth) digits() string {
	return fmt.Sprintf("%02d%02d%02d", max(b.year, 0), max(b.month, 0), max(b.day, 0))
}
