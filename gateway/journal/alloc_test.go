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
	record := &useRecord{sequence: 1, at: testTime.UnixMilli(), until: forever, lane: "north"}
	earlier := &Earlier{Lane: "south", At: time.Now()}
	buffer := make([]byte, 0, 2048)
	for name, run := range map[string]func(){
		"use key":      func() { l.keyOf(useID(1)) },
		"entry hash":   func() { sum = h.appendHash(sum[:0], link{}, body) },
		"verdict body": func() { buffer = appendVerdict(buffer[:0], &p, useKey{}, record, earlier) },
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
