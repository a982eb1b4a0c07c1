package main

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"strings"

	"passerelle/drivers/camera"
)

// knownCode is a certificate of nobody's, for one day of 2025, signed by a test key that is on no list: no gate admits it. It has every
// character of base45, which is where keyboard layouts differ, and takes several reports of a HID scanner. It stays the same for ever, so
// that a printed one does.
const knownCode = `HC1:NCF%RN%TSMAHN-HWO4IFLJI1ZAQM.RKE47X5JU9J9EOGIQ1686QM*4J:BERR-MPW$NLEE6JCKYS2%K9+P0EQ928GEQW2DVJ5/O8 21EK5` +
	`G4BK34+SGU.S7XKZCTP+P6R2.+QB.VYUS8D2%H0BOAPI06YBVTO6H0VK5WLHPF5Y1HU7J/2DBAJDAJCNB-43 X41Q2EG3RA3/43KD3F23.+IIYC6` +
	`Q0ZIJPKJ+LJ5AL5:4A93QHB978*E99Q9E$BDZII4JQVBPOJ%IJKOJLZIA9JVTI-8BM7JC0J/KICT3KVTXPTPTT:ZJ83BNE1IUAUDBQEAJJKKKMWC` +
	`8NM8CSEA1UJ$BTJBX3FFOFVUEF%GVO4NJD2YCB*N2LO*:SB 7C$F**HQCPX+67P7$M1Y2ITFAGQS+YQPAW%DSC8R5B3B+JAJK/USNB7$J4000FGW` +
	`V 1G.D`

// binaryCode has, behind a word, each byte that a scanner may send as a UTF-8 character or without its eighth bit.
func binaryCode() []byte {
	code := []byte("LEARN:")
	for b := 0x80; b <= 0xFF; b++ {
		code = append(code, byte(b))
	}
	return code
}

// drawQR draws a QR code for a terminal, two modules a character, black on white whatever its colours are.
func drawQR(code string) (string, error) {
	var file bytes.Buffer
	if err := camera.WriteQR(&file, code, camera.QROptions{Level: 'L', Module: 1}); err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	picture, err := png.Decode(&file)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	size := picture.Bounds().Dx()
	black := func(x, y int) bool {
		return y < size && color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y < 128
	}
	var b strings.Builder
	for y := 0; y < size; y += 2 {
		b.WriteString(blackOnWhite)
		for x := range size {
			b.WriteString(halves[black(x, y)][black(x, y+1)])
		}
		b.WriteString(plain + "\n")
	}
	return b.String(), nil
}

// Colours of a terminal (ECMA-48, section 8.3.117), and blocks by whether their upper and lower halves are black.
const (
	blackOnWhite = "\x1b[30;107m"
	plain        = "\x1b[0m"
)

var halves = map[bool]map[bool]string{false: {false: " ", true: "▄"}, true: {false: "▀", true: "█"}}
