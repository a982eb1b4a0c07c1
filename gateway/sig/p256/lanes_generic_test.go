//go:build !amd64 || p256generic

package p256

import "math/big"

func dropVectors(*Verifier) bool { return false }

func addSums(s, o *sum) bool { return s.addSumGeneric(o) }

func otherProducts(_, _ *fe) map[string]*big.Int { return nil }
