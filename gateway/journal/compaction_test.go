package journal

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// duringWalk is a context that does something once, the first time that a walk asks for its end: an iterator is open by then.
type duringWalk struct {
	context.Context
	once sync.Once
	do   func()
}

func (c *duringWalk) Err() error {
	c.once.Do(c.do)
	return nil
}

// TestCompactionOfADamagedTableIsNoticed has Badger compact a table of which one block is damaged, which holds nothing but dropped
// entries, while the journal is being checked. Whoever reads by key never meets that block; the compaction does, and leaves out
// everything behind it without a word.
func TestCompactionOfADamagedTableIsNoticed(t *testing.T) {
	t.Parallel()
	const entries, dropped = 400, 256 // a walk asks for its end at each 256th entry
	opts := retentionOptions()
	base := t.TempDir()
	flatten := func(j *Journal) error { return protect(func() error { return j.db.Flatten(1) }) }
	n := 0
	fill := func(j *Journal, until int) {
		for ; n < until; n += 20 {
			batch := make([]Pending, 20)
			for i := range batch {
				batch[i] = aged(n+i, testTime, testTime.AddDate(1, 0, 0))
			}
			mustCommit(t, j, batch...)
		}
	}
	// One table on a lower level, which holds the dropped entries too, and a small one above it.
	j := mustOpen(t, base, opts)
	fill(j, entries-100)
	mustClose(t, j)
	j = mustOpen(t, base, opts)
	fill(j, entries-80)
	mustClose(t, j)
	j = mustOpen(t, base, opts)
	if err := flatten(j); err != nil {
		t.Fatal(err)
	}
	fill(j, entries)
	mustAcknowledge(t, j, dropped)
	if got, err := j.prune(testTime.Add(2 * time.Hour)); err != nil || got != dropped { // without the sweep
		t.Fatalf("prune = %d, %v", got, err)
	}
	mustClose(t, j)
	tables, err := filepath.Glob(filepath.Join(base, currentName, storeName, "*.sst"))
	if err != nil || len(tables) != 2 {
		t.Fatalf("tables = %v, %v", tables, err)
	}
	table, err := filepath.Rel(base, tables[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]func(context.Context, *Journal) error{
		"check older": func(ctx context.Context, j *Journal) error { return j.CheckOlder(ctx) },
		"verify": func(ctx context.Context, j *Journal) error {
			_, err := j.Verify(ctx)
			return err
		},
	} {
		for _, damaged := range []bool{false, true} {
			dir := t.TempDir()
			if err := copyTree(dir, base); err != nil {
				t.Fatal(err)
			}
			if damaged {
				if err := (damageCase{table, "bit", 10_000}).apply(dir); err != nil {
					t.Fatal(err)
				}
			}
			j := mustOpen(t, dir, opts)
			wantState(t, j, OK) // what Open reads is good
			asked := false
			ctx := &duringWalk{Context: t.Context(), do: func() {
				asked = true
				if err := flatten(j); err != nil {
					t.Errorf("%s: flatten: %v", name, err)
				}
			}}
			err := check(ctx, j)
			if !damaged {
				if err != nil || !asked {
					t.Errorf("%s of a good store: %v, walked %v", name, err, asked)
				}
				mustVerify(t, j)
				wantState(t, j, OK)
				continue
			}
			wantState(t, j, Damaged)
		}
	}
}
