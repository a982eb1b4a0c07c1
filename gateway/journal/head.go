package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// The head file says which entry was acknowledged last. It stands beside the store, because a store that lost its tail is
// in itself a good store. Each write goes to the older of two slots, so a torn write leaves the other.
const (
	headName = "head"
	slotSize = 4096

	headMagic = "PSLHEAD1"
	// magic, generation, journal id, sequence, chain, trust version
	headBody = 8 + 8 + 16 + 8 + 32 + 8
)

type headFile struct {
	f          *os.File
	generation uint64 // of the newest slot
	buf        [slotSize]byte
}

// createHead makes the file with both slots filled.
func createHead(path string, t tip) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := &headFile{f: f}
	return errors.Join(h.write(t), h.write(t), f.Sync(), f.Close())
}

// openHead returns the file and the newest slot that is whole. That none is, is damage.
func openHead(path string, flags int) (*headFile, tip, error) {
	f, err := os.OpenFile(path, flags, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, tip{}, damagedf("head file is missing")
	}
	if err != nil {
		return nil, tip{}, err
	}
	h := &headFile{f: f}
	var best tip
	found := false
	for slot := range int64(2) {
		b := h.buf[:]
		clear(b)
		if _, err := f.ReadAt(b, slot*slotSize); err != nil && !errors.Is(err, io.EOF) {
			_ = f.Close()
			return nil, tip{}, err
		}
		if t, generation, ok := decodeSlot(b); ok && (!found || generation > h.generation) {
			best, h.generation, found = t, generation, true
		}
	}
	if !found {
		_ = f.Close()
		return nil, tip{}, damagedf("head file has no whole slot")
	}
	return h, best, nil
}

// write has t on disk in the older slot.
func (h *headFile) write(t tip) error {
	generation := h.generation + 1
	encodeSlot(&h.buf, t, generation)
	if _, err := h.f.WriteAt(h.buf[:], int64(generation%2)*slotSize); err != nil {
		return fmt.Errorf("write head file: %w", err)
	}
	if err := unix.Fdatasync(int(h.f.Fd())); err != nil {
		return fmt.Errorf("sync head file: %w", err)
	}
	h.generation = generation
	return nil
}

func encodeSlot(b *[slotSize]byte, t tip, generation uint64) {
	clear(b[:])
	d := append(b[:0], headMagic...)
	d = binary.BigEndian.AppendUint64(d, generation)
	d = append(d, t.id[:]...)
	d = binary.BigEndian.AppendUint64(d, t.sequence)
	d = append(d, t.chain[:]...)
	d = binary.BigEndian.AppendUint64(d, t.trust)
	sum := sha256.Sum256(d)
	copy(b[headBody:], sum[:])
}

// decodeSlot returns a slot's content if it is whole, down to the zeros behind it.
func decodeSlot(b []byte) (t tip, generation uint64, ok bool) {
	sum := sha256.Sum256(b[:headBody])
	if string(b[:8]) != headMagic || [32]byte(b[headBody:headBody+32]) != sum {
		return tip{}, 0, false
	}
	for _, c := range b[headBody+32:] {
		if c != 0 {
			return tip{}, 0, false
		}
	}
	generation = binary.BigEndian.Uint64(b[8:])
	copy(t.id[:], b[16:])
	t.sequence = binary.BigEndian.Uint64(b[32:])
	copy(t.chain[:], b[40:])
	t.trust = binary.BigEndian.Uint64(b[72:])
	return t, generation, true
}
