package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/book"
)

// issueBatchCmd signs the rows of a CSV, on all cores, in their order.
type issueBatchCmd struct {
	Key     string `help:"Signing key." required:"" placeholder:"FILE"`
	Book    string `help:"The issuer's book, a folder; it is made if there is none. Certificates can do without: then a batch that broke off gives other codes the next time." placeholder:"DIR"`
	Kind    string `help:"certificate, ticket, pass, voucher or stamp." enum:"certificate,ticket,pass,voucher,stamp" required:""`
	In      string `help:"The rows: a CSV with a line of column names. Tickets: ref (required), event, zone, gate, seat, uses, from, until, valid, family, given, family_icao, given_icao, birth. Certificates: ref, type, family, given, family_icao, given_icao, birth, document_type, document_number, disease, country, authority, id; of a test: method, test_name, device, collected, result, centre; of a vaccination: vaccine, product, manufacturer, dose, doses, date; of a recovery: positive, valid_from, valid_until." required:"" placeholder:"FILE.csv"`
	Out     string `help:"Where to write ref, id, code and png; it is there when all is done, and whole." required:"" placeholder:"FILE.csv"`
	Refused string `help:"Where to write line, ref and reason of the rows that are not issued; the first of them are named without it." placeholder:"FILE.csv"`
	PNGDir  string `name:"png-dir" help:"Write a QR image of each, named by its id." placeholder:"DIR"`
	URI     string `name:"uri" help:"Address of the status lists, for a new book; a random one without it."`
	ticketOptions
	Progress bool `help:"Show how far it is, where standard error is a terminal." default:"true" negatable:""`
}

// issueChunk is how many rows are signed, written into the book with one fsync, and only then shown.
const issueChunk = 512

// Each code leaves a megabyte of garbage, of compressing. Beside a small book it may pile up to about 100 MB, which takes half as long as
// to collect it all the time. That matters for large inputs only.
const (
	garbageBatch = 1600      // percent
	garbageBook  = 100_000   // records
	garbageInput = 256 << 10 // bytes
)

// certificateValid is how long certificates are good where --valid does not say.
const certificateValid = "30d"

// Run exits 1 if rows were refused, after all others were issued.
func (c *issueBatchCmd) Run(ctx context.Context, std streams) (err error) {
	if err := c.check(); err != nil {
		return misuse{err}
	}
	key, err := readKey(c.Key)
	if err != nil {
		return err
	}
	in, err := os.Open(c.In)
	if err != nil {
		return misuse{fmt.Errorf("read rows: %w", err)}
	}
	defer in.Close()
	rows, err := newIssueCSV(in, columnsOf(c.Kind), requiredColumns(c.Kind))
	if err != nil {
		return fmt.Errorf("read rows: %s: %w", c.In, err)
	}
	b, err := c.open(std, key)
	if err != nil {
		return err
	}
	defer closing(b.Close, &err)
	if fileSize(c.In) > garbageInput && b.Len() < garbageBook && os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(garbageBatch))
	}
	valid := ""
	if c.Kind == kindCertificate {
		valid = c.ticketOptions.Valid
	}
	office, err := newIssueOffice(key, b, c.Kind, valid)
	if err != nil {
		return err
	}
	out, err := newIssueResults(c.Out, c.Refused, rows.comma, c.PNGDir != "")
	if err != nil {
		return err
	}
	defer out.discard()
	job := &issueBatch{
		office: office, rows: rows, out: out, pictures: c.PNGDir, seen: make(map[string]int),
		cores: runtime.GOMAXPROCS(0), bar: (&verifyCmd{Progress: c.Progress, Files: []string{c.In}}).progress(streams{err: std.err}),
	}
	if c.Kind != kindCertificate {
		job.defaults = c.row(nil)
	}
	lists := b.Lists()
	if err := job.run(ctx); err != nil {
		return withHint(fmt.Errorf("batch: %w", err), "run the same again: with a book no row is issued twice")
	}
	if b.Lists() > lists {
		hintStatus(std, c.Book)
	}
	return out.report(std)
}

func (c *issueBatchCmd) check() error {
	out := filepath.Clean(c.Out)
	switch {
	case c.Kind == kindCertificate && c.ticketOptions != ticketOptions{Valid: c.ticketOptions.Valid}:
		return errors.New("a certificate has no event, zone, gate, uses, from or until: only --valid")
	case c.Kind != kindCertificate && c.Book == "":
		return errors.New("--book is missing: without one nobody could revoke a ticket")
	case c.Book == "" && c.URI != "":
		return errors.New("--uri is for a book, and there is no --book")
	case out == filepath.Clean(c.In) || c.Refused != "" && (out == filepath.Clean(c.Refused) || filepath.Clean(c.Refused) == filepath.Clean(c.In)):
		return errors.New("--in, --out and --refused: want three files")
	case isFormula(c.PNGDir):
		return fmt.Errorf("--png-dir %.40q: a spreadsheet that opens the output would take such a path for a formula; put ./ before it", c.PNGDir)
	case c.Kind == kindCertificate && c.ticketOptions.Valid == "":
		c.ticketOptions.Valid = certificateValid
	}
	if c.Book == "" {
		if _, err := os.Lstat(c.Out); err == nil {
			return fmt.Errorf("%s is there already, and without a book the same codes cannot be made again", c.Out)
		}
	}
	if c.PNGDir == "" {
		return nil
	}
	return os.MkdirAll(c.PNGDir, 0o700)
}

// open opens the book, or one in memory.
func (c *issueBatchCmd) open(std streams, key *issuer.Key) (*book.Book, error) {
	if c.Book != "" {
		return openBook(std, c.Book, c.URI, key)
	}
	h, err := newBookHeader("", key)
	if err != nil {
		return nil, err
	}
	return book.NewMemory(h)
}

// issueBatch is a batch on its way.
type issueBatch struct {
	office   *issueOffice
	rows     *issueCSV
	defaults issueRow // for what a row does not say
	out      *issueResults
	pictures string // folder; empty for none
	seen     map[string]int
	cores    int
	bar      *progress
}

// run issues all rows, a chunk at a time.
func (b *issueBatch) run(ctx context.Context) error {
	ticks, stop := b.bar.ticks()
	defer stop()
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			b.bar.finish(false)
			return errors.New("interrupted")
		}
		before := b.rows.read
		jobs, last, err := b.read()
		if err != nil {
			b.bar.finish(false)
			return err
		}
		done = last
		if err := b.issue(jobs); err != nil {
			b.bar.finish(false)
			return err
		}
		b.bar.add(len(jobs), b.rows.read-before)
		select {
		case <-ticks:
			b.bar.show()
		default:
		}
	}
	b.bar.finish(true)
	if b.pictures != "" {
		if err := syncPictures(b.pictures); err != nil {
			return err
		}
	}
	return b.out.finish()
}

// read returns the rows of a chunk, each prepared, or with the reason why it is refused, and whether they are the last.
func (b *issueBatch) read() (jobs []*issueJob, last bool, err error) {
	for len(jobs) < issueChunk {
		row, err := b.rows.next()
		j := &issueJob{line: b.rows.line, row: row, err: err}
		switch bad := (rowError{}); {
		case errors.Is(err, io.EOF):
			return jobs, true, nil
		case err != nil && !errors.As(err, &bad):
			return nil, false, fmt.Errorf("read rows: %w", err)
		case err == nil:
			b.complete(row)
			if j.err = b.first(row, j.line); j.err == nil {
				j.err = b.office.prepare(j)
			}
		}
		if errors.Is(j.err, book.ErrFull) {
			return nil, false, j.err
		}
		jobs = append(jobs, j)
	}
	return jobs, false, nil
}

// complete fills in what the options say for all rows. A row that says how long it is good is not told so twice.
func (b *issueBatch) complete(row issueRow) {
	timed := row["until"] != "" || row["valid"] != ""
	for name, value := range b.defaults {
		if row[name] == "" && !(timed && (name == "until" || name == "valid")) {
			row[name] = value
		}
	}
}

// first refuses a reference, and a certificate's identifier, that stood in the file before: two people would get one code.
func (b *issueBatch) first(row issueRow, line int) error {
	if row["ref"] == "" {
		return errors.New("ref: it is empty")
	}
	for _, key := range []string{"ref", "id"} {
		if row[key] == "" {
			continue
		}
		if before, ok := b.seen[key+row[key]]; ok {
			return fmt.Errorf("%s: the same stands in line %d", key, before)
		}
		b.seen[key+row[key]] = line
	}
	return nil
}

// issue signs, records, and shows.
func (b *issueBatch) issue(jobs []*issueJob) error {
	b.parallel(jobs, b.office.sign)
	if err := b.office.record(jobs); err != nil {
		return err
	}
	if b.pictures != "" {
		var failed atomic.Pointer[error]
		b.parallel(jobs, func(j *issueJob) {
			if j.err == nil {
				if err := drawPicture(picturePath(b.pictures, j), j.code); err != nil {
					failed.Store(&err)
				}
			}
		})
		if err := failed.Load(); err != nil {
			return *err
		}
	}
	for _, j := range jobs {
		if err := b.out.add(j, b.pictures); err != nil {
			return err
		}
	}
	return nil
}

// parallel does something to each job, on all cores.
func (b *issueBatch) parallel(jobs []*issueJob, do func(*issueJob)) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range b.cores {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(jobs)); i = next.Add(1) - 1 {
				do(jobs[i])
			}
		})
	}
	running.Wait()
}

// syncPictures has the pictures on disk, all at once.
func syncPictures(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write QR codes: %w", err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("write QR codes: %w", err)
	}
	return nil
}
