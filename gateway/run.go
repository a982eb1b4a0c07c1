package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"passerelle/drivers/hid"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/report"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/cache"
	"passerelle/gateway/web"
)

// runCmd runs a gateway.
type runCmd struct {
	Config string `help:"The configuration; deploy/passerelle.toml documents it." required:"" placeholder:"FILE"`
}

// Run runs until it is told to end.
func (c *runCmd) Run(ctx context.Context, std streams) (err error) {
	config, err := loadConfig(c.Config)
	if err != nil {
		return misuse{err}
	}
	log := logger(std, false)
	options, err := config.station()
	if err != nil {
		return misuse{err}
	}
	options.log = log
	options.hotplug = newHotplug("/", config.bound(), log)
	outputs, err := config.outputs(options)
	if err != nil {
		return err
	}
	defer closing(outputs.Close, &err)
	if !hid.Supported() {
		log.Warn("USB-HID scanners are off: this program was built without cgo; serial scanners work")
	}
	page, events, err := listen(config.Web.Listen, config.Web.Events)
	if err != nil {
		return err
	}
	var s *station
	err = config.secure(options.web, log, func(lane, event string, fields map[string]string) { s.noteAt(lane, event, fields) })
	if err != nil {
		return errors.Join(err, page.Close(), events.Close())
	}
	if s, err = openStation(*options); err != nil {
		return err
	}
	defer closing(s.close, &err)
	for _, l := range options.lanes {
		if !l.Profile.Production {
			log.Warn("this lane admits published test keys: it is for demonstrations", "lane", l.ID, "profile", l.Profile.Name)
		}
	}
	log.Info("lanes are running", "page", config.Web.scheme()+page.Addr().String()+"/", "lanes", strings.Join(s.gate.Lanes(), " "))
	return s.run(ctx, page, events)
}

// listen opens both listeners, or none.
func listen(page, events string) (net.Listener, net.Listener, error) {
	p, err := net.Listen("tcp", page)
	if err != nil {
		return nil, nil, withHint(fmt.Errorf("listen for the page: %w", err), "is another gateway running? web.listen sets the address")
	}
	e, err := net.Listen("tcp", events)
	if err != nil {
		return nil, nil, errors.Join(withHint(fmt.Errorf("listen for event streams: %w", err), "web.events sets the address"), p.Close())
	}
	return p, e, nil
}

// station turns a configuration into the parts of a station.
func (c *config) station() (*stationOptions, error) {
	profile, err := c.profile("")
	if err != nil {
		return nil, err
	}
	o := &stationOptions{state: c.State, profile: profile, verify: c.Verify, synced: timeSource(c.Clock.Source), maxDark: time.Duration(c.Clock.MaxDark)}
	for _, l := range c.Lanes {
		config, d, err := c.lane(l)
		if err != nil {
			return nil, err
		}
		o.lanes, o.devices = append(o.lanes, *config), append(o.devices, d)
		if l.Cards {
			o.cards = append(o.cards, l.ID)
		}
	}
	if o.web, err = c.Web.server(); err != nil {
		return nil, err
	}
	if o.forward, err = c.Report.forwarder(); err != nil {
		return nil, err
	}
	o.roots, err = c.pin()
	return o, err
}

// timeSource returns who vouches for the wall clock: the kernel, or for "system" nobody, since somebody looks after it.
func timeSource(name string) (synced func() bool) {
	if name == clockSystem {
		return nil
	}
	return kernelSynced
}

// pin returns the roots to pin: those in the file that [trust] names, if none are pinned yet.
func (c *config) pin() (*bundle.Roots, error) {
	_, err := os.Stat(filepath.Join(c.State, trustFolder, "roots.toml"))
	if c.Trust.Roots == "" || err == nil {
		return nil, nil
	}
	return readRoots(c.Trust.Roots)
}

// lane turns one [[lane]] into a lane without outputs, and its device; nothing is opened.
func (c *config) lane(l laneConfig) (*lane.Config, *device, error) {
	profile, err := c.profile(l.Profile)
	if err != nil {
		return nil, nil, err
	}
	d, err := newDevice(l)
	if err != nil {
		return nil, nil, err
	}
	made := &lane.Config{
		ID: l.ID, Profile: profile, Scanner: l.Path, Open: d.open, Lamp: lamps{},
		Repeat: time.Duration(l.Repeat), Hold: time.Duration(l.Hold), Passing: l.passing(),
	}
	if d.reader != nil {
		made.Reader = d
	}
	return made, d, nil
}

func (w *webConfig) server() (*web.Config, error) {
	c := &web.Config{Hosts: w.Hosts, Exposed: w.Exposed}
	if w.TokenFile != "" {
		text, err := readLimited(w.TokenFile, maxSecret)
		if err != nil {
			return nil, fmt.Errorf("web.token_file: %w", err)
		}
		if c.Token = strings.TrimSpace(string(text)); c.Token == "" {
			return nil, fmt.Errorf("web.token_file %s is empty", w.TokenFile)
		}
	}
	return c, nil
}

// maxSecret is the most that is read of a file with a secret, in bytes.
const maxSecret = 4096

func (r *reportConfig) forwarder() (*report.ForwarderOptions, error) {
	if r.Endpoint == "" {
		return nil, nil
	}
	o := &report.ForwarderOptions{URL: r.Endpoint, CAFile: r.CAFile, CertFile: r.CertFile, KeyFile: r.KeyFile, AllowPlain: r.Insecure}
	if r.SecretFile != "" {
		secret, err := readSecret(r.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("report.secret_file: %w", err)
		}
		o.Secrets = []report.Secret{secret}
	}
	return o, nil
}

func readSecret(path string) (report.Secret, error) {
	text, err := readLimited(path, maxSecret)
	if err != nil {
		return report.Secret{}, err
	}
	return report.ParseSecret(strings.TrimSpace(string(text)))
}

// Run takes a bundle for a gate that is not running.
func (c *trustTakeCmd) Run(std streams) (err error) {
	file, err := readLimited(c.File, bundle.MaxFile)
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	if _, err := os.Stat(c.State); errors.Is(err, fs.ErrNotExist) && c.Roots == "" {
		return misuse{withHint(fmt.Errorf("there is no gate in %s", c.State), hintRoots)}
	}
	var pin *bundle.Roots
	if c.Roots != "" {
		if pin, err = readRoots(c.Roots); err != nil {
			return err
		}
	}
	s, err := openStation(stationOptions{
		state: c.State, roots: pin, synced: timeSource(c.Clock), maxDark: defaultMaxDark, taking: true, log: logger(std, true),
	})
	if err != nil {
		return err
	}
	defer closing(s.close, &err)
	number, err := s.take(file)
	if err != nil {
		return takeHint(fmt.Errorf("bundle %s: %w", filepath.Base(c.File), err), s.clock.now())
	}
	_, err = fmt.Fprintf(std.out, "version %d is in force\n", number)
	return err
}

const hintRoots = "--roots FILE pins the roots of a new one"

// takeHint says what to do about a bundle that was not taken, where something can be done.
func takeHint(err error, now policy.Now) error {
	switch {
	case errors.Is(err, cache.ErrNoRoots):
		return withHint(err, hintRoots)
	case errors.Is(err, bundle.ErrFuture) && now.Class != policy.ClockTrusted:
		return withHint(err, "this machine's clock is not synchronised; where it is right all the same, say --clock system")
	}
	return err
}
