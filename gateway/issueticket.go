package main

import (
	"errors"
	"fmt"
	"strings"

	"passerelle/gateway/issuer/book"
)

// ticketOptions are what a single ticket has, and what all rows of a batch may share.
type ticketOptions struct {
	Event string `help:"Event or flight; a ticket must have one."`
	Zone  string `help:"Where it is good; anywhere without it."`
	Gate  string `help:"At which gate; at any without it."`
	Uses  string `help:"How often it may be used, 1 to 255." placeholder:"N"`
	From  string `help:"Good from then on, like 2030-01-31T18:00:00Z." placeholder:"TIME"`
	Until string `help:"Good until then." placeholder:"TIME"`
	Valid string `help:"Good for so long from now on, or from --from: 10y, 30d, 36h; certificates 30d if nothing is said." placeholder:"SPAN"`
}

// holderOptions are of one person.
type holderOptions struct {
	Seat       string `help:"The seat."`
	Family     string `help:"The holder's family name, as in the travel document; only a salted hash is signed, and nothing is kept."`
	Given      string `help:"The holder's given names."`
	FamilyICAO string `name:"family-icao" help:"The same in the letters of the machine-readable zone; needed for a name in Arabic letters."`
	GivenICAO  string `name:"given-icao" help:"Likewise."`
	Birth      string `help:"The holder's date of birth." placeholder:"YYYY-MM-DD"`
}

// row returns what the options say; h is nil for those of a batch.
func (t *ticketOptions) row(h *holderOptions) issueRow {
	r := issueRow{"event": t.Event, "zone": t.Zone, "gate": t.Gate, "uses": t.Uses, "from": t.From, "until": t.Until, "valid": t.Valid}
	if h != nil {
		r["seat"], r["family"], r["given"], r["birth"] = h.Seat, h.Family, h.Given, h.Birth
		r["family_icao"], r["given_icao"] = h.FamilyICAO, h.GivenICAO
	}
	return r
}

// issueTicketCmd signs one.
type issueTicketCmd struct {
	Key  string `help:"Signing key, of 'passerelle issue key --usages ticket'." required:"" placeholder:"FILE"`
	Book string `help:"The issuer's book, a folder; it is made if there is none." required:"" placeholder:"DIR"`
	Kind string `help:"ticket, pass, voucher, stamp, or supervisor: a card that makes its bearer one at a lane." enum:"ticket,pass,voucher,stamp,supervisor" required:""`
	Ref  string `help:"Your own reference, an order's number and never a name: the same again gives the same code."`
	URI  string `name:"uri" help:"Address of the status lists, for a new book; a random one without it. Gates compare it and never fetch it."`
	PNG  string `help:"Write a QR image." placeholder:"FILE"`
	ticketOptions
	holderOptions
}

// Run prints the code, and its id beside.
func (c *issueTicketCmd) Run(std streams) (err error) {
	key, err := readKey(c.Key)
	if err != nil {
		return err
	}
	b, err := openBook(std, c.Book, c.URI, key)
	if err != nil {
		return err
	}
	defer closing(b.Close, &err)
	o, err := newIssueOffice(key, b, c.Kind, "")
	if err != nil {
		return err
	}
	j := &issueJob{row: c.row(&c.holderOptions)}
	j.row["ref"] = c.Ref
	lists := b.Lists()
	if err := o.one(j); err != nil {
		return err
	}
	return showIssued(std, j, c.PNG, c.Book, b.Lists() > lists)
}

// showIssued writes what is in the book by now.
func showIssued(std streams, j *issueJob, picture, dir string, newList bool) error {
	fmt.Fprintf(std.err, "id %v\n", j.record.ID)
	if newList {
		hintStatus(std, dir)
	}
	if _, err := fmt.Fprintln(std.out, j.code); err != nil || picture == "" {
		return err
	}
	return writeQR(picture, j.code)
}

// hintStatus says what gates have to be given.
func hintStatus(std streams, dir string) {
	fmt.Fprintf(std.err, "passerelle: hint: gates need a status list to tell that these were not revoked: passerelle issue status --book %s\n", dir)
}

// issueReplaceCmd signs one in place of another.
type issueReplaceCmd struct {
	Key  string `help:"Signing key." required:"" placeholder:"FILE"`
	Book string `help:"The issuer's book." required:"" placeholder:"DIR"`
	Kind string `help:"What the lost one is, to be sure." enum:",ticket,pass,voucher,stamp,supervisor" default:""`
	Ref  string `help:"Your own reference for the new one."`
	PNG  string `help:"Write a QR image." placeholder:"FILE"`
	ticketOptions
	holderOptions
	ID string `arg:"" help:"The id of the lost one. The book knows its kind and event; all else must be said again."`
}

// Run prints the new code. The same again prints the same code: the first time it may not have come out.
func (c *issueReplaceCmd) Run(std streams) (err error) {
	id, err := book.ParseID(c.ID)
	if err != nil {
		return misuse{err}
	}
	key, err := readKey(c.Key)
	if err != nil {
		return err
	}
	b, err := openBook(std, c.Book, "", nil)
	if err != nil {
		return err
	}
	defer closing(b.Close, &err)
	if err := checkBook(b, "", key); err != nil {
		return err
	}
	old, ok := b.ByID(id)
	switch {
	case !ok:
		return fmt.Errorf("%v: %w", id, book.ErrUnknown)
	case c.Kind != "" && c.Kind != old.Kind:
		return misuse{fmt.Errorf("--kind %s: %v is a %s", c.Kind, id, old.Kind)}
	case old.Kind == kindCertificate:
		return misuse{fmt.Errorf("%v is a certificate: only tickets can be replaced", id)}
	case c.Event == "":
		c.Event = old.Event
	}
	o, err := newIssueOffice(key, b, old.Kind, "")
	if err != nil {
		return err
	}
	j := &issueJob{row: c.row(&c.holderOptions)}
	j.row["ref"] = c.Ref
	lists := b.Lists()
	if err := o.replace(j, &old); errors.Is(err, book.ErrState) {
		return withHint(err, "what was revoked stays revoked: issue another one")
	} else if err != nil {
		return err
	}
	if lacks := j.row.lacks(); lacks != "" {
		fmt.Fprintf(std.err, "passerelle: hint: the new one has no %s; if the lost one had, replace this one and say so\n", lacks)
	}
	return showIssued(std, j, c.PNG, c.Book, b.Lists() > lists)
}

// lacks names what would bind a ticket to a place or a person, and was not said.
func (r issueRow) lacks() string {
	var names []string
	for _, what := range []struct{ column, name string }{{"zone", "zone"}, {"gate", "gate"}, {"family", "holder"}} {
		if r[what.column] == "" {
			names = append(names, what.name)
		}
	}
	return strings.Join(names, ", ")
}

// replace issues what the row says in place of an old one, or again what was issued in its place.
func (o *issueOffice) replace(j *issueJob, old *book.Record) error {
	if err := o.prepare(j); err != nil {
		return fmt.Errorf("issue: %w", err)
	}
	if old.State == book.Replaced {
		again, _ := o.book.ByID(old.ReplacedBy)
		if again.Ref != j.row["ref"] || o.sameAgain(&again, o.content(j.row)) != nil {
			return fmt.Errorf("%v was replaced before, by %v, which is to be replaced now", old.ID, old.ReplacedBy)
		}
		j.record, j.known = again, true
	} else if j.known {
		return fmt.Errorf("issue: --ref is that of %v: the new one wants its own, or none", j.record.ID)
	}
	if !j.known {
		j.record.Replaces = old.ID
	}
	o.complete(j)
	if o.sign(j); j.err != nil {
		return fmt.Errorf("issue: %w", j.err)
	}
	return o.record([]*issueJob{j})
}
