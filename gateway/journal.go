package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"passerelle/gateway/journal"
)

// journalCmd reads the journal of a gateway that is not running.
type journalCmd struct {
	List   journalListCmd   `cmd:"" help:"Print entries, oldest first."`
	Verify journalVerifyCmd `cmd:"" help:"Walk the whole chain and say where it breaks."`
	Export journalExportCmd `cmd:"" help:"Write every entry with its hashes, so that anybody can check the chain."`
	Accept journalAcceptCmd `cmd:"" help:"Accept that an earlier journal was lost, so that kinds used once are admitted again."`
}

// journalState is the folder of a gate.
type journalState struct {
	State string `help:"The gate's folder, as in its configuration." required:"" placeholder:"DIR"`
}

// read opens the journal to look at it: it stays as it is, damaged or not.
func (s journalState) read(std streams) (*journal.Journal, error) {
	return s.open(std, journal.OpenReadOnly)
}

func (s journalState) open(std streams, open func(string, journal.Options) (*journal.Journal, error)) (*journal.Journal, error) {
	dir := filepath.Join(s.State, journalFolder)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, withHint(fmt.Errorf("there is no journal in %s", s.State), "the folder is \"state\" in the configuration")
	}
	j, err := open(dir, journal.Options{Now: time.Now, Random: rand.Reader, Logger: logger(std, true), Begun: begun(s.State)})
	switch {
	case errors.Is(err, journal.ErrInUse):
		return nil, withHint(err, "stop the gateway, or look at its reports at the collector")
	case errors.Is(err, journal.ErrDamaged):
		return nil, withHint(err, hintDamaged)
	}
	return j, err
}

const hintDamaged = "keep the folder as it is: the next start of the gateway moves it aside whole"

// journalFolder is where a gate keeps its journal, below its state.
const journalFolder = "journal"

type journalListCmd struct {
	journalState
	From uint64 `help:"First sequence." default:"1"`
	Most int    `help:"How many at most." default:"1000"`
}

// Run prints a line an entry: its sequence and its body.
func (c *journalListCmd) Run(std streams) (err error) {
	j, err := c.read(std)
	if err != nil {
		return err
	}
	defer closing(j.Close, &err)
	out := bufio.NewWriter(std.out)
	var entries []journal.Entry
	for from, left := c.From, c.Most; left > 0; {
		if entries, err = j.Read(entries[:0], from, min(left, journal.MaxRead)); err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			fmt.Fprintf(out, "%d %s\n", e.Sequence, oneLine(string(e.Body)))
		}
		left -= len(entries)
		from = entries[len(entries)-1].Sequence + 1
	}
	return out.Flush()
}

type journalVerifyCmd struct{ journalState }

// Run says that the chain is whole, or where it breaks.
func (c *journalVerifyCmd) Run(ctx context.Context, std streams) (err error) {
	j, err := c.read(std)
	if err != nil {
		return err
	}
	defer closing(j.Close, &err)
	report, err := j.Verify(ctx)
	if err != nil {
		return err
	}
	if b := report.Break; b != nil {
		return withHint(fmt.Errorf("journal %s breaks at entry %d: %s", report.Journal, b.Sequence, b.Why), hintDamaged)
	}
	_, err = fmt.Fprintf(std.out, "journal %s is whole: state %s, entries %d to %d, %d dropped by age, %d admitted, %d denied, %d referred, %d uses remembered, head %x\n",
		report.Journal, j.State(), report.First, report.Last, report.Dropped, report.Admitted, report.Denied, report.Referred, report.Uses, report.Head)
	return err
}

type journalExportCmd struct{ journalState }

// Run writes JSON lines.
func (c *journalExportCmd) Run(std streams) (err error) {
	j, err := c.read(std)
	if err != nil {
		return err
	}
	defer closing(j.Close, &err)
	out := bufio.NewWriter(std.out)
	if err := j.Export(out); err != nil {
		return err
	}
	return out.Flush()
}

type journalAcceptCmd struct {
	journalState
	Reason string `help:"Why, for the record: restored, event_over or other." enum:"restored,event_over,other" required:""`
}

// Run journals that somebody accepts the loss.
func (c *journalAcceptCmd) Run(std streams) (err error) {
	j, err := c.open(std, journal.Open)
	if err != nil {
		return err
	}
	defer closing(j.Close, &err)
	if err := j.AcceptLoss("", time.Now(), c.Reason); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "journal %s, state %s\n", j.ID(), j.State())
	return err
}

// closing adds the error of a Close to a function's own.
func closing(closer func() error, err *error) { *err = errors.Join(*err, closer()) }
