package people

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Parameters of stored passwords and PINs.
const (
	maxIterations = 10_000_000 // that a file may ask for
	saltBytes     = 16
	keyBytes      = 32
	scheme        = "pbkdf2-sha256"
)

// secret is a stored password or PIN: scheme, iterations, salt and key, between dollar signs. "" is none, which nothing matches.
type secret string

var errSecret = errors.New("a stored secret is none of ours")

func newSecret(random io.Reader, text string) (secret, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	key, err := pbkdf2.Key(sha256.New, text, salt, iterations, keyBytes)
	if err != nil {
		return "", fmt.Errorf("derive a key: %w", err)
	}
	enc := base64.RawStdEncoding
	return secret(strings.Join([]string{scheme, strconv.Itoa(iterations), enc.EncodeToString(salt), enc.EncodeToString(key)}, "$")), nil
}

// parts takes a secret apart.
func (s secret) parts() (rounds int, salt, key []byte, err error) {
	fields := strings.Split(string(s), "$")
	if len(fields) != 4 || fields[0] != scheme {
		return 0, nil, nil, errSecret
	}
	rounds, err = strconv.Atoi(fields[1])
	if err != nil || rounds < iterations || rounds > maxIterations {
		return 0, nil, nil, errSecret
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(fields[2])
	key, errKey := base64.RawStdEncoding.DecodeString(fields[3])
	if errSalt != nil || errKey != nil || len(salt) != saltBytes || len(key) != keyBytes {
		return 0, nil, nil, errSecret
	}
	return rounds, salt, key, nil
}

func (s secret) check() error {
	if s == "" {
		return nil
	}
	_, _, _, err := s.parts()
	return err
}

// matches reports whether text is the secret. It takes as long for no secret as for one.
func (s secret) matches(text string) bool {
	rounds, salt, want, err := s.parts()
	if err != nil {
		rounds, salt, want = iterations, make([]byte, saltBytes), make([]byte, keyBytes)
	}
	got, derived := pbkdf2.Key(sha256.New, text, salt, rounds, keyBytes)
	if derived != nil {
		return false
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && err == nil
}

// checkPIN refuses what is no PIN, and those that are tried first.
func checkPIN(pin string) error {
	if len(pin) < MinPIN || len(pin) > MaxPIN || strings.ContainsFunc(pin, func(r rune) bool { return r < '0' || r > '9' }) {
		return ErrPIN
	}
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		same = same && pin[i] == pin[i-1]
		up = up && pin[i] == pin[i-1]+1
		down = down && pin[i]+1 == pin[i-1]
	}
	if same || up || down {
		return ErrPIN
	}
	return nil
}

func checkPassword(password string) error {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return ErrPassword
	}
	return nil
}

// digest is how a token is known: SHA-256 needs no salt over 128 random bits.
type digest [sha256.Size]byte

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

// MarshalText implements encoding.TextMarshaler.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digest) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return errors.New("a stored token is no SHA-256")
	}
	copy(d[:], b)
	return nil
}

// tokenBytes is how much randomness stands in a token or a pairing code.
const tokenBytes = 16

// newToken returns 128 random bits as 22 characters that need no escape anywhere (RFC 4648, section 5).
func newToken(random io.Reader) (string, error) {
	b := make([]byte, tokenBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
