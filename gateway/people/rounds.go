//go:build !race

package people

// iterations of PBKDF2 for a password or a PIN.
const iterations = 600_000
