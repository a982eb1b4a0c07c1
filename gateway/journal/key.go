package journal

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// The event key makes use ids in the ledger meaningless to everybody else. It stands outside Badger, whose files keep what
// was deleted from them, so that destroying one small file turns the past into noise.
const (
	keyName    = "key"
	keyNewName = "key.new"
	keyMagic   = "PSLKEY01"
)

type eventKey [32]byte

// check names a key without showing it: the store says by it which key its ledger was made with.
func (k *eventKey) check() digest16 {
	h := sha256.New()
	h.Write([]byte("passerelle event key"))
	h.Write(k[:])
	return digest16(h.Sum(nil)[:16])
}

func newEventKey(random io.Reader) (eventKey, error) {
	var k eventKey
	_, err := io.ReadFull(random, k[:])
	return k, err
}

func (k *eventKey) save(path string) error {
	b := append([]byte(keyMagic), k[:]...)
	sum := sha256.Sum256(b)
	return writeFileSynced(path, append(b, sum[:]...))
}

// loadKey reports false where there is no whole key.
func loadKey(path string) (eventKey, bool, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return eventKey{}, false, nil
	}
	if err != nil {
		return eventKey{}, false, err
	}
	const body = len(keyMagic) + len(eventKey{})
	if len(b) != body+sha256.Size || string(b[:len(keyMagic)]) != keyMagic || sha256.Sum256(b[:body]) != [32]byte(b[body:]) {
		return eventKey{}, false, nil
	}
	return eventKey(b[len(keyMagic):body]), true, nil
}

// openKey finds the key that the store's ledger was made with. A store that never had one gets one; that another store's
// key is gone is damage, since every used ticket would look unused.
func (j *Journal) openKey() error {
	path, next := filepath.Join(j.dir, keyName), filepath.Join(j.dir, keyNewName)
	for _, p := range []string{path, next} {
		k, ok, err := loadKey(p)
		if err != nil {
			return err
		}
		if !ok || !j.meta.knows(k.check()) && len(j.meta.Keys) > 0 {
			continue
		}
		if p == next {
			if err := errors.Join(os.Rename(next, path), syncFolder(j.dir)); err != nil {
				return err
			}
		}
		return j.useKey(k)
	}
	if len(j.meta.Keys) > 0 {
		return damagedf("event key is missing or not the one of this store")
	}
	k, err := newEventKey(j.opts.Random)
	if err != nil {
		return err
	}
	if err := k.save(path); err != nil {
		return err
	}
	return j.useKey(k)
}

// useKey makes k the ledger's key and has the store name it alone.
func (j *Journal) useKey(k eventKey) error {
	j.key = k
	j.ledger.setKey(k[:])
	if c := k.check(); len(j.meta.Keys) != 1 || j.meta.Keys[0] != c {
		j.meta.Keys = []digest16{c}
		return j.saveMeta()
	}
	return nil
}

func (m *meta) knows(check digest16) bool {
	for _, c := range m.Keys {
		if c == check {
			return true
		}
	}
	return false
}

// replaceKey destroys the event key and makes another. No use may be remembered. After a crash in between, openKey goes
// on with the one or the other.
func (j *Journal) replaceKey(usesSoFar uint64) error {
	k, err := newEventKey(j.opts.Random)
	if err != nil {
		return err
	}
	path, next := filepath.Join(j.dir, keyName), filepath.Join(j.dir, keyNewName)
	j.meta.Keys = []digest16{j.key.check(), k.check()}
	if err := j.saveMeta(); err != nil {
		return err
	}
	if err := k.save(next); err != nil {
		return err
	}
	if err := wipe(path); err != nil {
		return err
	}
	if err := errors.Join(os.Rename(next, path), syncFolder(j.dir)); err != nil {
		return err
	}
	j.meta.KeyUses = usesSoFar
	return j.useKey(k)
}

// wipe overwrites a file in place. On a card that moves blocks about, only an encrypted volume makes that certain.
func wipe(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, len(keyMagic)+len(eventKey{})+sha256.Size), 0)
	return errors.Join(err, f.Sync(), f.Close())
}
