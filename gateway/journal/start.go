package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	currentName = "current"
	nextName    = "next" // a journal that is being made
	keptPrefix  = "kept-"
)

// start opens the current journal, or leaves db nil where there is too little space: such starts do not count as crashes. A
// damaged journal is moved aside and a new one begun. whole walks all of it before the first verdict.
func (j *Journal) start(whole bool) error {
	if j.starts == nil {
		s, err := openStarts(j.path(startsName))
		if err != nil {
			return unlessFull(err)
		}
		j.starts = s
	}
	if !j.roomToOpen() {
		j.peek()
		return nil
	}
	reason, err := j.lost()
	if err != nil {
		return err
	}
	if err := j.starts.begin(); err != nil {
		return unlessFull(err)
	}
	if err := j.startWith(reason, whole || j.starts.unclean); err != nil {
		j.log.Warn("journal not opened", "error", err)
		j.broken = nil // nothing is open that could be
		j.damaged.Store(false)
		j.peek()
		return errors.Join(unlessFull(err), j.starts.survived())
	}
	j.makeBallast()
	return j.starts.opened(j.current().id)
}

func (j *Journal) startWith(reason string, whole bool) error {
	if reason == "" && exists(j.path(currentName)) {
		err := j.openCurrent(whole)
		if err == nil || !isDamage(err) {
			return err
		}
		reason = err.Error()
	}
	if err := j.renew(reason); err != nil {
		return err
	}
	return j.openCurrent(true)
}

func unlessFull(err error) error {
	if isFull(err) {
		return nil
	}
	return err
}

func (j *Journal) path(names ...string) string {
	return filepath.Join(append([]string{j.dir}, names...)...)
}

// lost says why the current journal is not to be relied on, as far as that is known without looking into it; "" if it may
// be, or if there never was one.
func (j *Journal) lost() (string, error) {
	kept, err := j.kept()
	switch {
	case err != nil:
		return "", err
	case j.starts.crashed >= maxCrashes:
		return strconv.Itoa(int(j.starts.crashed)) + " starts in a row died while they opened it", nil
	case j.starts.damaged:
		return "found damaged by the last run", nil
	case exists(j.path(currentName)):
		return "", nil
	case j.starts.id != journalID{}, exists(j.path(keyName)), len(kept) > 0, j.opts.Begun:
		return "missing", nil
	}
	return "", nil
}

// peek reads what can be said about a journal whose store cannot be opened.
func (j *Journal) peek() {
	h, t, err := openHead(j.path(currentName, headName), os.O_RDONLY)
	if err != nil {
		return
	}
	_ = h.f.Close()
	j.publish(t, checkpoint{}, 0, false)
}

func (j *Journal) publish(t tip, point checkpoint, acked uint64, gap bool) {
	j.published.Lock()
	defer j.published.Unlock()
	j.tip, j.point, j.acked, j.hasGap = t, point, acked, gap
}

func (j *Journal) setMeta(m meta) {
	j.meta = m
	j.published.Lock()
	defer j.published.Unlock()
	j.hasGap = m.Gap
}

func (j *Journal) saveMeta() error {
	return j.update(func(txn *badger.Txn) error { return setJSON(txn, []byte(keyMeta), &j.meta) })
}

// kept returns the names of the folders that were moved aside.
func (j *Journal) kept() ([]string, error) { return namesIn(j.dir, keptPrefix, "") }

// renew moves the current journal aside, if there is one, and begins a new one: with a gap record if a reason is given.
func (j *Journal) renew(reason string) error {
	var gap map[string]string
	var trust uint64
	if reason != "" {
		old, err := j.moveAside()
		if err != nil {
			return err
		}
		trust = old.tip.trust
		gap = map[string]string{
			"reason": reason[:min(len(reason), MaxFieldText)], "kept": old.folder,
			"previous_journal": old.tip.id.String(), "last_sequence": strconv.FormatUint(old.tip.sequence, 10),
			"last_hash": hex.EncodeToString(old.tip.chain[:]),
		}
		j.log.Error("journal lost, a new one begins", "reason", reason, "kept", old.folder)
	}
	if err := os.RemoveAll(j.path(nextName)); err != nil {
		return err
	}
	if err := j.create(j.path(nextName), gap, trust); err != nil {
		return fmt.Errorf("make a new journal: %w", err)
	}
	return errors.Join(os.Rename(j.path(nextName), j.path(currentName)), syncFolder(j.dir))
}

// predecessor is what is known of a journal that was lost; zeros where its head file could not be read.
type predecessor struct {
	folder string
	tip    tip
}

// moveAside keeps the current journal under another name: by number, and by a time that may be wrong.
func (j *Journal) moveAside() (predecessor, error) {
	kept, err := j.kept()
	if err != nil {
		return predecessor{}, err
	}
	folder := fmt.Sprintf("%s%04d-%s", keptPrefix, len(kept)+1, j.opts.Now().UTC().Format("20060102T150405Z"))
	for n := len(kept) + 2; exists(j.path(folder)); n++ {
		folder = fmt.Sprintf("%s%04d", keptPrefix, n)
	}
	var old predecessor
	switch {
	case exists(j.path(currentName)):
		if err := errors.Join(os.Rename(j.path(currentName), j.path(folder)), syncFolder(j.dir)); err != nil {
			return predecessor{}, err
		}
		old.folder = folder
	case len(kept) > 0:
		old.folder = kept[len(kept)-1] // an earlier start came as far as this
	}
	old.tip.id = j.starts.id
	if h, t, err := openHead(j.path(old.folder, headName), os.O_RDONLY); err == nil && old.folder != "" {
		old.tip = t
		_ = h.f.Close()
	}
	return old, nil
}

// create makes a journal in folder: a store that describes itself, with a gap record if one is given, and a head file.
func (j *Journal) create(folder string, gap map[string]string, trust uint64) error {
	if err := os.MkdirAll(filepath.Join(folder, storeName), 0o700); err != nil {
		return err
	}
	t := tip{trust: trust}
	if _, err := io.ReadFull(j.opts.Random, t.id[:]); err != nil {
		return err
	}
	db, err := openStore(storeOptions(filepath.Join(folder, storeName), &j.opts))
	if err != nil {
		return err
	}
	err = protect(func() error {
		return db.Update(func(txn *badger.Txn) error {
			if gap != nil {
				last, err := appendFirst(txn, t.id, j.opts.Now(), gap)
				if err != nil {
					return err
				}
				t.sequence, t.chain = last.sequence, last.hash
			}
			return setJSON(txn, []byte(keyMeta), &meta{ID: digest16(t.id), Segment: j.opts.segment, Gap: gap != nil})
		})
	})
	if err = errors.Join(err, protect(db.Close)); err != nil {
		return err
	}
	if err := createHead(filepath.Join(folder, headName), t); err != nil {
		return err
	}
	return syncFolder(folder)
}

// appendFirst writes the gap record as the first entry.
func appendFirst(txn *badger.Txn, id journalID, at time.Time, gap map[string]string) (link, error) {
	body := appendNote(nil, "", at, eventGap, gap)
	value := make([]byte, 32, entryHeader+len(body))
	value = newHasher(id).appendHash(value, link{}, body)
	first := link{1, [32]byte(value[32:])}
	return first, txn.Set(entryKey(1), append(value, body...))
}
