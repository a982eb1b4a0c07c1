package web

import (
	"fmt"
	"sync"
	"time"
)

// viewsEvery is how long views of identity are gathered before they are handed on, so that the journal gets an entry a minute
// for each person and lane and not one for each traveller.
const viewsEvery = time.Minute

// view is who looked, and where; lane is "" for POST /v1/verify.
type view struct{ name, lane string }

// views counts how often somebody was shown what a credential says.
type views struct {
	meters *meters
	mu     sync.Mutex
	fresh  map[view]uint64 // guarded by mu; since they were last handed on
}

func (w *views) add(name, lane string) {
	w.meters.set.GetOrCreateCounter(fmt.Sprintf("passerelle_identity_views_total{account=%q,lane=%q}", name, lane)).Inc()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh[view{name, lane}]++
}

// handOn tells f of the views since the last time.
func (w *views) handOn(f func(name, lane string, n uint64)) {
	w.mu.Lock()
	fresh := w.fresh
	w.fresh = make(map[view]uint64)
	w.mu.Unlock()
	if f == nil {
		return
	}
	for v, n := range fresh {
		f(v.name, v.lane, n)
	}
}
