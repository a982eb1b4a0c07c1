package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// checkExport is what an outsider writes who has an export and the formula in its first line. It uses nothing of this package.
func checkExport(text string) error {
	lines := json.NewDecoder(strings.NewReader(text))
	var header struct {
		Journal string `json:"journal"`
		After   uint64 `json:"after"`
		Hash    string `json:"after_hash"`
	}
	if err := lines.Decode(&header); err != nil {
		return err
	}
	id, err := hex.DecodeString(header.Journal)
	if err != nil {
		return err
	}
	sequence, previous, count := header.After, header.Hash, uint64(0)
	for {
		var line struct {
			Sequence uint64  `json:"sequence"`
			Previous string  `json:"previous"`
			Hash     string  `json:"hash"`
			Body     *string `json:"body"`
			Entries  uint64  `json:"entries"`
			Last     uint64  `json:"last_sequence"`
			LastHash string  `json:"last_hash"`
		}
		if err := lines.Decode(&line); err != nil {
			return err
		}
		if line.Body == nil {
			if line.Entries != count || line.Last != sequence || line.LastHash != previous || lines.More() {
				return errors.New("the last line does not fit")
			}
			return nil
		}
		sequence++
		count++
		before, err := hex.DecodeString(line.Previous)
		if err != nil || line.Sequence != sequence || line.Previous != previous {
			return fmt.Errorf("entry %d does not follow", line.Sequence)
		}
		var message []byte
		for _, field := range [][]byte{id, binary.BigEndian.AppendUint64(nil, sequence), before, []byte(*line.Body)} {
			message = binary.BigEndian.AppendUint32(message, uint32(len(field)))
			message = append(message, field...)
		}
		if sum := sha256.Sum256(message); hex.EncodeToString(sum[:]) != line.Hash {
			return fmt.Errorf("hash of entry %d is wrong", sequence)
		}
		previous = line.Hash
	}
}
