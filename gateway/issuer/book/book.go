// Package book is an issuer's own record of what it issued: a folder with one file to which lines are appended.
//
// A line is on disk before its code leaves the program, so no code is out that the book does not know, and a batch that broke off
// can be run again: a row that the book knows is not issued a second time. What is decided here:
//   - There is nothing personal in it: no name, no date of birth, no code. Content is a digest under a key that the book does not
//     hold, so whoever finds a book cannot even try names on it. A reference is the issuer's own, an order's number; it must not be a name.
//   - Each ticket has a place of its own in a status list (Token Status List, draft-ietf-oauth-status-list), chosen at random among
//     the free ones of the list in use: neighbours on a list say nothing about who bought after whom (section 12.5 there). A list has
//     ListSize places, so that its token always fits what gates read, and the next is begun when it is full.
//   - Each line has a checksum that continues the one before it, so a line that was changed, taken out or moved is noticed, and a
//     damaged book is not used at all: a place given twice would revoke the wrong person. An unfinished last line is what a power cut
//     leaves: it was never acknowledged, and is cut off. Lines missing from the end as a whole cannot be noticed: keep a copy.
//   - States change as State says; what was revoked or replaced stays so.
//   - One process at a time has a book open.
//
// The file is named "records". Deleting the folder loses the means to revoke, replace or issue again what is in it; no gate needs it.
package book

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits.
const (
	MaxRecords = 1 << 22 // of a book
	ListSize   = 1 << 17 // places in one status list
	MaxRef     = 64      // bytes of a reference
	MaxText    = 128     // bytes of kind, event and issuer, each
	MaxURI     = 240     // bytes; the longest address of a list has a few more
)

// Errors.
var (
	ErrDamaged  = errors.New("damaged book")
	ErrInUse    = errors.New("another process has the book open")
	ErrNoBook   = errors.New("no book")
	ErrFull     = fmt.Errorf("full book: it holds %d records", MaxRecords)
	ErrUnknown  = errors.New("not in the book")
	ErrState    = errors.New("not possible in this state")
	ErrRecord   = errors.New("record that a book cannot hold")
	ErrRef      = errors.New("a reference is 1 to 64 letters, digits, spaces and . _ - / : #, and begins with a letter or digit")
	errUnusable = errors.New("book: an earlier write failed")
)

// ID is a ticket's cti, or what stands for another credential.
type ID [16]byte

// String returns 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what String writes.
func ParseID(s string) (ID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(ID{}) {
		return ID{}, fmt.Errorf("id %.40q: want %d hexadecimal digits", s, 2*len(ID{}))
	}
	return ID(b), nil
}

// State is what became of a credential. The zero value is none.
type State uint8

// The states. Valid may become each of the others, Suspended may become Valid, Revoked or Replaced; the other two are final.
const (
	NoState State = iota
	Valid
	Suspended // for the time being
	Revoked
	Replaced // by another one: it is another record's Replaces
)

var stateNames = [...]string{NoState: "", Valid: "valid", Suspended: "suspended", Revoked: "revoked", Replaced: "replaced"}

// String returns the state's name.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return ""
	}
	return stateNames[s]
}

func parseState(name string) State {
	for s := Valid; int(s) < len(stateNames); s++ {
		if stateNames[s] == name {
			return s
		}
	}
	return NoState
}

// mayBecome reports whether a state may be changed to another one.
func (s State) mayBecome(next State) bool {
	return s == Valid && next > Valid || s == Suspended && (next == Valid || next == Revoked || next == Replaced)
}

// NoIndex is the Index of a credential that no status list is about.
const NoIndex = -1

// Record is what a book knows of one credential. All but State and ReplacedBy is the issuer's; Add sets these.
type Record struct {
	ID       ID
	Index    int64 // over all lists: place Index%ListSize of list Index/ListSize; or NoIndex
	Kind     string
	Event    string
	Ref      string // the row's own reference; empty for none
	Key      [8]byte
	Issued   int64 // unix seconds
	Expires  int64 // unix seconds
	Content  [16]byte
	Replaces ID // the zero ID for none

	State      State
	ReplacedBy ID
}

// Header says whose book it is.
type Header struct {
	ID      ID
	Created int64 // unix seconds
	Country string
	Issuer  string
	URI     string // of the first status list
}

// List returns the address of a status list, counted from 0: the first has the book's own, the next "URI/2", "URI/3" …
func (h *Header) List(n int) string {
	if n == 0 {
		return h.URI
	}
	return h.URI + "/" + strconv.Itoa(n+1)
}

func (h *Header) check() error {
	switch {
	case h.ID == ID{} || h.Created <= 0:
		return fmt.Errorf("%w: no id, or no time", ErrRecord)
	case h.URI == "" || !plain(h.URI, MaxURI) || !plain(h.Issuer, MaxText) || !plain(h.Country, MaxText):
		return fmt.Errorf("%w: address, issuer or country is too long, or not printable", ErrRecord)
	}
	return nil
}

// CheckRef returns ErrRef for what is no reference. Such a text can neither be a formula in a spreadsheet nor become several cells.
func CheckRef(ref string) error {
	if ref == "" || len(ref) > MaxRef || !utf8.ValidString(ref) {
		return ErrRef
	}
	for i, r := range ref {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && (i == 0 || !strings.ContainsRune(" ._-/:#", r)) {
			return ErrRef
		}
	}
	return nil
}

func (r *Record) check() error {
	switch {
	case r.ID == ID{} || r.Replaces == r.ID:
		return fmt.Errorf("%w: no id, or it replaces itself", ErrRecord)
	case r.Index < NoIndex || r.Index >= maxIndex:
		return fmt.Errorf("%w: index %d", ErrRecord, r.Index)
	case r.Kind == "" || !plain(r.Kind, MaxText) || !plain(r.Event, MaxText):
		return fmt.Errorf("%w: kind or event is too long, or not printable", ErrRecord)
	case r.Issued <= 0 || r.Expires < r.Issued:
		return fmt.Errorf("%w: issued %d, expires %d", ErrRecord, r.Issued, r.Expires)
	case r.Ref != "":
		return CheckRef(r.Ref)
	}
	return nil
}

// plain reports whether a text is printable, so that it cannot be more than one field of a line.
func plain(s string, limit int) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(s) <= limit && utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable)
}

// Book is an open book. It is for one goroutine.
type Book struct {
	header   Header
	records  []Record
	byID     map[ID]int32
	byRef    map[string]int32
	places   places
	texts    map[string]string // kinds and events, each once
	repaired int64

	file, lock *os.File // nil for a book in memory
	size       int64    // of the file, up to the last line that is on disk
	sum        uint32   // checksum of that line; crc32.Update continues it
	failed     bool
}

// NewMemory returns a book that is on no disk and is gone after the run: for issuing without one.
func NewMemory(h Header) (*Book, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	return newBook(h), nil
}

func newBook(h Header) *Book {
	return &Book{header: h, byID: make(map[ID]int32), byRef: make(map[string]int32)}
}

// Header returns whose book it is.
func (b *Book) Header() Header { return b.header }

// Repaired returns how many bytes of an unfinished last line were cut off when the book was opened.
func (b *Book) Repaired() int64 { return b.repaired }

// Lists returns how many status lists have been begun.
func (b *Book) Lists() int { return b.places.lists }

// Free returns how many places are free in the list in use; 0 before the first.
func (b *Book) Free() int { return len(b.places.free) }

// All yields the records in the order in which they were issued.
func (b *Book) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range b.records {
			if !yield(b.records[i]) {
				return
			}
		}
	}
}

// Len returns how many records there are.
func (b *Book) Len() int { return len(b.records) }

// ByID returns the record with that id.
func (b *Book) ByID(id ID) (Record, bool) {
	i, ok := b.byID[id]
	if !ok {
		return Record{}, false
	}
	return b.records[i], true
}

// ByRef returns the record with that reference.
func (b *Book) ByRef(ref string) (Record, bool) {
	i, ok := b.byRef[ref]
	if !ok || ref == "" {
		return Record{}, false
	}
	return b.records[i], true
}

// Reserve returns an id and a place in a status list that nothing has, chosen by random, for a record to be added. GiveBack takes the
// place of one that is not added after all; those of a process that ended are free again.
func (b *Book) Reserve(random io.Reader) (ID, int64, error) {
	var id ID
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return ID{}, 0, fmt.Errorf("random id: %w", err)
	}
	if _, taken := b.byID[id]; taken || id == (ID{}) {
		return ID{}, 0, errors.New("random id: it is not random")
	}
	var choice [8]byte
	if _, err := io.ReadFull(random, choice[:]); err != nil {
		return ID{}, 0, fmt.Errorf("random place: %w", err)
	}
	index, err := b.places.take(binary.BigEndian.Uint64(choice[:]))
	if err != nil {
		return ID{}, 0, err
	}
	return id, index, nil
}

// GiveBack frees a place that Reserve returned.
func (b *Book) GiveBack(index int64) { b.places.giveBack(index) }
