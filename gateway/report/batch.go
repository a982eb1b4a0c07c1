package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"passerelle/gateway/journal"
)

// A batch on the wire is one JSON object in one form: no white space, these members in this order, numbers in shortest
// decimal, hashes in lower case. A range is therefore always rendered to the same bytes, and whatever differs is refused.
//
//	{"journal":"<32 hex>","first":7,"last":8,"entries":[
//	  {"sequence":7,"hash":"<64 hex>","previous":"<64 hex>","entry":{…}},
//	  {"sequence":8,"hash":"<64 hex>","previous":"<64 hex>","entry":{…}}]}
//
// An entry's own object is passed through as the journal holds it.

// Limits of what a batch says.
const (
	journalDigits = 32        // hex digits of a journal id
	maxSequence   = 1<<53 - 1 // the largest integer that every JSON reader holds exactly (RFC 8259, section 6)
	maxDepth      = 8         // nested objects and arrays of one entry
	maxLane       = 64        // bytes of a lane's name
	maxWord       = 512       // bytes of an event or a verdict
	entryOverhead = 256       // at least the bytes around one entry's object, and those around all entries
)

// span is a range of sequences, both ends included.
type span struct{ First, Last uint64 }

func (s span) size() uint64 { return s.Last - s.First + 1 }

// batch is what one report says.
type batch struct {
	journal string
	span
	entries []journal.Entry
}

// batchID is the webhook-id of a span: the same for every attempt.
func batchID(journalID string, s span) string {
	return fmt.Sprintf("%s/%d-%d", journalID, s.First, s.Last)
}

// fill returns how many of the entries, from the first on, make one batch: consecutive sequences within the limits.
func fill(entries []journal.Entry) int {
	size := entryOverhead
	for i := range entries {
		size += len(entries[i].Body) + entryOverhead
		tooLarge := i > 0 && size > MaxBatchBytes
		broken := i > 0 && entries[i].Sequence != entries[i-1].Sequence+1
		if i == MaxBatchEntries || tooLarge || broken {
			return i
		}
	}
	return len(entries)
}

// appendBatch appends the body of the batch of these consecutive entries, at least one.
func appendBatch(dst []byte, journalID string, entries []journal.Entry) []byte {
	dst = append(dst, `{"journal":"`...)
	dst = append(dst, journalID...)
	dst = append(dst, `","first":`...)
	dst = strconv.AppendUint(dst, entries[0].Sequence, 10)
	dst = append(dst, `,"last":`...)
	dst = strconv.AppendUint(dst, entries[len(entries)-1].Sequence, 10)
	dst = append(dst, `,"entries":[`...)
	for i := range entries {
		e := &entries[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"sequence":`...)
		dst = strconv.AppendUint(dst, e.Sequence, 10)
		dst = append(dst, `,"hash":"`...)
		dst = hex.AppendEncode(dst, e.Hash[:])
		dst = append(dst, `","previous":"`...)
		dst = hex.AppendEncode(dst, e.Previous[:])
		dst = append(dst, `","entry":`...)
		dst = append(dst, e.Body...)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// What is wrong with a batch.
var (
	errForm       = errors.New("not a batch in its one form")
	errTooMany    = fmt.Errorf("more than %d entries", MaxBatchEntries)
	errRange      = errors.New("entries are not exactly those from first to last")
	errEntry      = fmt.Errorf("an entry is not a JSON object on one line, of at most %d bytes and %d levels", MaxEntryBytes, maxDepth)
	errChain      = errors.New("an entry does not follow from the one before it")
	errHash       = errors.New("an entry's hash is not that of its content")
	errJournalID  = errors.New("not a journal id")
	errDescribing = errors.New("an entry's lane, event or verdict is not a single short text")
)

// parseBatch reads a body. The entries' bodies point into it.
func parseBatch(body []byte) (*batch, error) {
	if !utf8.Valid(body) {
		return nil, errForm
	}
	p := reader{rest: body}
	p.literal(`{"journal":"`)
	b := &batch{journal: string(p.hex(journalDigits))}
	p.literal(`","first":`)
	b.First = p.number()
	p.literal(`,"last":`)
	b.Last = p.number()
	p.literal(`,"entries":[`)
	if p.err == nil && (b.First == 0 || b.Last < b.First) {
		return nil, errRange
	}
	if p.err == nil && b.size() > MaxBatchEntries {
		return nil, errTooMany
	}
	for want := b.First; p.err == nil && want <= b.Last; want++ {
		if want > b.First {
			p.literal(",")
		}
		e := p.entry()
		if p.err == nil && e.Sequence != want {
			return nil, errRange
		}
		b.entries = append(b.entries, e)
	}
	p.literal("]}")
	if p.err == nil && len(p.rest) > 0 {
		p.err = errForm
	}
	if p.err != nil {
		return nil, p.err
	}
	for i := range b.entries {
		e := &b.entries[i]
		if i > 0 && e.Previous != b.entries[i-1].Hash || e.Sequence == 1 && e.Previous != [32]byte{} {
			return nil, errChain
		}
		if e.Hash != entryHash(b.journal, e) {
			return nil, errHash
		}
	}
	return b, nil
}

// entryHash computes an entry's hash as package journal defines it: SHA-256 over the journal's id, the sequence, the
// previous hash and the body, each with its length before it.
func entryHash(journalID string, e *journal.Entry) (sum [sha256.Size]byte) {
	h := sha256.New()
	field := func(b []byte) {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(b)))
		h.Write(length[:])
		h.Write(b)
	}
	id, err := hex.DecodeString(journalID)
	if err != nil {
		return sum // no entry has this hash
	}
	field(id)
	field(binary.BigEndian.AppendUint64(nil, e.Sequence))
	field(e.Previous[:])
	field(e.Body)
	h.Sum(sum[:0])
	return sum
}

// reader takes a body apart from the left. After its first error it takes nothing more.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) literal(s string) {
	if r.err != nil || !bytes.HasPrefix(r.rest, []byte(s)) {
		r.fail(errForm)
		return
	}
	r.rest = r.rest[len(s):]
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// hex takes n lower-case hex digits.
func (r *reader) hex(n int) []byte {
	if r.err != nil || len(r.rest) < n || !isHex(r.rest[:n]) {
		r.fail(errForm)
		return nil
	}
	digits := r.rest[:n]
	r.rest = r.rest[n:]
	return digits
}

func isHex(b []byte) bool {
	for _, c := range b {
		if ('0' > c || c > '9') && ('a' > c || c > 'f') {
			return false
		}
	}
	return true
}

func (r *reader) hash() (h [32]byte) {
	if digits := r.hex(2 * len(h)); digits != nil {
		if _, err := hex.Decode(h[:], digits); err != nil {
			r.fail(errForm)
		}
	}
	return h
}

// number takes a sequence in shortest decimal.
func (r *reader) number() uint64 {
	n := 0
	for n < len(r.rest) && n < 17 && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	if r.err != nil || n == 0 || n > 1 && r.rest[0] == '0' {
		r.fail(errForm)
		return 0
	}
	v, err := strconv.ParseUint(string(r.rest[:n]), 10, 64)
	if err != nil || v > maxSequence {
		r.fail(errForm)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) entry() (e journal.Entry) {
	r.literal(`{"sequence":`)
	e.Sequence = r.number()
	r.literal(`,"hash":"`)
	e.Hash = r.hash()
	r.literal(`","previous":"`)
	e.Previous = r.hash()
	r.literal(`","entry":`)
	e.Body = r.object()
	r.literal("}")
	if r.err != nil {
		return journal.Entry{}
	}
	seen, err := describe(e.Body)
	if err != nil {
		r.fail(err)
		return journal.Entry{}
	}
	e.Lane = seen.lane
	return e
}

// object takes one JSON object of bounded size and depth.
func (r *reader) object() []byte {
	if r.err != nil {
		return nil
	}
	n := objectLength(r.rest)
	if n == 0 || bytes.ContainsAny(r.rest[:n], "\r\n") || !json.Valid(r.rest[:n]) {
		r.fail(errEntry)
		return nil
	}
	object := r.rest[:n:n]
	r.rest = r.rest[n:]
	return object
}

// objectLength returns the length of the object that b begins with, by its brackets alone, or 0 if there is none within
// the limits.
func objectLength(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b) && i < MaxEntryBytes; i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return 0
			}
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		if depth == 0 || i == 0 && b[0] != '{' {
			return 0
		}
	}
	return 0
}

// description is what a collector wants to know of an entry: nothing else in it is looked at.
type description struct{ lane, event, verdict string }

// describe reads the lane, the event and the verdict of an entry. A member that comes twice is refused: two readers
// might take different ones.
func describe(body []byte) (description, error) {
	var d description
	dec := json.NewDecoder(bytes.NewReader(body))
	if _, err := dec.Token(); err != nil { // the opening brace
		return description{}, errEntry
	}
	seen := make(map[string]bool, 16)
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok || seen[strings.ToLower(name)] {
			return description{}, errDescribing
		}
		seen[strings.ToLower(name)] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return description{}, errEntry
		}
		var into *string
		limit := maxWord
		switch name {
		case "lane":
			into, limit = &d.lane, maxLane
		case "event":
			into = &d.event
		case "verdict":
			into = &d.verdict
		default:
			continue
		}
		if json.Unmarshal(value, into) != nil || value[0] != '"' || len(*into) > limit {
			return description{}, errDescribing
		}
	}
	return d, nil
}

// parseJournalID refuses what is not 32 lower-case hex digits.
func parseJournalID(id string) error {
	if len(id) != journalDigits || !isHex([]byte(id)) {
		return errJournalID
	}
	return nil
}
