package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// feedCmd makes lists that change by the minute, and takes them at a gate.
type feedCmd struct {
	Build feedBuildCmd `cmd:"" help:"Make a feed of a file of codes, passengers or blocked credentials; nobody has signed it yet."`
	Sign  feedSignCmd  `cmd:"" help:"Sign a feed with a delegate's key, which 'passerelle trust delegate' makes."`
	Show  feedShowCmd  `cmd:"" help:"Show what a feed says, but not its codes."`
	Take  feedTakeCmd  `cmd:"" help:"Put a feed or a status list in force at a gate that is not running; a running one takes POST /v1/feeds."`
}

// feedBuildCmd makes an unsigned feed.
type feedBuildCmd struct {
	Kind   string        `help:"codes, deny, passengers or pretix." enum:"codes,deny,passengers,pretix" required:""`
	Scope  string        `help:"The event, or the flight's list, as the lane's session names it; '*' in a block list for all events." required:""`
	Number uint64        `name:"feed-version" help:"The feed's number; it must be higher than any before of its kind and scope." required:""`
	Valid  time.Duration `help:"How long it vouches for anybody." default:"24h"`
	Out    string        `help:"Where to write the feed." required:"" placeholder:"FILE"`
	Format string        `help:"csv with a line of column names, json (an array of objects with the same names), or pretix (its revokedsecrets and blockedsecrets)." enum:"csv,json,pretix" default:"csv"`
	Skip   bool          `help:"Leave out rows that cannot be read. Without it one of them ends the work: who is missing on a block list is let in."`
	Files  []string      `arg:"" help:"The files; '-' is standard input. Columns, of codes: code or hex, state, from, until, zone, uses, and of a one-time suffix secret, digits, period, algorithm. Of passengers: carrier, flight, date, origin, sequence, pnr, state. Of a block list: one of code, hex (opaque codes), cti with issuer (its name, as issue book says it), pretix, or a boarding pass as of passengers; state."`
}

// Run reads the files and writes the feed.
func (c *feedBuildCmd) Run(std streams) error {
	kind, ok := trust.ParseFeedKind(c.Kind)
	if !ok {
		return misuse{fmt.Errorf("kind of feed %q", c.Kind)}
	}
	if (kind == trust.FeedPretix) != (c.Format == "pretix") && kind != trust.FeedDeny {
		return misuse{fmt.Errorf("--kind %s does not go with --format %s", c.Kind, c.Format)}
	}
	r := feedReader{kind: kind}
	for _, name := range c.Files {
		if sameFile(name, c.Out) {
			return misuse{fmt.Errorf("--out %s is one of the files that are read", c.Out)}
		}
		if err := r.readFile(name, c.Format, std.in); err != nil {
			return fmt.Errorf("feed %s: %w", name, err)
		}
	}
	if r.open {
		return withHint(errors.New("the last file is not the last page of its list"), "fetch the pages that its 'next' names, too")
	}
	if err := r.report(std.err, c.Skip); err != nil {
		return err
	}
	now := time.Now()
	f, err := bundle.NewFeed(bundle.FeedHeader{
		Kind: kind, Scope: c.Scope, Version: c.Number, Issued: now.Unix(), Expires: now.Add(c.Valid).Unix(),
	}, &r.feed)
	if err != nil {
		return err
	}
	if err := writeFeed(c.Out, f); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s: %s of %s, version %d, %d entries, not signed yet\n", c.Out, c.Kind, oneLine(c.Scope), c.Number, f.Len())
	return err
}

func readFeed(path string) (*bundle.Feed, error) {
	file, err := readLimited(path, bundle.MaxFeed)
	if err != nil {
		return nil, fmt.Errorf("read feed: %w", err)
	}
	f, err := bundle.OpenFeed(file)
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", path, err)
	}
	return f, nil
}

// writeFeed writes a file that only its owner reads: it holds codes that let people in.
func writeFeed(path string, f *bundle.Feed) error {
	file, err := f.File()
	if err != nil {
		return err
	}
	if err := replaceFile(path, file, 0o600); err != nil {
		return fmt.Errorf("write feed: %w", err)
	}
	return nil
}

// feedSignCmd signs.
type feedSignCmd struct {
	Key  string `help:"The delegate's private key, PEM." required:"" placeholder:"FILE"`
	File string `arg:"" help:"The feed; it is replaced by the signed one."`
}

// Run signs and replaces the file.
func (c *feedSignCmd) Run(std streams) error {
	text, err := readLimited(c.Key, maxIssueInput)
	if err != nil {
		return fmt.Errorf("read delegate's key: %w", err)
	}
	signer, err := bundle.ParseSigner(text)
	if err != nil {
		return fmt.Errorf("delegate's key %s: %w", c.Key, err)
	}
	f, err := readFeed(c.File)
	if err != nil {
		return err
	}
	if err := bundle.SignFeed(rand.Reader, f, signer); err != nil {
		return err
	}
	if err := writeFeed(c.File, f); err != nil {
		return err
	}
	id, _ := f.Signer()
	_, err = fmt.Fprintf(std.out, "%s: version %d, signed by delegate %s\n", c.File, f.Header().Version, id)
	return err
}

// feedShowCmd explains a feed; it checks no signature.
type feedShowCmd struct {
	File string `arg:"" help:"The feed."`
}

// Run prints the header and the groups.
func (c *feedShowCmd) Run(std streams) error {
	f, err := readFeed(c.File)
	if err != nil {
		return err
	}
	h := f.Header()
	signed := "nobody has signed it"
	if id, ok := f.Signer(); ok {
		signed = fmt.Sprintf("signature of %s (not checked: a gate does)", id)
	}
	fmt.Fprintf(std.out, "kind      %s\nscope     %s\nversion   %d\nissued    %s\nexpires   %s\nentries   %d\n%s\n",
		h.Kind, oneLine(h.Scope), h.Version, moment(h.Issued), moment(h.Expires), f.Len(), signed)
	groups, err := f.Groups()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ncodes\tstate\tfrom\tuntil\tzone\tuses\tone-time digits")
	for _, g := range groups {
		e := &g.Entry
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%t\n", g.Codes, e.State, orNone(e.From), orNone(e.Until), oneLine(e.Zone), max(e.Uses, 1), e.OneTime)
	}
	return t.Flush()
}

func orNone(t int64) string {
	if t == 0 {
		return "none"
	}
	return moment(t)
}

// feedTakeCmd puts a feed in force.
type feedTakeCmd struct {
	State string `help:"The gate's folder, as in its configuration." required:"" placeholder:"DIR"`
	Clock string `help:"As clock.source in the gate's configuration: ntp, or system where this machine's clock is trusted as it is." enum:"ntp,system" default:"ntp"`
	File  string `arg:"" help:"The feed, or a status list's token."`
}

// Run takes a feed for a gate that is not running.
func (c *feedTakeCmd) Run(std streams) (err error) {
	file, err := readLimited(c.File, bundle.MaxFeed)
	if err != nil {
		return fmt.Errorf("read feed: %w", err)
	}
	if _, err := os.Stat(c.State); errors.Is(err, os.ErrNotExist) {
		return misuse{fmt.Errorf("there is no gate in %s", c.State)}
	}
	s, err := openStation(stationOptions{
		state: c.State, synced: timeSource(c.Clock), maxDark: defaultMaxDark, log: logger(std, true),
	})
	if err != nil {
		return err
	}
	defer closing(s.close, &err)
	taken, err := s.takeFeed(file)
	if err != nil {
		return takeHint(fmt.Errorf("feed %s: %w", filepath.Base(c.File), err), s.clock.now())
	}
	_, err = fmt.Fprintf(std.out, "%s of %s, version %d, %d entries, is in force\n", taken.Kind, oneLine(taken.Scope), taken.Version, taken.Entries)
	return err
}

// report names the rows that could not be read, and ends the work unless they are to be left out.
func (r *feedReader) report(w io.Writer, skip bool) error {
	var out strings.Builder
	for _, b := range r.bad {
		fmt.Fprintf(&out, "passerelle: hint: %s\n", oneLine(b))
	}
	if r.unsigned > 0 {
		fmt.Fprintf(&out, "passerelle: hint: %d secrets are not of signed tickets and are left out\n", r.unsigned)
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return err
	}
	if r.badRows > 0 && !skip {
		return withHint(fmt.Errorf("%d rows cannot be read", r.badRows), "correct them, or leave them out by --skip")
	}
	return nil
}
