//go:build race

package people

// iterations of PBKDF2 in programs with the race detector, which makes them many times slower: those are tests. What was stored by one
// opens nothing in another program.
const iterations = 30_000
