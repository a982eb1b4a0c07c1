package report

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// Limits of one export.
const (
	MaxExportEntries = 10000
	maxExportBytes   = 4 << 20
)

var errPosition = errors.New("position is not of the form journal/sequence")

// parsePosition returns the key of a position, nil for the start.
func parsePosition(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	id, digits, ok := strings.Cut(text, "/")
	sequence, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || sequence > maxSequence || parseJournalID(id) != nil {
		return nil, errPosition
	}
	return entryKey(id, sequence), nil
}

func (s *store) export(w io.Writer, after string, limit int) (next string, err error) {
	start, err := parsePosition(after)
	if err != nil {
		return "", err
	}
	limit = min(max(limit, 1), MaxExportEntries)
	err = s.db.View(func(txn *badger.Txn) error {
		next, err = exportFrom(w, txn, start, limit)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	return next, nil
}

// exportFrom writes entries behind the key start.
func exportFrom(w io.Writer, txn *badger.Txn, start []byte, limit int) (next string, err error) {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{'e'}, PrefetchValues: true, PrefetchSize: 100})
	defer it.Close()
	var line []byte
	boxes := make(map[string]string)
	written, size := 0, 0
	for it.Seek(start); it.Valid(); it.Next() {
		id := hex.EncodeToString(it.Item().Key()[1:17])
		sequence := binary.BigEndian.Uint64(it.Item().Key()[17:])
		if start != nil && string(it.Item().Key()) == string(start) {
			continue
		}
		if written == limit || size > maxExportBytes {
			return next, nil
		}
		box, ok := boxes[id]
		if !ok {
			k, err := findKeeper(txn, id)
			if err != nil {
				return "", err
			}
			box, boxes[id] = k.Box, k.Box
		}
		err := it.Item().Value(func(value []byte) error {
			line, err = appendLine(line[:0], id, sequence, box, value)
			return err
		})
		if err != nil {
			return "", err
		}
		if _, err := w.Write(line); err != nil {
			return "", err
		}
		written, size = written+1, size+len(line)
		next = id + "/" + strconv.FormatUint(sequence, 10)
	}
	return "", nil
}

// appendLine appends one entry as a JSON line, once its hash is found right.
func appendLine(dst []byte, journalID string, sequence uint64, box string, value []byte) ([]byte, error) {
	e, received, err := readEntry(value)
	e.Sequence = sequence
	if err != nil || e.Hash != entryHash(journalID, &e) {
		return dst, fmt.Errorf("%w: entry %s/%d", errDamaged, journalID, sequence)
	}
	dst = append(dst, `{"journal":"`...)
	dst = append(dst, journalID...)
	dst = append(dst, `","sequence":`...)
	dst = strconv.AppendUint(dst, sequence, 10)
	dst = append(dst, `,"box":"`...)
	dst = append(dst, box...) // letters, digits, full stops, hyphens, underscores
	dst = append(dst, `","received":"`...)
	dst = received.AppendFormat(dst, time.RFC3339)
	dst = append(dst, `","hash":"`...)
	dst = hex.AppendEncode(dst, e.Hash[:])
	dst = append(dst, `","previous":"`...)
	dst = hex.AppendEncode(dst, e.Previous[:])
	dst = append(dst, `","entry":`...)
	dst = append(dst, e.Body...)
	return append(dst, "}\n"...), nil
}
