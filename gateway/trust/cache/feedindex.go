package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/trust"
)

// The index says in a file beside the store which feeds should be there, and the highest version of each that was ever taken: Badger
// does not tell what it lost. A line is one feed in JSON, the last line a checksum over the others. It is there before the first feed is.
const (
	indexName = "feeds.index"
	maxIndex  = 16 << 20 // bytes
	maxNamed  = 8        // feeds that were lost before a start, and are named at it
)

type indexLine struct {
	subject
	Version uint64
	Expires int64
	Present bool
}

// readFeeds finds the feeds: what is whole in the store, not older than the index says, and allowed by the list in force. The rest is
// named. Without its feed an event's codes are referred to a person, and so is everybody whom a lost block list may have named.
func (c *Cache) readFeeds() {
	c.feeds = feeds{held: make(map[feedID]*held), floor: make(map[feedID]*floor)}
	if err := c.readIndex(); err != nil {
		c.note("%v", err)
		all := subject{Kind: trust.FeedDeny.String(), Scope: everywhere} // whether there was one nobody knows any more, so there was
		c.feeds.floor[all.id()] = &floor{subject: all, version: 1}
	}
	if err := c.readFeedKey(); err != nil {
		c.note("%v", err)
	}
	if exists(filepath.Join(c.dir, feedStoreName)) && c.feeds.key != nil {
		err := checkSpace(c.dir)
		if err == nil {
			err = c.readFeedStore()
		}
		if err != nil {
			c.note("the feeds cannot be read: %v", err)
		}
		if errors.Is(err, errStore) {
			if err := moveAside(filepath.Join(c.dir, feedStoreName)); err != nil {
				c.note("%v", err)
			}
		}
	}
	c.sayLost()
	changed := c.compareIndex()
	if gone := c.underList(); len(gone) > 0 {
		c.removeGone(gone)
		changed = true
	}
	if changed {
		if err := c.writeIndex(); err != nil {
			c.note("%v", err)
		}
	}
}

// sayLost names the lists of those who may not enter that were lost before this start, the last to end first.
func (c *Cache) sayLost() {
	var lost []string
	for _, id := range slices.Backward(c.floorIDs()) {
		if known := c.feeds.floor[id]; known.blocks() && !known.present && c.feeds.held[id] == nil {
			lost = append(lost, known.String())
		}
	}
	if len(lost) > 0 {
		c.note("whoever may stand on a list that is lost is referred to a person until a newer one is taken; %d are: %s",
			len(lost), strings.Join(lost[:min(len(lost), maxNamed)], ", "))
	}
}

// compareIndex holds the feeds that were found against those that should be there.
func (c *Cache) compareIndex() (changed bool) {
	for _, id := range c.floorIDs() {
		known, h := c.feeds.floor[id], c.feeds.held[id]
		switch {
		case h == nil && known.present:
			c.note("%v, version %d, is lost: it must be taken again", &known.subject, known.version)
			known.present, changed = false, true
		case h != nil && h.head.Version < known.version:
			c.note("%v: version %d was known here, version %d is all that is left, and is not used", &known.subject, known.version, h.head.Version)
			c.forget(id)
			changed = true
		}
	}
	for id, h := range c.feeds.held {
		if known := c.feeds.floor[id]; known == nil || known.version < h.head.Version || !known.present {
			c.feeds.floor[id] = &floor{subject: h.head.subject, version: h.head.Version, expires: h.head.Expires, present: true}
			changed = true
		}
	}
	return changed
}

// removeGone removes from the store what was dropped. It may stay there: at the next start it is dropped again.
func (c *Cache) removeGone(gone []feedID) {
	if err := checkSpace(c.dir); err != nil {
		c.note("%v", err)
		return
	}
	if err := c.withFeedStore(func(db *badger.DB) error { return removeFeeds(db, gone, feedID{}, nil) }); err != nil {
		c.note("%v", err)
	}
}

// indexLost is what it costs.
const indexLost = "older feeds than those that were taken last would be taken again, and which block lists were lost before is not known"

func (c *Cache) readIndex() error {
	raw, err := readFile(filepath.Join(c.dir, indexName), maxIndex)
	if errors.Is(err, os.ErrNotExist) {
		if exists(filepath.Join(c.dir, feedKeyName)) || exists(filepath.Join(c.dir, feedStoreName)) {
			return fmt.Errorf("the file %s is gone: %s", indexName, indexLost)
		}
		return nil
	}
	if err != nil {
		return err
	}
	end := bytes.LastIndexByte(bytes.TrimSuffix(raw, []byte("\n")), '\n') + 1
	if string(raw[end:]) != indexSum(raw[:end]) {
		return fmt.Errorf("the file %s is damaged: %s", indexName, indexLost)
	}
	for line := range strings.Lines(string(raw[:end])) {
		var l indexLine
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Version == 0 || len(c.feeds.floor) == MaxRemembered {
			return fmt.Errorf("the file %s cannot be read: %q", indexName, line)
		}
		c.feeds.floor[l.id()] = &floor{subject: l.subject, version: l.Version, expires: l.Expires, present: l.Present}
	}
	return nil
}

func (c *Cache) writeIndex() error {
	c.limitFloors()
	var out bytes.Buffer
	for _, id := range c.floorIDs() {
		known := c.feeds.floor[id]
		line, err := json.Marshal(indexLine{known.subject, known.version, known.expires, known.present})
		if err != nil {
			return fmt.Errorf("write %s: %w", indexName, err)
		}
		out.Write(append(line, '\n'))
	}
	out.WriteString(indexSum(out.Bytes()))
	return writeFile(filepath.Join(c.dir, indexName), out.Bytes())
}

func indexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]) + "\n"
}
