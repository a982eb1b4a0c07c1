//go:build !race

package statuslist

import "testing"

func TestNothingIsAllocated(t *testing.T) {
	list, err := New(2, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	good := claims(t, nil)
	cut, three := good[:len(good)-3], claims(t, func(_, list m) { list["bits"] = 3 })
	var token Token
	if n := testing.AllocsPerRun(100, func() {
		list.At(999_999)
		list.At(1 << 60)
		_ = token.Parse(good)
		_ = token.Parse(cut)
		_ = token.Parse(three)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
