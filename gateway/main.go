// Command passerelle is a barcode gateway: it reads signed codes from scanners, decides offline, and reports.
//
// This package is wiring: one file a command. See README.md for what it does, and package lane for the walk of a scan.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"
)

// cli is the command line.
type cli struct {
	Run       runCmd       `cmd:"" help:"Run the lanes of a configuration."`
	Demo      demoCmd      `cmd:"" help:"Show everything in one process, with simulated scanners and nothing to configure."`
	Verify    verifyCmd    `cmd:"" help:"Verify codes: one a line, or image files."`
	Inspect   inspectCmd   `cmd:"" help:"Explain one code layer by layer."`
	Issue     issueCmd     `cmd:"" help:"Sign certificates and tickets, singly or from CSV; revoke, replace, publish status lists."`
	Trust     trustCmd     `cmd:"" help:"Import, build, sign, show, verify and take trust lists."`
	Feed      feedCmd      `cmd:"" help:"Build, sign, show and take what changes by the minute: codes of an event, block lists, passenger lists."`
	People    peopleCmd    `cmd:"" help:"Accounts, PINs and paired tablets of a gate."`
	Journal   journalCmd   `cmd:"" help:"List, verify and export the journal of a gateway that is not running."`
	Collect   collectCmd   `cmd:"" help:"Receive reports."`
	Lamps     lampsCmd     `cmd:"" help:"Make outputs safe, or try them, while no gateway runs."`
	Doctor    doctorCmd    `cmd:"" help:"Say what is plugged in and what is wrong, each with its fix."`
	Learn     learnCmd     `cmd:"" help:"Scan one known code: find how a scanner sends codes, and write its lane's configuration."`
	Preflight preflightCmd `cmd:"" help:"Ask the running gate whether the doors can be opened: event, lists, scanners, lamps, disk, clock, reports."`
	Simulate  simulateCmd  `cmd:"" help:"Play simulated scanners into real lanes, at a rate or through a story, and count what came out."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// Exit codes.
const (
	exitOK      = 0
	exitRefused = 1 // a code was refused, or the work failed
	exitMisuse  = 2
)

// errRefused ends a command with exitRefused after everything was said.
var errRefused = errors.New("refused")

// hinted is an error with advice on what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// withHint adds advice to an error that is not nil.
func withHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return hinted{error: err, hint: fmt.Sprintf(format, args...)}
}

// misuse marks an error of the command line or the configuration.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

// streams are what a command reads and writes, the real ones in main.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	limitDescriptors()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// execute runs one command and returns the exit code.
func execute(ctx context.Context, args []string, std streams) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("passerelle"), kong.UsageOnError(),
		kong.Description("A gateway for signed barcodes: from a scanner to a verdict, offline."),
		kong.Writers(std.out, std.err), kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(std))
	if err != nil {
		return fail(std, misuse{err})
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		return fail(std, withHint(misuse{err}, "passerelle --help lists the commands"))
	}
	return fail(std, parsed.Run())
}

// fail says what went wrong and returns the exit code.
func fail(std streams, err error) int {
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errRefused) {
		fmt.Fprintf(std.err, "passerelle: error: %s\n", printable(err.Error()))
	}
	var h hinted
	if errors.As(err, &h) {
		fmt.Fprintf(std.err, "passerelle: hint: %s\n", printable(h.hint))
	}
	if m := (misuse{}); errors.As(err, &m) {
		return exitMisuse
	}
	return exitRefused
}

// limitDescriptors sets the limit of open files back to 1024: select(2), which go.bug.st/serial uses, cannot hold more, and
// Go raises the limit at start.
func limitDescriptors() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur > maxDescriptors {
		limit.Cur = maxDescriptors
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit.Cur, Max: limit.Max})
	}
}

const maxDescriptors = 1024

// logger writes the program's own log, with a time and without colour.
func logger(std streams, quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: level}))
}

// versionCmd prints the version.
type versionCmd struct{}

// version is set by the linker.
var version = "development"

// Run prints it.
func (versionCmd) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, "passerelle", version)
	return err
}
