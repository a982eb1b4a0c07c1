//go:build !amd64 || p256generic

package p256

func multiply(ds []denominator, product *fe, points []point) bool {
	return multiplyGeneric(ds, product, points)
}

func addPairs(points []point, inverse *fe, ds []denominator) {
	addPairsGeneric(points, inverse, ds)
}

func (s *sum) addEach(points []point) bool { return s.addEachGeneric(points) }
