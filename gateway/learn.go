package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"passerelle/drivers/frame"
	"passerelle/drivers/hid"
	"passerelle/drivers/keyboard"
	"passerelle/drivers/usb"
)

// learnCmd finds out how a scanner sends its codes, from one code that is known.
type learnCmd struct {
	ID     string        `help:"Name of the lane; the first free number without it." placeholder:"NAME"`
	Path   string        `help:"Listen to this scanner alone: a USB port or a device file, as doctor shows them." placeholder:"PORT"`
	Config string        `help:"A configuration whose devices are left alone." placeholder:"FILE"`
	Out    string        `help:"A configuration to add the lane to; its devices are left alone too." placeholder:"FILE"`
	Code   string        `help:"A file with the code that is scanned, instead of the one that comes with this program." placeholder:"FILE"`
	Binary bool          `help:"Let the code hold all bytes from 80 to FF hex, for scanners that are to read binary codes. No keyboard can type it."`
	PNG    string        `help:"Write a QR image of the code." placeholder:"FILE"`
	For    time.Duration `help:"How long to wait for it." default:"2m"`
}

// Limits of learn.
const (
	maxLearning  = time.Hour
	minKnown     = minText        // bytes of a known code: a shorter one could come by chance
	maxKnown     = frame.MaxFrame // and what a lane can read
	lookAgain    = time.Second    // between two looks at what is plugged in
	toldAfter    = 2              // failures to open a device, as long as it takes to get ready, until one is told
	consolesFile = "/sys/class/tty/console/active"
)

// Run shows the code, listens, and prints the lane.
func (c *learnCmd) Run(ctx context.Context, std streams) error {
	if c.For <= 0 || c.For > maxLearning {
		return misuse{fmt.Errorf("--for %v: want more than 0, at most %v", c.For, maxLearning)}
	}
	known, err := c.known()
	if err != nil {
		return misuse{err}
	}
	if c.Path != "" && !usb.IsPort(c.Path) {
		if c.Path, err = filepath.Abs(c.Path); err != nil {
			return misuse{err}
		}
	}
	uses, id, err := c.plan()
	if err != nil {
		return misuse{err}
	}
	if err := c.show(std, known); err != nil {
		return err
	}
	f, err := c.listen(ctx, std, known, uses)
	if err != nil {
		return err
	}
	return c.write(std, f, id)
}

// known is the code that will be scanned.
func (c *learnCmd) known() ([]byte, error) {
	switch {
	case c.Binary && c.Code != "":
		return nil, errors.New("--binary and --code: which of them?")
	case c.Binary:
		return binaryCode(), nil
	case c.Code == "":
		return []byte(knownCode), nil
	}
	code, err := readLimited(c.Code, maxKnown+1) // and its line feed
	if err != nil {
		return nil, fmt.Errorf("read the code: %w", err)
	}
	code = bytes.TrimSuffix(code, []byte("\n"))
	if len(code) < minKnown || len(code) > maxKnown {
		return nil, fmt.Errorf("the code in %s has %d bytes: want %d to %d", c.Code, len(code), minKnown, maxKnown)
	}
	return code, nil
}

// plan reads the configurations: what they name, and which name is free.
func (c *learnCmd) plan() (uses []use, id string, err error) {
	ids := make(map[string]bool)
	for _, path := range []string{c.Config, c.Out} {
		if path == "" {
			continue
		}
		config, err := loadConfig(path)
		if err != nil {
			return nil, "", err
		}
		uses = append(uses, config.uses()...)
		for _, l := range config.Lanes {
			ids[l.ID] = true
		}
	}
	id = c.ID
	for n := 1; id == ""; n++ {
		if try := strconv.Itoa(n); !ids[try] {
			id = try
		}
	}
	if ids[id] {
		return nil, "", fmt.Errorf("there is a lane %q already", id)
	}
	if err := (&laneConfig{ID: id, Scanner: scannerSerial, Path: "/dev/null"}).check(); err != nil {
		return nil, "", err
	}
	return uses, id, nil
}

// show shows the code: as a picture in a file, in a terminal, or else as text.
func (c *learnCmd) show(std streams, known []byte) error {
	if c.PNG != "" {
		if err := writeQR(c.PNG, string(known)); err != nil {
			return err
		}
		fmt.Fprintf(std.err, "scan the code in %s, again and again, until its scanner is known; a scan every 3 s is enough\n", printable(c.PNG))
		return nil
	}
	if isTerminal(std.err) {
		picture, err := drawQR(string(known))
		if err == nil {
			fmt.Fprint(std.err, picture)
		}
		fmt.Fprintln(std.err, "scan this code, again and again, until its scanner is known; a scan every 3 s is enough (--png FILE writes it as a picture)")
		return nil
	}
	if !utf8.Valid(known) || strings.ContainsFunc(string(known), func(r rune) bool { return !isHarmless(r) }) {
		return misuse{withHint(errors.New("the code cannot be shown as text"), "--png FILE writes it as a picture")}
	}
	fmt.Fprintf(std.err, "scan a QR code of this text (--png FILE writes one), again and again, until its scanner is known:\n%s\n", known)
	return nil
}

// listen listens to all candidates, those that are plugged in meanwhile too, until one is understood.
func (c *learnCmd) listen(ctx context.Context, std streams, known []byte, uses []use) (*learned, error) {
	limit := fmt.Errorf("no scanner sent the known code within %v", c.For)
	listening, stop := context.WithTimeoutCause(ctx, c.For, limit)
	r := &round{
		std: std, command: c, uses: uses, consoles: consoles(), heard: make(chan news), running: make(map[string]bool),
		failed: make(map[string]int), told: make(map[string]bool),
	}
	r.learner = &learner{known: known, dwell: learnDwell, tell: func(p *plugged, text string) {
		select {
		case r.heard <- news{p: p, text: text}:
		case <-listening.Done():
		}
	}}
	defer r.all.Wait()
	defer stop()
	f, err := r.run(listening)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, errors.New("stopped: nothing was learned")
	case errors.Is(err, limit):
		return nil, withHint(err, "%s", r.hint())
	}
	return f, err
}

// round is one run of listen. Only its goroutine prints.
type round struct {
	std      streams
	command  *learnCmd
	uses     []use
	consoles []string
	learner  *learner
	heard    chan news
	all      sync.WaitGroup
	running  map[string]bool // by place and node: what is listened to
	failed   map[string]int  // how often each failure came
	told     map[string]bool // what was said once
	listened bool
}

// news is what one scanner's goroutine has to say: a text, or how it ended.
type news struct {
	p     *plugged
	text  string
	ended bool
	found *learned
	err   error
}

func (r *round) run(ctx context.Context) (*learned, error) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if err := r.look(ctx); err != nil {
			return nil, err
		}
		for looking := false; !looking; {
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-tick.C:
				looking = true
			case n := <-r.heard:
				if n.found != nil {
					return n.found, nil
				}
				r.take(n)
			}
		}
	}
}

// look starts to listen to what is new.
func (r *round) look(ctx context.Context) error {
	all, err := inventory("/")
	if err != nil {
		r.once("devices: " + err.Error())
	}
	path := r.command.Path
	seen := all
	if path != "" {
		if all, err = named(all, path, r.uses); err != nil {
			return misuse{err}
		}
	}
	chosen := candidates(all, r.uses, path, r.consoles)
	for i := range chosen {
		p := &chosen[i]
		key := p.path + " " + p.node
		switch {
		case r.running[key]:
			continue
		case p.scanner == scannerHID && !hid.Supported():
			r.once(p.path + ": " + hid.ErrUnsupported.Error())
			continue
		}
		r.running[key] = true
		r.all.Go(func() {
			f, err := r.learner.read(ctx, p)
			select {
			case r.heard <- news{p: p, ended: true, found: f, err: err}:
			case <-ctx.Done():
			}
		})
	}
	if len(chosen) == 0 {
		r.explain(seen)
	}
	return nil
}

// explain says why nothing is listened to. What is, looks as if another program had it.
func (r *round) explain(all []plugged) {
	if len(r.running) > 0 {
		return
	}
	path := r.command.Path
	device, _, _ := strings.Cut(path, ":")
	for i := range all {
		p := &all[i]
		switch meant := p.is(path) || p.device == device && device != ""; {
		case path != "" && !meant, path == "" && p.usedBy(r.uses) != "":
		case p.scanner == scannerHID && p.driver == driverHeld:
			r.once(p.path + ": another program has it: " + p.describeWithout())
		case p.scanner == scannerHID || path != "":
			r.once(p.path + ": no scanner that can be listened to: " + p.describeWithout())
		}
	}
	r.once("nothing is plugged in that could be a scanner and that no lane has: plug it in now")
}

// take says what is new of a scanner.
func (r *round) take(n news) {
	if !n.ended {
		r.listened = true
		r.say(n.p.path + ": " + n.text)
		return
	}
	delete(r.running, n.p.path+" "+n.p.node)
	if errors.Is(n.err, frame.ErrGone) {
		r.once(n.p.path + ": it is gone")
		return
	}
	text := n.p.path + ": " + n.err.Error()
	if errors.Is(n.err, fs.ErrPermission) {
		text += " (install deploy/70-passerelle.rules, or run as root)"
	}
	if r.failed[text]++; r.failed[text] >= toldAfter {
		r.once(text)
	}
}

func (r *round) say(text string) { fmt.Fprintln(r.std.err, oneLine(text)) }

// once says what is true for a while only once.
func (r *round) once(text string) {
	if !r.told[text] {
		r.told[text] = true
		r.say(text)
	}
}

// hint is what to do when time is out.
func (r *round) hint() string {
	if !r.listened {
		return "no scanner could be listened to: passerelle doctor says what is plugged in and what is wrong"
	}
	return "does the scanner read the code at all? it beeps then; switch on QR codes, and see passerelle doctor for its mode"
}

// named finds what the user named. A device file that is no port of the machine's, such as a virtual one, is taken for a serial port.
func named(all []plugged, path string, uses []use) ([]plugged, error) {
	p, err := find(all, path)
	if err != nil {
		if _, err := os.Stat(path); err != nil || usb.IsPort(path) {
			return nil, nil // not plugged in yet
		}
		p = &plugged{what: "serial port", scanner: scannerSerial, path: path, file: path, node: path, mode: "serial port"}
	}
	by := p.usedBy(uses)
	switch {
	case p.scanner != scannerSerial && p.scanner != scannerHID:
		return nil, fmt.Errorf("%s is no scanner that learn can listen to: %s", path, p.describeWithout())
	case by != "" && by != useExpected && !strings.HasSuffix(by, ", not read"):
		return nil, fmt.Errorf("%s is taken: %s", path, by)
	}
	return []plugged{*p}, nil
}

// consoles are the device files of the kernel's consoles: nobody is locked out by a search for scanners.
func consoles() []string {
	text, err := readLimited(consolesFile, maxProperty)
	if err != nil {
		return nil
	}
	var files []string
	for name := range strings.FieldsSeq(string(text)) {
		files = append(files, "/dev/"+name)
	}
	return files
}

// write prints the lane, and adds it to a configuration.
func (c *learnCmd) write(std streams, f *learned, id string) error {
	l := f.lane(id)
	block, err := laneBlock(l, f.describe())
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := appendLane(c.Out, block, l); err != nil {
			return err
		}
		fmt.Fprintf(std.err, "lane %q was added to %s\n", id, printable(c.Out))
	}
	if f.typing {
		fmt.Fprintln(std.err, oneLine(setupText(&f.plugged)))
		if f.layout == keyboard.Auto {
			fmt.Fprintln(std.err, "the code did not tell the keyboard's layout: the lane finds it from the first code that does")
		}
	}
	_, err = std.out.Write(block)
	return err
}
