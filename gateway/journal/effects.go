package journal

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"

	"passerelle/gateway/policy"
)

// effects are what an entry of the chain changes beside it: the ledger, the movements that are not resolved, the counters. The
// writer makes them and writes them into the body; whoever walks the chain reads them there.
type effects struct {
	changes    []change
	unresolved digest // of the movement that waits from this entry on, or no longer; zero for none
	at         place  // where it is counted
	count      counter
}

// counts fills in what a verdict adds to the counters, or a resolution where the movement had waited.
func (e *effects) counts(at place, exit, waits, waited, passed bool) {
	e.at = at
	if !waited {
		e.count.authorised = 1
	}
	switch {
	case waits:
	case !passed:
		e.count.annulled = 1
	default:
		e.count.passed = 1
		if exit {
			e.count.left = 1
		}
	}
}

// apply adds an entry's effects.
func (t *tally) apply(e *effects) {
	for i := range e.changes {
		c := &e.changes[i]
		if c.known {
			t.Digest.toggle(c.key, c.was)
		} else {
			t.Uses++
		}
		t.Digest.toggle(c.key, c.now)
	}
	t.Digest.merge(e.unresolved)
	if e.count != (counter{}) {
		t.Authorised += e.count.authorised
		t.Passed += e.count.passed
		t.Annulled += e.count.annulled
		t.Counted += e.count.sum(e.at)
	}
}

var errEffects = errors.New("what it did cannot be read")

// effects reads what the entry did.
func (f *facts) effects(sequence uint64) (effects, error) {
	switch {
	case f.Event == eventPassed, f.Event == eventAnnulled, f.Event == eventFreed:
		return f.resolution(sequence)
	case f.outcome() == policy.Admit.String():
		return f.admission(sequence)
	}
	return effects{}, nil
}

// admission reads what an admitting verdict did.
func (f *facts) admission(sequence uint64) (effects, error) {
	var e effects
	var err error
	if f.Ledger != nil {
		e.changes, err = parseChanges(f.Ledger, sequence)
	} else if f.Use != nil {
		e.changes, err = f.firstEntry(sequence)
	}
	if err != nil || f.Movement == nil { // without it, a verdict from before there were counters
		return e, err
	}
	zone, awaited := unquote(f.Zone), string(f.Awaited) == "true"
	exit, ok := isExit(unquote(f.Movement))
	if !ok || len(zone) > MaxZone {
		return effects{}, errEffects
	}
	e.counts(place{f.Lane, zone}, exit, awaited, false, true)
	if awaited {
		u := waitingFrom(sequence, f.At.UnixMilli(), e.at, exit, e.changes)
		e.unresolved = u.digest()
	}
	return e, nil
}

// firstEntry is the change of a use that was not known and is nothing but entered: use and until say it all.
func (f *facts) firstEntry(sequence uint64) ([]change, error) {
	var k useKey
	until, err := strconv.ParseInt(string(f.Until), 10, 64)
	if err != nil || decodeHex(k[:], []byte(unquote(f.Use))) != nil {
		return nil, errEffects
	}
	at := f.At.UnixMilli()
	return []change{{key: k, now: useRecord{
		changed: sequence, entry: sequence, at: at, moved: at, until: until, entries: 1, flags: flagInside, lane: f.Lane,
	}}}, nil
}

// resolved is the member "entry" of a body: the verdict that is resolved or freed.
type resolved struct {
	Sequence uint64 `json:"sequence"`
	Lane     string `json:"lane"`
	Zone     string `json:"zone"`
	Movement string `json:"movement"`
}

// resolution reads what passed, annulled or freed did.
func (f *facts) resolution(sequence uint64) (effects, error) {
	var e effects
	var err error
	if f.Ledger != nil {
		if e.changes, err = parseChanges(f.Ledger, sequence); err != nil {
			return effects{}, err
		}
	}
	if f.Unresolved == nil {
		return e, nil // a use that was freed long after
	}
	var r resolved
	if json.Unmarshal(f.Entry, &r) != nil || decodeHex(e.unresolved[:], []byte(unquote(f.Unresolved))) != nil {
		return effects{}, errEffects
	}
	exit, ok := isExit(r.Movement)
	if !ok || len(r.Lane) > MaxLane || len(r.Zone) > MaxZone {
		return effects{}, errEffects
	}
	e.counts(place{r.Lane, r.Zone}, exit, false, true, f.Event == eventPassed)
	return e, nil
}

// maxChanges is how many records one entry changes.
const maxChanges = 2

// parseChanges reads what appendChanges writes.
func parseChanges(raw json.RawMessage, sequence uint64) ([]change, error) {
	var rows []struct{ Use, Was, Now string }
	if json.Unmarshal(raw, &rows) != nil || len(rows) > maxChanges {
		return nil, errEffects
	}
	changes := make([]change, len(rows))
	for i, row := range rows {
		c := &changes[i]
		var ok bool
		if decodeHex(c.key[:], []byte(row.Use)) != nil {
			return nil, errEffects
		}
		if c.now, ok = parseHexUse(row.Now); !ok || c.now.changed != sequence {
			return nil, errEffects
		}
		if c.known = row.Was != ""; c.known {
			if c.was, ok = parseHexUse(row.Was); !ok {
				return nil, errEffects
			}
		}
	}
	return changes, nil
}

func parseHexUse(s string) (useRecord, bool) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return useRecord{}, false
	}
	return parseUse(b)
}

const (
	movementIn  = "in"
	movementOut = "out"
)

func isExit(movement string) (exit, ok bool) {
	return movement == movementOut, movement == movementIn || movement == movementOut
}

func movementOf(exit bool) string {
	if exit {
		return movementOut
	}
	return movementIn
}
