package main

import (
	"bytes"
	"image"
	"image/color"
	"strings"
	"testing"
	"time"

	"passerelle/drivers/camera"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// The code is what its comment says: somebody may show it at a gate.
func TestKnownCodeIsMadeByTheIssuerAndAdmittedNowhere(t *testing.T) {
	t.Parallel()
	key, err := testkeys.Get(testkeys.Stranger)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	message, err := issuer.NewMessage(key, &issuer.Certificate{
		IssuedAt: day.Unix(), Expires: day.AddDate(0, 0, 1).Unix(), Name: issuer.Name{Family: "Specimen", Given: "Learn"}, Birth: "1990-01-01",
		Test: &issuer.Test{
			Disease: "840539006", Method: "LP6464-4", Collected: day.Format(time.RFC3339), Result: "260415000", Centre: "Demo",
			Country: "XC", Authority: "Demo", ID: "URN:UVCI:01:XC:LEARN0",
		},
	}).Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := issuer.Encode(message); err != nil || code != knownCode {
		t.Errorf("the issuer makes %q, %v", code, err)
	}
	for _, r := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:" {
		if !strings.ContainsRune(knownCode, r) {
			t.Errorf("no %q in it", r)
		}
	}
	s, err := newSamples(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.list()
	if err != nil {
		t.Fatal(err)
	}
	profile := policy.Demo()
	now := policy.Now{Earliest: day.Unix() + 3600, Latest: day.Unix() + 3600}
	got := verify.New(&profile, nil).Verify(nil, []verify.Scan{{Data: []byte(knownCode)}}, list, now)
	if len(got) != 1 || got[0].Outcome() != policy.Deny || got[0].Reason() != policy.UnknownIssuer {
		t.Errorf("verdict %v", got)
	}
}

func TestCodeInATerminalCanBeScanned(t *testing.T) {
	t.Parallel()
	text, err := drawQR(knownCode)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(rows) > 40 {
		t.Errorf("%d rows do not fit a terminal", len(rows))
	}
	const module = 4
	picture := image.NewGray(image.Rect(0, 0, 80*module, 80*module))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	for y, row := range rows {
		row, ok := strings.CutPrefix(row, blackOnWhite)
		row, ok2 := strings.CutSuffix(row, plain)
		if !ok || !ok2 {
			t.Fatalf("row %d has no colours", y)
		}
		for x, r := range []rune(row) {
			paint(picture, x, 2*y, module, r == '█' || r == '▀')
			paint(picture, x, 2*y+1, module, r == '█' || r == '▄')
		}
	}
	symbols, err := camera.Decode(picture)
	if err != nil || len(symbols) != 1 || string(symbols[0].Payload) != knownCode {
		t.Errorf("read as %v, %v", symbols, err)
	}
}

func paint(picture *image.Gray, x, y, module int, black bool) {
	if !black {
		return
	}
	for dy := range module {
		for dx := range module {
			picture.SetGray(x*module+dx, y*module+dy, color.Gray{})
		}
	}
}

func TestBinaryCodeHasEveryByteThatIsNotASCII(t *testing.T) {
	t.Parallel()
	code := binaryCode()
	for b := 0x80; b <= 0xFF; b++ {
		if bytes.IndexByte(code, byte(b)) < 0 {
			t.Errorf("no %02x", b)
		}
	}
}
