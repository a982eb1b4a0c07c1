//go:build !race

package jcs_test

import (
	"bytes"
	"testing"

	"passerelle/gateway/encoding/jcs"
)

func TestNothingIsAllocatedWhereThereIsRoom(t *testing.T) {
	for name, src := range map[string][]byte{
		"accepted":        []byte(`{"b":[1,2.50,-1e-7,1E30,123456789.123456789],"a":{"\ud83d\ude02":"\u0000","\ue000":null},"":true}`),
		"hostile":         hostile(),
		"cut":             []byte(`{"b":[1,2.50,-1e-7,1E30],"a":{"\ud83d\ude02":`),
		"a duplicate":     []byte(`{"b":1,"a":2,"b":3}`),
		"half a pair":     []byte(`{"a":"\ud83d"}`),
		"too deep":        bytes.Repeat([]byte("["), jcs.MaxDepth+1),
		"longer than may": make([]byte, jcs.MaxBytes+1),
	} {
		dst := make([]byte, 0, 8*len(src))
		if n := testing.AllocsPerRun(100, func() { _, _ = jcs.Append(dst, src) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
	const allocsBeyond = 3 // strconv's error for a number beyond the doubles
	beyond := []byte("1e999")
	if n := testing.AllocsPerRun(100, func() { _, _ = jcs.Append(nil, beyond) }); n > allocsBeyond {
		t.Errorf("a number beyond the doubles: %v allocations, at most %d", n, allocsBeyond)
	}
}
