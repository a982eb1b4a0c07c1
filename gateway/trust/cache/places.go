package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"passerelle/gateway/trust/bundle"
)

// place is one of the two where the list stands, and what was found there.
type place struct {
	name    string // below the folder
	exists  bool
	list    *list
	trouble error // why list is nil although the place exists
	broken  bool  // the place itself is damaged, not only what stands in it
}

// read finds the list: the highest version that can be verified, in either place. It heals the other place.
func (c *Cache) read() {
	version, remembered := c.readVersion()
	file := c.readListFile()
	store := c.readStore(file)
	c.known = max(c.known, version)
	for _, p := range []place{file, store} {
		if p.list != nil && (c.current == nil || p.list.version() > c.current.version()) {
			c.current = p.list
		}
	}
	if c.current == nil {
		c.missing = c.whyMissing(file, store, remembered)
		return
	}
	c.known = max(c.known, c.current.version())
	c.heal(file, store, version)
	if c.known > c.current.version() {
		c.note("version %d was known here, version %d is all that is left", c.known, c.current.version())
	}
}

// whyMissing tells a box that never had a list from one that lost it.
func (c *Cache) whyMissing(file, store place, remembered bool) error {
	if !file.exists && !store.exists && !remembered && c.known == 0 {
		return ErrNoList
	}
	why := error(ErrLost)
	for _, p := range []place{file, store} {
		if p.exists {
			why = fmt.Errorf("%w; %s: %w", why, p.name, p.trouble)
		} else {
			why = fmt.Errorf("%w; %s: not there", why, p.name)
		}
	}
	return why
}

// heal writes the list in force wherever it is not. Its failures are notes: the list is there.
func (c *Cache) heal(file, store place, version uint64) {
	if file.list == nil || file.list.version() < c.current.version() {
		c.say(file, c.replaceListFile(c.current, file.list == nil && file.exists))
	}
	if store.list == nil || store.list.version() < c.current.version() {
		c.say(store, c.replaceStore(c.current, store.broken))
	}
	if version < c.current.version() {
		if err := c.writeVersion(c.current); err != nil {
			c.note("%v", err)
		}
	}
}

func (c *Cache) say(p place, err error) {
	what := "was missing"
	switch {
	case p.list != nil:
		what = fmt.Sprintf("had version %d", p.list.version())
	case p.exists:
		what = fmt.Sprintf("was of no use (%v)", p.trouble)
	}
	if err != nil {
		c.note("%s %s and could not be written: %v", p.name, what, err)
		return
	}
	c.note("%s %s and was written again, version %d", p.name, what, c.current.version())
}

// store puts a list that was checked in force. Once the file is renamed it is taken; what fails later is healed at the
// next start.
func (c *Cache) store(next *list) error {
	if err := checkSpace(c.dir); err != nil {
		return err
	}
	damaged := c.current == nil && exists(filepath.Join(c.dir, listName))
	if err := c.replaceListFile(next, damaged); err != nil {
		return err
	}
	broken := c.current == nil && c.storeBroken
	c.current, c.missing, c.known = next, nil, next.version()
	if err := c.writeVersion(next); err != nil {
		c.note("%v", err)
	}
	if err := c.replaceStore(next, broken); err != nil {
		c.note("version %d is not in Badger: %v", next.version(), err)
	}
	return nil
}

const listName = "list.bundle"

func (c *Cache) readListFile() place {
	p := place{name: listName}
	raw, err := readFile(filepath.Join(c.dir, listName), bundle.MaxFile)
	if errors.Is(err, os.ErrNotExist) {
		return p
	}
	p.exists = true
	if err != nil {
		p.trouble = err
		return p
	}
	p.list, p.trouble = c.parse(raw)
	return p
}

// replaceListFile keeps a damaged file aside.
func (c *Cache) replaceListFile(l *list, damaged bool) error {
	path := filepath.Join(c.dir, listName)
	if damaged {
		if err := moveAside(path); err != nil {
			return err
		}
	}
	return writeFile(path, l.file)
}

const versionName = "version"

// readVersion reads the version file; ok tells that there is one, be it damaged: a list was taken once.
func (c *Cache) readVersion() (version uint64, ok bool) {
	raw, err := readFile(filepath.Join(c.dir, versionName), 256)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false
	}
	var digest []byte
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d %x", &version, &digest)
	}
	if err != nil || !bytes.Equal(raw, versionLine(version, digest)) {
		c.note("the file %s is damaged", versionName)
		return 0, true
	}
	return version, true
}

func (c *Cache) writeVersion(l *list) error {
	digest := l.snapshot.Digest()
	return writeFile(filepath.Join(c.dir, versionName), versionLine(l.version(), digest[:]))
}

// versionLine ends with a checksum: a bit that flips must not make a version that no list ever reaches.
func versionLine(version uint64, digest []byte) []byte {
	line := fmt.Sprintf("%d %x", version, digest)
	sum := sha256.Sum256([]byte(line))
	return fmt.Appendf(nil, "%s %x\n", line, sum[:8])
}
