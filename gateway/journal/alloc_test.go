//go:build !race

package journal

import (
	"testing"
	"time"
)

func TestKeysAndHashesDoNotAllocate(t *testing.T) {
	l := newLedger()
	l.setKey(make([]byte, 32))
	h := newHasher(journalID{1})
	body := make([]byte, 700)
	sum := make([]byte, 0, 32)
	p := ticket("north", 1)
	at := testTime.UnixMilli()
	once := useRecord{changed: 1, entry: 1, at: at, moved: at, until: forever, entries: 1, flags: flagInside, lane: "north"}
	again := once
	again.changed, again.flags = 2, flagWaiting
	first := &effects{changes: []change{{now: once}}}
	later := &effects{changes: []change{{known: true, was: once, now: again}, {now: again}}}
	earlier := &Earlier{Lane: "south", At: time.Now()}
	var sums tally
	buffer := make([]byte, 0, 2048)
	for name, run := range map[string]func(){
		"use key":      func() { l.keyOf(useID(1), "stand-a") },
		"entry hash":   func() { sum = h.appendHash(sum[:0], link{}, body) },
		"verdict body": func() { buffer = appendVerdict(buffer[:0], &p, first, earlier) },
		"ledger body":  func() { buffer = appendVerdict(buffer[:0], &p, later, nil) },
		"tally":        func() { sums.apply(later) },
		"counter":      func() { counter{authorised: 1}.sum(place{"north", "stand-a"}) },
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
