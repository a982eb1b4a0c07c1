package measure

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedianIsTheMiddleValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 100, 1, 2}, 3},
	} {
		before := slices.Clone(tt.values)
		if got := Median(tt.values); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.values, got, tt.want)
		}
		if !slices.Equal(tt.values, before) {
			t.Errorf("%v was put in another order", before)
		}
	}
}

func TestRatioIsTheMedianOfTheRoundsOwnRatios(t *testing.T) {
	t.Parallel()
	ours := []float64{10, 100, 20}
	peer := []float64{50, 1000, 160}
	if got := Ratio(ours, peer); got != 8 { // of 5, 10 and 8; the quotient of the medians is 160/20, of the means 9.3
		t.Errorf("%v, want 8", got)
	}
	ours, peer = []float64{1, 2, 10}, []float64{30, 2, 40}
	if got := Ratio(ours, peer); got != 4 { // of 30, 1 and 4; the quotient of the medians is 15
		t.Errorf("%v, want 4", got)
	}
}

func TestRatioOfDifferentNumbersOfRoundsPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("it returned")
		}
	}()
	Ratio([]float64{1}, []float64{1, 2})
}

func TestFastestHasTheSmallestMedian(t *testing.T) {
	t.Parallel()
	of := []Samples{{NS: []float64{5, 5, 5}}, {NS: []float64{1, 9, 4}}, {NS: []float64{1, 1, 100, 100, 100}}}
	if got := Fastest(of); got != 1 {
		t.Errorf("%d, want 1", got)
	}
	if got := Fastest(nil); got != -1 {
		t.Errorf("of none: %d, want -1", got)
	}
}

func TestPassesFillATurn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		turn, pass time.Duration
		want       int
	}{
		{25 * time.Millisecond, 100 * time.Millisecond, 1},
		{25 * time.Millisecond, 10 * time.Millisecond, 3},
		{0, time.Millisecond, 1},
		{time.Microsecond, 0, 1000},
	} {
		if got := passesFor(tt.turn, tt.pass); got != tt.want {
			t.Errorf("passes of %v in %v: %d, want %d", tt.pass, tt.turn, got, tt.want)
		}
	}
}

func TestSidesTakeTurns(t *testing.T) {
	var order []string
	side := func(name string) Side {
		return Side{Name: name, Count: 2, Pass: func() { order = append(order, name) }}
	}
	defer Pin()()
	samples := Plan{Least: 3}.Compare(side("a"), side("b"))
	if got, want := strings.Join(order, ""), "ab"+"ababab"; got != want {
		t.Errorf("turns %s, want %s", got, want)
	}
	if len(samples) != 2 || len(samples[0].NS) != 3 || len(samples[1].Allocs) != 3 {
		t.Errorf("samples %v, want three of two sides", samples)
	}
}

var sink []byte

func TestAllocationsAreCountedAPayload(t *testing.T) {
	defer Pin()()
	samples := Plan{Least: 5, Turn: time.Millisecond}.Compare(
		Side{Count: 4, Pass: func() {
			for range 2 {
				sink = make([]byte, 100)
			}
		}},
		Side{Count: 4, Pass: func() { sink = sink[:1] }},
	)
	if got := Median(samples[0].Allocs); got < 0.49 || got > 0.51 {
		t.Errorf("two in four payloads: %v a payload, want 0.5", got)
	}
	if got := Median(samples[1].Allocs); got > 0.01 {
		t.Errorf("none: %v a payload", got)
	}
}

func TestSleepIsNotCounted(t *testing.T) {
	defer Pin()()
	begun := threadTime()
	time.Sleep(30 * time.Millisecond)
	if took := time.Duration(threadTime() - begun); took > 10*time.Millisecond {
		t.Errorf("a sleep took %v of CPU time", took)
	}
	begun = threadTime()
	for until := time.Now().Add(20 * time.Millisecond); time.Now().Before(until); {
	}
	if took := time.Duration(threadTime() - begun); took == 0 {
		t.Error("work took no CPU time")
	}
}

func TestSettleEndsWhenNothingGetsFaster(t *testing.T) {
	defer Pin()()
	passes, asides := 0, 0
	work := 1 << 22
	Settle(0, func() {
		passes++
		for i := range max(work, 1<<16) {
			sum += i
		}
	}, func() { asides++; work /= 4 })
	if passes < 7 || passes != asides { // three faster ones, four that are not
		t.Errorf("%d passes and %d times aside", passes, asides)
	}
	passes = 0
	Settle(150, func() { passes++ }, func() {})
	if passes != 150 {
		t.Errorf("%d passes, want 150", passes)
	}
}

var sum int

func TestProcessorIsNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ info, want, slug string }{
		{
			"processor\t: 0\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\n",
			"Intel(R) Xeon(R) CPU @ 2.20GHz", "intel-r-xeon-r-cpu-2-20ghz",
		},
		{"processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n", "AMD EPYC family 25 model 17", "amd-epyc-family-25-model-17"},
		{"processor\t: 0\nBogoMIPS\t: 108.00\n", "unknown processor", "unknown-processor"},
	} {
		if got := cpuName(tt.info); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
		if got := (Machine{CPU: tt.want}).Slug(); got != tt.slug {
			t.Errorf("slug %q, want %q", got, tt.slug)
		}
	}
}
