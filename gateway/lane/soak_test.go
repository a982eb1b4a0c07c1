package lane

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMemoryDoesNotGrow shows codes without a pause, for two seconds or for as long as PASSERELLE_SOAK says ("5m"). Small things
// that are left behind are counted; large ones are found in the heap's profile.
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
	play := func(d time.Duration) heap {
		for end := time.Now().Add(d); time.Now().Before(end); scans++ {
			p.show(codes[scans%len(codes)])
			for len(p.events.Events) > 0 {
				<-p.events.Events
			}
		}
		eventually(t, "all verdicts", func() bool { st := s.status("1"); return int(st.Admitted) == scans })
		p.lamp.forget()
		return measureHeap(t)
	}
	before := play(soak / 5) // warming up
	warm := scans
	after := play(soak * 4 / 5)
	t.Logf("%d scans in %v, %d late; %d objects, then %d; without the store %d KB, then %d KB; in all %d KB, then %d KB", scans, soak,
		s.status("1").Late, before.objects, after.objects, before.own>>10, after.own>>10, before.all>>10, after.all>>10)
	if grown := after.objects - before.objects; grown > 1000+int64(scans-warm)/20 {
		t.Errorf("%d scans left %d objects on the heap", scans-warm, grown)
	}
	if after.own > before.own+1<<20 {
		t.Errorf("the heap without the store grew from %d to %d bytes", before.own, after.own)
	}
	if status := s.status("1"); status.Again != 0 || status.Denied != 0 || status.Referred != 0 {
		t.Errorf("status %+v", status)
	}
}

// heap is what is in use. The store builds its tables in large pieces that come and go, so own leaves out what it allocated.
type heap struct{ all, own, objects int64 }

func measureHeap(t *testing.T) heap {
	runtime.GC()
	runtime.GC() // the profile is that of the collection before the last
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h := heap{all: int64(m.HeapAlloc), objects: int64(m.HeapObjects)}
	records := make([]runtime.MemProfileRecord, 10_000)
	n, ok := runtime.MemProfile(records, false)
	if !ok {
		t.Fatalf("the heap's profile has %d records", n)
	}
	for i := range records[:n] {
		if r := &records[i]; !isStore(r.Stack()) {
			h.own += r.InUseBytes()
		}
	}
	return h
}

func isStore(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "dgraph-io/badger") || strings.Contains(f.Function, "dgraph-io/ristretto") {
			return true
		}
		if !more {
			return false
		}
	}
}
