package report

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// slots is a small file that holds one value durably: two slots written in turn, each with a generation and a checksum.
// A write cut short leaves the slot before it. The file has its full size from the start, so a value can still be saved
// on a full disk: reports must flow then, for only what is reported may be deleted.
type slots struct {
	file       *os.File
	generation uint64
}

const (
	slotSize   = 4096
	slotHeader = 8 + 8 + 4 + sha256.Size // magic, generation, length, SHA-256 over generation, length and value
	slotRoom   = slotSize - slotHeader
	slotMagic  = "PSLOT01\n"
)

// errSlots is a file in which neither slot can be read, though something was saved.
var errSlots = errors.New("both slots are damaged")

// openSlots opens the file, or makes it, and returns the value saved last; nil if none ever was. A damaged file is
// errSlots.
func openSlots(path string) (*slots, []byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		f, err = createSlots(path)
	}
	if err != nil {
		return nil, nil, err
	}
	s := &slots{file: f}
	value, err := s.load()
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("read %s: %w", path, err)
	}
	return s, value, nil
}

// createSlots makes the file under another name first: a file of that name always has its full size.
func createSlots(path string) (*os.File, error) {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(make([]byte, 2*slotSize))
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// syncFolder makes names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (s *slots) load() ([]byte, error) {
	data, err := io.ReadAll(io.NewSectionReader(s.file, 0, 2*slotSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) != 2*slotSize {
		return nil, errSlots
	}
	var newest []byte
	used := false
	for _, slot := range [][]byte{data[:slotSize], data[slotSize:]} {
		used = used || !zero(slot)
		if generation, value, ok := readSlot(slot); ok && generation > s.generation {
			s.generation, newest = generation, value
		}
	}
	if newest == nil && used {
		return nil, errSlots
	}
	return newest, nil
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func readSlot(slot []byte) (generation uint64, value []byte, ok bool) {
	generation = binary.BigEndian.Uint64(slot[8:])
	length := binary.BigEndian.Uint32(slot[16:])
	if string(slot[:8]) != slotMagic || length > slotRoom {
		return 0, nil, false
	}
	value = slot[slotHeader : slotHeader+length]
	return generation, value, slotSum(slot[8:20], value) == [sha256.Size]byte(slot[20:])
}

func slotSum(header, value []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(header)
	h.Write(value)
	return [sha256.Size]byte(h.Sum(nil))
}

// save replaces the value; when it returns nil the value is on disk. The value is at least one byte.
func (s *slots) save(value []byte) error {
	if len(value) == 0 || len(value) > slotRoom {
		return fmt.Errorf("a value of %d bytes, want 1 to %d", len(value), slotRoom)
	}
	var slot [slotSize]byte
	generation := s.generation + 1
	copy(slot[:], slotMagic)
	binary.BigEndian.PutUint64(slot[8:], generation)
	binary.BigEndian.PutUint32(slot[16:], uint32(len(value)))
	sum := slotSum(slot[8:20], value)
	copy(slot[20:], sum[:])
	copy(slot[slotHeader:], value)
	if _, err := s.file.WriteAt(slot[:], int64(generation%2)*slotSize); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.generation = generation
	return nil
}

func (s *slots) close() error { return s.file.Close() }

// setAside renames a damaged file, which is evidence, to the first free name beside it, and returns that name.
func setAside(path string) (string, error) {
	for n := 1; n <= 1000; n++ {
		name := fmt.Sprintf("%s.damaged-%d", path, n)
		_, err := os.Lstat(name)
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if err := os.Rename(path, name); err != nil {
			return "", err
		}
		if err := syncFolder(filepath.Dir(path)); err != nil {
			return "", err
		}
		return name, nil
	}
	return "", fmt.Errorf("%s: too many damaged files beside it", path)
}
