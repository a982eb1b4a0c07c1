package workload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// CWT claim keys (RFC 8392, section 3.1).
const (
	claimExpires   = 4
	claimNotBefore = 5
	claimIssuedAt  = 6
)

// numericDate is where a time stands in the claims.
type numericDate struct {
	claim int64
	at    int // of its first byte
}

// First bytes of the CBOR items that times of this century are: an unsigned integer of 4 or 8 bytes, a double.
const (
	uint32Item = 0x1a
	uint64Item = 0x1b
	doubleItem = 0xfb
)

// findTimes finds the times among the claims, a CBOR map.
func findTimes(claims []byte) ([]numericDate, error) {
	if len(claims) == 0 || claims[0] < 0xa0 || claims[0] > 0xb7 && claims[0] != 0xbf {
		return nil, errors.New("the claims are no short map")
	}
	var times []numericDate
	for at := 1; at < len(claims) && claims[at] != 0xff; {
		key, n, err := item(claims[at:])
		if err != nil {
			return nil, err
		}
		at += n
		_, n, err = item(claims[at:])
		if err != nil {
			return nil, err
		}
		var claim int64
		if cbor.Unmarshal(key, &claim) == nil && slices.Contains([]int64{claimExpires, claimNotBefore, claimIssuedAt}, claim) {
			if !slices.Contains([]byte{uint32Item, uint64Item, doubleItem}, claims[at]) {
				return nil, fmt.Errorf("claim %d is written in an odd way", claim)
			}
			times = append(times, numericDate{claim: claim, at: at})
		}
		at += n
	}
	return times, nil
}

// item returns the first CBOR item of b and its length.
func item(b []byte) (cbor.RawMessage, int, error) {
	var raw cbor.RawMessage
	rest, err := cbor.UnmarshalFirst(b, &raw)
	if err != nil {
		return nil, 0, fmt.Errorf("claims: %w", err)
	}
	return raw, len(b) - len(rest), nil
}

// withTimes returns a copy of the claims with other times of issue and expiry, each as wide as it was.
func withTimes(claims []byte, times []numericDate, issued, expires int64) []byte {
	claims = slices.Clone(claims)
	for _, t := range times {
		value := issued
		if t.claim == claimExpires {
			value = expires
		}
		switch first, b := claims[t.at], claims[t.at+1:]; first {
		case uint32Item:
			binary.BigEndian.PutUint32(b, uint32(value))
		case uint64Item:
			binary.BigEndian.PutUint64(b, uint64(value))
		case doubleItem:
			binary.BigEndian.PutUint64(b, math.Float64bits(float64(value)))
		}
	}
	return claims
}
