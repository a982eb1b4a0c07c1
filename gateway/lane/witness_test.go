package lane

import (
	"encoding/json"
	"strconv"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/journal"
)

// witness is a lamp that looks into the journal whenever it is set to green: there must be a verdict on disk for it.
type witness struct {
	t       testing.TB
	journal *journal.Journal
	lane    string

	mu       sync.Mutex
	signals  []Signal
	anyGreen bool // also without an entry that admits: a supervisor said so
	greens   int
	admitted int    // entries of this lane that admit, up to read
	read     uint64 // the last entry that was read
}

// Set implements Lamp.
func (w *witness) Set(s Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signals = append(w.signals, s)
	if s != SignalAdmit {
		return nil
	}
	w.greens++
	for _, e := range readEntries(w.t, w.journal, w.read+1) {
		if w.read = e.sequence; e.Lane == w.lane && e.Verdict == "admit" && e.Final {
			w.admitted++
		}
	}
	if w.greens > w.admitted && !w.anyGreen {
		w.t.Errorf("lane %s: green for the %d. time with %d verdicts on disk that admit", w.lane, w.greens, w.admitted)
	}
	return nil
}

// shown returns the signals so far.
func (w *witness) shown() []Signal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Signal(nil), w.signals...)
}

// now returns what the lamp shows.
func (w *witness) now() Signal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.signals[len(w.signals)-1]
}

// forget drops the signals that were shown before.
func (w *witness) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signals = append(w.signals[:0], w.signals[len(w.signals)-1])
}

// entry is what tests read in a journal's entry.
type entry struct {
	sequence uint64
	body     string

	Lane    string
	Event   string
	Verdict string
	Reason  string
	Key     string
	Final   bool
	Checks  map[string]string
	Earlier *struct {
		Lane string
		At   time.Time
	}
}

// number returns the number of the code that the entry is about.
func (e *entry) number() int {
	n, err := strconv.ParseUint(e.Key, 16, 64)
	if err != nil {
		return -1
	}
	return int(n)
}

// readEntries returns the entries from a number on. It may be called from any goroutine.
func readEntries(t testing.TB, j *journal.Journal, from uint64) []entry {
	raw, err := j.Read(nil, from, journal.MaxRead)
	if err != nil {
		t.Errorf("journal: %v", err)
	}
	var all []entry
	for _, r := range raw {
		e := entry{sequence: r.Sequence, body: string(r.Body)}
		if err := json.Unmarshal(r.Body, &e); err != nil {
			t.Errorf("entry %d: %v", r.Sequence, err)
		}
		all = append(all, e)
	}
	return all
}

// entries returns the whole journal.
func (s *site) entries() []entry {
	s.t.Helper()
	return readEntries(s.t, s.journal, 1)
}
