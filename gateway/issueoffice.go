package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/book"
)

// issueOffice signs what rows ask for, and writes it into a book:
//
//	prepare   what does the row ask for, is it in the book already?
//	sign      for several goroutines at once
//	record    on disk; only then may a code be shown
type issueOffice struct {
	key    *issuer.Key
	book   *book.Book
	kind   string // kindCertificate, or a kind of package cwt
	valid  string // of certificates, as addSpan reads it; tickets say it in their rows
	now    time.Time
	random io.Reader
	secret [sha256.Size]byte // see newSecret
}

func newIssueOffice(key *issuer.Key, b *book.Book, kind, valid string) (*issueOffice, error) {
	o := &issueOffice{key: key, book: b, kind: kind, valid: valid, now: time.Now(), random: rand.Reader}
	return o, o.newSecret()
}

// newSecret derives from the key what hashes of rows and the holders' salts are made with: a signature over a text that is no claims and
// is never shown. Signatures are the same every time (package issuer), so a row has the same hash in every run, and a book needs to hold
// neither a salt nor anything by which names could be tried on its hashes.
func (o *issueOffice) newSecret() error {
	id := o.book.Header().ID
	m := issuer.Message{Claims: append([]byte("passerelle: hashes of the rows of an issuer's book\n"), id[:]...)}
	signed, err := m.Sign(o.key)
	if err != nil {
		return fmt.Errorf("hash rows: %w", err)
	}
	o.secret = sha256.Sum256(signed)
	return nil
}

// mac hashes data for a purpose.
func (o *issueOffice) mac(purpose byte, data []byte) [16]byte {
	h := hmac.New(sha256.New, o.secret[:])
	h.Write([]byte{purpose})
	h.Write(data)
	return [16]byte(h.Sum(nil))
}

// content hashes all that decides what a code says, but for what the book remembers: the same row under the same options.
func (o *issueOffice) content(row issueRow) [16]byte {
	return o.mac(macContent, append(row.content(o.kind), o.valid...))
}

// Purposes of mac.
const (
	macContent = 'c'
	macSalt    = 's'
)

// issueJob is one row on its way.
type issueJob struct {
	line   int // of the CSV
	row    issueRow
	ticket *issuer.Ticket
	cert   *issuer.Certificate
	record book.Record
	known  bool // in the book already: the code is that of the first time
	code   string
	err    error // why it is refused
}

// errIssued is wrapped by why a row that the book knows is not issued again.
var errIssued = errors.New("issued before")

// prepare fills in all but the code. Its error is why the row is refused.
func (o *issueOffice) prepare(j *issueJob) error {
	if ref := j.row["ref"]; ref != "" {
		if err := book.CheckRef(ref); err != nil {
			return fmt.Errorf("ref: %w", err)
		}
	}
	var err error
	if o.kind == kindCertificate {
		j.cert, err = j.row.certificate(o.now, o.valid)
	} else {
		j.ticket, err = j.row.ticket(cwt.ParseKind([]byte(o.kind)), o.now)
	}
	if err != nil {
		return err
	}
	content := o.content(j.row)
	if old, known := o.book.ByRef(j.row["ref"]); known {
		if err := o.sameAgain(&old, content); err != nil {
			return err
		}
		j.record, j.known = old, true
	} else if j.record, err = o.newRecord(j, content); err != nil {
		return err
	}
	o.complete(j)
	return nil
}

// sameAgain refuses a row whose reference the book has, unless it is the very same row and good.
func (o *issueOffice) sameAgain(old *book.Record, content [16]byte) error {
	switch {
	case old.Kind != o.kind:
		return fmt.Errorf("%w under this reference, as a %s", errIssued, old.Kind)
	case old.Key != o.key.ID():
		return fmt.Errorf("%w under this reference, with key %x: the same code needs the same key", errIssued, old.Key)
	case old.Content != content:
		return fmt.Errorf("%w under this reference, with another content; to change it, use 'passerelle issue replace'", errIssued)
	case old.State != book.Valid:
		return fmt.Errorf("%w, and %v since", errIssued, old.State)
	}
	return nil
}

func (o *issueOffice) newRecord(j *issueJob, content [16]byte) (book.Record, error) {
	r := book.Record{Index: book.NoIndex, Kind: o.kind, Ref: j.row["ref"], Key: o.key.ID(), Issued: o.now.Unix(), Content: content}
	if j.cert != nil {
		// Its identifier is the laboratory's own and may say anything: only a hash of it is kept.
		sum := sha256.Sum256([]byte(j.row["id"]))
		r.ID, r.Expires = book.ID(sum[:16]), j.cert.Expires
		if _, taken := o.book.ByID(r.ID); taken {
			return book.Record{}, errors.New("id: a certificate with this identifier was issued under another reference")
		}
		return r, nil
	}
	r.Event, r.Expires = j.ticket.Event, j.ticket.Expires
	var err error
	r.ID, r.Index, err = o.book.Reserve(o.random)
	return r, err
}

// complete puts into what is signed what the book knows of it.
func (o *issueOffice) complete(j *issueJob) {
	r := &j.record
	if j.cert != nil {
		j.cert.IssuedAt, j.cert.Expires = r.Issued, r.Expires
		return
	}
	h := o.book.Header()
	t := j.ticket
	t.IssuedAt, t.Expires, t.ID = r.Issued, r.Expires, r.ID[:]
	t.StatusURI, t.StatusIndex = h.List(int(r.Index/book.ListSize)), uint64(r.Index%book.ListSize)
	if r.Replaces != (book.ID{}) {
		t.Replaces = r.Replaces[:]
	}
	if t.Holder != nil {
		salt := o.mac(macSalt, r.ID[:])
		t.Holder.Salt = salt[:]
	}
}

// sign makes the code. It is safe for concurrent use, each with its own job.
func (o *issueOffice) sign(j *issueJob) {
	switch {
	case j.err != nil:
	case j.cert != nil:
		j.code, j.err = issuer.HC1(o.key, j.cert)
	default:
		j.code, j.err = issuer.PT1(o.key, j.ticket)
	}
}

// record writes what is new into the book. The places of what could not be signed are free again.
func (o *issueOffice) record(jobs []*issueJob) error {
	var records []book.Record
	for _, j := range jobs {
		switch {
		case j.known:
		case j.err == nil:
			records = append(records, j.record)
		case j.ticket != nil && j.record.ID != book.ID{}:
			o.book.GiveBack(j.record.Index)
		}
	}
	return o.book.Add(records)
}

// one issues a single row.
func (o *issueOffice) one(j *issueJob) error {
	if j.err = o.prepare(j); j.err == nil {
		o.sign(j)
	}
	if j.err != nil {
		return fmt.Errorf("issue: %w", j.err)
	}
	return o.record([]*issueJob{j})
}

// openBook opens an issuer's book. It makes one if key is not nil and there is none; uri is empty for the one it has, or for one that
// nobody else has.
func openBook(std streams, dir, uri string, key *issuer.Key) (*book.Book, error) {
	b, err := book.Open(dir)
	switch {
	case errors.Is(err, book.ErrNoBook) && key != nil:
		h, err := newBookHeader(uri, key)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(std.err, "passerelle: hint: a new book is made in %s; its status lists are at %s\n", dir, h.URI)
		return book.Create(dir, h)
	case errors.Is(err, book.ErrNoBook):
		return nil, withHint(misuse{err}, "'passerelle issue ticket' makes one")
	case errors.Is(err, book.ErrInUse):
		return nil, withHint(err, "wait until it ends: a book is for one process at a time")
	case errors.Is(err, book.ErrDamaged):
		return nil, withHint(err, "restore the folder from a copy; what a damaged book says must not be relied on")
	case err != nil:
		return nil, err
	}
	if n := b.Repaired(); n > 0 {
		fmt.Fprintf(std.err, "passerelle: hint: book %s: an unfinished line of %d bytes was cut off; its code was never shown\n", dir, n)
	}
	if err := checkBook(b, uri, key); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// checkBook refuses another address than the book's, and another issuer's key.
func checkBook(b *book.Book, uri string, key *issuer.Key) error {
	h := b.Header()
	if uri != "" && uri != h.URI {
		return withHint(misuse{fmt.Errorf("the status lists of this book are at %s", h.URI)},
			"tickets that are out say so and cannot be changed: leave --uri away, or begin another book")
	}
	if key == nil {
		return nil
	}
	if s := key.Scope(); s.Country != h.Country || s.Name != h.Issuer {
		return withHint(misuse{fmt.Errorf("the book is of %s, %s; the key is of %s, %s", h.Issuer, h.Country, s.Name, s.Country)},
			"gates take an issuer's status list for its own tickets only: a book has one issuer")
	}
	return nil
}

func newBookHeader(uri string, key *issuer.Key) (book.Header, error) {
	h := book.Header{Created: time.Now().Unix(), Country: key.Scope().Country, Issuer: key.Scope().Name, URI: uri}
	if _, err := rand.Read(h.ID[:]); err != nil {
		return book.Header{}, fmt.Errorf("random id: %w", err)
	}
	if uri == "" { // RFC 9562, sections 4 and 5.4
		u := h.ID
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
		h.URI = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
		return h, nil
	}
	parsed, err := url.Parse(uri)
	if err != nil || !parsed.IsAbs() || strings.Contains(uri, "#") || len(uri) > book.MaxURI {
		return book.Header{}, misuse{fmt.Errorf("--uri %.80q: want an address like https://example.org/status, at most %d bytes", uri, book.MaxURI)}
	}
	return h, nil
}
