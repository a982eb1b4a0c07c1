package book

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	recordsName = "records"
	lockName    = "lock"
	maxTorn     = 1 << 20 // bytes of an unfinished end; Add writes at most that much at once
)

// Create makes a book in a folder, which is made too, and opens it. There must be none in it.
func Create(dir string, h Header) (*Book, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make book: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	if err := writeFirst(dir, &h); err != nil {
		return nil, errors.Join(fmt.Errorf("make book %s: %w", dir, err), lock.Close())
	}
	return open(dir, lock)
}

// Open opens the book in a folder; ErrNoBook if there is none, ErrInUse while another process has it open, ErrDamaged if it says
// what it never was told.
func Open(dir string) (*Book, error) {
	if _, err := os.Stat(filepath.Join(dir, recordsName)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNoBook, dir)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	return open(dir, lock)
}

// acquire locks a folder until the file is closed, by whatever end of the process.
func acquire(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock book: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, errors.Join(fmt.Errorf("lock book %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// writeFirst writes the file with its first line, whole or not at all.
func writeFirst(dir string, h *Header) error {
	path := filepath.Join(dir, recordsName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, err)
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	line, _ := appendLine(nil, 0, h.fields()...)
	_, err = f.Write(line)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return errors.Join(syncFolder(dir), syncFolder(filepath.Dir(dir)))
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// open reads the book whose lock is held; it closes the lock if there is an error.
func open(dir string, lock *os.File) (*Book, error) {
	path := filepath.Join(dir, recordsName)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open book: %w", err), lock.Close())
	}
	b, err := read(f)
	if err == nil {
		err = b.settle(f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open book %s: %w", path, err), f.Close(), lock.Close())
	}
	b.file, b.lock = f, lock
	return b, nil
}

// settle cuts an unfinished end off, and has the rest on disk: what is read may still be in memory only.
func (b *Book) settle(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if b.repaired = info.Size() - b.size; b.repaired > 0 {
		if err := f.Truncate(b.size); err != nil {
			return err
		}
	}
	if _, err := f.Seek(b.size, io.SeekStart); err != nil {
		return err
	}
	return f.Sync()
}

// read reads all lines; an unfinished last one is left out.
func read(r io.Reader) (*Book, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	b := newBook(Header{})
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		switch {
		case err == nil:
			err = b.readLine(line[:len(line)-1], number == 1)
			b.size += int64(len(line))
		case errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull):
			if err = b.unfinished(line, in, number == 1); err == nil {
				b.places.fill()
				return b, nil
			}
		default:
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrDamaged, number, err)
		}
	}
}

func (b *Book) readLine(line []byte, first bool) error {
	fields, sum, err := splitLine(line, b.sum)
	if err != nil {
		return err
	}
	b.sum = sum
	if first {
		b.header, err = parseHeader(fields)
		return err
	}
	return b.apply(fields)
}

// unfinished judges what has no line feed: begun is how it begins, rest what follows. Nil is for what a broken write leaves: part of a
// line or of several, or zeros.
func (b *Book) unfinished(begun []byte, rest io.Reader, first bool) error {
	if first {
		return errors.New("there is no first line")
	}
	if n := len(begun); n > 0 {
		if _, _, err := splitLine(begun[:n-1], b.sum); err == nil {
			return errors.New("its line feed was changed")
		}
	}
	more, err := io.ReadAll(io.LimitReader(rest, maxTorn+1))
	if err == nil && (len(begun)+len(more) > maxTorn || bytes.IndexByte(more, '\n') >= 0) {
		err = errLine
	}
	return err
}

// apply takes a line after the first.
func (b *Book) apply(fields []string) error {
	switch {
	case fields[0] == typeIssue:
		r, err := parseRecord(fields)
		if err != nil {
			return err
		}
		if err := b.mayAdd(&r); err != nil {
			return err
		}
		if r.Index != NoIndex {
			if err := b.places.occupy(r.Index); err != nil {
				return err
			}
		}
		r.Kind, r.Event, r.Ref = b.shared(r.Kind), b.shared(r.Event), strings.Clone(r.Ref)
		b.insert(r)
		return nil
	case fields[0] == typeState && len(fields) == 4:
		id, err := ParseID(fields[1])
		if err != nil {
			return err
		}
		if _, err := parseDecimal(fields[3]); err != nil {
			return err
		}
		state := parseState(fields[2])
		if err := b.mayMark(id, state); err != nil {
			return err
		}
		b.records[b.byID[id]].State = state
		return nil
	}
	return errLine
}

// shared returns one copy of a text that stands in many lines.
func (b *Book) shared(s string) string {
	if b.texts == nil {
		b.texts = make(map[string]string)
	}
	if _, ok := b.texts[s]; !ok {
		s = strings.Clone(s)
		b.texts[s] = s
	}
	return b.texts[s]
}

// Close ends the use of the book. All that was added is on disk already.
func (b *Book) Close() error {
	if b.file == nil {
		return nil
	}
	return errors.Join(b.file.Close(), b.lock.Close())
}
