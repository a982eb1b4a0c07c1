//go:build !race

package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"passerelle/gateway/identity"
)

// maxWork is how often the comparison of two names may allocate, which measures its work on a machine that is busy as well as on one that is
// not: 25 ms of the 200 ms of a verdict.
const maxWork = 25_000

// TestHostileNamesTakeBoundedWork compares names that meet in as many ways as names can.
func TestHostileNamesTakeBoundedWork(t *testing.T) {
	words := func(n int, word string) string { return strings.TrimSpace(strings.Repeat(word+" ", n)) }
	names := []string{
		words(10, "A"), words(9, "A"), words(11, "A"), words(10, "AA"), words(5, "AAAA"), strings.Repeat("A", 40), words(10, "AAAAAAAA"), words(80, "A"),
		"A AA AAA AAAA A AA AAA AAAA A AA", "AAAA AAA AA A AAAA AAA AA A AA A", words(10, "ÄÖ"), words(10, "JOHNMRMRS"), words(10, "EL"),
		words(6, "ععععع"), strings.Repeat("ع", 40), strings.Repeat("اوي", 25), strings.Repeat("E", 80), strings.Repeat("AEIOU", 16),
	}
	most, what := 0.0, ""
	for _, left := range names {
		for _, right := range names {
			for _, form := range []string{"certificates", "card", "boarding pass"} {
				a, b := hostile(left, "certificates"), hostile(right, form)
				if n := testing.AllocsPerRun(1, func() { identity.Compare(a, b) }); n > most {
					most, what = n, fmt.Sprintf("%q with %q of %s", left, right, form)
				}
			}
		}
	}
	t.Logf("most: %v allocations for %s", most, what)
	if most > maxWork {
		t.Errorf("%v allocations for %s, at most %d", most, what, maxWork)
	}
}
