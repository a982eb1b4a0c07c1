package p256

import "testing"

// TestAKeyOfTheNextListInheritsItsTable: each trust list brings keys of its own, most of them with the same points.
func TestAKeyOfTheNextListInheritsItsTable(t *testing.T) {
	t.Parallel()
	known := newKnown(t, scalarOf(4711))
	tables := NewTables(16 << 20)
	use := func(k *Key, times int) {
		for range times {
			tables.use(k)
			for len(tables.Asked()) > 0 {
				if !tables.Answer(<-tables.Asked()) {
					t.Fatal("a table failed")
				}
			}
		}
	}
	lists := make([]*Key, 3)
	for i := range lists {
		var err error
		if lists[i], err = NewKey(known.public); err != nil {
			t.Fatal(err)
		}
	}
	use(lists[0], 200)
	before := tables.Stats()
	if before.Large != 1 || before.Built != 2 {
		t.Fatalf("after 200 uses: %+v", before)
	}
	for _, k := range lists[1:] {
		use(k, smallUses)
		if after := tables.Stats(); after != before || k.table.Load() == nil || k.table.Load().window != largeWindow {
			t.Errorf("on the next list: %+v, want %+v and the large table", after, before)
		}
	}
	for _, k := range lists[:2] {
		use(k, 200) // as a lane may, that has the former list still
		if after := tables.Stats(); after != before || k.table.Load() == nil {
			t.Errorf("the former list goes on: %+v, want %+v and a table", after, before)
		}
	}
}
