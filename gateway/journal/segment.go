package journal

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// segmentEntries is the size of a segment: Open walks the current one and the one before, retention drops whole ones.
const segmentEntries = 4096

// tally is what a run of entries adds up to.
type tally struct {
	Entries  uint64 `json:"entries"`
	Admitted uint64 `json:"admitted"`
	Denied   uint64 `json:"denied"`
	Referred uint64 `json:"referred"`
	Uses     uint64 `json:"uses"`   // that were not known before
	Newest   int64  `json:"newest"` // the latest time of an entry, unix milliseconds
	Digest   digest `json:"digest"` // of the ledger's records and of what is not resolved: those that came and those that went

	// Left out where they are 0: a checkpoint from before there were any must give the same digest.
	Authorised uint64 `json:"authorised,omitempty"`
	Passed     uint64 `json:"passed,omitempty"`
	Annulled   uint64 `json:"annulled,omitempty"`
	Counted    uint64 `json:"counted,omitempty"` // what the entries add to the checksums of the counters (counter.sum)
}

func (t *tally) addEntry(outcome string, at int64) {
	t.Entries++
	t.Newest = max(t.Newest, at)
	switch outcome {
	case policy.Admit.String():
		t.Admitted++
	case policy.Deny.String():
		t.Denied++
	case policy.Refer.String():
		t.Referred++
	}
}

func (t *tally) add(o tally) {
	t.Entries += o.Entries
	t.Admitted += o.Admitted
	t.Denied += o.Denied
	t.Referred += o.Referred
	t.Uses += o.Uses
	t.Newest = max(t.Newest, o.Newest)
	t.Digest.merge(o.Digest)
	t.Authorised += o.Authorised
	t.Passed += o.Passed
	t.Annulled += o.Annulled
	t.Counted += o.Counted
}

// pending returns how many movements wait to be resolved.
func (t *tally) pending() uint64 { return t.Authorised - t.Passed - t.Annulled }

// segmentEnd is written with the last entry of a segment.
type segmentEnd struct {
	Hash  digest `json:"hash"` // of the last entry
	Tally tally  `json:"tally"`
}

// checkpoint stands for the entries that retention dropped. The zero checkpoint is a whole chain.
type checkpoint struct {
	Sequence  uint64 `json:"sequence"` // the last entry that was dropped
	Hash      digest `json:"hash"`
	Dropped   tally  `json:"dropped"`   // everything up to Sequence
	Carried   tally  `json:"carried"`   // uses and digest of the ledger and of what was not resolved after Sequence, without what is forgotten
	Forgotten int64  `json:"forgotten"` // uses of dropped entries that end before this are forgotten, unix seconds
	Note      uint64 `json:"note"`      // the entry that says so
}

func (c *checkpoint) link() link { return link{c.Sequence, c.Hash} }

// advance moves the checkpoint behind a run of entries.
func (c *checkpoint) advance(to link, t tally) {
	c.Sequence, c.Hash = to.sequence, to.hash
	c.Dropped.add(t)
	c.Carried.Uses += t.Uses
	c.Carried.Digest.merge(t.Digest)
}

// forget takes a record out of what is carried along.
func (c *checkpoint) forget(k useKey, r useRecord) {
	c.Carried.Uses--
	c.Carried.Digest.toggle(k, r)
}

// forgets reports whether a record belongs to what is forgotten. One that waits to be resolved never does.
func (c *checkpoint) forgets(r *useRecord) bool {
	return r.changed <= c.Sequence && r.until < c.Forgotten && !r.has(flagWaiting)
}

// expected adds up what must be stored beside the chain after the checkpoint and these segments.
func (c *checkpoint) expected(ends map[uint64]segmentEnd) tally {
	sum := c.Dropped
	sum.Uses, sum.Digest = c.Carried.Uses, c.Carried.Digest
	for _, end := range ends {
		sum.add(end.Tally)
	}
	return sum
}

// meta is the store's own description.
type meta struct {
	ID      digest16   `json:"id"`
	Segment uint64     `json:"segment"`  // entries of a segment
	Gap     bool       `json:"gap"`      // nobody accepted the loss of an earlier journal
	Keys    []digest16 `json:"keys"`     // check values of the event key; two while it is being replaced
	KeyUses uint64     `json:"key_uses"` // uses claimed in all when the key was made
	Trust   uint64     `json:"trust"`    // version of the trust list; the higher of this and the head file's counts
}

// segmentOf returns the number of the segment that holds an entry, from 0.
func (m *meta) segmentOf(sequence uint64) uint64 { return (sequence - 1) / m.Segment }

// endOf returns a segment's last entry.
func (m *meta) endOf(segment uint64) uint64 { return (segment + 1) * m.Segment }

// digest and digest16 are bytes that files show in hexadecimal.
type (
	digest   [32]byte
	digest16 [16]byte
)

func (d digest) MarshalText() ([]byte, error)   { return hex.AppendEncode(nil, d[:]), nil }
func (d digest16) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

func (d *digest) UnmarshalText(b []byte) error   { return decodeHex(d[:], b) }
func (d *digest16) UnmarshalText(b []byte) error { return decodeHex(d[:], b) }

func decodeHex(dst, src []byte) error {
	if len(src) != 2*len(dst) {
		return fmt.Errorf("want %d hexadecimal digits", 2*len(dst))
	}
	_, err := hex.Decode(dst, src)
	return err
}

func setJSON(txn *badger.Txn, key []byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return txn.Set(key, b)
}

// getJSON reports whether the key is there. A value that does not parse is damage.
func getJSON(txn *badger.Txn, key []byte, v any) (bool, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, damagedf("read %q: %v", key[0], err)
	}
	if err := item.Value(func(b []byte) error { return json.Unmarshal(b, v) }); err != nil {
		return false, damagedf("read %q: %v", key[0], err)
	}
	return true, nil
}
