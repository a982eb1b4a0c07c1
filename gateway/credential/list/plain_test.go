package list_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// plainTOTP is RFC 6238 by crypto/hmac.
func plainTOTP(secret []byte, isSHA256 bool, digits int, step uint64) string {
	h := hmac.New(sha1.New, secret)
	if isSHA256 {
		h = hmac.New(sha256.New, secret)
	}
	h.Write(binary.BigEndian.AppendUint64(nil, step))
	sum := h.Sum(nil)
	number := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) & math.MaxInt32
	return fmt.Sprintf("%0*d", digits, number%uint32(math.Pow10(digits)))
}
