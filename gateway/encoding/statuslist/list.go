// Package statuslist reads and writes Token Status Lists (draft-ietf-oauth-status-list) in their CBOR form: one small number for
// each of very many credentials, packed into bytes and compressed, and the token that such a list is signed in.
//
// A gate does not read these on the way of a scan: a list is expanded when it arrives, and then looked up. What is decided here:
//   - A list may expand to MaxList bytes, whatever its few compressed bytes are said to hold, and nothing may follow them.
//   - A credential that a list has no room for has no status: At says so, and never that such a credential is valid.
//   - A token is at most MaxToken bytes, which our COSE reader can hold, too: more than 500,000 statuses of one bit however they
//     are spread, and millions of which few are set. An issuer with more has several lists, as the draft advises (section 13.4).
//   - The draft's rules for what a token must contain hold (section 5.2); its type is in the COSE header, see MediaType.
package statuslist

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// Limits, in bytes.
const (
	MaxList  = 32 << 20  // a list, expanded
	MaxToken = 1<<16 - 1 // a token's claims
	MaxURI   = 256       // each of its addresses
)

// Status values (section 7.1). 3 and 12 to 15 are for applications, all others are reserved.
const (
	Valid     = 0
	Invalid   = 1 // revoked, annulled, taken back
	Suspended = 2 // for the time being
)

// Errors. All wrap ErrMalformed, but for ErrIndex.
var (
	ErrMalformed = errors.New("malformed status list")
	ErrBits      = fmt.Errorf("%w: bits of a status, want 1, 2, 4 or 8", ErrMalformed)
	ErrTooLarge  = fmt.Errorf("%w: over a limit", ErrMalformed)
	ErrIndex     = errors.New("no such status in the list")
)

// List is an expanded list. The zero List has no statuses. It is safe for concurrent use as long as nobody calls Set.
type List struct {
	shift uint8 // log2 of the bits of a status
	data  []byte
}

// New returns a list of n credentials, all of them Valid, and of as many more as fill its last byte. bits is how many a status
// has: 1, 2, 4 or 8. Errors are ErrBits and ErrTooLarge.
func New(bits, n int) (*List, error) {
	shift, ok := shiftOf(bits)
	if !ok {
		return nil, ErrBits
	}
	if n < 0 || n > MaxList<<(3-shift) {
		return nil, ErrTooLarge
	}
	perByte := 8 / bits
	return &List{shift, make([]byte, (n+perByte-1)/perByte)}, nil
}

// Decompress expands lst, the zlib stream of a list (section 4.1). Errors are ErrBits, ErrTooLarge and ErrMalformed.
func Decompress(bits int, lst []byte) (*List, error) {
	shift, ok := shiftOf(bits)
	if !ok {
		return nil, ErrBits
	}
	in := bytes.NewReader(lst)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	data, err := io.ReadAll(io.LimitReader(z, MaxList+1)) // one more: so that the checksum behind MaxList bytes is read
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	case len(data) > MaxList:
		return nil, ErrTooLarge
	case in.Len() > 0:
		return nil, fmt.Errorf("%w: %d bytes after the list", ErrMalformed, in.Len())
	}
	return &List{shift, data}, nil
}

func shiftOf(bits int) (shift uint8, ok bool) {
	switch bits {
	case 1:
		return 0, true
	case 2:
		return 1, true
	case 4:
		return 2, true
	case 8:
		return 3, true
	}
	return 0, false
}

// Bits returns how many bits a status has.
func (l *List) Bits() int { return 1 << l.shift }

// Len returns of how many credentials the list has the status.
func (l *List) Len() uint64 { return uint64(len(l.data)) << (3 - l.shift) }

// At returns the status of the credential with that index. It is not ok if the list has none of it. It does not allocate.
func (l *List) At(index uint64) (status uint8, ok bool) {
	if index >= l.Len() {
		return 0, false
	}
	at, offset, mask := l.place(index)
	return l.data[at] >> offset & mask, true
}

// Set changes a status. The error is ErrIndex if the list has no such index, ErrBits if status does not fit; nothing is changed then.
func (l *List) Set(index uint64, status uint8) error {
	if index >= l.Len() {
		return fmt.Errorf("%w: index %d of %d", ErrIndex, index, l.Len())
	}
	at, offset, mask := l.place(index)
	if status > mask {
		return fmt.Errorf("%w: status %d of %d bits", ErrBits, status, l.Bits())
	}
	l.data[at] = l.data[at]&^(mask<<offset) | status<<offset
	return nil
}

// place returns the byte that holds a status, where it begins there, counted from the least significant bit (section 4.1), and the
// bits that it has.
func (l *List) place(index uint64) (at, offset uint64, mask uint8) {
	first := index << l.shift
	return first >> 3, first & 7, uint8(1<<(1<<l.shift) - 1)
}

// Compress returns the zlib stream of the list, as small as it gets (section 4.1).
func (l *List) Compress() ([]byte, error) {
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, zlib.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("compress status list: %w", err)
	}
	if _, err := z.Write(l.data); err != nil {
		return nil, fmt.Errorf("compress status list: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress status list: %w", err)
	}
	return out.Bytes(), nil
}
