package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"passerelle/gateway/trust/bundle"
)

const (
	storeName   = "store"
	openingName = "opening"
	chunkSize   = 32 << 10 // bytes of the file under one key: below ValueThreshold, so that no value log grows
)

// headKey names the list that is stored: its version, length and SHA-256, and a checksum over these.
var headKey = []byte("head")

const headSize = 8 + 8 + 32 + 8

var errStore = errors.New("damaged")

// chunkKey is the key of one piece of the file: chunks of another version never mix with those that head names.
func chunkKey(version uint64, index int) []byte {
	key := append([]byte("list/"), make([]byte, 12)...)
	binary.BigEndian.PutUint64(key[5:], version)
	binary.BigEndian.PutUint32(key[13:], uint32(index))
	return key
}

func storeOptions(dir string) badger.Options {
	return badger.DefaultOptions(dir).
		WithLogger(nil).
		WithSyncWrites(true).
		WithMemTableSize(4 << 20).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(4).
		WithNumCompactors(2).
		WithBlockCacheSize(4 << 20).
		WithIndexCacheSize(4 << 20).
		WithValueLogFileSize(16 << 20).
		WithValueThreshold(64 << 10).
		WithBaseTableSize(2 << 20).
		WithBaseLevelSize(8 << 20).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithVerifyValueChecksum(true)
}

// readStore reads the list from Badger. file is what the other place has: where its list is good, a store in which the
// last process died is not opened again.
func (c *Cache) readStore(file place) place {
	p := place{name: storeName, exists: exists(filepath.Join(c.dir, storeName))}
	if !p.exists {
		return p
	}
	if p.trouble = checkSpace(c.dir); p.trouble != nil {
		return p
	}
	if file.list != nil && exists(filepath.Join(c.dir, openingName)) {
		p.trouble, p.broken = fmt.Errorf("%w: the last process died while it was open", errStore), true
		return p
	}
	var raw []byte
	p.trouble = c.withStore(func(db *badger.DB) error {
		head, err := readHead(db)
		if err != nil {
			return err
		}
		c.known = max(c.known, head.version) // remembered even if the chunks are damaged
		raw, err = readChunks(db, head)
		return err
	})
	if p.trouble != nil {
		p.broken = errors.Is(p.trouble, errStore)
		c.storeBroken = p.broken
		return p
	}
	if file.list != nil && bytes.Equal(raw, file.list.file) {
		p.list = file.list
		return p
	}
	p.list, p.trouble = c.parse(raw)
	return p
}

// replaceStore writes the list to Badger; a broken store is kept aside and a new one made.
func (c *Cache) replaceStore(l *list, broken bool) error {
	if err := checkSpace(c.dir); err != nil {
		return err
	}
	if broken {
		if err := moveAside(filepath.Join(c.dir, storeName)); err != nil {
			return err
		}
	}
	return c.withStore(func(db *badger.DB) error { return writeChunks(db, l) })
}

// withStore opens the list's Badger for the time of use.
func (c *Cache) withStore(use func(*badger.DB) error) error {
	return withBadger(storeOptions(filepath.Join(c.dir, storeName)), filepath.Join(c.dir, openingName), nil, use)
}

// withBadger opens a Badger for the time of use. The marker file, which says mark, outlives a process that Badger kills.
func withBadger(opts badger.Options, marker string, mark []byte, use func(*badger.DB) error) (err error) {
	if err := writeFile(marker, mark); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errStore, r) // Badger panics on some damaged tables
		}
		if gone := os.Remove(marker); err == nil && gone != nil {
			err = gone
		}
	}()
	db, err := badger.Open(opts)
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	defer func() {
		if closing := db.Close(); err == nil && closing != nil {
			err = fmt.Errorf("close: %w", closing)
		}
	}()
	return use(db)
}

// storeHead is the value of headKey, its checksum found good.
type storeHead struct {
	version, length uint64
	sum             [32]byte
}

func readHead(db *badger.DB) (storeHead, error) {
	var raw []byte
	err := db.View(func(txn *badger.Txn) (err error) {
		raw, err = get(txn, headKey)
		return err
	})
	if err != nil {
		return storeHead{}, fmt.Errorf("%w: head: %w", errStore, err)
	}
	if len(raw) != headSize || !bytes.Equal(raw, sealHead(raw[:headSize-8])) {
		return storeHead{}, fmt.Errorf("%w: head", errStore)
	}
	return storeHead{binary.BigEndian.Uint64(raw), binary.BigEndian.Uint64(raw[8:]), [32]byte(raw[16:48])}, nil
}

func readChunks(db *badger.DB, head storeHead) ([]byte, error) {
	if head.length > bundle.MaxFile {
		return nil, fmt.Errorf("%w: %d bytes", errStore, head.length)
	}
	var file []byte
	err := db.View(func(txn *badger.Txn) error {
		for i := 0; uint64(len(file)) < head.length; i++ {
			chunk, err := get(txn, chunkKey(head.version, i))
			if err != nil || len(chunk) == 0 {
				return fmt.Errorf("%w: chunk %d: %v", errStore, i, err)
			}
			file = append(file, chunk...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(file) != head.sum {
		return nil, fmt.Errorf("%w: checksum", errStore)
	}
	return file, nil
}

func get(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if err != nil {
		return nil, err
	}
	return item.ValueCopy(nil)
}

// writeChunks writes the chunks, then the head in a transaction of its own, then removes other versions' chunks. Cut off
// in between, head still names the list before.
func writeChunks(db *badger.DB, l *list) error {
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	for i := 0; i*chunkSize < len(l.file); i++ {
		end := min((i+1)*chunkSize, len(l.file))
		if err := batch.Set(chunkKey(l.version(), i), l.file[i*chunkSize:end]); err != nil {
			return fmt.Errorf("write chunk %d: %w", i, err)
		}
	}
	if err := batch.Flush(); err != nil {
		return fmt.Errorf("write chunks: %w", err)
	}
	if err := db.Update(func(txn *badger.Txn) error { return txn.Set(headKey, newHead(l)) }); err != nil {
		return fmt.Errorf("write head: %w", err)
	}
	return removeOthers(db, l.version())
}

func newHead(l *list) []byte {
	sum := sha256.Sum256(l.file)
	head := binary.BigEndian.AppendUint64(nil, l.version())
	head = binary.BigEndian.AppendUint64(head, uint64(len(l.file)))
	return sealHead(append(head, sum[:]...))
}

func sealHead(head []byte) []byte {
	sum := sha256.Sum256(head)
	return append(head[:len(head):len(head)], sum[:8]...)
}

func removeOthers(db *badger.DB, version uint64) error {
	keep := chunkKey(version, 0)[:13]
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	err := db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte("list/")})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if key := it.Item().KeyCopy(nil); !bytes.HasPrefix(key, keep) {
				if err := batch.Delete(key); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove older lists: %w", err)
	}
	if err := batch.Flush(); err != nil {
		return fmt.Errorf("remove older lists: %w", err)
	}
	return nil
}
