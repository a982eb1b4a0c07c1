package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/book"
)

// issueRevokeCmd changes the state of tickets.
type issueRevokeCmd struct {
	Book    string   `help:"The issuer's book." required:"" placeholder:"DIR"`
	Suspend bool     `help:"Only for the time being." xor:"state"`
	Restore bool     `help:"What was suspended is good again; what was revoked stays so." xor:"state"`
	IDs     []string `arg:"" name:"id" help:"Their ids, as 'issue ticket' and 'issue batch' said them."`
}

// Run changes all or none.
func (c *issueRevokeCmd) Run(std streams) (err error) {
	var ids []book.ID
	for _, s := range c.IDs {
		id, err := book.ParseID(s)
		if err != nil {
			return misuse{err}
		}
		ids = append(ids, id)
	}
	state := book.Revoked
	switch {
	case c.Suspend:
		state = book.Suspended
	case c.Restore:
		state = book.Valid
	}
	b, err := openBook(std, c.Book, "", nil)
	if err != nil {
		return err
	}
	defer closing(b.Close, &err)
	if err := b.Mark(ids, state, time.Now().Unix()); err != nil {
		return withHint(err, "nothing was changed")
	}
	fmt.Fprintf(std.err, "passerelle: hint: gates know it by the next status list: passerelle issue status --book %s\n", c.Book)
	_, err = fmt.Fprintf(std.out, "%d of the book are %v\n", len(ids), state)
	return err
}

// issueStatusCmd signs the status lists.
type issueStatusCmd struct {
	Key   string `help:"Signing key, of the issuer of the tickets." required:"" placeholder:"FILE"`
	Book  string `help:"The issuer's book." required:"" placeholder:"DIR"`
	URI   string `name:"uri" help:"Address of the status lists, to be sure: it is that of the book, which keeps it."`
	Valid string `help:"How long gates may go by them; afterwards they ask a person: 72h, 7d." default:"72h" placeholder:"SPAN"`
	Out   string `help:"Where to write the first list; the second goes to FILE.2, and so on." required:"" placeholder:"FILE"`
}

// statusBits are what a status has in a list: valid, invalid, suspended.
const statusBits = 2

// aheadAt is with how few free places in the last list the next one is published, too: what is sold next is then good at gates at once.
const aheadAt = book.ListSize / 4

// Run writes one file a list.
func (c *issueStatusCmd) Run(std streams) (err error) {
	now := time.Now()
	expires, err := addSpan(now, c.Valid)
	if err != nil {
		return misuse{fmt.Errorf("--valid: %w", err)}
	}
	key, err := readKey(c.Key)
	if err != nil {
		return err
	}
	b, err := openBook(std, c.Book, c.URI, nil) // a new one, under an address that has tickets, would make what was revoked good
	if err != nil {
		return err
	}
	defer closing(b.Close, &err)
	if err := checkBook(b, "", key); err != nil {
		return err
	}
	lists, err := statusLists(b)
	if err != nil {
		return err
	}
	h := b.Header()
	for i, list := range lists {
		name := c.Out
		if i > 0 {
			name += "." + strconv.Itoa(i+1)
		}
		token, err := issuer.StatusList(key, h.List(i), list.list, now.Unix(), expires.Unix(), 0)
		if err != nil {
			return err
		}
		if err := replaceFile(name, token, 0o644); err != nil {
			return fmt.Errorf("write status list: %w", err)
		}
		if _, err := fmt.Fprintf(std.out, "%s: %s, %d revoked or replaced, %d suspended, %d bytes\n", name, h.List(i), list.invalid, list.suspended, len(token)); err != nil {
			return err
		}
	}
	fmt.Fprintf(std.err, "passerelle: hint: give every gate each of these files before %s: passerelle feed take --state DIR FILE, or POST /v1/feeds\n", moment(expires.Unix()))
	return nil
}

// bookList is one status list with what is on it.
type bookList struct {
	list               *statuslist.List
	invalid, suspended int
}

// statusLists makes the lists of a book: at least one, and the next before the last is full.
func statusLists(b *book.Book) ([]bookList, error) {
	n := max(b.Lists(), 1)
	if b.Lists() > 0 && b.Free() <= aheadAt && n < book.MaxLists {
		n++
	}
	lists := make([]bookList, n)
	for i := range lists {
		var err error
		if lists[i].list, err = statuslist.New(statusBits, book.ListSize); err != nil {
			return nil, err
		}
	}
	for r := range b.All() {
		if r.Index == book.NoIndex || r.State == book.Valid {
			continue
		}
		l, status := &lists[r.Index/book.ListSize], uint8(statuslist.Invalid)
		if r.State == book.Suspended {
			status = statuslist.Suspended
			l.suspended++
		} else {
			l.invalid++
		}
		if err := l.list.Set(uint64(r.Index%book.ListSize), status); err != nil {
			return nil, err
		}
	}
	return lists, nil
}

// issueShowBookCmd counts.
type issueShowBookCmd struct {
	Dir string `arg:"" name:"dir" help:"The issuer's book."`
}

// bookGroup is what is counted together, bookCount how many of it are in each state; expired are those that were valid or suspended.
type (
	bookGroup struct{ kind, event string }
	bookCount struct {
		issued, expired int
		states          [book.Replaced + 1]int
	}
)

// Run prints a table.
func (c *issueShowBookCmd) Run(std streams) (err error) {
	b, err := openBook(std, c.Dir, "", nil)
	if err != nil {
		return err
	}
	defer closing(b.Close, &err)
	counts, now := make(map[bookGroup]*bookCount), time.Now().Unix()
	for r := range b.All() {
		g := bookGroup{r.Kind, r.Event}
		if counts[g] == nil {
			counts[g] = new(bookCount)
		}
		counts[g].issued++
		if r.Expires < now && (r.State == book.Valid || r.State == book.Suspended) {
			counts[g].expired++
		} else {
			counts[g].states[r.State]++
		}
	}
	h := b.Header()
	fmt.Fprintf(std.out, "issuer        %s, %s\nsince         %s\nrecords       %d\nstatus lists  %d, at %s\n\n",
		oneLine(h.Issuer), h.Country, moment(h.Created), b.Len(), b.Lists(), h.URI)
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "kind\tevent\tissued\tvalid\tsuspended\trevoked\treplaced\texpired")
	groups := slices.SortedFunc(maps.Keys(counts), func(a, b bookGroup) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.event, b.event))
	})
	for _, g := range groups {
		n := counts[g]
		event := oneLine(g.event)
		if event == "" {
			event = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", g.kind, event, n.issued,
			n.states[book.Valid], n.states[book.Suspended], n.states[book.Revoked], n.states[book.Replaced], n.expired)
	}
	return t.Flush()
}
