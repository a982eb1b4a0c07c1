//go:build !race && amd64

package verify_test

// mutationsHere is how many mutations the ordinary suite makes; PASSERELLE_MUTATIONS asks for another number. The race detector, and emulation,
// make each ten times as slow.
const mutationsHere = 8_000
