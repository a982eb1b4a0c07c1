package p256_test

import (
	"fmt"
	"testing"

	"passerelle/gateway/sig/p256"
)

// mustNotPanic fails a test for a panic and lets the others run.
func mustNotPanic(t *testing.T) {
	t.Helper()
	if r := recover(); r != nil {
		t.Errorf("panic: %v", r)
	}
}

func TestEveryLimitFromTheLeastOnGivesTablesWithinIt(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{p256.MinLimit, p256.MinLimit + 1, 9 << 20, 10<<20 - 1, 10 << 20, 11 << 20, 24 << 20, 64 << 20} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			defer mustNotPanic(t)
			tables := p256.NewTables(limit)
			if tables == nil {
				t.Fatal("no tables")
			}
			v := p256.NewVerifier(tables)
			j := []p256.Job{newSigner(t).sign(t, 1)}
			warm(t, tables, v, j, 4)
			if v.Verify(j); j[0].Result != p256.Accepted {
				t.Errorf("a key alone with its tables: got %v, want accepted", j[0].Result)
			}
			if got := tables.Stats().Bytes; got > limit {
				t.Errorf("got %d bytes of tables, want at most %d", got, limit)
			}
		})
	}
}

func TestBelowTheLeastLimitEverythingIsUndetermined(t *testing.T) {
	t.Parallel()
	defer mustNotPanic(t)
	tables := p256.NewTables(p256.MinLimit - 1)
	if tables != nil {
		t.Fatal("tables below the least limit")
	}
	v := p256.NewVerifier(tables)
	s := newSigner(t)
	for _, n := range []int{0, 1, 3, 4, 64, 65} {
		jobs := make([]p256.Job, n)
		for i := range jobs {
			jobs[i] = s.sign(t, uint64(i))
			jobs[i].Result = p256.Accepted
		}
		v.Verify(jobs)
		for i := range jobs {
			if jobs[i].Result != p256.Undetermined {
				t.Errorf("%d of %d: got %v, want undetermined", i, n, jobs[i].Result)
			}
		}
	}
}
