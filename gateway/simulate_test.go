package main

import (
	"context"
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"passerelle/drivers/scannertest"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
)

func TestFaultShares(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   map[string]int
		want []scannertest.FaultShare
		ok   bool
	}{
		{"none", nil, nil, true},
		{"in a fixed order", map[string]int{"bit flip": 2, "noise": 1, "pause inside": 3}, []scannertest.FaultShare{
			{Fault: scannertest.Noise, PerThousand: 1}, {Fault: scannertest.BitFlip, PerThousand: 2}, {Fault: scannertest.PauseInside, PerThousand: 3},
		}, true},
		{"every scan", map[string]int{"cut": 400, "glued": 600}, []scannertest.FaultShare{
			{Fault: scannertest.Cut, PerThousand: 400}, {Fault: scannertest.Glued, PerThousand: 600},
		}, true},
		{"more than every scan", map[string]int{"cut": 401, "glued": 600}, nil, false},
		{"sum beyond all integers", map[string]int{"cut": math.MaxInt, "glued": math.MaxInt}, nil, false},
		{"negative", map[string]int{"cut": -1}, nil, false},
		{"no fault", map[string]int{"none": 1}, nil, false},
		{"unknown", map[string]int{"rain": 1}, nil, false},
		{"no name", map[string]int{"": 1}, nil, false},
	} {
		got, err := faultShares(tt.in)
		if (err == nil) != tt.ok || !cmp.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestOnlyWholeCodesMayBeAdmitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		sent scannertest.Sent
		want uint64
	}{
		{"nothing", scannertest.Sent{}, 0},
		{"no faults", scannertest.Sent{Frames: 7}, 7},
		// Ten scans, one of each fault: cut gives no frame, doubled two.
		{"each fault once", scannertest.Sent{Frames: 10, Faults: map[scannertest.Fault]uint64{
			scannertest.Noise: 1, scannertest.Cut: 1, scannertest.Doubled: 1, scannertest.Glued: 1, scannertest.WrongLayout: 1,
			scannertest.WakeUp: 1, scannertest.BitFlip: 1, scannertest.PauseInside: 1,
		}}, 5},
		{"cut alone", scannertest.Sent{Faults: map[scannertest.Fault]uint64{scannertest.Cut: 3}}, 0},
		{"doubled alone", scannertest.Sent{Frames: 6, Faults: map[scannertest.Fault]uint64{scannertest.Doubled: 3}}, 3},
	} {
		if got := wholeCodes(tt.sent); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, tt := range []struct {
		sorted []time.Duration
		q      float64
		want   time.Duration
	}{
		{nil, 0.99, 0},
		{hundred[:1], 0, 1},
		{hundred[:1], 1, 1},
		{hundred[:2], 0.5, 2},
		{hundred, 0.50, 51},
		{hundred, 0.99, 100},
		{hundred, 1, 100},
	} {
		if got := quantile(tt.sorted, tt.q); got != tt.want {
			t.Errorf("quantile %v of %d values is %d, want %d", tt.q, len(tt.sorted), got, tt.want)
		}
	}
}

func TestSlopeOfMemory(t *testing.T) {
	t.Parallel()
	at := func(n int, mb func(i int) float64) *memoryLog {
		m := new(memoryLog)
		for i := range n {
			m.hours, m.mb = append(m.hours, float64(i)/100), append(m.mb, mb(i))
		}
		return m
	}
	line := func(perHour float64) func(int) float64 {
		return func(i int) float64 { return 50 + perHour*float64(i)/100 }
	}
	for _, tt := range []struct {
		name  string
		log   *memoryLog
		want  float64
		known bool
	}{
		{"nothing", at(0, line(0)), 0, false},
		{"too few", at(minLooks-1, line(2)), 0, false},
		{"just enough", at(minLooks, line(2)), 2, true},
		{"level", at(30, line(0)), 0, true},
		{"two less an hour", at(30, line(-2)), -2, true},
		{"three looks during merges", at(30, func(i int) float64 {
			if i == 3 || i == 17 || i == 29 {
				return 90
			}
			return line(2)(i)
		}), 2, true},
	} {
		if got, known := tt.log.slope(); math.Abs(got-tt.want) > 1e-9 || known != tt.known {
			t.Errorf("%s: got %v MB/h, %v; want %v, %v", tt.name, got, known, tt.want, tt.known)
		}
	}
}

func TestMemoryIsLookedAtInTheSecondHalf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		released := 0
		m := &memoryLog{begun: time.Now(), release: func() error { released++; return nil }}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute+time.Second)
		defer stop()
		m.watch(ctx, time.Minute)
		want := []float64{30, 35, 40, 45, 50, 55, 60}
		var got []float64
		for _, h := range m.hours {
			got = append(got, math.Round(h*3600))
		}
		if diff := cmp.Diff(want, got); diff != "" || released != len(want) || len(m.mb) != len(want) {
			t.Errorf("%d looks, %d times released, at (-want +got):\n%s", len(m.mb), released, diff)
		}

		long := &memoryLog{begun: time.Now(), release: func() error { return errors.New("no way") }}
		ctx, stop = context.WithTimeout(t.Context(), 48*time.Hour)
		defer stop()
		long.watch(ctx, 48*time.Hour)
		if len(long.mb) > maxLooks+1 || len(long.mb) < maxLooks {
			t.Errorf("%d looks in two days", len(long.mb))
		}
		var out strings.Builder
		long.print(&out)
		if !strings.Contains(out.String(), " MB/h\n\tfiles counted, too: no way\n") {
			t.Errorf("printed %q", out.String())
		}
	})
}

// TestLookSeesWhatIsHeld holds 64 MB of heap, of which nothing is touched, and then touches it.
func TestLookSeesWhatIsHeld(t *testing.T) {
	const size = 64 << 20
	m := &memoryLog{release: func() error { return nil }}
	debug.FreeOSMemory() // so that what is held next is new, and not what others touched
	_, counted0 := m.look()
	held := make([]byte, size)
	resident1, counted1 := m.look()
	for i := 0; i < len(held); i += 1024 {
		held[i] = 1
	}
	resident2, counted2 := m.look()
	runtime.KeepAlive(held)
	held = nil
	_, counted3 := m.look()
	const mb, near = size / 1e6, 8
	if grown := resident2 - resident1; math.Abs(grown-mb) > near {
		t.Errorf("resident grew by %.1f MB when %.1f MB were touched", grown, mb)
	}
	for _, tt := range []struct {
		name      string
		got, want float64
	}{
		{"held, not touched", counted1 - counted0, mb}, {"held and touched", counted2 - counted0, mb}, {"given up", counted3 - counted0, 0},
	} {
		if math.Abs(tt.got-tt.want) > near {
			t.Errorf("%s: %.1f MB more than before, want %.1f", tt.name, tt.got, tt.want)
		}
	}
	if peak := peakMB(); peak < resident2-near {
		t.Errorf("the peak is %.1f MB, %.1f were resident", peak, resident2)
	}
}

func TestAreasOfMemory(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00500000 r-xp 00000000 fe:00 12    /usr/bin/passerelle
Size:               1024 kB
Rss:                 512 kB
VmFlags: rd ex
2481f8000000-2481fb400000 ---p 00000000 00:00 0 
Rss:                   0 kB
2481fb400000-248200800000 rw-p 00000000 00:00 0 
Rss:               20000 kB
248200800000-248204000000 ---p 00000000 00:00 0 
Rss:                   0 kB
7f605cca0000-7f605ce00000 rw-s 00000000 fe:00 13                         /var/lib/store/000001.sst
Rss:                 100 kB
7ffc374d1000-7ffc374f2000 rw-p 00000000 00:00 0                          [stack]
Rss:                  88 kB
`
	all := areas(smaps)
	want := []area{
		{0x400000, 0x500000, 512 << 10, true},
		{0x2481f8000000, 0x2481fb400000, 0, false},
		{0x2481fb400000, 0x248200800000, 20000 << 10, false},
		{0x248200800000, 0x248204000000, 0, false},
		{0x7f605cca0000, 0x7f605ce00000, 100 << 10, false},
		{0x7ffc374d1000, 0x7ffc374f2000, 88 << 10, false},
	}
	if diff := cmp.Diff(want, all, cmp.AllowUnexported(area{})); diff != "" {
		t.Errorf("areas (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		object uint64
		want   span
	}{
		{0x2481fb580000, span{1, 4}},
		{0x2481f8000000, span{1, 4}},
		{0x248203ffffff, span{1, 4}},
		{0x248204000000, span{}},
		{0x400000, span{0, 1}},
		{0x7ffc374f1fff, span{5, 6}},
		{0, span{}},
	} {
		if got := heapOf(all, tt.object); got != tt.want {
			t.Errorf("heap around %#x is %v, want %v", tt.object, got, tt.want)
		}
	}
	if got := areas("Rss: 5 kB\nnonsense\n\n-\nx-y r--p /\n"); got != nil {
		t.Errorf("areas of nonsense: %v", got)
	}
}

func TestGarbageIsLimitedUnlessTheEnvironmentSaysSo(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	for _, tt := range []struct {
		gogc, limit string
		tables      int64
		wantPercent int
		wantLimit   int64
	}{
		{"90", "1GiB", 64, 100, math.MaxInt64},
		{"90", "", 64, 100, 160 << 20},
		{"", "1GiB", 1024, garbagePercent, 160 << 20},
		{"", "", 1024, garbagePercent, 1120 << 20},
	} {
		t.Setenv("GOGC", tt.gogc)
		t.Setenv("GOMEMLIMIT", tt.limit)
		limitHeap(tt.tables)
		gotPercent, gotLimit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
		debug.SetGCPercent(gotPercent)
		if gotPercent != tt.wantPercent || gotLimit != tt.wantLimit {
			t.Errorf("GOGC=%q GOMEMLIMIT=%q: %d %%, %d bytes; want %d %%, %d", tt.gogc, tt.limit, gotPercent, gotLimit, tt.wantPercent, tt.wantLimit)
		}
	}
}

func TestSimulatedCodesAreThoseOfTheIssuer(t *testing.T) {
	t.Parallel()
	made, err := newSamples(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCoder(made)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for range 3 {
		message, err := issuer.NewMessage(c.key, made.vaccination()).Sign(c.key)
		if err != nil {
			t.Fatal(err)
		}
		want, err := issuer.Encode(message)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.encode(message); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		next, err := c.next()
		if err != nil || seen[string(next)] {
			t.Errorf("got %q, %v, which was there before", next, err)
		}
		seen[string(next)] = true
	}
}

func TestOutcomeOfAReason(t *testing.T) {
	t.Parallel()
	for reason, want := range map[policy.Reason]policy.Outcome{policy.OK: policy.Admit, policy.WeakKey: policy.Refer, policy.Expired: policy.Deny} {
		if got := outcomeOf(reason); got != want {
			t.Errorf("%v is %v, want %v", reason, got, want)
		}
	}
}
