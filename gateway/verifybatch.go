package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"passerelle/gateway/policy"
	"passerelle/gateway/rows"
	"passerelle/gateway/sig"
	"passerelle/gateway/verify"
)

// verifyJob is what one run of verify does. It does not change.
type verifyJob struct {
	place    policy.Place
	fast     *sig.Accelerator // nil: the standard library alone
	cores    int
	jsonRows bool
	jsonOut  bool
	disclose bool
	role     policy.Role
}

// inputRow is one code to verify.
type inputRow struct {
	code    []byte // or the JSON that it stands in
	decoded bool   // it was in a picture: no JSON
	at      int64  // when it is judged, in unix seconds
	bad     bool   // it is no row
}

// verifyBatch is a buffer of rows that goes round: free → filled → verified → written → free. Whoever received it owns it until
// it is sent on.
type verifyBatch struct {
	text  []byte // what the rows point into
	rows  []inputRow
	first int           // number of the first row of all input, from 1
	bytes int64         // of input
	done  chan struct{} // holds a token when the batch is verified

	out     []byte // results
	notes   []byte // what is wrong with rows
	refused int
}

// Memory of a batch.
const (
	batchBytes  = 256 << 10 // its rows together: verify.MaxBatch rows of six times a certificate's code, or a few of the largest
	resultBytes = 64 << 10  // room for its results; more is made where codes say a lot
)

func newVerifyBatch() *verifyBatch {
	return &verifyBatch{
		text: make([]byte, 0, batchBytes),
		rows: make([]inputRow, 0, verify.MaxBatch),
		done: make(chan struct{}, 1),
		out:  make([]byte, 0, resultBytes),
	}
}

// add copies a row into the batch; false if it is full.
func (b *verifyBatch) add(row inputRow) bool {
	from := len(b.text)
	if len(b.rows) == cap(b.rows) || from+len(row.code) > cap(b.text) {
		return false
	}
	b.text = append(b.text, row.code...)
	row.code = b.text[from:len(b.text):len(b.text)]
	b.rows = append(b.rows, row)
	return true
}

func (b *verifyBatch) reset() {
	clear(b.text)
	b.text, b.rows, b.out, b.notes, b.refused, b.bytes = b.text[:0], b.rows[:0], b.out[:0], b.notes[:0], 0, 0
}

// rowVerifier verifies batches on one core.
type rowVerifier struct {
	job        *verifyJob
	verifier   *verify.Verifier
	scans      []verify.Scan
	candidates []policy.Candidate
}

func newRowVerifier(job *verifyJob) *rowVerifier {
	verifier := verify.New(job.place.Profile, job.fast)
	verifier.During(job.place.Session)
	return &rowVerifier{
		job: job, verifier: verifier,
		scans:      make([]verify.Scan, 0, verify.MaxBatch),
		candidates: make([]policy.Candidate, 0, verify.MaxBatch),
	}
}

// verify writes each row's result into the batch. Neighbours that are judged at the same time are verified together.
func (v *rowVerifier) verify(b *verifyBatch) {
	v.parse(b)
	for rest := b.rows; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].at == rest[0].at && !rest[n].bad && !rest[0].bad {
			n++
		}
		if rest[0].bad {
			c := v.malformed()
			v.print(b, &c, nil)
		} else {
			v.verifySame(b, rest[:n])
		}
		rest = rest[n:]
	}
}

// parse finds the code in each row, and notes what is no row.
func (v *rowVerifier) parse(b *verifyBatch) {
	for i := range b.rows {
		r := &b.rows[i]
		r.at = v.job.place.Now.Latest
		if !v.job.jsonRows || r.decoded {
			continue
		}
		row, err := rows.Parse(r.code)
		if err != nil {
			r.bad = true
			b.notes = fmt.Appendf(b.notes, "passerelle: error: row %d: %v\n", b.first+i, err)
			continue
		}
		r.code = row.Payload
		if row.Dated {
			r.at = row.Now
		}
	}
}

func (v *rowVerifier) verifySame(b *verifyBatch, same []inputRow) {
	v.scans = v.scans[:0]
	for _, row := range same {
		v.scans = append(v.scans, verify.Scan{Data: row.code})
	}
	v.candidates = v.verifier.Verify(v.candidates[:0], v.scans, v.job.place.List, policy.At(same[0].at))
	for i := range v.candidates {
		var claims []policy.Disclosed
		if v.job.disclose {
			said := v.verifier.Result(i).Said
			claims = policy.Disclose(v.job.role, &said)
		}
		v.print(b, &v.candidates[i], claims)
	}
}

// malformed is the candidate for what is no row.
func (v *rowVerifier) malformed() policy.Candidate {
	var f policy.Findings
	f.Fail(policy.Format, policy.Malformed)
	var c policy.Candidate
	v.job.place.Date(&c)
	c.Conclude(&f, v.job.place.Profile)
	return c
}

// print appends a result to the batch.
func (v *rowVerifier) print(b *verifyBatch, c *policy.Candidate, claims []policy.Disclosed) {
	if c.Outcome() != policy.Admit {
		b.refused++
	}
	if v.job.jsonOut {
		b.out = c.AppendJSON(b.out)
		if v.job.disclose {
			b.out = appendClaims(append(b.out, `,"claims":`...), claims)
		}
		b.out = append(b.out, "}\n"...)
		return
	}
	from := len(b.out)
	b.out = appendColumn(b.out, c.Outcome().String(), 5)
	b.out = appendColumn(b.out, c.Reason().String(), 15)
	b.out = appendColumn(b.out, c.Kind.String(), 17)
	b.out = append(b.out, c.Issuer...)
	b.out = b.out[:from+len(bytes.TrimRight(b.out[from:], " "))]
	for _, claim := range claims {
		b.out = fmt.Appendf(b.out, "  %s=%s", claim.Name, oneLine(claim.Value))
	}
	b.out = append(b.out, '\n')
}

// appendColumn appends ASCII text, padded to its column's width, and the gap to the next column.
func appendColumn(dst []byte, text string, width int) []byte {
	dst = append(dst, text...)
	for n := len(text); n < width; n++ {
		dst = append(dst, ' ')
	}
	return append(dst, "  "...)
}

func appendClaims(dst []byte, claims []policy.Disclosed) []byte {
	members := make(map[string]string, len(claims))
	for _, claim := range claims {
		members[claim.Name] = claim.Value
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings alone
	}
	return appendPrintableJSON(dst, text)
}
