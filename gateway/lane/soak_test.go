package lane

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// storeCaches is what the journal's store may come to hold over time: its caches of blocks and of indexes, 4 MB each, and as
// much again for the tables that it knows.
const storeCaches = 12 << 20

// TestMemoryDoesNotGrow shows codes without a pause, for two seconds or for as long as PASSERELLE_SOAK says ("5m").
func TestMemoryDoesNotGrow(t *testing.T) {
	// Not parallel: it measures the heap.
	soak := 2 * time.Second
	if text := os.Getenv("PASSERELLE_SOAK"); text != "" {
		var err error
		if soak, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, 1)
	p := s.posts[0]
	codes := make([]string, 4*len(s.gate.byID["1"].recent.shown)) // seen again when they are long forgotten
	for i := range codes {
		codes[i] = code(t, i+1)
	}
	scans := 0
	play := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); scans++ {
			p.show(codes[scans%len(codes)])
			for len(p.events.Events) > 0 {
				<-p.events.Events
			}
		}
		eventually(t, "all verdicts", func() bool { st := s.status("1"); return int(st.Admitted) == scans })
		p.lamp.forget()
	}
	play(soak / 5) // warming up
	warm, before := scans, quietHeap()
	play(soak * 4 / 5)
	after := quietHeap()
	t.Logf("%d scans in %v, %d late; heap %d KB in %d objects, then %d KB in %d", scans, soak, s.status("1").Late,
		before.HeapAlloc>>10, before.HeapObjects, after.HeapAlloc>>10, after.HeapObjects)
	if after.HeapAlloc > before.HeapAlloc+storeCaches {
		t.Errorf("the heap grew from %d to %d bytes", before.HeapAlloc, after.HeapAlloc)
	}
	if grown := int(after.HeapObjects) - int(before.HeapObjects); grown > 1000+(scans-warm)/20 {
		t.Errorf("%d scans left %d objects on the heap", scans-warm, grown)
	}
	if status := s.status("1"); status.Again != 0 || status.Denied != 0 || status.Referred != 0 {
		t.Errorf("status %+v", status)
	}
}

// quietHeap returns the heap at its least within a second: the store builds tables for a while after the last commit.
func quietHeap() (least runtime.MemStats) {
	for i := range 10 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		if i == 0 || m.HeapAlloc < least.HeapAlloc {
			least = m
		}
		time.Sleep(100 * time.Millisecond)
	}
	return least
}
