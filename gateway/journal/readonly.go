package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// OpenReadOnly opens a journal to read, verify and export it: the current one of dir, or dir itself if that is a folder that
// was moved aside. It judges nothing, moves nothing aside and takes the store's word where the head file is broken; Verify
// judges. While a process writes the journal it returns ErrInUse: Badger lets in one process at a time.
//
// A store that was not closed in order, after a crash or a power cut, is opened as the next start would open it: Badger then
// writes its log into tables, which changes no entry.
func OpenReadOnly(dir string, opts Options) (*Journal, error) {
	j := &Journal{dir: dir, opts: opts.withDefaults(), readOnly: true}
	j.log = j.opts.Logger
	folder := filepath.Join(dir, currentName)
	if exists(filepath.Join(dir, storeName)) {
		folder = dir
	} else if !exists(folder) {
		return nil, fmt.Errorf("open journal %s: %w", dir, os.ErrNotExist)
	} else if err := j.lockExisting(); err != nil {
		return nil, fmt.Errorf("open journal %s: %w", dir, err)
	}
	if err := j.openForReading(folder); err != nil {
		err = errors.Join(err, j.release())
		return nil, fmt.Errorf("open journal %s: %w", dir, err)
	}
	return j, nil
}

func (j *Journal) lockExisting() (err error) {
	j.lock, err = lockFolder(j.dir)
	return err
}

func (j *Journal) openForReading(folder string) error {
	db, err := j.openStoreForReading(filepath.Join(folder, storeName))
	if err != nil {
		if isDamage(err) {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return err
	}
	j.setStore(db)
	var x examined
	var last link
	err = protect(func() error {
		return db.View(func(txn *badger.Txn) error {
			if err := readDescription(txn, &x); err != nil {
				return err
			}
			last = storedLast(txn, &x)
			return nil
		})
	})
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrDamaged, err), j.closeStore())
	}
	t := tip{id: journalID(x.meta.ID), sequence: last.sequence, chain: last.hash}
	h, head, err := openHead(filepath.Join(folder, headName), os.O_RDONLY)
	if err != nil {
		j.beside = fmt.Sprintf("the head file cannot be read: %v", err)
	} else {
		_ = h.f.Close()
		if head.id == t.id && head.sequence >= t.sequence {
			t = head
		}
		t.trust = head.trust
	}
	if folder != j.dir && !exists(filepath.Join(j.dir, keyName)) && !exists(filepath.Join(j.dir, keyNewName)) {
		j.beside = "the key file is missing: no use is known again"
	}
	j.setMeta(x.meta)
	j.publish(t, x.point, x.acked, x.meta.Gap)
	return nil
}

// openStoreForReading opens Badger for reading alone where it can.
func (j *Journal) openStoreForReading(dir string) (*badger.DB, error) {
	o := storeOptions(dir, &j.opts)
	db, err := openStore(o.WithReadOnly(true))
	if err == nil || !strings.Contains(err.Error(), badger.ErrTruncateNeeded.Error()) {
		return db, err
	}
	if free, err := j.opts.Free(dir); err != nil || free < j.opts.MinFree {
		return nil, ErrFull
	}
	return openStore(o)
}

// storedLast returns the store's last entry.
func storedLast(txn *badger.Txn, x *examined) link {
	last := link{sequence: lastEntry(txn)}
	if last.sequence <= x.point.Sequence {
		return x.point.link()
	}
	if item, err := txn.Get(entryKey(last.sequence)); err == nil {
		_ = item.Value(func(b []byte) error {
			if len(b) >= entryHeader {
				last.hash = [32]byte(b[32:])
			}
			return nil
		})
	}
	return last
}
