package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"passerelle/gateway/policy"
)

// config is the installer's file, deploy/passerelle.toml documents each key. An unknown key is an error.
type config struct {
	State    string                   `toml:"state"`
	Profile  string                   `toml:"profile"`
	Clock    clockConfig              `toml:"clock"`
	Trust    trustConfig              `toml:"trust"`
	Verify   verifyConfig             `toml:"verify"`
	Web      webConfig                `toml:"web"`
	Report   reportConfig             `toml:"report"`
	Profiles map[string]profileConfig `toml:"profiles"`
	Devices  devicesConfig            `toml:"devices"`
	Lanes    []laneConfig             `toml:"lane"`
}

// devicesConfig names USB devices that no lane reads and that are no surprise, by port: "1-1.1".
type devicesConfig struct {
	Expected []string `toml:"expected"`
}

type clockConfig struct {
	Source  string   `toml:"source"`
	MaxDark duration `toml:"max_dark"`
}

type trustConfig struct {
	Roots string `toml:"roots"`
}

type webConfig struct {
	Listen    string   `toml:"listen"`
	Events    string   `toml:"events"`
	Hosts     []string `toml:"hosts"`
	TokenFile string   `toml:"token_file"`
	Exposed   bool     `toml:"exposed"`
}

type reportConfig struct {
	Endpoint   string `toml:"endpoint"`
	SecretFile string `toml:"secret_file"`
	CAFile     string `toml:"ca_file"`
	CertFile   string `toml:"cert_file"`
	KeyFile    string `toml:"key_file"`
	Insecure   bool   `toml:"insecure"`
}

type profileConfig struct {
	Base             string   `toml:"base"`
	Accept           []string `toml:"accept"`
	Require          []string `toml:"require"`
	Deny             []string `toml:"deny"`
	Once             []string `toml:"once"`
	IgnoreKeyExpired bool     `toml:"ignore_key_expired"`
	AdmitStaleList   bool     `toml:"admit_stale_list"`
}

// duration is a time in Go's notation, "2s" or "72h".
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(b []byte) error {
	t, err := time.ParseDuration(string(b))
	*d = duration(t)
	return err
}

// maxHold is the longest that a lamp may show a verdict: the next person must not walk through on it.
const maxHold = 10 * time.Second

// maxConfig is the largest configuration that is read, in bytes.
const maxConfig = 1 << 20

// loadConfig reads a configuration strictly and fills in what it leaves out.
func loadConfig(path string) (*config, error) {
	text, err := readLimited(path, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c := &config{
		Profile: "checkpoint",
		Clock:   clockConfig{Source: clockNTP, MaxDark: duration(defaultMaxDark)},
		Verify:  verifyConfig{P256: p256Fast},
		Web:     webConfig{Listen: "127.0.0.1:8080", Events: "127.0.0.1:8081"},
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(c); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, tomlError(err))
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

// tomlError turns the library's errors into one line that names line and key.
func tomlError(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		row, _ := unknown.Errors[0].Position()
		return fmt.Errorf("line %d: unknown key %q", row, strings.Join(unknown.Errors[0].Key(), "."))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, column := decode.Position()
		why, _, typed := strings.Cut(strings.TrimPrefix(err.Error(), "toml: "), " into struct field ") // a name of ours, in Go
		if typed {
			why = fmt.Sprintf("%q: %s", strings.Join(decode.Key(), "."), why)
		}
		return fmt.Errorf("line %d, column %d: %s", row, column, why)
	}
	return err
}

func (c *config) check() error {
	if c.State == "" {
		return errors.New(`"state" is missing: the folder for journal and trust list`)
	}
	if !filepath.IsAbs(c.State) {
		return fmt.Errorf("state %q is not an absolute path", c.State)
	}
	if c.Clock.Source != clockNTP && c.Clock.Source != clockSystem {
		return fmt.Errorf(`clock.source %q: want "ntp" or "system"`, c.Clock.Source)
	}
	if c.Clock.MaxDark < minDark {
		return fmt.Errorf("clock.max_dark %v: want at least %v", time.Duration(c.Clock.MaxDark), time.Duration(minDark))
	}
	if err := c.Verify.check(); err != nil {
		return err
	}
	if err := c.Web.check(); err != nil {
		return err
	}
	for _, name := range append(slices.Sorted(maps.Keys(c.Profiles)), c.Profile) {
		if _, err := c.profile(name); err != nil {
			return err
		}
	}
	if c.Web.Exposed && c.Web.TokenFile == "" {
		return errors.New("web.exposed without web.token_file: any program on the network could change this gate")
	}
	return c.checkLanes()
}

// Sources of time.
const (
	clockNTP    = "ntp"
	clockSystem = "system"
)

// minDark keeps a box without the time from taking its last known one for the time.
const minDark = duration(time.Hour)

// check refuses listeners that other machines could reach, unless that is asked for: the server would refuse them, too.
func (w *webConfig) check() error {
	for _, l := range []struct{ key, address string }{{"web.listen", w.Listen}, {"web.events", w.Events}} {
		host, _, err := net.SplitHostPort(l.address)
		if err != nil {
			return fmt.Errorf("%s: %w", l.key, err)
		}
		if !w.Exposed && !isLoopback(host) {
			return fmt.Errorf("%s %q: other machines could reach it; web.exposed = true allows that", l.key, l.address)
		}
	}
	return nil
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

func isNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

// profile returns the profile of that name, "" for the default: the operator's own, else a built-in one.
func (c *config) profile(name string) (*policy.Profile, error) {
	if name == "" {
		name = c.Profile
	}
	own, ok := c.Profiles[name]
	if !ok {
		p, ok := policy.Named(name)
		if !ok {
			return nil, fmt.Errorf("profile %q: there is none of that name", name)
		}
		return &p, nil
	}
	p, ok := policy.Named(own.Base)
	if !ok || !p.Production {
		return nil, fmt.Errorf("profiles.%s: base %q is no built-in profile for production", name, own.Base)
	}
	p.Name = name
	if err := own.apply(&p); err != nil {
		return nil, fmt.Errorf("profiles.%s: %w", name, err)
	}
	return &p, nil
}

func (o *profileConfig) apply(p *policy.Profile) error {
	p.IgnoreKeyExpired = p.IgnoreKeyExpired || o.IgnoreKeyExpired
	p.AdmitStale = p.AdmitStale || o.AdmitStaleList
	if o.Accept != nil {
		accept, err := kindSet(o.Accept)
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		if accept == 0 {
			return errors.New("accept: nothing would be admitted")
		}
		p.Accept = accept
	}
	if o.Once != nil {
		once, err := kindSet(o.Once)
		if err != nil {
			return fmt.Errorf("once: %w", err)
		}
		p.Once = once
	}
	for _, name := range o.Require {
		check, ok := policy.ParseCheck(name)
		if !ok || check != policy.Revocation { // the others always must pass, or nothing here could
			return fmt.Errorf("require: %q cannot be asked for; revocation can", name)
		}
		p.Require |= policy.Checks(check)
	}
	for _, name := range o.Deny {
		reason, ok := policy.ParseReason(name)
		if !ok || policy.DefaultOutcome(reason) != policy.Refer {
			return fmt.Errorf("deny: %q is no reason that asks a person", name)
		}
		p.Tighten[reason] = true
	}
	return nil
}

// kindSet reads kinds that can be admitted at all.
func kindSet(names []string) (policy.KindSet, error) {
	readable := policy.Checkpoint().Accept
	var set policy.KindSet
	for _, name := range names {
		kind, ok := policy.ParseKind(name)
		if !ok || !readable.Has(kind) {
			return 0, fmt.Errorf("no kind that is read here is named %q: want hcert:vaccination, hcert:test, hcert:recovery", name)
		}
		set |= policy.Kinds(kind)
	}
	return set, nil
}

// readLimited reads a file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, limit)
	}
	return text, nil
}
