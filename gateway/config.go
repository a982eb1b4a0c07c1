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
	People   peopleConfig             `toml:"people"`
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
	TLS       string   `toml:"tls"`
	CertFile  string   `toml:"cert_file"`
	KeyFile   string   `toml:"key_file"`
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
	Base             string              `toml:"base"`
	Accept           []string            `toml:"accept"`
	Require          []string            `toml:"require"`
	Deny             []string            `toml:"deny"`
	Once             []string            `toml:"once"`
	Needs            map[string][]string `toml:"needs"`
	AdmitUnsigned    *bool               `toml:"admit_unsigned"`
	Reentry          bool                `toml:"reentry"`
	Passback         duration            `toml:"passback"`
	IgnoreKeyExpired bool                `toml:"ignore_key_expired"`
	AdmitStaleList   bool                `toml:"admit_stale_list"`
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
		Clock:  clockConfig{Source: clockNTP, MaxDark: duration(defaultMaxDark)},
		Verify: verifyConfig{P256: p256Fast},
		Web:    webConfig{Listen: "127.0.0.1:8080", Events: "127.0.0.1:8081", TLS: tlsOff},
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
	if err := c.Web.check(c.People.Login); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Profiles)) {
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

// check refuses listeners that other machines could reach, unless that is asked for, or people log in over TLS: the server would refuse
// them, too.
func (w *webConfig) check(login bool) error {
	if err := w.checkTLS(); err != nil {
		return err
	}
	for _, l := range []struct{ key, address string }{{"web.listen", w.Listen}, {"web.events", w.Events}} {
		host, _, err := net.SplitHostPort(l.address)
		if err != nil {
			return fmt.Errorf("%s: %w", l.key, err)
		}
		switch {
		case isLoopback(host):
		case login && w.TLS == tlsOff:
			return fmt.Errorf("%s %q: people log in, so other machines may reach it over TLS only; web.tls says how", l.key, l.address)
		case !login && !w.Exposed:
			return fmt.Errorf("%s %q: other machines could reach it; people.login with web.tls allows that, and so does web.exposed = true", l.key, l.address)
		case w.TokenFile == "":
			return fmt.Errorf("%s %q without web.token_file: any program on the network could change this gate", l.key, l.address)
		}
	}
	return nil
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

func isNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

// profile returns the profile of that name, "" for the file's: the operator's own, else a built-in one.
func (c *config) profile(name string) (*policy.Profile, error) {
	if name == "" {
		name = c.Profile
	}
	if name == "" {
		return nil, fmt.Errorf(`"profile" is missing: what is asked of a code, one of %s`, profileNames())
	}
	own, ok := c.Profiles[name]
	if !ok {
		p, ok := policy.Named(name)
		if !ok {
			return nil, noProfile(name)
		}
		return &p, nil
	}
	if _, taken := policy.Named(name); taken {
		return nil, fmt.Errorf("profiles.%s: a built-in profile has that name, and would mean something else here; choose another", name)
	}
	p, ok := policy.Named(own.Base)
	if !ok || !p.Production {
		return nil, fmt.Errorf("profiles.%s: base %q is no built-in profile for production, want one of %s", name, own.Base, profileNames())
	}
	p.Name = name
	if err := own.apply(&p); err != nil {
		return nil, fmt.Errorf("profiles.%s: %w", name, err)
	}
	return &p, nil
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
