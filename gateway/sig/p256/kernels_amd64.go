//go:build !p256generic

package p256

import "golang.org/x/sys/cpu"

// assembly says that this processor has the instructions that kernels_amd64.s is written in: most since 2015.
var assembly = cpu.X86.HasADX && cpu.X86.HasBMI2

func multiply(ds []denominator, product *fe, points []point) bool {
	if !assembly {
		return multiplyGeneric(ds, product, points)
	}
	return multiplyADX(&ds[0], product, &points[0], len(points)/2)
}

func addPairs(points []point, inverse *fe, ds []denominator) {
	if !assembly {
		addPairsGeneric(points, inverse, ds)
		return
	}
	addPairsADX(&points[0], inverse, &ds[0], len(points)/2)
}

func (s *sum) addEach(points []point) bool {
	if !assembly || len(points) == 0 {
		return s.addEachGeneric(points)
	}
	return addEachADX(s, &points[0], len(points))
}

func (s *sum) addSum(o *sum) bool {
	if !assembly {
		return s.addSumGeneric(o)
	}
	return addSumADX(s, o)
}

// mulADX sets z = x·y.
//
//go:noescape
func mulADX(z, x, y *fe)

// multiplyADX is multiplyGeneric for pairs of points, at least one.
//
//go:noescape
func multiplyADX(ds *denominator, product *fe, points *point, pairs int) bool

// addPairsADX is addPairsGeneric for pairs of points, at least one.
//
//go:noescape
func addPairsADX(points *point, inverse *fe, ds *denominator, pairs int)

// addEachADX is sum.addEachGeneric for n points, at least one.
//
//go:noescape
func addEachADX(s *sum, points *point, n int) bool

// addSumADX is sum.addSumGeneric.
//
//go:noescape
func addSumADX(s, o *sum) bool
