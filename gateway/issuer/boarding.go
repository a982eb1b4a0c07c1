package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// BoardingPass is a boarding pass of IATA Resolution 792, version 6, for demonstrations, simulations and tests.
type BoardingPass struct {
	Surname string // capital letters and blanks
	Given   string // likewise, with a title behind it where an airline would put one
	Legs    []BoardingLeg
}

// BoardingLeg is one flight of a pass.
type BoardingLeg struct {
	PNR      string // booking reference, at most 7 capital letters and digits
	From, To string // airports, three capital letters
	Carrier  string // two or three capital letters or digits
	Number   int    // 1 to 9999
	Date     time.Time
	Cabin    byte   // 'Y' where it is 0
	Seat     string // "28C"; empty for none
	Sequence int    // 1 to 9999
	Status   byte   // '1', checked in, where it is 0
}

// ErrPass is wrapped by the errors about a boarding pass.
var ErrPass = errors.New("boarding pass")

// Text returns the pass's code, which nobody signed.
func (b *BoardingPass) Text() (string, error) {
	if len(b.Legs) < 1 || len(b.Legs) > 4 || b.Surname == "" {
		return "", fmt.Errorf("%w: want a surname and 1 to 4 legs", ErrPass)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "M%d%-20.20sE", len(b.Legs), b.Surname+"/"+b.Given)
	for i := range b.Legs {
		leg, err := b.Legs[i].text()
		if err != nil {
			return "", fmt.Errorf("leg %d: %w", i+1, err)
		}
		text.WriteString(leg)
		if i > 0 {
			text.WriteString("00")
			continue
		}
		// The version, and no unique items: 2 for the size of an empty part, then nothing that is repeated.
		text.WriteString("06>60000")
	}
	return text.String(), nil
}

func (l *BoardingLeg) text() (string, error) {
	if len(l.PNR) > 7 || len(l.From) != 3 || len(l.To) != 3 || len(l.Carrier) < 2 || len(l.Carrier) > 3 || l.Number < 1 || l.Number > 9999 ||
		len(l.Seat) > 4 || l.Sequence < 1 || l.Sequence > 9999 {
		return "", fmt.Errorf("%w: an item is too long, or no such thing: %+v", ErrPass, *l)
	}
	cabin, status := l.Cabin, l.Status
	if cabin == 0 {
		cabin = 'Y'
	}
	if status == 0 {
		status = '1'
	}
	return fmt.Sprintf("%-7s%s%s%-3s%04d %03d%c%4s%04d %c", l.PNR, l.From, l.To, l.Carrier, l.Number, l.Date.YearDay(), cabin,
		strings.Repeat("0", max(0, 4-len(l.Seat)))+l.Seat, l.Sequence, status), nil
}

// SignPass returns the code of a pass with a security item of k, a P-256 key: base64 of the DER signature over all that stands before
// it, the form that package bcbp reads.
func SignPass(k *Key, text string) (string, error) {
	private, ok := k.private.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() || strings.Contains(text, "^") {
		return "", fmt.Errorf("%w: want a P-256 key, and a pass that is not signed yet", ErrPass)
	}
	digest := sha256.Sum256([]byte(text))
	der, err := rfc6979{private, crypto.SHA256}.Sign(nil, digest[:], nil)
	if err != nil {
		return "", fmt.Errorf("sign boarding pass: %w", err)
	}
	data := base64.StdEncoding.EncodeToString(der)
	return fmt.Sprintf("%s^1%02X%s", text, len(data), data), nil
}
