package pretix_test

import (
	"encoding/binary"
	"unicode/utf8"

	"passerelle/gateway/credential/pretix"
)

// plainTicket is a second reading of messages, by encoding/binary and a map: whether b is a ticket's, and the one that Parse found.
func plainTicket(b []byte, found *pretix.Ticket) bool {
	if len(b) > pretix.MaxMessage {
		return false
	}
	numbers := map[uint64]uint64{}
	var seed []byte
	for fields := 0; len(b) > 0; fields++ {
		key, n := binary.Uvarint(b)
		if n <= 0 || fields == pretix.MaxFields {
			return false
		}
		b = b[n:]
		value, n := binary.Uvarint(b)
		size := 0
		switch field, wire := key/8, key%8; {
		case field == 0 || field >= 1<<29:
			return false
		case wire == 0 && n > 0:
			size = n
		case wire == 1:
			size = 8
		case wire == 2 && n > 0 && value <= uint64(len(b)-n):
			size = n + int(value)
		case wire == 5:
			size = 4
		default:
			return false
		}
		if size > len(b) {
			return false
		}
		if field := key / 8; field <= 6 {
			if _, twice := numbers[field]; twice || field == 1 != (key%8 == 2) || field > 1 && key%8 != 0 {
				return false
			}
			numbers[field] = value
			if field == 1 {
				seed = b[n:size]
			}
		}
		b = b[size:]
	}
	for field, value := range numbers {
		if value > 1<<63-1 || field >= 5 && value > pretix.MaxTime {
			return false
		}
	}
	return len(seed) > 0 && utf8.Valid(seed) && numbers[2] > 0 && string(seed) == string(found.Seed) &&
		found.Item == int64(numbers[2]) && found.Variation == int64(numbers[3]) && found.Subevent == int64(numbers[4]) &&
		found.From == int64(numbers[5]) && found.Until == int64(numbers[6])
}
