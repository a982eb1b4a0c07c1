package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"passerelle/drivers/camera"
	"passerelle/gateway/issuer/book"
)

// issueResults writes what came of a batch: a CSV of codes and one of refused rows, each whole or not at all.
//
// Spreadsheets run values that begin with = + - @ as formulas. None comes out of here: references are letters, digits and few signs, and
// begin with a letter or a digit (book.CheckRef; others are refused, since changing one would make another reference of it); ids are
// hexadecimal, codes begin with HC1: or PT1:, reasons with a word of ours.
type issueResults struct {
	codes, refused *wholeCSV // refused is nil where nobody asked for it
	pictures       bool

	issued, again, rejected int
	named                   []string // the first refused rows
}

// wholeCSV is a CSV beside its place until it is finished.
type wholeCSV struct {
	path string
	file *os.File
	*csv.Writer
}

func newIssueResults(codes, refused string, comma rune, pictures bool) (*issueResults, error) {
	r := &issueResults{pictures: pictures}
	var err error
	head := []string{"ref", "id", "code"}
	if pictures {
		head = append(head, "png")
	}
	if r.codes, err = createCSV(codes, comma, head...); err != nil {
		return nil, err
	}
	if refused == "" {
		return r, nil
	}
	if r.refused, err = createCSV(refused, comma, "line", "ref", "reason"); err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

// createCSV begins a file that only its owner reads: codes let people in.
func createCSV(path string, comma rune, head ...string) (*wholeCSV, error) {
	if err := spareKey(path); err != nil {
		return nil, fmt.Errorf("write results: %w", err)
	}
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write results: %w", err)
	}
	w := &wholeCSV{path, f, csv.NewWriter(f)}
	w.Comma = comma
	return w, w.Write(head)
}

// finish puts the file in its place, durably.
func (w *wholeCSV) finish() error {
	w.Flush()
	if err := errors.Join(w.Error(), w.file.Sync(), w.file.Close()); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.Rename(w.file.Name(), w.path); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	dir, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// maxRefusedNamed is how many refused rows are named on standard error.
const maxRefusedNamed = 20

// add writes what came of one row.
func (r *issueResults) add(j *issueJob, pictures string) error {
	if j.err != nil {
		return r.refuse(j)
	}
	r.issued++
	if j.known {
		r.again++
	}
	record := []string{j.record.Ref, j.record.ID.String(), j.code}
	if r.pictures {
		record = append(record, picturePath(pictures, j))
	}
	if err := r.codes.Write(record); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

func (r *issueResults) refuse(j *issueJob) error {
	r.rejected++
	ref, reason := j.row["ref"], j.row.reason(j.err)
	if book.CheckRef(ref) != nil {
		ref = ""
	}
	if r.refused != nil {
		if err := r.refused.Write([]string{strconv.Itoa(j.line), ref, reason}); err != nil {
			return fmt.Errorf("write refused rows: %w", err)
		}
		return nil
	}
	if len(r.named) < maxRefusedNamed {
		r.named = append(r.named, strings.TrimSpace(fmt.Sprintf("line %d %s", j.line, ref))+": "+reason)
	}
	return nil
}

// finish puts the files in their places.
func (r *issueResults) finish() error {
	if r.refused != nil {
		if err := r.refused.finish(); err != nil {
			return err
		}
	}
	return r.codes.finish()
}

// discard removes what was not finished.
func (r *issueResults) discard() {
	for _, w := range []*wholeCSV{r.codes, r.refused} {
		if w != nil {
			_ = w.file.Close()
			_ = os.Remove(w.file.Name()) // fails once it is renamed
		}
	}
}

// report says how many rows were issued and refused, and by its error whether any was.
func (r *issueResults) report(std streams) error {
	for _, line := range r.named {
		fmt.Fprintf(std.err, "passerelle: hint: %s\n", line)
	}
	if n := r.rejected - len(r.named); n > 0 && r.refused == nil {
		fmt.Fprintf(std.err, "passerelle: hint: and %d more; --refused FILE.csv has all of them\n", n)
	}
	before := ""
	if r.again > 0 {
		before = fmt.Sprintf(" (%d of them by an earlier run)", r.again)
	}
	if _, err := fmt.Fprintf(std.out, "%d issued%s, %d refused\n", r.issued, before, r.rejected); err != nil {
		return err
	}
	if r.rejected > 0 {
		return errRefused
	}
	return nil
}

// isFormula reports whether a spreadsheet would run a value.
func isFormula(s string) bool { return s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) }

func picturePath(dir string, j *issueJob) string {
	return filepath.Join(dir, j.record.ID.String()+".png")
}

// drawPicture writes a picture whole or not at all, durable after syncPictures.
func drawPicture(path, code string) error {
	var picture bytes.Buffer
	if err := camera.WriteQR(&picture, code, camera.QROptions{}); err != nil {
		return fmt.Errorf("draw QR code: %w", err)
	}
	if err := os.WriteFile(path+".part", picture.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write QR code: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("write QR code: %w", err)
	}
	return nil
}
