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

// maxCrashes is how many starts may die while they open the store before it is moved aside.
const maxCrashes = 3

const (
	startsName  = "starts"
	startsMagic = "PSLSTRT1"
	startsBody  = 8 + 4 + 4 + 16
)

// startsFile remembers how the last starts ended. It is one small record written in place, which a full disk allows.
type startsFile struct {
	f *os.File

	crashed uint32    // starts that began to open the store and never finished
	unclean bool      // the last run ended before its journal was checked whole
	damaged bool      // the last run found damage
	id      journalID // of the last journal; zero if there never was one
}

// openStarts reads the file, or makes it. An unreadable record counts as none: the journal itself still shows damage.
func openStarts(path string) (*startsFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	s := &startsFile{f: f}
	var b [startsBody + 32]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	}
	if sum := sha256.Sum256(b[:startsBody]); string(b[:8]) == startsMagic && [32]byte(b[startsBody:]) == sum {
		s.crashed = binary.BigEndian.Uint32(b[8:])
		flags := binary.BigEndian.Uint32(b[12:])
		s.unclean, s.damaged = flags&1 != 0, flags&2 != 0
		copy(s.id[:], b[16:])
	}
	return s, nil
}

// begin counts a start that opens the store.
func (s *startsFile) begin() error {
	s.crashed++
	return s.write()
}

// survived takes back begin: the start ended without the journal, but it ended.
func (s *startsFile) survived() error {
	s.crashed--
	return s.write()
}

// opened says that the start ended well.
func (s *startsFile) opened(id journalID) error {
	s.crashed, s.unclean, s.damaged, s.id = 0, true, false, id
	return s.write()
}

// settle says that the whole journal was found good, or closed in order.
func (s *startsFile) settle() error {
	if !s.unclean {
		return nil
	}
	s.unclean = false
	return s.write()
}

func (s *startsFile) markDamaged() error {
	s.damaged = true
	return s.write()
}

func (s *startsFile) write() error {
	b := append(make([]byte, 0, startsBody+32), startsMagic...)
	b = binary.BigEndian.AppendUint32(b, s.crashed)
	var flags uint32
	if s.unclean {
		flags |= 1
	}
	if s.damaged {
		flags |= 2
	}
	b = binary.BigEndian.AppendUint32(b, flags)
	b = append(b, s.id[:]...)
	sum := sha256.Sum256(b)
	_, err := s.f.WriteAt(append(b, sum[:]...), 0)
	if err == nil {
		err = unix.Fdatasync(int(s.f.Fd()))
	}
	if err != nil {
		return fmt.Errorf("record the start: %w", err)
	}
	return nil
}
