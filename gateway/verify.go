package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"passerelle/drivers/camera"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// verifyCmd verifies codes on one core, in the order in which they come.
type verifyCmd struct {
	Trust    string   `help:"Trust list: a signed bundle, or a key set of trust import." required:"" placeholder:"FILE"`
	Roots    string   `help:"Root keys that must have signed the bundle." placeholder:"FILE"`
	Profile  string   `help:"What is asked here: checkpoint or demo." default:"checkpoint"`
	Now      string   `help:"Verify at this time (RFC 3339) instead of now." placeholder:"TIME"`
	Input    string   `help:"lines: one code a line. jsonl: rows {\"payload\", \"now\"}." enum:"lines,jsonl" default:"lines"`
	Output   string   `help:"text or json, one result a line." enum:"text,json" default:"text"`
	Disclose string   `help:"Add what the code says, as far as a role may see it: authority, airline, retail or steward." placeholder:"ROLE"`
	Files    []string `arg:"" optional:"" help:"Text files, or images: PNG, JPEG, PDF. Standard input without any."`
}

// Run exits 0 if every code would be admitted, 1 if some would not, 2 for misuse.
func (v *verifyCmd) Run(ctx context.Context, std streams) error {
	run, err := v.prepare(std)
	if err != nil {
		return err
	}
	if len(v.Files) == 0 {
		err = run.rows(std.in)
	}
	for _, name := range v.Files {
		if err == nil {
			err = run.file(ctx, name)
		}
	}
	if err := run.flush(err); err != nil {
		return err
	}
	if run.count == 0 {
		return misuse{fmt.Errorf("nothing to verify: no code in the input")}
	}
	if run.refused > 0 {
		return errRefused
	}
	return nil
}

func (v *verifyCmd) prepare(std streams) (*verifyRun, error) {
	profile, ok := policy.Named(v.Profile)
	if !ok {
		return nil, misuse{fmt.Errorf("profile %q: there is none of that name", v.Profile)}
	}
	now := time.Now()
	if v.Now != "" {
		t, err := time.Parse(time.RFC3339, v.Now)
		if err != nil {
			return nil, misuse{fmt.Errorf("--now: %w", err)}
		}
		now = t
	}
	list := trust.Empty()
	if v.Trust != "" {
		var err error
		if list, err = openList(v.Trust, v.Roots); err != nil {
			return nil, misuse{err}
		}
	}
	run := &verifyRun{
		list: list, profile: &profile, now: now.Unix(), verifier: verify.New(&profile),
		jsonRows: v.Input == "jsonl", jsonOut: v.Output == "json", out: bufio.NewWriterSize(std.out, 1<<16), err: std.err,
	}
	if v.Disclose != "" {
		role, ok := policy.ParseRole(v.Disclose)
		if !ok {
			return nil, misuse{fmt.Errorf("--disclose: no role is named %q", v.Disclose)}
		}
		run.role, run.disclose = role, true
	}
	return run, nil
}

// verifyRun is one run of the command.
type verifyRun struct {
	list     *trust.Snapshot
	profile  *policy.Profile
	now      int64
	verifier *verify.Verifier
	jsonRows bool
	jsonOut  bool
	role     policy.Role
	disclose bool
	out      *bufio.Writer
	err      io.Writer

	batch      []inputRow
	scans      []verify.Scan
	candidates []policy.Candidate
	line       []byte
	count      int
	refused    int
}

// inputRow is one code to verify.
type inputRow struct {
	payload []byte
	now     int64
	bad     error // the row itself could not be read
}

// maxRow is the longest line of input that is read; longer ones are too_large.
const maxRow = 64 * 1024

// file verifies the codes in one file.
func (r *verifyRun) file(ctx context.Context, name string) error {
	if isImage(name) {
		return r.image(ctx, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return misuse{fmt.Errorf("read codes: %w", err)}
	}
	defer f.Close()
	return r.rows(f)
}

func (r *verifyRun) image(ctx context.Context, name string) error {
	symbols, err := readImage(ctx, name)
	if errors.Is(err, camera.ErrNoCode) { // a picture without a code is a code that cannot be read
		symbols = []camera.Symbol{{}}
	} else if err != nil {
		return misuse{err}
	}
	for _, s := range symbols {
		r.batch = append(r.batch, inputRow{payload: s.Payload, now: r.now})
	}
	return r.verify()
}

// rows verifies one code a line. What is waiting is verified together, up to verify.MaxBatch; nobody waits for more.
func (r *verifyRun) rows(in io.Reader) error {
	lines := bufio.NewReaderSize(in, maxRow)
	for {
		line, err := nextLine(lines)
		if err == io.EOF {
			return r.verify()
		}
		if err != nil {
			return errors.Join(r.verify(), fmt.Errorf("read codes: %w", err)) // what came whole still gets its result
		}
		r.batch = append(r.batch, r.parse(line))
		if len(r.batch) == verify.MaxBatch || lines.Buffered() == 0 {
			if err := r.verify(); err != nil {
				return err
			}
		}
	}
}

// nextLine returns the next line without its end, cut to maxRow.
func nextLine(lines *bufio.Reader) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	cut := line
	if err == bufio.ErrBufferFull {
		cut = slices.Clone(line)
		for err == bufio.ErrBufferFull {
			_, err = lines.ReadSlice('\n')
		}
	}
	if err != nil && (err != io.EOF || len(cut) == 0) {
		return nil, err
	}
	cut = trimEnd(cut, '\n')
	return trimEnd(cut, '\r'), nil
}

func trimEnd(b []byte, c byte) []byte {
	if n := len(b); n > 0 && b[n-1] == c {
		return b[:n-1]
	}
	return b
}

// parse makes a row of a line, which belongs to the reader.
func (r *verifyRun) parse(line []byte) inputRow {
	if !r.jsonRows {
		return inputRow{payload: slices.Clone(line), now: r.now}
	}
	var row struct {
		Payload *string    `json:"payload"`
		Now     *time.Time `json:"now"`
	}
	if err := json.Unmarshal(line, &row); err != nil {
		return inputRow{bad: err}
	}
	if row.Payload == nil {
		return inputRow{bad: fmt.Errorf("no member %q", "payload")}
	}
	in := inputRow{payload: []byte(*row.Payload), now: r.now}
	if row.Now != nil {
		in.now = row.Now.Unix()
	}
	return in
}

// verify verifies the batch: neighbours with the same time together, so that the results stay in order.
func (r *verifyRun) verify() error {
	for rest := r.batch; len(rest) > 0; {
		n := 1
		for n < len(rest) && n < verify.MaxBatch && rest[n].now == rest[0].now && rest[n].bad == nil {
			n++
		}
		if rest[0].bad != nil {
			n = 1
		}
		if err := r.verifySame(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	r.batch = r.batch[:0]
	return r.out.Flush()
}

func (r *verifyRun) verifySame(rows []inputRow) error {
	if bad := rows[0].bad; bad != nil {
		r.count++
		fmt.Fprintf(r.err, "passerelle: error: row %d: %s\n", r.count, oneLine(bad.Error()))
		var c policy.Candidate
		var f policy.Findings
		f.Fail(policy.Format, policy.Malformed)
		c.Conclude(&f, r.profile)
		return r.print(&c, nil)
	}
	r.scans = r.scans[:0]
	for _, row := range rows {
		r.scans = append(r.scans, verify.Scan{Data: row.payload})
	}
	r.candidates = r.verifier.Verify(r.candidates[:0], r.scans, r.list, policy.At(rows[0].now))
	for i := range r.candidates {
		r.count++
		var claims []policy.Disclosed
		if cert := r.verifier.Result(i).Certificate; r.disclose && cert != nil {
			claims = policy.Disclose(r.role, cert)
		}
		if err := r.print(&r.candidates[i], claims); err != nil {
			return err
		}
	}
	return nil
}

func (r *verifyRun) print(c *policy.Candidate, claims []policy.Disclosed) error {
	if c.Outcome() != policy.Admit {
		r.refused++
	}
	r.line = r.line[:0]
	if r.jsonOut {
		r.line = c.AppendJSON(r.line)
		if r.disclose {
			members := make(map[string]string, len(claims))
			for _, claim := range claims {
				members[claim.Name] = claim.Value
			}
			text, err := json.Marshal(members)
			if err != nil {
				return fmt.Errorf("write claims: %w", err)
			}
			r.line = appendPrintableJSON(append(r.line, `,"claims":`...), text)
		}
		r.line = append(r.line, '}', '\n')
	} else {
		r.line = fmt.Appendf(r.line, "%-5s  %-15s  %-17s  %s", c.Outcome(), c.Reason(), c.Kind, c.Issuer)
		r.line = bytes.TrimRight(r.line, " ")
		for _, claim := range claims {
			r.line = fmt.Appendf(r.line, "  %s=%s", claim.Name, oneLine(claim.Value))
		}
		r.line = append(r.line, '\n')
	}
	_, err := r.out.Write(r.line)
	return err
}

func (r *verifyRun) flush(err error) error {
	if flushed := r.out.Flush(); err == nil && flushed != nil {
		return fmt.Errorf("write results: %w", flushed)
	}
	return err
}

// isImage reports whether a file's name is that of a picture.
func isImage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".pdf":
		return true
	}
	return false
}

// readImage reads the codes in a picture.
func readImage(ctx context.Context, name string) ([]camera.Symbol, error) {
	symbols, err := camera.ReadFile(ctx, name)
	if errors.Is(err, camera.ErrNoPDF) {
		return nil, withHint(err, "apt-get install poppler-utils")
	}
	return symbols, err
}
