package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/answer"
	"passerelle/drivers/hid"
	"passerelle/drivers/lamp"
	"passerelle/gateway/journal"
)

// doctorCmd says what is there and what is wrong.
type doctorCmd struct {
	Config string `help:"The configuration to check, with its lanes, disk and trust list." placeholder:"FILE"`
	Root   string `help:"Where /sys, /dev, /proc and /run are, for looking at another machine's." default:"/" hidden:""`
}

// examination collects what doctor finds.
type examination struct {
	out      *tabwriter.Writer
	root     string
	now      time.Time
	problems int
}

// Marks of findings.
const (
	markFine    = "ok"
	markProblem = "PROBLEM"
	markNote    = "note"
)

// say writes one finding; fix, if there is one, is what to do about it.
func (x *examination) say(mark, what, fix, text string) {
	if mark == markProblem {
		x.problems++
	}
	fmt.Fprintf(x.out, "%s\t%s\t%s\n", mark, what, oneLine(text))
	if fix != "" {
		fmt.Fprintf(x.out, "\t\t→ %s\n", oneLine(fix))
	}
}

func (x *examination) fine(what, format string, args ...any) {
	x.say(markFine, what, "", fmt.Sprintf(format, args...))
}

// problem says what is wrong and what to do about it.
func (x *examination) problem(what, fix, format string, args ...any) {
	x.say(markProblem, what, fix, fmt.Sprintf(format, args...))
}

func (x *examination) note(what, format string, args ...any) {
	x.say(markNote, what, "", fmt.Sprintf(format, args...))
}

// Run prints a line a finding and exits 1 if there is a problem.
func (c *doctorCmd) Run(std streams) error {
	config := &config{Clock: clockConfig{Source: clockNTP}}
	if c.Config != "" {
		var err error
		if config, err = loadConfig(c.Config); err != nil {
			return misuse{err}
		}
	}
	x := &examination{out: tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0), root: c.Root, now: time.Now()}
	devices, err := inventory(c.Root)
	x.program()
	x.clock(config.Clock.Source)
	if c.Config != "" {
		x.configuration(config)
		for i := range config.Lanes {
			x.lane(config, &config.Lanes[i], devices)
		}
	}
	if err != nil {
		x.note("devices", "%v", err)
	}
	x.devices(devices, config.uses())
	if err := x.out.Flush(); err != nil {
		return err
	}
	return x.sum(std.out)
}

// sum says how many problems there are.
func (x *examination) sum(w io.Writer) error {
	switch x.problems {
	case 0:
		_, err := fmt.Fprintln(w, "nothing is wrong")
		return err
	case 1:
		fmt.Fprintln(w, "1 problem")
	default:
		fmt.Fprintf(w, "%d problems\n", x.problems)
	}
	return errRefused
}

func (x *examination) program() {
	x.fine("program", "passerelle %s", version)
	if hid.Supported() {
		x.fine("USB-HID", "this program can read USB-HID scanners")
	} else {
		x.problem("USB-HID", "build it with gcc, or use a serial or USB-CDC scanner", "off: built without cgo")
	}
	if _, err := exec.LookPath("pdftoppm"); err != nil {
		x.note("PDF", "off: pdftoppm is not installed (package poppler-utils)")
	} else {
		x.fine("PDF", "pdftoppm is there")
	}
	x.fine("lamps", "GPIO lines; beepers of scanners: %v; towers: %v; relays: %v", lamp.Models(), lamp.TowerModels(), lamp.RelayModels())
	x.fine("answers", "to scanners that wait for them: %v; triggers: %v", answer.Models(), answer.Triggers())
}

func (x *examination) clock(source string) {
	now := x.now.UTC().Format(time.RFC3339)
	switch {
	case source == clockSystem:
		x.fine("clock", "%s, as this machine shows it: clock.source = \"system\"", now)
		return
	case kernelSynced():
		x.fine("clock", "%s, synchronised", now)
		return
	}
	x.problem("clock", "start chrony or systemd-timesyncd; or, with a battery clock that somebody looks after, set clock.source = \"system\"",
		"%s, not synchronised: codes that are not valid through the whole time in question are referred to a person", now)
}

// configuration looks at what a gateway with this configuration needs besides its lanes.
func (x *examination) configuration(c *config) {
	if _, err := c.station(); err != nil {
		x.problem("configuration", "correct it: run refuses it", "%v", err)
	}
	x.secret("web.token_file", c.Web.TokenFile)
	x.secret("report.secret_file", c.Report.SecretFile)
	x.secret("report.key_file", c.Report.KeyFile)
	x.state(c)
	x.people(c)
}

// Rights that a file with a secret must not give: any to others, and writing to its group.
const secretRights = 0o027

// secret looks who may read a file with a secret. That it is missing is a fault of the configuration, which says so.
func (x *examination) secret(key, path string) {
	info, err := os.Stat(path)
	if path == "" || err != nil {
		return
	}
	if mode := info.Mode().Perm(); mode&secretRights != 0 {
		x.problem("secrets", fmt.Sprintf("chmod g-w,o= %s, and change the secret if others have been here", path),
			"%s: %s may be read or changed by others (mode %04o)", key, path, mode)
		return
	}
	x.fine("secrets", "%s: %s", key, path)
}

// state looks at the disk, the journal and the trust list.
func (x *examination) state(c *config) {
	if _, err := os.Stat(c.State); errors.Is(err, fs.ErrNotExist) {
		x.note("state", "%s is not there yet; run makes it", c.State)
		return
	}
	free, err := diskFree(c.State)
	if err != nil {
		x.problem("disk", "check the path and its rights", "%v", err)
		return
	}
	const mb = 1 << 20
	if free < 2*journal.DefaultMinFree {
		x.problem("disk", "free some space: under 48 MB nothing is admitted", "%s: %d MB free", c.State, free/mb)
	} else {
		x.fine("disk", "%s: %d MB free", c.State, free/mb)
	}
	x.trustList(filepath.Join(c.State, trustFolder), c.State)
}

// diskFree returns how many bytes there are for whoever is not root where a folder is.
func diskFree(folder string) (uint64, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return 0, fmt.Errorf("%s: %w", folder, err)
	}
	return disk.Bavail * uint64(disk.Bsize), nil
}

func (x *examination) trustList(folder, state string) {
	list, err := openVerified(filepath.Join(folder, "list.bundle"), filepath.Join(folder, "roots.toml"))
	if err != nil {
		x.problem("trust list", "passerelle trust take --state "+state+" FILE", "%v", err)
		return
	}
	m, roots := list.Bundle().Manifest(), list.Held().Roots
	if x.now.Unix() > m.Expires {
		x.problem("trust list", "take a newer one", "version %d expired %s (%s)", m.Version, moment(m.Expires), x.age(m.Expires))
	} else {
		x.fine("trust list", "version %d, issued %s (%s), expires %s (%s)",
			m.Version, moment(m.Issued), x.age(m.Issued), moment(m.Expires), x.age(m.Expires))
	}
	if roots.Demo() {
		x.problem("root keys", "pin the roots of your operator", "a DEMO root is pinned: anybody may sign lists for this gate")
	}
}

// age says how far a time in Unix seconds is from now: "3 d ago", "in 27 d". It is cut, not rounded: a list never seems to last longer.
func (x *examination) age(t int64) string {
	far := x.now.Sub(time.Unix(t, 0))
	if far < 0 {
		return "in " + howLong(-far)
	}
	return howLong(far) + " ago"
}

func howLong(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%d d", d/day)
	case d >= time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
