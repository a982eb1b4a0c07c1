package main

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"passerelle/drivers/scannertest"
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

func TestSlopeOfMemoryLeavesTheWarmingUpOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		hours, mb []float64
		want      float64
	}{
		{"nothing", nil, nil, 0},
		{"level", []float64{0, 1, 2, 3}, []float64{50, 50, 50, 50}, 0},
		{"warming up", []float64{0, 1, 2, 3}, []float64{10, 90, 50, 50}, 0},
		{"two more an hour", []float64{0, 1, 2, 3, 4, 5}, []float64{9, 9, 9, 40, 42, 44}, 2},
		{"two less an hour", []float64{0, 1, 2, 3}, []float64{9, 9, 40, 38}, -2},
		{"one value", []float64{1}, []float64{30}, 0},
		{"two values", []float64{1, 2}, []float64{30, 31}, 0},
	} {
		m := memoryLog{hours: tt.hours, mb: tt.mb}
		if got := m.slope(); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: got %v MB/h, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPeakOfMemoryIsKept(t *testing.T) {
	t.Parallel()
	if all, own := (&memoryLog{}).most(); own < 1 || all < own || all > 1e5 {
		t.Errorf("this process uses %v MB, %v of its own", all, own)
	}
	if got, _ := (&memoryLog{peak: 1e9}).most(); got != 1e9 {
		t.Errorf("got %v, want the peak", got)
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
