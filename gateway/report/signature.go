package report

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The headers of a report. The first three are those of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
	headerKey       = "Idempotency-Key" // the same value as Webhook-Id
	headerBox       = "Passerelle-Box"  // optional; which box's secret signed
)

// Limits of secrets and signature headers.
const (
	minSecret          = 24 // bytes; Standard Webhooks asks for 24 to 64
	maxSecret          = 64
	maxSecrets         = 4    // during a rotation, old and new
	maxSignatures      = 8    // in one header
	maxSignatureHeader = 1024 // bytes
	secretPrefix       = "whsec_"
	schemeHMAC         = "v1"
)

// Tolerance is how far a report's timestamp may be from the receiver's clock: a recorded report is worthless after it.
const Tolerance = 5 * time.Minute

// Secret is a shared key for signing reports. Only ParseSecret and NewSecret make a valid one; the zero Secret is none.
// It does not print itself.
type Secret struct{ key []byte }

// ParseSecret reads the form "whsec_" + base64 of 24 to 64 bytes.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return Secret{}, errors.New("secret does not begin with " + secretPrefix)
	}
	if len(encoded) > base64.StdEncoding.EncodedLen(maxSecret) {
		return Secret{}, fmt.Errorf("secret is longer than %d bytes", maxSecret)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return Secret{}, errors.New("secret is not base64") // the decoder's error would quote it
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return Secret{}, fmt.Errorf("secret has %d bytes, want %d to %d", len(key), minSecret, maxSecret)
	}
	return Secret{key}, nil
}

// NewSecret makes a secret of 32 random bytes.
func NewSecret(entropy io.Reader) (Secret, error) {
	key := make([]byte, 32)
	if _, err := io.ReadFull(entropy, key); err != nil {
		return Secret{}, fmt.Errorf("make secret: %w", err)
	}
	return Secret{key}, nil
}

// Reveal returns the form that ParseSecret reads, for the one place where it is written down.
func (s Secret) Reveal() string { return secretPrefix + base64.StdEncoding.EncodeToString(s.key) }

// String keeps the secret out of logs and error texts.
func (Secret) String() string { return secretPrefix + "(hidden)" }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, for JSON and slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// matches reports in constant time whether text is the secret's written form: for bearer tokens.
func (s Secret) matches(text []byte) bool { return hmac.Equal([]byte(s.Reveal()), text) }

// mac is HMAC-SHA256 over "id.timestamp.body". Neither id nor timestamp may hold a full stop.
func (s Secret) mac(id, timestamp string, body []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, s.key)
	io.WriteString(h, id)
	io.WriteString(h, ".")
	io.WriteString(h, timestamp)
	io.WriteString(h, ".")
	h.Write(body)
	h.Sum(sum[:0])
	return sum
}

// checkSecrets refuses a list that is too long or holds a zero Secret.
func checkSecrets(secrets []Secret) error {
	if len(secrets) > maxSecrets {
		return fmt.Errorf("%d secrets, want at most %d", len(secrets), maxSecrets)
	}
	for _, s := range secrets {
		if len(s.key) < minSecret || len(s.key) > maxSecret {
			return errors.New("a secret is empty")
		}
	}
	return nil
}

// sign returns the signature header's value: one signature a secret, separated by spaces, so that a receiver may be
// moved from one secret to the next without a gap.
func sign(secrets []Secret, id, timestamp string, body []byte) string {
	var b strings.Builder
	for i, s := range secrets {
		if i > 0 {
			b.WriteByte(' ')
		}
		sum := s.mac(id, timestamp, body)
		b.WriteString(schemeHMAC + ",")
		b.WriteString(base64.StdEncoding.EncodeToString(sum[:]))
	}
	return b.String()
}

// errSignatureHeader is a signature header that no sender of ours writes.
var errSignatureHeader = errors.New("malformed webhook-signature")

// parseSignatures appends the v1 signatures of a signature header to dst. Signatures of other schemes are passed over,
// as Standard Webhooks wants; a v1 signature that is not 32 bytes in base64 is an error, and so is a header without any.
func parseSignatures(dst [][sha256.Size]byte, header []byte) ([][sha256.Size]byte, error) {
	if len(header) > maxSignatureHeader {
		return dst, errSignatureHeader
	}
	found := dst
	for n := 0; len(header) > 0; n++ {
		if n == maxSignatures {
			return dst, errSignatureHeader
		}
		one, rest, more := bytes.Cut(header, []byte{' '})
		scheme, encoded, ok := bytes.Cut(one, []byte{','})
		if !ok || len(scheme) == 0 || more && len(rest) == 0 {
			return dst, errSignatureHeader
		}
		header = rest
		if string(scheme) != schemeHMAC {
			continue
		}
		// Decode skips line ends, which no header holds: with the exact length they leave too few bytes.
		if len(encoded) != base64.StdEncoding.EncodedLen(sha256.Size) {
			return dst, errSignatureHeader
		}
		var buf [sha256.Size + 2]byte // Decode wants room for the padding too
		if m, err := base64.StdEncoding.Strict().Decode(buf[:], encoded); err != nil || m != sha256.Size {
			return dst, errSignatureHeader
		}
		found = append(found, [sha256.Size]byte(buf[:sha256.Size]))
	}
	if len(found) == len(dst) {
		return dst, errSignatureHeader
	}
	return found, nil
}

// signedBy reports whether one of the signatures is by one of the secrets. Each comparison is in constant time.
func signedBy(secrets []Secret, signatures [][sha256.Size]byte, id, timestamp string, body []byte) bool {
	ok := false
	for _, s := range secrets {
		sum := s.mac(id, timestamp, body)
		for i := range signatures {
			ok = hmac.Equal(sum[:], signatures[i][:]) || ok
		}
	}
	return ok
}

// parseTimestamp reads unix seconds: digits alone, without a leading zero or sign.
func parseTimestamp(text string) (time.Time, error) {
	const maxDigits = 11 // until the year 5138
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil || len(text) > maxDigits || text[0] == '0' {
		return time.Time{}, errors.New("malformed webhook-timestamp")
	}
	return time.Unix(int64(seconds), 0), nil
}

// fresh reports whether a timestamp is within the tolerance of now, on both sides.
func fresh(at, now time.Time) bool {
	age := now.Sub(at)
	return -Tolerance <= age && age <= Tolerance
}
