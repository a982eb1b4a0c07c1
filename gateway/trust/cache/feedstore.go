package cache

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	codes "passerelle/gateway/credential/list"
	"passerelle/gateway/trust"
)

const (
	feedStoreName   = "feeds"
	feedOpeningName = "feeds.opening"
	maxFeedHead     = 8 << 10 // bytes
)

// feedHead is what the store says of a feed or a status list, in JSON, sealed with the feeds' key.
type feedHead struct {
	subject
	Version uint64
	Issued  int64 // unix seconds
	Expires int64 // unix seconds
	Entries int
	Test    bool   `json:",omitempty"`
	Signer  []byte `json:",omitempty"` // fingerprint of the delegate's key
	Length  uint64 // bytes of the set, or the token
	Sum     []byte // their SHA-256
}

// seal describes the set or token that is stored with the head.
func (h *feedHead) seal(blob []byte) {
	sum := sha256.Sum256(blob)
	h.Length, h.Sum = uint64(len(blob)), sum[:]
}

// Keys of the store: a head of each feed, and the pieces of its set or token, of which another version's never mix with those that
// the head names.
var (
	feedHeadPrefix  = []byte("head/")
	feedChunkPrefix = []byte("set/")
)

func feedHeadKey(id feedID) []byte { return append(bytes.Clone(feedHeadPrefix), id[:]...) }

func feedChunkKey(id feedID, version uint64, index int) []byte {
	key := append(bytes.Clone(feedChunkPrefix), id[:]...)
	key = binary.BigEndian.AppendUint64(key, version)
	return binary.BigEndian.AppendUint32(key, uint32(index))
}

// withFeedStore opens the feeds' Badger for the time of use. A process that died in it leaves the marker file: the second time the
// store is kept aside, and the feeds are lost.
func (c *Cache) withFeedStore(use func(*badger.DB) error) error {
	marker, store := filepath.Join(c.dir, feedOpeningName), filepath.Join(c.dir, feedStoreName)
	deaths, err := readFile(marker, 16)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(deaths) >= 2 {
		c.note("the process died twice while the store of the feeds was open; it is kept aside")
		if err := moveAside(store); err != nil {
			return err
		}
		deaths = nil
	}
	// What newer feeds replaced goes when the store is closed: it is never open long enough for Badger to find the time.
	return withBadger(storeOptions(store).WithCompactL0OnClose(true), marker, append(deaths, '!'), use)
}

// writeFeed writes a set or token, then its head in a transaction of its own, then removes what is no longer needed. Cut off in
// between, the head still names the version before.
func (c *Cache) writeFeed(h *feedHead, blob []byte, gone []feedID) error {
	if err := checkSpace(c.dir); err != nil {
		return err
	}
	sealed, err := c.feeds.key.seal(h)
	if err != nil {
		return err
	}
	id := h.id()
	return c.withFeedStore(func(db *badger.DB) error {
		batch := db.NewWriteBatch()
		defer batch.Cancel()
		for i := 0; i*chunkSize < len(blob); i++ {
			end := min((i+1)*chunkSize, len(blob))
			if err := batch.Set(feedChunkKey(id, h.Version, i), blob[i*chunkSize:end]); err != nil {
				return fmt.Errorf("write chunk %d: %w", i, err)
			}
		}
		if err := batch.Flush(); err != nil {
			return fmt.Errorf("write chunks: %w", err)
		}
		if err := db.Update(func(txn *badger.Txn) error { return txn.Set(feedHeadKey(id), sealed) }); err != nil {
			return fmt.Errorf("write head: %w", err)
		}
		keep := feedChunkKey(id, h.Version, 0)
		return removeFeeds(db, gone, id, keep[:len(keep)-4])
	})
}

// removeFeeds removes the heads and pieces of feeds that are gone, and of one feed the pieces that do not begin with keep.
func removeFeeds(db *badger.DB, gone []feedID, id feedID, keep []byte) error {
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	err := db.View(func(txn *badger.Txn) error {
		for _, other := range gone {
			if err := batch.Delete(feedHeadKey(other)); err != nil {
				return err
			}
			if err := removePieces(txn, batch, other, nil); err != nil {
				return err
			}
		}
		if keep == nil {
			return nil
		}
		return removePieces(txn, batch, id, keep)
	})
	if err != nil {
		return fmt.Errorf("remove older feeds: %w", err)
	}
	if err := batch.Flush(); err != nil {
		return fmt.Errorf("remove older feeds: %w", err)
	}
	return nil
}

func removePieces(txn *badger.Txn, batch *badger.WriteBatch, id feedID, keep []byte) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: append(bytes.Clone(feedChunkPrefix), id[:]...)})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if key := it.Item().KeyCopy(nil); keep == nil || !bytes.HasPrefix(key, keep) {
			if err := batch.Delete(key); err != nil {
				return err
			}
		}
	}
	return nil
}

// readFeedStore reads every feed that is whole, and names and removes the others.
func (c *Cache) readFeedStore() error {
	return c.withFeedStore(func(db *badger.DB) error {
		var damaged []feedID
		err := db.View(func(txn *badger.Txn) error {
			it := txn.NewIterator(badger.IteratorOptions{Prefix: feedHeadPrefix})
			defer it.Close()
			for it.Rewind(); it.Valid() && len(c.feeds.held) < MaxFeeds; it.Next() {
				key := it.Item().KeyCopy(nil)
				sealed, err := it.Item().ValueCopy(nil)
				if err == nil {
					err = c.readFeed(txn, key, sealed)
				}
				if err != nil {
					c.note("a stored feed is damaged: %v", err)
					var id feedID
					copy(id[:], key[len(feedHeadPrefix):])
					damaged = append(damaged, id)
				}
			}
			return nil
		})
		if err != nil || len(damaged) == 0 {
			return err
		}
		return removeFeeds(db, damaged, feedID{}, nil)
	})
}

func (c *Cache) readFeed(txn *badger.Txn, key, sealed []byte) error {
	h, err := c.feeds.key.open(sealed)
	if err != nil {
		return err
	}
	id := h.id()
	if !bytes.Equal(key, feedHeadKey(id)) {
		return fmt.Errorf("%v stands in another's place", &h.subject)
	}
	blob := make([]byte, 0, min(h.Length, MaxFeedBytes))
	for i := 0; uint64(len(blob)) < h.Length; i++ {
		chunk, err := get(txn, feedChunkKey(id, h.Version, i))
		if err != nil || len(chunk) == 0 {
			return fmt.Errorf("%v, version %d: chunk %d: %v", &h.subject, h.Version, i, err)
		}
		blob = append(blob, chunk...)
	}
	if sum := sha256.Sum256(blob); !bytes.Equal(sum[:], h.Sum) {
		return fmt.Errorf("%v, version %d: checksum", &h.subject, h.Version)
	}
	next := &held{head: h}
	if h.Kind == statusKind {
		next.token = blob
	} else if next.feed, err = h.read(blob, &c.feeds.key.codes); err != nil {
		return fmt.Errorf("%v, version %d: %w", &h.subject, h.Version, err)
	}
	c.feeds.held[id] = next
	return nil
}

func (h *feedHead) read(blob []byte, key *codes.Key) (*trust.Feed, error) {
	kind, ok := trust.ParseFeedKind(h.Kind)
	if !ok {
		return nil, errors.New("an unknown kind")
	}
	set, err := codes.ParseSet(blob, key)
	if err != nil {
		return nil, err
	}
	return &trust.Feed{Kind: kind, Scope: h.Scope, Version: h.Version, Issued: h.Issued, Expires: h.Expires, Test: h.Test, Set: set}, nil
}

// feedKey is the secret with which codes are keyed and heads are sealed.
type feedKey struct {
	codes codes.Key
	heads []byte
}

const (
	feedKeyName = "feeds.key"
	feedKeySize = 32
)

func newFeedKey(secret []byte) *feedKey {
	derive := func(purpose string) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(purpose))
		return mac.Sum(nil)
	}
	return &feedKey{codes: codes.Key(derive("codes")), heads: derive("heads")}
}

// readFeedKey reads the secret; there is none before the first feed is taken.
func (c *Cache) readFeedKey() error {
	secret, err := readFile(filepath.Join(c.dir, feedKeyName), feedKeySize)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(secret) != feedKeySize {
		err = fmt.Errorf("%d bytes, want %d", len(secret), feedKeySize)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFeedKey, err)
	}
	c.feeds.key = newFeedKey(secret)
	return nil
}

// needFeedKey makes the secret if there is none. One that is damaged is kept aside: what it keyed is lost already.
func (c *Cache) needFeedKey() error {
	if c.feeds.key != nil {
		return nil
	}
	path := filepath.Join(c.dir, feedKeyName)
	if c.options.Random == nil {
		return fmt.Errorf("%w: there is none, and nothing to make it of", ErrFeedKey)
	}
	secret := make([]byte, feedKeySize)
	if _, err := c.options.Random.Read(secret); err != nil {
		return fmt.Errorf("%w: %w", ErrFeedKey, err)
	}
	if err := c.writeIndex(); err != nil { // before the first key: a key without it tells that it was lost
		return err
	}
	if err := moveAside(path); err != nil {
		return err
	}
	if err := writeFile(path, secret); err != nil {
		return err
	}
	c.feeds.key = newFeedKey(secret)
	return nil
}

func (k *feedKey) seal(h *feedHead) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write head: %w", err)
	}
	return append(text, k.mac(text)...), nil
}

func (k *feedKey) open(sealed []byte) (feedHead, error) {
	var h feedHead
	if len(sealed) < sha256.Size || len(sealed) > maxFeedHead {
		return h, errors.New("its head has no seal")
	}
	text := sealed[:len(sealed)-sha256.Size]
	if !hmac.Equal(k.mac(text), sealed[len(text):]) {
		return h, errors.New("its head was not sealed with the key of the feeds")
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return feedHead{}, fmt.Errorf("its head: %w", err)
	}
	if h.Length > MaxFeedBytes {
		return feedHead{}, fmt.Errorf("%d bytes", h.Length)
	}
	return h, nil
}

func (k *feedKey) mac(text []byte) []byte {
	mac := hmac.New(sha256.New, k.heads)
	mac.Write(text)
	return mac.Sum(nil)
}
