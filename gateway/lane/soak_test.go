package lane

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

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
	const samples = 20
	s := newSite(t, 1)
	p := s.posts[0]
	codes := make([]string, 8*len(s.gate.byID["1"].recent.shown)) // seen again when they are long forgotten
	for i := range codes {
		codes[i] = code(t, i+1)
	}
	scans := 0
	var heap []uint64 // bytes, after a collection
	for sample := range samples {
		for end := time.Now().Add(soak / samples); time.Now().Before(end); scans++ {
			p.show(codes[scans%len(codes)])
		}
		eventually(t, "all verdicts", func() bool { st := s.status("1"); return int(st.Admitted) == scans })
		if sample >= samples/5 { // the first fifth is warming up
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = append(heap, m.HeapAlloc)
		}
		for len(p.events.Events) > 0 {
			<-p.events.Events
		}
		p.lamp.forget()
	}
	// The least of each half: the store's own tables come and go.
	half := len(heap) / 2
	first, second := slices.Min(heap[:half]), slices.Min(heap[half:])
	t.Logf("%d scans in %v, %d late; heap %d KB, then %d KB; most %d KB", scans, soak, s.status("1").Late, first>>10, second>>10, slices.Max(heap)>>10)
	if second > first+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", first, second)
	}
	if status := s.status("1"); status.Again != 0 || status.Denied != 0 || status.Referred != 0 {
		t.Errorf("status %+v", status)
	}
}
