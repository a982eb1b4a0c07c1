package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// mrzRow is a line of both files: cheminfo.jsonl has lines and what each check digit is, gmrtd.jsonl the zone as one line.
type mrzRow struct {
	Lines  []string        `json:"lines"`
	Type   string          `json:"type"`
	Check  map[string]bool `json:"check"`
	Concat string          `json:"concat"`
}

// mrzCases reads the machine-readable zones. Each check digit that cheminfo says something about is a case. A row about which it
// says nothing is a layout that Doc 9303 does not have, and is to be refused. gmrtd's are good and bad variants without saying which: what
// is expected of them is computed here, from positions that this file writes down again.
func mrzCases(dir string, check func(name string, err error)) error {
	rows, err := mrzRows(filepath.Join(dir, "cheminfo.jsonl"))
	if err != nil {
		return err
	}
	for i, row := range rows {
		name := fmt.Sprintf("cheminfo/%02d", i+1)
		if row.Check == nil {
			check(name, mrzRefused(row))
			continue
		}
		for _, digit := range []string{"doc", "dob", "exp", "opt", "comp"} {
			if want, said := row.Check[digit]; said {
				check(name+"/"+digit, mrzDigit(row, digit, want))
			}
		}
	}
	if rows, err = mrzRows(filepath.Join(dir, "gmrtd.jsonl")); err != nil {
		return err
	}
	for i, row := range rows {
		check(fmt.Sprintf("gmrtd/%02d", i+1), mrzComputed(row.Concat))
	}
	return nil
}

func mrzRows(path string) ([]mrzRow, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows []mrzRow
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			return rows, s.Err()
		}
		var row mrzRow
		if err := json.Unmarshal(s.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, len(rows)+1, err)
		}
		rows = append(rows, row)
	}
}

// mrzRefused: French cards of before 2021 by their name, anything else as malformed.
func mrzRefused(row mrzRow) error {
	want := mrz.ErrMalformed
	if row.Type == "FR-ID" {
		want = mrz.ErrNational
	}
	var z mrz.Zone
	if err := z.Parse([]byte(strings.Join(row.Lines, "\r\n"))); !errors.Is(err, want) {
		return fmt.Errorf("got %v, want %w", err, want)
	}
	return nil
}

// mrzDigit holds one check digit against what cheminfo says. In a zone that is refused no digit is right.
func mrzDigit(row mrzRow, digit string, want bool) error {
	var z mrz.Zone
	err := z.Parse([]byte(strings.Join(row.Lines, "\r\n")))
	if err == nil && z.Format.String() != row.Type {
		return fmt.Errorf("got format %v, want %s", z.Format, row.Type)
	}
	outcome := map[string]mrz.Check{
		"doc": z.Checks.Number, "dob": z.Checks.Birth, "exp": z.Checks.Expiry, "opt": z.Checks.Optional, "comp": z.Checks.Composite,
	}[digit]
	if got := err == nil && outcome == mrz.Right; got != want {
		return fmt.Errorf("got %v, error %v, want right: %v", outcome, err, want)
	}
	return nil
}

// mrzSpan says where a check digit of a joined zone stands, and which characters it is computed from: pairs of the first and the
// one after the last, counted from 0.
type mrzSpan struct {
	digit int
	from  []int
}

// mrzSpans are in the order of document number, birth, expiry, personal number and composite (Doc 9303, section 4.2.4 of parts 4
// to 6).
var mrzSpans = map[int][]mrzSpan{
	90: {{14, []int{5, 14}}, {36, []int{30, 36}}, {44, []int{38, 44}}, {-1, nil}, {59, []int{5, 37, 38, 45, 48, 59}}},
	72: {{45, []int{36, 45}}, {55, []int{49, 55}}, {63, []int{57, 63}}, {-1, nil}, {71, []int{36, 46, 49, 56, 57, 71}}},
	88: {{53, []int{44, 53}}, {63, []int{57, 63}}, {71, []int{65, 71}}, {86, []int{72, 86}}, {87, []int{44, 54, 57, 64, 65, 87}}},
}

// mrzRest is where the rest of a long document number begins in cards.
var mrzRest = map[int]int{90: 15, 72: 64}

// mrzComputed holds every outcome of a zone against the digits computed here.
func mrzComputed(text string) error {
	spans := mrzSpans[len(text)]
	if spans == nil {
		return fmt.Errorf("no format has %d characters", len(text))
	}
	want := make([]mrz.Check, len(spans))
	for i, span := range spans {
		if span.digit < 0 {
			continue
		}
		var covered strings.Builder
		for pair := range slices.Chunk(span.from, 2) {
			covered.WriteString(text[pair[0]:pair[1]])
		}
		digit := text[span.digit]
		if start := mrzRest[len(text)]; i == 0 && digit == '<' && start > 0 {
			if rest, _, _ := strings.Cut(text[start:], "<"); rest != "" {
				covered.WriteString(rest[:len(rest)-1])
				digit = rest[len(rest)-1]
			}
		}
		want[i] = mrz.Wrong
		if computed := mrzCompute(covered.String()); digit == computed || i == 3 && digit == '<' && computed == '0' {
			want[i] = mrz.Right
		}
	}
	var z mrz.Zone
	if err := z.Parse([]byte(text)); err != nil {
		return fmt.Errorf("got %w, want a zone", err)
	}
	c := z.Checks
	if got := []mrz.Check{c.Number, c.Birth, c.Expiry, c.Optional, c.Composite}; !slices.Equal(got, want) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	valid := !slices.Contains(want, mrz.Wrong)
	if z.Valid() != valid {
		return fmt.Errorf("got valid %v, want %v", z.Valid(), valid)
	}
	return mrzJudged(text, valid)
}

// mrzJudged has the program's own verifier judge a zone: one that was misread is unreadable, and none is admitted by itself.
func mrzJudged(text string, valid bool) error {
	profile := policy.Profile{Accept: policy.Kinds(policy.MRZ)}
	c := verify.New(&profile, nil).Verify(nil, []verify.Scan{{Data: []byte(text)}}, trust.Empty(), policy.At(0))[0]
	readable := c.Kind == policy.MRZ && c.State(policy.Format) == policy.Passed
	if c.Outcome() == policy.Admit || readable != valid || !valid && c.Reason() != policy.Unreadable {
		return fmt.Errorf("the verdict on a %v is %v %v, want readable: %v", c.Kind, c.Outcome(), c.Reason(), valid)
	}
	return nil
}

// mrzCompute returns a check digit (Doc 9303, part 3, section 4.9).
func mrzCompute(text string) byte {
	const values = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	sum := 0
	for i := range len(text) {
		sum += max(strings.IndexByte(values, text[i]), 0) * [3]int{7, 3, 1}[i%3] // < is no value: 0
	}
	return values[sum%10]
}
