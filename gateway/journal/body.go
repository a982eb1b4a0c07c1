package journal

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"passerelle/gateway/policy"
)

// A body is one JSON object that begins with lane, at and event. That of a verdict goes on with the members of
// policy.Candidate.AppendJSON, profile, and zone if the lane has one; where it admits, movement ("in" or "out") and, if it
// has yet to be resolved, awaited; where it claimed a use, use (the use key in hexadecimal), until (unix seconds) and, unless
// the use was unknown before and is now nothing but entered, ledger; where an earlier verdict had claimed it, earlier {lane, at}.
//
// Those of passed, annulled and freed go on with entry {sequence, lane, zone, movement}, the verdict that they are about;
// unresolved, a SHA-256 of the record that waited, if it did; ledger, if it changes; and that of freed with reason.
//
// ledger lists what became of the ledger's records: use, was (left out if there was none) and now, useRecords in hexadecimal.

// The journal's own events; Note does not write them.
const (
	eventVerdict  = "verdict"
	eventGap      = "gap"           // an earlier journal was lost
	eventAccepted = "loss_accepted" // a supervisor accepted that
	eventPruned   = "pruned"        // retention dropped entries
	eventPassed   = "passed"        // the person walked through
	eventAnnulled = "annulled"      // the person did not
	eventFreed    = "freed"         // a supervisor took an entry back
)

// timeFormat is RFC 3339 in UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

func appendStart(dst []byte, lane string, at time.Time, event string) []byte {
	dst = append(dst, `{"lane":`...)
	dst = appendString(dst, lane)
	dst = append(dst, `,"at":"`...)
	dst = at.UTC().AppendFormat(dst, timeFormat)
	dst = append(dst, `","event":"`...)
	dst = append(dst, event...)
	return append(dst, '"')
}

// appendVerdict appends the body of p, whose verdict is final. earlier may be nil.
func appendVerdict(dst []byte, p *Pending, e *effects, earlier *Earlier) []byte {
	dst = appendStart(dst, p.Lane, p.At, eventVerdict)
	brace := len(dst)
	dst = p.Candidate.AppendJSON(dst)
	dst[brace] = ','
	dst = append(dst, `,"profile":`...)
	dst = appendString(dst, p.Profile.Name)
	if zone := placeOf(p).zone; zone != "" {
		dst = append(dst, `,"zone":`...)
		dst = appendString(dst, zone)
	}
	if p.Open {
		dst = append(dst, `,"open":true`...)
	}
	if p.Candidate.Outcome() == policy.Admit {
		dst = append(dst, `,"movement":"`...)
		dst = append(dst, movementOf(p.Candidate.Exit)...)
		dst = append(dst, '"')
		if p.Awaited {
			dst = append(dst, `,"awaited":true`...)
		}
	}
	if len(e.changes) > 0 {
		own := &e.changes[0]
		dst = append(dst, `,"use":"`...)
		dst = hex.AppendEncode(dst, own.key[:])
		dst = append(dst, `","until":`...)
		dst = strconv.AppendInt(dst, own.now.until, 10)
		if len(e.changes) > 1 || own.known || !own.now.isShort() {
			dst = appendChanges(dst, e.changes)
		}
	}
	if earlier != nil {
		dst = append(dst, `,"earlier":{"lane":`...)
		dst = appendString(dst, earlier.Lane)
		dst = append(dst, `,"at":"`...)
		dst = earlier.At.UTC().AppendFormat(dst, timeFormat)
		dst = append(dst, `"}`...)
	}
	return append(dst, '}')
}

// appendResolution appends the body of an entry that resolves or frees another.
func appendResolution(dst []byte, r *resolution, of *resolved, e *effects) []byte {
	dst = appendStart(dst, r.lane, r.at, r.event)
	dst = append(dst, `,"entry":{"sequence":`...)
	dst = strconv.AppendUint(dst, of.Sequence, 10)
	dst = append(dst, `,"lane":`...)
	dst = appendString(dst, of.Lane)
	if of.Zone != "" {
		dst = append(dst, `,"zone":`...)
		dst = appendString(dst, of.Zone)
	}
	if of.Movement != "" {
		dst = append(append(append(dst, `,"movement":"`...), of.Movement...), '"')
	}
	dst = append(dst, '}')
	if e.unresolved != (digest{}) {
		dst = append(dst, `,"unresolved":"`...)
		dst = append(hex.AppendEncode(dst, e.unresolved[:]), '"')
	}
	if len(e.changes) > 0 {
		dst = appendChanges(dst, e.changes)
	}
	if r.event == eventFreed {
		dst = append(dst, `,"reason":`...)
		dst = appendString(dst, r.deed.Reason)
		dst = append(dst, `,"by":`...)
		dst = appendString(dst, r.deed.By)
		dst = append(dst, `,"means":`...)
		dst = appendString(dst, r.deed.Means)
	}
	return append(dst, '}')
}

// appendChanges appends the member ledger.
func appendChanges(dst []byte, changes []change) []byte {
	var record [longRecord + MaxLane]byte
	dst = append(dst, `,"ledger":[`...)
	for i := range changes {
		c := &changes[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"use":"`...)
		dst = hex.AppendEncode(dst, c.key[:])
		if c.known {
			dst = append(dst, `","was":"`...)
			dst = hex.AppendEncode(dst, c.was.append(record[:0]))
		}
		dst = append(dst, `","now":"`...)
		dst = hex.AppendEncode(dst, c.now.append(record[:0]))
		dst = append(dst, '"', '}')
	}
	return append(dst, ']')
}

// appendNote appends the body of an entry that is not a verdict, its fields in the order of their names.
func appendNote(dst []byte, lane string, at time.Time, event string, fields map[string]string) []byte {
	dst = appendStart(dst, lane, at, event)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		dst = append(dst, ',', '"')
		dst = append(dst, name...)
		dst = append(dst, '"', ':')
		dst = appendString(dst, fields[name])
	}
	return append(dst, '}')
}

// checkNote refuses what would not make a plain body.
func checkNote(lane string, at time.Time, event string, fields map[string]string) error {
	if err := checkOrigin(lane, at); err != nil {
		return err
	}
	if len(fields) > MaxFields || !isName(event) {
		return fmt.Errorf("%w: note %.*q with %d fields", ErrLimit, MaxEvent, event, len(fields))
	}
	switch event {
	case eventVerdict, eventGap, eventAccepted, eventPruned, eventPassed, eventAnnulled, eventFreed:
		return fmt.Errorf("journal: event %q is written by the journal alone", event)
	}
	for name, text := range fields {
		if !isName(name) || len(text) > MaxFieldText {
			return fmt.Errorf("%w: field %.*q of note %q", ErrLimit, MaxEvent, name, event)
		}
		if name == "lane" || name == "at" || name == "event" {
			return fmt.Errorf("journal: field %q of note %q is written by the journal alone", name, event)
		}
	}
	return nil
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= MaxEvent
}

// appendString appends s as a JSON string (RFC 8259, section 7) that is safe in HTML and on a terminal as well.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r < 0x20, r == '"', r == '\\', r == '<', r == '>', r == '&', 0x7f <= r && r < 0xa0, r == 0x2028, r == 0x2029:
			dst = append(dst, '\\', 'u')
			dst = hex.AppendEncode(dst, []byte{byte(r >> 8), byte(r)})
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// facts are what the journal itself reads in a body. What is not the journal's own in every event stays raw: a note may have
// fields of the same name.
type facts struct {
	Lane    string          `json:"lane"`
	At      time.Time       `json:"at"`
	Event   string          `json:"event"`
	Verdict json.RawMessage `json:"verdict"`
	Use     json.RawMessage `json:"use"`
	Until   json.RawMessage `json:"until"`
	Point   json.RawMessage `json:"checkpoint"`

	Zone       json.RawMessage `json:"zone"`
	Movement   json.RawMessage `json:"movement"`
	Awaited    json.RawMessage `json:"awaited"`
	Ledger     json.RawMessage `json:"ledger"`
	Entry      json.RawMessage `json:"entry"`
	Unresolved json.RawMessage `json:"unresolved"`
}

func parseBody(body []byte) (facts, error) {
	var f facts
	if err := json.Unmarshal(body, &f); err != nil {
		return facts{}, err
	}
	if f.Event == "" || len(f.Lane) > MaxLane {
		return facts{}, errors.New("no event")
	}
	return f, nil
}

// outcome returns a verdict's outcome, "" for any other entry.
func (f *facts) outcome() string {
	if f.Event != eventVerdict {
		return ""
	}
	return unquote(f.Verdict)
}

// unquote returns a plain JSON string's text, "" if it is anything else.
func unquote(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
