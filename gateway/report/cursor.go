package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// cursor is how far the reports of a journal have come. It is saved before a range is first sent, so that the same range
// is repeated after a restart.
type cursor struct {
	Journal string `json:"journal"`
	Next    uint64 `json:"next"`    // first sequence that is neither accepted nor parked; 0: the journal's first, whichever it is
	Pending []span `json:"pending"` // ranges that may have been sent, in order, the first beginning at Next
	Parked  uint64 `json:"parked"`  // entries that the parking file holds at least
	Missing uint64 `json:"missing"` // entries that were gone from a journal before they were reported
}

// maxPending is how many ranges can be pending: halving a full batch down to one entry leaves one range a halving.
const maxPending = 16

func (c *cursor) encode() ([]byte, error) { return json.Marshal(c) }

// decodeCursor refuses everything that encode does not write.
func decodeCursor(data []byte) (cursor, error) {
	var c cursor
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return cursor{}, fmt.Errorf("decode cursor: %w", err)
	}
	if dec.More() {
		return cursor{}, errors.New("decode cursor: more than one value")
	}
	if err := parseJournalID(c.Journal); err != nil {
		return cursor{}, fmt.Errorf("decode cursor: %w", err)
	}
	if len(c.Pending) > maxPending {
		return cursor{}, errors.New("decode cursor: too many ranges")
	}
	next := c.Next
	for _, s := range c.Pending {
		if s.First != next || s.First == 0 || s.Last < s.First || s.size() > MaxBatchEntries {
			return cursor{}, errors.New("decode cursor: ranges are not in order")
		}
		next = s.Last + 1
	}
	return c, nil
}

// settled moves past the first pending range: its entries are accepted or parked.
func (c *cursor) settled() {
	c.Next = c.Pending[0].Last + 1
	c.Pending = c.Pending[1:]
}

// halve replaces the first pending range, of two entries or more, by its halves.
func (c *cursor) halve() {
	whole := c.Pending[0]
	middle := whole.First + (whole.size()-1)/2
	halves := []span{{whole.First, middle}, {middle + 1, whole.Last}}
	c.Pending = append(halves, c.Pending[1:]...)
}
