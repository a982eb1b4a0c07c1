package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/hid"
	"passerelle/drivers/lamp"
	"passerelle/drivers/serial"
	"passerelle/gateway/journal"
)

// doctorCmd says what is there and what is wrong.
type doctorCmd struct {
	Config string `help:"The configuration to check, with its lanes, disk and trust list." placeholder:"FILE"`
	Root   string `help:"Where /sys and /dev are, for looking at another machine's." default:"/" hidden:""`
}

// examination collects what doctor finds.
type examination struct {
	out      *tabwriter.Writer
	problems int
}

func (x *examination) fine(what, format string, args ...any) {
	fmt.Fprintf(x.out, "ok\t%s\t%s\n", what, oneLine(fmt.Sprintf(format, args...)))
}

// problem says what is wrong and what to do about it.
func (x *examination) problem(what, fix, format string, args ...any) {
	x.problems++
	fmt.Fprintf(x.out, "PROBLEM\t%s\t%s\n\t\t→ %s\n", what, oneLine(fmt.Sprintf(format, args...)), oneLine(fix))
}

func (x *examination) note(what, format string, args ...any) {
	fmt.Fprintf(x.out, "note\t%s\t%s\n", what, oneLine(fmt.Sprintf(format, args...)))
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
	x := &examination{out: tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)}
	devices, err := hid.List(filepath.Join(c.Root, "sys"))
	if err != nil {
		x.note("USB-HID devices", "%v", err)
	}
	x.program()
	x.clock(config.Clock.Source)
	if c.Config != "" {
		x.configuration(config, devices)
	}
	bound := make(map[string]string)
	for _, l := range config.Lanes {
		bound[l.Path] = l.ID
	}
	x.serialPorts(c.Root, bound)
	x.hidDevices(devices, bound)
	if err := x.out.Flush(); err != nil {
		return err
	}
	return x.sum(std.out)
}

// sum says how many problems there are.
func (x *examination) sum(w io.Writer) error {
	switch x.problems {
	case 0:
		fmt.Fprintln(w, "nothing is wrong")
		return nil
	case 1:
		fmt.Fprintln(w, "1 problem")
	default:
		fmt.Fprintf(w, "%d problems\n", x.problems)
	}
	return errRefused
}

// configuration looks at what a gateway with this configuration needs.
func (x *examination) configuration(c *config, devices []hid.Info) {
	if _, err := c.station(); err != nil {
		x.problem("configuration", "correct it: run refuses it", "%v", err)
	}
	x.state(c)
	for _, l := range c.Lanes {
		if p, err := c.profile(l.Profile); err == nil && !p.Production {
			x.problem("lane "+l.ID, "give it a profile for production, such as checkpoint", "profile %q admits published test keys", p.Name)
		}
		if l.Scanner == "hid" {
			x.hidLane(&l, devices)
		} else {
			x.serialLane(&l)
		}
	}
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
	x.fine("lamps", "none, or the beeper of a serial scanner: %v", lamp.Models())
}

func (x *examination) clock(source string) {
	now := time.Now().UTC().Format(time.RFC3339)
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

// state looks at the disk, the journal and the trust list.
func (x *examination) state(c *config) {
	if _, err := os.Stat(c.State); errors.Is(err, fs.ErrNotExist) {
		x.note("state", "%s is not there yet; run makes it", c.State)
		return
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(c.State, &disk); err != nil {
		x.problem("disk", "check the path and its rights", "%s: %v", c.State, err)
		return
	}
	const mb = 1 << 20
	free := disk.Bavail * uint64(disk.Bsize)
	if free < 2*journal.DefaultMinFree {
		x.problem("disk", "free some space: under 48 MB nothing is admitted", "%s: %d MB free", c.State, free/mb)
	} else {
		x.fine("disk", "%s: %d MB free", c.State, free/mb)
	}
	folder := filepath.Join(c.State, trustFolder)
	list, err := openVerified(filepath.Join(folder, "list.bundle"), filepath.Join(folder, "roots.toml"))
	if err != nil {
		x.problem("trust list", "passerelle trust take --state "+c.State+" FILE", "%v", err)
		return
	}
	m, roots := list.Bundle().Manifest(), list.Held().Roots
	if time.Now().Unix() > m.Expires {
		x.problem("trust list", "take a newer one", "version %d expired %s", m.Version, moment(m.Expires))
	} else {
		x.fine("trust list", "version %d, issued %s, expires %s", m.Version, moment(m.Issued), moment(m.Expires))
	}
	if roots.Demo() {
		x.problem("root keys", "pin the roots of your operator", "a DEMO root is pinned: anybody may sign lists for this gate")
	}
}

// hidLane looks whether a lane's USB-HID scanner is where the configuration says.
func (x *examination) hidLane(l *laneConfig, devices []hid.Info) {
	what := "lane " + l.ID
	if !hid.Supported() {
		x.problem(what, "use a program that was built with gcc", "its scanner is USB-HID")
	}
	if !slices.ContainsFunc(devices, func(d hid.Info) bool { return d.Port == l.Path }) {
		x.problem(what, fixUnplugged, "no USB-HID device at %s", l.Path)
	}
}

const fixUnplugged = "plug it in, or correct \"path\": the ports below are there"

// serialLane looks whether a lane's serial scanner is where the configuration says.
func (x *examination) serialLane(l *laneConfig) {
	what := "lane " + l.ID
	f, err := os.OpenFile(l.Path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.problem(what, fixUnplugged, "no scanner at %s", l.Path)
	case errors.Is(err, fs.ErrPermission):
		x.problem(what, "install deploy/70-passerelle.rules and join the group dialout", "no right to open %s", l.Path)
	case err != nil:
		x.problem(what, "unplug it and plug it in again", "%s: %v", l.Path, err)
	default:
		x.fine(what, "serial scanner at %s", l.Path)
		_ = f.Close()
	}
}

func (x *examination) serialPorts(root string, bound map[string]string) {
	ports, err := serial.Ports(root)
	if err != nil {
		x.note("serial ports", "%v", err)
		return
	}
	for _, p := range ports {
		name := p.ByPath
		if name == "" {
			name = p.Device
		}
		about := strings.TrimSpace(p.Manufacturer + " " + p.ProductName)
		x.binding("serial port", name, about, firstOf(bound, p.ByPath, p.Device))
	}
}

func (x *examination) hidDevices(devices []hid.Info, bound map[string]string) {
	for _, d := range devices {
		about := fmt.Sprintf("%s, %s %s", d.Kind, d.Maker, d.Name)
		if d.Kind == hid.Keyboard {
			about += "; keyboard mode is slow and depends on the layout: set the scanner to HID point-of-sale or USB-CDC if it can"
		}
		x.binding("USB-HID", d.Port, about, bound[d.Port])
	}
}

func (x *examination) binding(what, place, about, lane string) {
	if about != "" {
		place += "  " + about
	}
	if lane == "" {
		x.note(what, "%s: not bound to a lane, never read", place)
		return
	}
	x.fine(what, "%s: lane %s", place, lane)
}

func firstOf(m map[string]string, keys ...string) string {
	for _, k := range keys {
		if v := m[k]; v != "" && k != "" {
			return v
		}
	}
	return ""
}
