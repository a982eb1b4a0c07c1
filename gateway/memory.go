package main

import (
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// memoryLog follows the resident memory of the process: what is left after a collection, so that garbage which waits for
// the next one is not taken for growth.
type memoryLog struct {
	started time.Time
	peak    float64   // MB, before collections
	hours   []float64 // since started
	mb      []float64 // after a collection
}

// memoryEvery is the time between two looks.
const memoryEvery = 5 * time.Second

func (m *memoryLog) watch(ctx context.Context) {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.peak = max(m.peak, residentMB())
			debug.FreeOSMemory()
			m.hours = append(m.hours, time.Since(m.started).Hours())
			m.mb = append(m.mb, residentMB())
		}
	}
}

// residentMB reads the resident set from /proc/self/statm (proc_pid_statm(5)); 0 where there is none.
func residentMB() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize()) / 1e6
}

// most is the highest that was seen.
func (m *memoryLog) most() float64 { return max(m.peak, residentMB()) }

// slope is the straight line through the second half, in MB an hour: the first half is warming up.
func (m *memoryLog) slope() float64 {
	h, mb := m.hours[len(m.hours)/2:], m.mb[len(m.mb)/2:]
	if len(h) < 2 {
		return 0
	}
	var meanH, meanMB float64
	for i := range h {
		meanH, meanMB = meanH+h[i]/float64(len(h)), meanMB+mb[i]/float64(len(h))
	}
	var over, under float64
	for i := range h {
		over += (h[i] - meanH) * (mb[i] - meanMB)
		under += (h[i] - meanH) * (h[i] - meanH)
	}
	return over / under
}
