package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"passerelle/testdata"
)

// checkHarmless refuses text that a terminal would obey, or that would be read in another order than it is written.
func checkHarmless(text string) error {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return fmt.Errorf("byte %#x at %d is not UTF-8", text[i], i)
			}
		}
		if r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Errorf("%U at byte %d", r, i)
		}
	}
	return nil
}

func caseNamed(name string) (testdata.Case, error) {
	cases, err := testdata.Cases()
	if err != nil {
		return testdata.Case{}, err
	}
	for _, c := range cases {
		if c.Name == name {
			return c, nil
		}
	}
	return testdata.Case{}, fmt.Errorf("no case is named %s", name)
}

// recomputeChain checks an export by the formula in its first line and SHA-256 alone, and returns how many entries it has.
func recomputeChain(export string) (int, error) {
	lines := strings.Split(strings.TrimSuffix(export, "\n"), "\n")
	var head struct {
		Journal string `json:"journal"`
		After   uint64 `json:"after"`
		Hash    string `json:"after_hash"`
	}
	if err := json.Unmarshal([]byte(lines[0]), &head); err != nil {
		return 0, err
	}
	id, err := hex.DecodeString(head.Journal)
	if err != nil || len(id) != 16 || len(lines) < 2 {
		return 0, errors.New("no id of 16 bytes, or no end")
	}
	sequence, previous := head.After, head.Hash
	for _, line := range lines[1 : len(lines)-1] {
		var e struct {
			Sequence       uint64
			Previous, Hash string
			Body           string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return 0, err
		}
		before, err := hex.DecodeString(e.Previous)
		if err != nil || e.Sequence != sequence+1 || e.Previous != previous || !json.Valid([]byte(e.Body)) {
			return 0, fmt.Errorf("entry %d does not follow entry %d", e.Sequence, sequence)
		}
		sum := sha256.New()
		for _, field := range [][]byte{id, binary.BigEndian.AppendUint64(nil, e.Sequence), before, []byte(e.Body)} {
			sum.Write(binary.BigEndian.AppendUint32(nil, uint32(len(field))))
			sum.Write(field)
		}
		if hex.EncodeToString(sum.Sum(nil)) != e.Hash {
			return 0, fmt.Errorf("hash of entry %d is wrong", e.Sequence)
		}
		sequence, previous = e.Sequence, e.Hash
	}
	want := fmt.Sprintf(`{"entries":%d,"last_sequence":%d,"last_hash":"%s"}`, len(lines)-2, sequence, previous)
	if last := lines[len(lines)-1]; last != want {
		return 0, fmt.Errorf("the last line is %s, want %s", last, want)
	}
	return len(lines) - 2, nil
}

// sameEntries compares a journal's export with what a collector exports.
func sameEntries(export, reported string) error {
	journal, collected := strings.Split(export, "\n"), strings.Split(strings.TrimSuffix(reported, "\n"), "\n")
	var head struct{ Journal string }
	if err := json.Unmarshal([]byte(journal[0]), &head); err != nil {
		return err
	}
	hashes := make(map[string]string)
	for _, line := range collected {
		var e struct {
			Journal, Hash string
			Sequence      uint64
			Entry         json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return err
		}
		if e.Journal != head.Journal || hashes[e.Hash] != "" {
			return fmt.Errorf("entry %d twice, or of another journal", e.Sequence)
		}
		hashes[e.Hash] = string(e.Entry)
	}
	for _, line := range journal[1:] {
		var e struct{ Hash, Body string }
		if line == "" || strings.HasPrefix(line, `{"entries"`) {
			continue
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return err
		}
		if hashes[e.Hash] != e.Body {
			return fmt.Errorf("not reported, or otherwise: %s", e.Body)
		}
		delete(hashes, e.Hash)
	}
	if len(hashes) > 0 {
		return fmt.Errorf("reported, and not in the journal: %v", hashes)
	}
	return nil
}

// asPicture PNG makes a picture of a white sheet.
func asPicture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: picture PNG")
	}
	sheet := image.NewGray(image.Rect(0, 0, 200, 200))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0xff
	}
	var out bytes.Buffer
	ts.Check(png.Encode(&out, sheet))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o600))
}

// asJPEG PNG JPEG turns a picture into another format, as a phone that takes a photograph does.
func asJPEG(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jpeg PNG JPEG")
	}
	picture, _, _, err := toJPEG(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), picture, 0o600))
}

func toJPEG(text string) (picture []byte, width, height int, err error) {
	img, err := png.Decode(strings.NewReader(text))
	if err != nil {
		return nil, 0, 0, err
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, img, &jpeg.Options{Quality: 85})
	return out.Bytes(), img.Bounds().Dx(), img.Bounds().Dy(), err
}

// asPDF PNG PDF puts a picture on a page.
func asPDF(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pdf PNG PDF")
	}
	picture, width, height, err := toJPEG(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pdfPage(picture, width, height), 0o600))
}

// pdfPage is a PDF (ISO 32000-1, section 7.5) of one A4 page with a JPEG on it, 12 cm wide.
func pdfPage(picture []byte, width, height int) []byte {
	draw := "340 0 0 340 100 400 cm /I Do"
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(draw), draw),
		fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode/Length %d>>stream\n%s\nendstream",
			width, height, len(picture), picture),
	}
	out := []byte("%PDF-1.4\n")
	var places []int
	for i, o := range objects {
		places = append(places, len(out))
		out = fmt.Appendf(out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := len(out)
	out = fmt.Appendf(out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range places {
		out = fmt.Appendf(out, "%010d 00000 n \n", at)
	}
	return fmt.Appendf(out, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
}
