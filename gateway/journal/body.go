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
// policy.Candidate.AppendJSON and ends with profile; then, where this verdict claimed a use, use (the use key in
// hexadecimal) and until (unix seconds); where an earlier one had claimed it, earlier {lane, at}.

// The journal's own events; Note does not write them.
const (
	eventVerdict  = "verdict"
	eventGap      = "gap"           // an earlier journal was lost
	eventAccepted = "loss_accepted" // a supervisor accepted that
	eventPruned   = "pruned"        // retention dropped entries
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

// appendVerdict appends the body of p, whose verdict is final. claimed and earlier may be nil.
func appendVerdict(dst []byte, p *Pending, k useKey, claimed *useRecord, earlier *Earlier) []byte {
	dst = appendStart(dst, p.Lane, p.At, eventVerdict)
	brace := len(dst)
	dst = p.Candidate.AppendJSON(dst)
	dst[brace] = ','
	dst = append(dst, `,"profile":`...)
	dst = appendString(dst, p.Profile.Name)
	if claimed != nil {
		dst = append(dst, `,"use":"`...)
		dst = hex.AppendEncode(dst, k[:])
		dst = append(dst, `","until":`...)
		dst = strconv.AppendInt(dst, claimed.until, 10)
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
	case eventVerdict, eventGap, eventAccepted, eventPruned:
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

// claim returns the use that a verdict claimed.
func (f *facts) claim(sequence uint64) (useKey, useRecord, bool) {
	var k useKey
	if f.outcome() != policy.Admit.String() || decodeHex(k[:], []byte(unquote(f.Use))) != nil {
		return useKey{}, useRecord{}, false
	}
	until, err := strconv.ParseInt(string(f.Until), 10, 64)
	if err != nil {
		return useKey{}, useRecord{}, false
	}
	return k, useRecord{sequence, f.At.UnixMilli(), until, f.Lane}, true
}

// unquote returns a plain JSON string's text, "" if it is anything else.
func unquote(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
