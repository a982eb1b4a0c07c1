package measure

import "slices"

// Median returns the middle value, or the mean of the two middle ones; 0 for none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Ratio returns the median of the rounds' quotients b/a. Both must have the same number of rounds.
func Ratio(a, b []float64) float64 {
	if len(a) != len(b) {
		panic("measure: a ratio of different numbers of rounds")
	}
	quotients := make([]float64, len(a))
	for i := range a {
		quotients[i] = b[i] / a[i]
	}
	return Median(quotients)
}

// Fastest returns the index of the samples with the smallest median time; -1 for none.
func Fastest(of []Samples) int {
	best := -1
	for i := range of {
		if best < 0 || Median(of[i].NS) < Median(of[best].NS) {
			best = i
		}
	}
	return best
}
