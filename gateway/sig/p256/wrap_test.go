package p256

//lint:file-ignore SA1019 the standard library has no other arithmetic for points whose logarithm nobody knows

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"math/big"
	"testing"
)

// pointAt returns a point with the x coordinate nearest to x, going by step.
func pointAt(t testing.TB, x *big.Int, step int64) (px, py *big.Int) {
	t.Helper()
	px = new(big.Int).Set(x)
	three := big.NewInt(3)
	for range 200 {
		y := new(big.Int).Mul(px, px)
		y.Sub(y, three).Mul(y, px).Add(y, elliptic.P256().Params().B)
		if y.Mod(y, bigP); y.ModSqrt(y, bigP) != nil {
			return px, y
		}
		px.Add(px, big.NewInt(step))
	}
	t.Fatalf("no point near x = %x", x)
	return nil, nil
}

// keyFor returns the public key for which r and s verify digest e by way of the point R: (s·R - e·G)/r. Nobody knows its private
// half.
func keyFor(t testing.TB, rx, ry, e, r, s *big.Int) *ecdsa.PublicKey {
	t.Helper()
	curve := elliptic.P256()
	x, y := curve.ScalarMult(rx, ry, over(s, r).Bytes())
	if k := over(minus(e), r); k.Sign() != 0 {
		gx, gy := curve.ScalarBaseMult(k.Bytes())
		x, y = curve.Add(x, y, gx, gy)
	}
	encoded := append(append([]byte{4}, x.FillBytes(make([]byte, 32))...), y.FillBytes(make([]byte, 32))...)
	public, err := ecdsa.ParseUncompressedPublicKey(curve, encoded)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// wrapping are signatures made for the last step: x is compared with r, and with r + n where that is below p. Chance does not
// come there: there are 2¹²⁸ such x among 2²⁵⁶.
func wrapping(t testing.TB, window uint) []trial {
	t.Helper()
	above := new(big.Int).Sub(bigP, bigN) // how many x are not below n
	var all []trial
	add := func(name string, px, py, r *big.Int, valid bool) {
		t.Helper()
		n := uint64(len(all))
		e, s := scalarOf(7000+n), scalarOf(7100+n)
		switch n % 4 {
		case 1:
			e = new(big.Int)
		case 2:
			s = big.NewInt(1)
		case 3:
			s = new(big.Int).Sub(bigN, big.NewInt(1))
		}
		public := keyFor(t, px, py, e, r, s)
		digest, signature := numberBytes(e), joined(r, s)
		if got := standard(public, digest, signature); got != valid {
			t.Fatalf("%s: crypto/ecdsa says %v, want %v", name, got, valid)
		}
		key := keyWith(t, public, window)
		all = append(all, trial{job: Job{Key: key, Digest: digest, Signature: signature}, valid: valid})
		// Its neighbours are never good.
		for _, other := range []*big.Int{new(big.Int).Add(r, big.NewInt(1)), new(big.Int).Sub(r, big.NewInt(1)), new(big.Int).Add(r, bigN), new(big.Int).Sub(bigN, r)} {
			if other.Sign() > 0 && other.BitLen() <= 256 {
				signature := joined(other, s)
				all = append(all, trial{job: Job{Key: key, Digest: digest, Signature: signature}, valid: standard(public, digest, signature)})
			}
		}
	}
	for i := range int64(4) {
		// x = n + r.
		offset := new(big.Int).Rsh(above, uint(i)*40)
		for _, from := range []*big.Int{big.NewInt(1 + 50*i), offset} {
			start, step := new(big.Int).Add(bigN, from), int64(1)
			if from == offset {
				start.Sub(start, big.NewInt(1))
				step = -1
			}
			x, y := pointAt(t, start, step)
			r := new(big.Int).Sub(x, bigN)
			add(fmt.Sprintf("x = n + %x", r), x, y, r, true)
		}
		// x = r, with an r for which r + n is below p too.
		x, y := pointAt(t, big.NewInt(1+50*i), 1)
		add(fmt.Sprintf("x = %x", x), x, y, x, true)
		// x = r + n - p: r + n is not below p, and must not be taken modulo p.
		r := new(big.Int).Add(x, above)
		add(fmt.Sprintf("x = %x, r = %x", x, r), x, y, r, false)
	}
	return all
}

func TestCoordinatesFromTheOrderOnAreTakenModuloTheOrder(t *testing.T) {
	t.Parallel()
	ordinary := newKnown(t, scalarOf(4000))
	for _, window := range []uint{smallWindow, largeWindow} {
		made := wrapping(t, window)
		valid := 0
		for _, tr := range made {
			valid += int(oneIf(tr.valid))
		}
		if valid < 12 || len(made) < 60 {
			t.Fatalf("%d signatures, %d of them good", len(made), valid)
		}
		mixed := make([]trial, 0, 2*len(made))
		for i := range made {
			mixed = append(mixed, made[i], ordinary.bad(t, window, uint64(i)))
		}
		for _, v := range verifiers() {
			for _, trials := range [][]trial{made, mixed} {
				for _, size := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 33, Block, Block + 1, len(trials)} {
					for from := 0; from < len(trials); from += size {
						judge(t, v, trials[from:min(from+size, len(trials))])
					}
				}
			}
		}
	}
}
