package list

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
)

// Limits of one-time suffixes.
const (
	MinSecret = 16 // bytes (RFC 4226, section 4, R6)
	MaxSecret = 32
	MinPeriod = 10 // seconds
	MaxPeriod = 300
	MaxSteps  = 10 // suffixes that are tried for one code: each makes a guess more likely to fit

	defaultDigits = 6
	defaultPeriod = 30
)

// Outcome is what CheckOneTime says. The zero value is a refusal.
type Outcome uint8

// The outcomes.
const (
	Invalid Outcome = iota
	Unsure          // the time is not known well enough to tell
	Valid
)

// oneTime is how the suffixes of a code are made.
type oneTime struct {
	digits uint8 // 6 or 8; 0: the code has no suffix
	sha256 bool
	size   uint8 // bytes of the secret
	period int64 // seconds
	secret [MaxSecret]byte
}

// CheckOneTime says whether the suffix is one that the code may show at a time in [earliest, latest], unix seconds, or within one
// step before or after (RFC 6238, section 5.2). More than MaxSteps steps are not tried: that is Unsure, and so is a time before
// 1970. A match without a suffix is Invalid; ask NeedsOneTime first. It takes the same time whatever the digits are, and does not
// allocate. That a suffix is not accepted twice is for whoever counts the code's uses.
func (m *Match) CheckOneTime(earliest, latest int64) Outcome {
	o := &m.oneTime
	if len(m.Suffix) == 0 || len(m.Suffix) != int(o.digits) {
		return Invalid
	}
	if earliest < 0 || latest < earliest {
		return Unsure
	}
	first, last := max(earliest/o.period-1, 0), latest/o.period+1
	if last-first >= MaxSteps {
		return Unsure
	}
	var shown int32
	for _, c := range m.Suffix {
		shown = shown*10 + int32(c-'0')
	}
	fits := 0
	for step := first; step <= last; step++ {
		fits |= subtle.ConstantTimeEq(o.suffix(uint64(step)), shown)
	}
	if fits == 1 {
		return Valid
	}
	return Invalid
}

// suffix returns the number that is shown at a step (RFC 4226, section 5.3).
func (o *oneTime) suffix(step uint64) int32 {
	var sum [sha256.Size]byte
	size := sha1.Size
	if o.sha256 {
		size = sha256.Size
	}
	o.mac(&sum, step)
	at := sum[size-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	if o.digits == 8 {
		return int32(number % 100_000_000)
	}
	return int32(number % 1_000_000)
}

// mac puts the HMAC of a step, by SHA-1 or SHA-256, into sum. Both hashes have blocks of 64 bytes.
func (o *oneTime) mac(sum *[sha256.Size]byte, step uint64) {
	const block = sha256.BlockSize
	var first [block + 8]byte
	var second [block + sha256.Size]byte
	for i := range block {
		var k byte
		if i < int(o.size) {
			k = o.secret[i]
		}
		first[i], second[i] = k^0x36, k^0x5c
	}
	binary.BigEndian.PutUint64(first[block:], step)
	if o.sha256 {
		inner := sha256.Sum256(first[:])
		copy(second[block:], inner[:])
		*sum = sha256.Sum256(second[:])
		return
	}
	inner := sha1.Sum(first[:])
	copy(second[block:], inner[:])
	outer := sha1.Sum(second[:block+sha1.Size])
	copy(sum[:], outer[:])
}
