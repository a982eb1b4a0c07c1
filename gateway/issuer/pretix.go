package issuer

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// PretixTicket is a ticket of pretix's signed form, sig1, for demonstrations, simulations and tests.
type PretixTicket struct {
	Seed                      []byte
	Item, Variation, Subevent int64
	From, Until               int64 // unix seconds, 0 for none
}

// ErrPretix means that a key cannot sign pretix tickets.
var ErrPretix = errors.New("pretix tickets are signed with Ed25519 keys")

// Pretix returns the ticket's code, signed by k.
func Pretix(k *Key, t *PretixTicket) (string, error) {
	private, ok := k.private.(ed25519.PrivateKey)
	if !ok {
		return "", ErrPretix
	}
	message := t.message()
	signature := ed25519.Sign(private, message)
	if len(message) > 1<<16-1 {
		return "", fmt.Errorf("pretix ticket: a seed of %d bytes", len(t.Seed))
	}
	raw := binary.BigEndian.AppendUint16([]byte{1}, uint16(len(message)))
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(signature)))
	raw = append(append(raw, message...), signature...)
	text := []byte(base64.StdEncoding.EncodeToString(raw))
	slices.Reverse(text)
	return string(text), nil
}

// message is the protobuf: field 1 the seed, 2 to 6 numbers, each left out if it is 0.
func (t *PretixTicket) message() []byte {
	b := binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(t.Seed)))
	b = append(b, t.Seed...)
	for i, n := range []int64{t.Item, t.Variation, t.Subevent, t.From, t.Until} {
		if n != 0 {
			b = append(b, byte(i+2)<<3)
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	return b
}
