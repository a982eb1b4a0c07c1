package cache

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/trust/bundle"
)

// What Badger gives back is used only if it is exactly what was written; the version that the head names is remembered
// whenever the head itself is whole.
func TestBadgerIsReadOnlyIfWhole(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(txn *badger.Txn, head []byte) error
		version uint64
		says    string
	}{
		{"as written", func(*badger.Txn, []byte) error { return nil }, 3, ""},
		{"no head", func(txn *badger.Txn, _ []byte) error { return txn.Delete(headKey) }, 0, "head"},
		{"a short head", func(txn *badger.Txn, head []byte) error { return txn.Set(headKey, head[:headSize-1]) }, 0, "head"},
		{"another version in the head", func(txn *badger.Txn, head []byte) error {
			head[3]++
			return txn.Set(headKey, head)
		}, 0, "head"},
		{"a length over the limit", func(txn *badger.Txn, head []byte) error {
			binary.BigEndian.PutUint64(head[8:], bundle.MaxFile+1)
			return txn.Set(headKey, sealHead(head[:headSize-8]))
		}, 3, "67108865 bytes"},
		{"a chunk gone", func(txn *badger.Txn, _ []byte) error { return txn.Delete(chunkKey(3, 1)) }, 3, "chunk 1"},
		{"a chunk empty", func(txn *badger.Txn, _ []byte) error { return txn.Set(chunkKey(3, 1), nil) }, 3, "chunk 1"},
		{"a chunk changed", func(txn *badger.Txn, _ []byte) error { return txn.Set(chunkKey(3, 0), make([]byte, chunkSize)) }, 3, "checksum"},
		{"a chunk longer", func(txn *badger.Txn, _ []byte) error { return txn.Set(chunkKey(3, 1), make([]byte, chunkSize)) }, 3, "checksum"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, 600, 3)
			c := open(t, b.dir, Options{})
			if len(c.current.file) <= chunkSize {
				t.Fatalf("a list of %d bytes is one chunk", len(c.current.file))
			}
			err := c.withStore(func(db *badger.DB) error {
				return db.Update(func(txn *badger.Txn) error {
					head, err := get(txn, headKey)
					return errors.Join(err, tt.change(txn, head))
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			var version uint64
			err = c.withStore(func(db *badger.DB) error {
				head, err := readHead(db)
				if err != nil {
					return err
				}
				version = head.version
				_, err = readChunks(db, head)
				return err
			})
			if tt.says == "" != (err == nil) || err != nil && (!errors.Is(err, errStore) || !strings.Contains(err.Error(), tt.says)) || version != tt.version {
				t.Errorf("version %d, %v; want %d, %q", version, err, tt.version, tt.says)
			}
			closeCache(t, c)
			if s, info, err := loaded(t, b.dir, Options{}); err != nil || s.Len() != 600 || len(info.Notes) == 0 != (tt.says == "") {
				t.Errorf("then loaded: notes %q, %v", info.Notes, err)
			}
			remove(t, b.path("list.bundle"))
			if s, _, err := loaded(t, b.dir, Options{}); err != nil || s.Len() != 600 {
				t.Errorf("then from Badger alone: %v", err)
			}
		})
	}
}

func TestFilesAreReadUpToALimit(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1)
	overwrite(t, b.path("some"), make([]byte, 100))
	if data, err := readFile(b.path("some"), 100); err != nil || len(data) != 100 {
		t.Errorf("100 bytes of at most 100: %d, %v", len(data), err)
	}
	if data, err := readFile(b.path("some"), 99); err == nil || data != nil {
		t.Errorf("100 bytes of at most 99: %d, %v", len(data), err)
	}
	overwrite(t, b.path("roots.toml"), []byte(strings.Repeat("#", bundle.MaxManifest+1)))
	if _, err := Open(b.dir, Options{}); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("a file of roots over its limit: %v", err)
	}
}

func TestPanicOfBadgerIsDamage(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 1)
	c := open(t, b.dir, Options{})
	defer closeCache(t, c)
	err := c.withStore(func(*badger.DB) error { panic("index out of range") })
	if !errors.Is(err, errStore) || b.has(t, openingName) {
		t.Errorf("got %v, want %v and no marker in %v", err, errStore, b.entries(t))
	}
}

func TestFileThatCannotBeWrittenIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 1)
	c := open(t, b.dir, Options{})
	defer closeCache(t, c)
	if err := os.Mkdir(b.path("list.bundle.new"), 0o700); err != nil { // in the way of the new file
		t.Fatal(err)
	}
	if _, _, err := c.Take(b.file(t, 2), now); err == nil {
		t.Error("taken")
	}
	if s, _, err := c.Load(); err != nil || s.Version() != 1 {
		t.Errorf("in force: %v", err)
	}
	remove(t, b.path("list.bundle.new"))
	if s, _ := take(t, c, b.file(t, 2)); s.Version() != 2 {
		t.Errorf("then taken: version %d", s.Version())
	}
}

func TestListInOnePlaceIsSaidAndHealed(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 1)
	c := open(t, b.dir, Options{})
	if err := os.Mkdir(b.path("opening.new"), 0o700); err != nil { // in the way of opening Badger
		t.Fatal(err)
	}
	_, info := take(t, c, b.file(t, 2))
	if info.Version != 2 || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "version 2 is not in Badger") {
		t.Errorf("notes %q", info.Notes)
	}
	closeCache(t, c)
	remove(t, b.path("opening.new"))
	_, info, err := loaded(t, b.dir, Options{})
	if err != nil || info.Version != 2 || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "store had version 1 and was written again") {
		t.Errorf("restarted: notes %q, %v", info.Notes, err)
	}
}

func TestRootsThatChangedWhileTheGateSlept(t *testing.T) {
	t.Parallel()
	b := newBox(t, 2, 1)
	next := newSigner(t)
	h := header(2)
	h.Roots = rootsOf(1, next)
	second := build(t, b.content, h, b.signers[:2]...)
	v2, err := second.Verify(bundle.Held{Roots: *b.roots})
	if err != nil {
		t.Fatal(err)
	}
	h = header(5)
	h.After = v2
	file := fileOf(t, build(t, b.content, h, next))
	c := open(t, b.dir, Options{})
	if s, info := take(t, c, file); s.Version() != 5 || !info.Roots.Equal(rootsOf(1, next)) {
		t.Errorf("took %+v", info)
	}
	closeCache(t, c)
	if s, info, err := loaded(t, b.dir, Options{}); err != nil || s.Version() != 5 || len(info.Notes) != 0 {
		t.Errorf("restarted: notes %q, %v", info.Notes, err)
	}
}

func TestTakersAndReadersMayCome(t *testing.T) {
	t.Parallel()
	b := newBox(t, 5, 1)
	c := open(t, b.dir, Options{})
	defer closeCache(t, c)
	for v := uint64(2); v <= 6; v++ {
		b.file(t, v)
	}
	var wg sync.WaitGroup
	for v := uint64(2); v <= 6; v++ {
		wg.Go(func() {
			if _, _, err := c.Take(b.files[v], now); err != nil && !errors.Is(err, bundle.ErrOld) {
				t.Error(err)
			}
			if s, _, err := c.Load(); err != nil || s.Version() < v {
				t.Errorf("after %d was offered: %v", v, err)
			}
			if c.Part([32]byte{}) != nil {
				t.Error("a part that nobody has")
			}
		})
	}
	wg.Wait()
	if s, _, err := c.Load(); err != nil || s.Version() != 6 {
		t.Errorf("at the end: %v", err)
	}
}
