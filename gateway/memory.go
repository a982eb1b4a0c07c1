package main

import (
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// memoryLog follows the resident memory of the process. Growth is looked for in the memory of its own, after a collection:
// garbage that waits for the next one is none, nor are the pages of the journal's files, which Badger maps and the kernel
// takes back when it needs them; they grow with the journal, until retention.
type memoryLog struct {
	started time.Time
	peak    float64   // MB resident, before collections
	hours   []float64 // since started
	mb      []float64 // MB of its own, after a collection
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
			all, _ := residentMB()
			m.peak = max(m.peak, all)
			debug.FreeOSMemory()
			_, own := residentMB()
			m.hours = append(m.hours, time.Since(m.started).Hours())
			m.mb = append(m.mb, own)
		}
	}
}

// residentMB reads the resident set from /proc/self/statm (proc_pid_statm(5)), and how much of it is not of files; 0 where
// there is none.
func residentMB() (all, own float64) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 3 {
		return 0, 0
	}
	resident, errAll := strconv.ParseFloat(fields[1], 64)
	shared, errShared := strconv.ParseFloat(fields[2], 64)
	if errAll != nil || errShared != nil {
		return 0, 0
	}
	page := float64(os.Getpagesize()) / 1e6
	return resident * page, (resident - shared) * page
}

// most is the highest that was seen, and last what was its own at the end.
func (m *memoryLog) most() (peak, last float64) {
	all, own := residentMB()
	return max(m.peak, all), own
}

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

// touched returns an empty slice with room for n whose pages are resident already, so that filling it does not look like growth.
func touched[T any](n int) []T {
	s := make([]T, n)
	clear(s)
	return s[:0]
}
