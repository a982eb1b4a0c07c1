package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzHeadFile(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, headName)
	if err := createHead(path, tip{id: journalID{1}, sequence: 3, trust: 4}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:slotSize+90])
	f.Add([]byte(headMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), headName)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		h, got, err := openHead(path, os.O_RDWR)
		if err != nil {
			if !isDamage(err) {
				t.Errorf("open = %v, want damage", err)
			}
			return
		}
		defer h.f.Close()
		got.sequence++
		if err := h.write(got); err != nil {
			t.Fatal(err)
		}
		again, next, err := openHead(path, os.O_RDWR)
		if err != nil || next != got {
			t.Errorf("after a write: %+v, %v; want %+v", next, err, got)
		}
		if err == nil {
			again.f.Close()
		}
	})
}

func FuzzStartsFile(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(startsMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), startsName)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openStarts(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.f.Close()
		before := s.crashed
		if err := s.begin(); err != nil {
			t.Fatal(err)
		}
		again, err := openStarts(path)
		if err != nil || again.crashed != before+1 {
			t.Fatalf("after a start: %+v, %v; want %d crashed", again, err, before+1)
		}
		again.f.Close()
	})
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("block\x00\x00\x00\x01"))
	f.Add([]byte{0, 0, 0, 2, 0x10, 0, 0, 0, 0, 2})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "000001.sst")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := inspectTable(path); err != nil && !isDamage(err) {
			t.Errorf("inspect = %v, want damage", err)
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"lane":"n","at":"2026-08-01T18:30:00.123Z","event":"verdict","verdict":"admit","use":"00112233445566778899aabbccddeeff","until":1785715200}`))
	f.Add([]byte(`{"lane":"n","at":"2026-08-01T18:30:00Z","event":"verdict","verdict":5,"use":[],"until":"x","checkpoint":{}}`))
	f.Add([]byte(`{"lane":"n","at":"2026-08-01T18:30:00Z","event":"verdict","verdict":"admit","movement":"out","zone":"a","awaited":true,` +
		`"ledger":[{"use":"00112233445566778899aabbccddeeff","was":"","now":"01020100000000000000010000000000000001000000000000000000000000000000000000000000000000"}]}`))
	f.Add([]byte(`{"lane":"n","at":"2026-08-01T18:30:00Z","event":"annulled","entry":{"sequence":1,"lane":"n","movement":"in"},"unresolved":"` +
		strings.Repeat("0f", 32) + `"}`))
	f.Add([]byte(`{"event":`))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := parseBody(b)
		if err != nil {
			return
		}
		did, err := facts.effects(1)
		if err != nil {
			return
		}
		for _, c := range did.changes {
			if back, ok := parseUse(c.now.append(nil)); !ok || back != c.now {
				t.Errorf("record of %x = %+v, want %+v", c.key, back, c.now)
			}
		}
		if did.count != (counter{}) {
			did.count.sum(did.at)
		}
		new(tally).apply(&did)
	})
}

func FuzzWaiting(f *testing.F) {
	f.Add((&waiting{at: 1, place: place{"north", "stand-a"}, exit: true}).append(nil))
	u := waiting{at: 2, n: 2}
	u.before[1] = before{known: true, was: useRecord{changed: 4, entry: 3, moved: never, entries: 2, lane: "n"}}
	f.Add(u.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if u, ok := parseWaiting(7, b); ok && string(u.append(nil)) != string(b) {
			t.Errorf("%x reads as %+v", b, u)
		}
	})
}

func FuzzCounter(f *testing.F) {
	f.Add(appendCounterKey(nil, place{"north", "stand-a"}), counter{4, 2, 1, 1}.append(nil))
	f.Add([]byte{prefixCount, 9, 'n'}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		at, c, ok := parseCounter(key, value)
		if !ok {
			return
		}
		if string(c.append(nil)) != string(value) || string(appendCounterKey(nil, at)[1:]) != string(key[1:]) {
			t.Errorf("%x %x reads as %+v %+v", key, value, at, c)
		}
		if c.authorised != c.passed+c.annulled+c.pending() {
			t.Errorf("%+v does not add up", c)
		}
	})
}

func FuzzUse(f *testing.F) {
	f.Add((&useRecord{changed: 1, entry: 1, at: 2, moved: 2, until: 3, entries: 1, flags: flagInside, lane: "north"}).append(nil))
	f.Add((&useRecord{changed: 3, entry: 1, at: 2, moved: never, until: 3, entries: 2, flags: flagWaiting, lane: "north"}).append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := parseUse(b); ok && string(r.append(nil)) != string(b) {
			t.Errorf("%x reads as %+v", b, r)
		}
	})
}
