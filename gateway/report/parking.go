package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"passerelle/gateway/journal"
)

// Limits of the parking file. When one is reached the forwarder stops at the entry that would be next, with an alarm.
const (
	MaxParked      = 10000
	maxParkedBytes = 8 << 20
)

// Parked is one entry that the endpoint refused for its content.
type Parked struct {
	Journal  string    `json:"journal"`
	Sequence uint64    `json:"sequence"`
	Status   int       `json:"status"` // HTTP status of the last refusal
	Reason   string    `json:"reason"` // what the endpoint said, printable ASCII
	At       time.Time `json:"at"`     // when it was parked
}

// parkedEntry is an entry with its text: it outlives the journal's retention, and the journal.
type parkedEntry struct {
	Parked
	Hash     [32]byte `json:"-"`
	Previous [32]byte `json:"-"`
	Body     []byte   `json:"body"` // base64 in the file: the text must come back byte for byte
	HashHex  string   `json:"hash"`
	PrevHex  string   `json:"previous"`
}

func (p *parkedEntry) entry() journal.Entry {
	return journal.Entry{Sequence: p.Sequence, Hash: p.Hash, Previous: p.Previous, Body: p.Body}
}

// parking is the file of parked entries: one line each, a SHA-256 in hex, a space, and the entry as JSON.
type parking struct {
	path    string
	file    *os.File
	size    int64
	entries []parkedEntry
}

var errParkingFull = errors.New("no room to park another entry")

// openParking reads the file, if there is one. want is how many entries it must hold. A line that is cut short at the end
// was never counted and is overwritten. If lines are damaged or gone, the file is kept beside, a new one holds what could
// be read, and damage says so.
func openParking(path string, want uint64) (p *parking, damage string, err error) {
	data, err := readBounded(path, 2*maxParkedBytes)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", err
	}
	p = &parking{path: path}
	bad := 0
	for len(data) > 0 {
		line, rest, complete := bytes.Cut(data, []byte{'\n'})
		if e, ok := parseParked(line); ok && complete {
			p.entries = append(p.entries, e)
			p.size += int64(len(line)) + 1
		} else if complete {
			bad++
		}
		data = rest
	}
	if bad == 0 && uint64(len(p.entries)) >= want {
		return p, "", nil
	}
	aside, err := setAside(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", err
	}
	if err := p.rewrite(p.entries); err != nil {
		return nil, "", err
	}
	return p, fmt.Sprintf("parked entries: %d of at least %d can be read, %d lines are damaged; the file is kept as %q",
		len(p.entries), want, bad, filepath.Base(aside)), nil
}

// readBounded reads a whole file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, nil
}

func parseParked(line []byte) (parkedEntry, bool) {
	sum, text, ok := bytes.Cut(line, []byte{' '})
	want := sha256.Sum256(text)
	if !ok || string(sum) != hex.EncodeToString(want[:]) {
		return parkedEntry{}, false
	}
	var e parkedEntry
	if json.Unmarshal(text, &e) != nil || parseJournalID(e.Journal) != nil ||
		len(e.HashHex) != 64 || len(e.PrevHex) != 64 {
		return parkedEntry{}, false
	}
	if _, err := hex.Decode(e.Hash[:], []byte(e.HashHex)); err != nil {
		return parkedEntry{}, false
	}
	if _, err := hex.Decode(e.Previous[:], []byte(e.PrevHex)); err != nil {
		return parkedEntry{}, false
	}
	return e, true
}

func appendParked(dst []byte, e *parkedEntry) ([]byte, error) {
	e.HashHex, e.PrevHex = hex.EncodeToString(e.Hash[:]), hex.EncodeToString(e.Previous[:])
	text, err := json.Marshal(e)
	if err != nil {
		return dst, fmt.Errorf("park entry %d: %w", e.Sequence, err)
	}
	sum := sha256.Sum256(text)
	dst = hex.AppendEncode(dst, sum[:])
	dst = append(dst, ' ')
	dst = append(dst, text...)
	return append(dst, '\n'), nil
}

// add parks an entry; when it returns nil the entry is on disk. An entry that is parked already stays as it is.
func (p *parking) add(e parkedEntry) error {
	for i := range p.entries {
		if p.entries[i].Sequence == e.Sequence && p.entries[i].Journal == e.Journal {
			return nil
		}
	}
	line, err := appendParked(nil, &e)
	if err != nil {
		return err
	}
	if len(p.entries) >= MaxParked || p.size+int64(len(line)) > maxParkedBytes {
		return errParkingFull
	}
	if err := p.open(); err != nil {
		return fmt.Errorf("park entry %d: %w", e.Sequence, err)
	}
	_, err = p.file.WriteAt(line, p.size)
	if err == nil {
		err = p.file.Sync()
	}
	if err != nil {
		// What was written of the line goes away, now or when the next line is written over it.
		return errors.Join(fmt.Errorf("park entry %d: %w", e.Sequence, err), p.file.Truncate(p.size))
	}
	p.size += int64(len(line))
	p.entries = append(p.entries, e)
	return nil
}

// open opens the file for the first entry that is parked, or makes it; what is behind the last whole line goes away.
func (p *parking) open() error {
	if p.file != nil {
		return nil
	}
	f, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err = f.Truncate(p.size); err == nil {
		err = syncFolder(filepath.Dir(p.path))
	}
	if err != nil {
		f.Close()
		return err
	}
	p.file = f
	return nil
}

// rewrite replaces the file by one that holds these entries.
func (p *parking) rewrite(entries []parkedEntry) error {
	temporary := p.path + ".new"
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	size, err := writeParked(f, entries)
	if err == nil {
		err = os.Rename(temporary, p.path)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", p.path, err)
	}
	p.close() // the former file has no name any more
	p.file, p.size, p.entries = f, size, entries
	return syncFolder(filepath.Dir(p.path))
}

// writeParked writes the lines of these entries and makes them durable.
func writeParked(f *os.File, entries []parkedEntry) (size int64, err error) {
	w := bufio.NewWriter(f)
	var line []byte
	for i := range entries {
		if line, err = appendParked(line[:0], &entries[i]); err != nil {
			return 0, err
		}
		if _, err = w.Write(line); err != nil {
			return 0, err
		}
		size += int64(len(line))
	}
	if err = w.Flush(); err != nil {
		return 0, err
	}
	if err = f.Sync(); err != nil {
		return 0, err
	}
	return size, nil
}

func (p *parking) close() {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
}
