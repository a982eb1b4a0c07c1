package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// limitHeap bounds the garbage of the process; tables is the accelerator's limit in MiB. A gate makes so little garbage that
// it may as well be collected twice as often as usual. But when Badger merges the tables of a large journal, it holds 100 MB
// for a moment, and as much garbage on top of that is too much for a small box. What the environment says goes before.
func limitHeap(tables int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapBesideTables + tables<<20)
	}
}

const (
	garbagePercent = 50
	// heapBesideTables is more than a gate ever holds for good beside those tables, 20 MB and the 60 MB of a full ledger:
	// with less it would collect without a pause.
	heapBesideTables = 96 << 20
)

// memoryLog looks for growth in the resident memory of the process, during the second half of a run: the first is warming up.
//
// The pages of the journal's files are given back and garbage is collected before each look. What is in use for good then
// counts whole, even where a part was not touched yet: the heap, and the program itself. For each of Badger's memory tables
// is allocated whole, 5 MB, and touched bit by bit until it is full and another takes its place, every 7,400 scans: a line
// through that saw would say up to 100 MB an hour, up or down, of a process that does not grow at all.
type memoryLog struct {
	begun   time.Time
	release func() error // gives the pages of the journal's files back
	mb      []float64    // of each look
	hours   []float64    // since begun
	failed  error        // of release
}

// Limits of a memoryLog.
const (
	memoryEvery = 5 * time.Second // between two looks, or longer in a long run
	maxLooks    = 240             // in half of a run
	minLooks    = 24              // for a slope
)

// watch looks during the second half of a run that takes so long, until the context ends.
func (m *memoryLog) watch(ctx context.Context, run time.Duration) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(run / 2):
	}
	tick := time.NewTicker(max(memoryEvery, run/2/maxLooks))
	defer tick.Stop()
	for {
		_, counted := m.look()
		m.mb = append(m.mb, counted)
		m.hours = append(m.hours, time.Since(m.begun).Hours())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look gives back what it can, and returns how much memory is resident then, and how much counts for growth, in MB.
func (m *memoryLog) look() (resident, counted float64) {
	if err := m.release(); err != nil {
		m.failed = err
	}
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	all := areas(readProc("smaps"))
	heap := heapOf(all, uint64(reflect.ValueOf(m).Pointer()))
	var now, whole uint64
	for i, a := range all {
		now += a.resident
		switch {
		case heap.from <= i && i < heap.to:
		case a.program:
			whole += a.end - a.start
		default:
			whole += a.resident
		}
	}
	return float64(now) / 1e6, float64(whole+s.HeapInuse+s.StackInuse) / 1e6
}

// slope is the straight line through what counts, in MB an hour, and whether there was time to find one: the median of the
// slopes between any two looks (Theil and Sen), which a look in the middle of a merge of tables does not bend.
func (m *memoryLog) slope() (perHour float64, known bool) {
	if len(m.mb) < minLooks {
		return 0, false
	}
	var slopes []float64
	for i := range m.mb {
		for k := range i {
			slopes = append(slopes, (m.mb[i]-m.mb[k])/(m.hours[i]-m.hours[k]))
		}
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2], true
}

// print writes the line of the table.
func (m *memoryLog) print(w io.Writer) {
	last, _ := m.look()
	growth := "too short a run to see it grow"
	if perHour, known := m.slope(); known {
		growth = fmt.Sprintf("%+.2f MB/h", perHour)
	}
	fmt.Fprintf(w, "resident memory\t%.1f MB at most\t%.1f MB at the end\t%s\n", peakMB(), last, growth)
	if m.failed != nil {
		fmt.Fprintf(w, "\tfiles counted, too: %v\n", m.failed)
	}
}

// peakMB returns the most memory that was ever resident, as the kernel counted it (proc_pid_status(5)), in MB; 0 where nobody
// counts.
func peakMB() float64 {
	for line := range strings.Lines(readProc("status")) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return float64(kibibytes(rest)) / 1e6
		}
	}
	return 0
}

// area is one mapping of the process, in bytes.
type area struct {
	start, end uint64
	resident   uint64
	program    bool // a file that is only read: the program or a library
}

// areas reads proc_pid_smaps(5), which is in the order of addresses.
func areas(smaps string) []area {
	var all []area
	for line := range strings.Lines(smaps) {
		first, rest, _ := strings.Cut(line, " ")
		if first == "Rss:" && len(all) > 0 {
			all[len(all)-1].resident = kibibytes(rest)
			continue
		}
		from, to, _ := strings.Cut(first, "-")
		start, errStart := strconv.ParseUint(from, 16, 64)
		end, errEnd := strconv.ParseUint(to, 16, 64)
		if errStart == nil && errEnd == nil {
			program := strings.HasPrefix(rest, "r-") && strings.Contains(rest, "/")
			all = append(all, area{start: start, end: end, program: program})
		}
	}
	return all
}

// span is a range of areas, without to.
type span struct{ from, to int }

// heapOf returns the area that holds the address of an object, and its neighbours without a gap between.
func heapOf(areas []area, object uint64) span {
	i := slices.IndexFunc(areas, func(a area) bool { return a.start <= object && object < a.end })
	if i < 0 {
		return span{}
	}
	s := span{i, i + 1}
	for s.from > 0 && areas[s.from-1].end == areas[s.from].start {
		s.from--
	}
	for s.to < len(areas) && areas[s.to].start == areas[s.to-1].end {
		s.to++
	}
	return s
}

// readProc returns what the system says of this process; nothing where there is no such file.
func readProc(name string) string {
	text, err := os.ReadFile("/proc/self/" + name)
	if err != nil {
		return ""
	}
	return string(text)
}

// kibibytes reads a size as proc_pid_status(5) writes it, and returns bytes.
func kibibytes(size string) uint64 {
	n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(size), " kB"), 10, 32)
	if err != nil {
		return 0
	}
	return n << 10
}

// touched returns an empty slice with room for n whose pages are resident already, so that filling it does not look like growth.
func touched[T any](n int) []T {
	s := make([]T, n)
	clear(s)
	return s[:0]
}
