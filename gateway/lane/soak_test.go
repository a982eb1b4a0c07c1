package lane

import (
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMemoryDoesNotGrow shows codes without a pause, for two seconds or for as long as PASSERELLE_SOAK says ("5m"). Small things
// that are left behind are counted; large ones are found in the heap's profile. What the store has in work comes and goes, so it is
// growth only if each of several windows leaves something.
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
	const windows = 4
	last := play(soak / (windows + 1)) // warming up
	objects, own := int64(math.MaxInt64), int64(math.MaxInt64)
	for range windows {
		begun := scans
		now := play(soak / (windows + 1))
		t.Logf("%d scans, %d late; %d objects, then %d; without the store %d KB, then %d KB; in all %d KB, then %d KB", scans-begun,
			s.status("1").Late, last.objects, now.objects, last.own>>10, now.own>>10, last.all>>10, now.all>>10)
		objects = min(objects, now.objects-last.objects-int64(scans-begun)/20)
		own = min(own, now.own-last.own)
		last = now
	}
	if objects > 500 {
		t.Errorf("each of %d windows left at least %d objects on the heap, besides one of 20 scans", windows, objects)
	}
	if own > 256<<10 {
		t.Errorf("the heap without the store grew by at least %d bytes in each of %d windows", own, windows)
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
