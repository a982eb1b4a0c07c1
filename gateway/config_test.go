package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/policy"
)

// written writes a configuration and returns its path.
func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passerelle.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Parts of configurations.
const (
	stateOnly  = "state = \"/var/lib/passerelle\"\n"
	stateLine  = "profile = \"health\"\n" + stateOnly
	serialLane = "[[lane]]\nid = \"1\"\nscanner = \"serial\"\npath = \"/dev/ttyACM0\"\n"
)

func TestSmallestConfigurationHasTheDefaults(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(written(t, stateLine+serialLane))
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.station()
	if err != nil {
		t.Fatal(err)
	}
	if c.Web.Listen != "127.0.0.1:8080" || c.Web.Events != "127.0.0.1:8081" || c.Web.Exposed {
		t.Errorf("web: %+v", c.Web)
	}
	if o.profile.Name != "health" || !o.profile.Production || o.maxDark != 168*time.Hour || o.forward != nil || o.roots != nil || o.web.Token != "" {
		t.Errorf("station: %+v", o)
	}
	if len(o.lanes) != 1 || o.lanes[0].ID != "1" || o.lanes[0].Profile.Name != "health" || o.lanes[0].Lamp == nil || o.lanes[0].Open == nil {
		t.Errorf("lanes: %+v", o.lanes)
	}
}

func TestWrongConfigurationsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	lane := func(lines string) string { return stateLine + "[[lane]]\n" + lines }
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", `"state" is missing`},
		{"no TOML", "state = \n", "line 1, column 9: unexpected character"},
		{"relative state", "state = \"state\"\n" + serialLane, `state "state" is not an absolute path`},
		{"no lane", stateLine, "there is no [[lane]]"},
		{"unknown key at the top", stateLine + "colour = 1\n" + serialLane, `line 3: unknown key "colour"`},
		{"unknown key in a table", stateLine + "[web]\nlisten = \"127.0.0.1:1\"\nport = 80\n" + serialLane, `line 5: unknown key "web.port"`},
		{"unknown key of a lane", stateLine + serialLane + "speed = 1\n", `line 7: unknown key "lane.speed"`},
		{"unknown key of a profile", stateLine + "[profiles.a]\nbase = \"checkpoint\"\nadmit = true\n" + serialLane, `line 5: unknown key "profiles.a.admit"`},
		{"key twice", stateLine + stateOnly + serialLane, "line 3, column 1: key state is already defined"},
		{"wrong type", stateOnly + "profile = 3\n" + serialLane, `line 2, column 11: "profile": cannot decode TOML integer`},
		{"wrong type in a lane", stateLine + "[[lane]]\nid = 1\n", `line 4, column 6: "lane.id": cannot decode TOML integer`},
		{"wrong type of a list", stateLine + "[web]\nhosts = \"a\"\n" + serialLane, `line 4, column 9: "web.hosts": cannot decode TOML string`},
		{"number for a duration", stateLine + serialLane + "repeat = 2\n", `lane "1": repeat 2ns: want 500ms to 10s`},
		{"duration without a unit", stateLine + "[clock]\nmax_dark = \"3\"\n" + serialLane, "missing unit in duration"},

		{"unknown way to verify", stateLine + "[verify]\np256 = \"openssl\"\n" + serialLane, `verify.p256 "openssl": want "fast" or "std"`},
		{"too little memory for tables", stateLine + "[verify]\ntable_memory = 7\n" + serialLane, "verify.table_memory 7: want 8 to 4096"},
		{"too much memory for tables", stateLine + "[verify]\ntable_memory = 4097\n" + serialLane, "verify.table_memory 4097: want 8 to 4096"},
		{"negative memory for tables", stateLine + "[verify]\ntable_memory = -1\n" + serialLane, "verify.table_memory -1: want 8 to 4096"},

		{"unknown clock", stateLine + "[clock]\nsource = \"gps\"\n" + serialLane, `clock.source "gps": want "ntp" or "system"`},
		{"no time in the dark", stateLine + "[clock]\nmax_dark = \"0s\"\n" + serialLane, "clock.max_dark 0s: want at least 1h0m0s"},
		{"negative time in the dark", stateLine + "[clock]\nmax_dark = \"-1h\"\n" + serialLane, "clock.max_dark -1h0m0s: want at least 1h0m0s"},
		{"page for everybody", stateLine + "[web]\nlisten = \"0.0.0.0:8080\"\n" + serialLane, `web.listen "0.0.0.0:8080": other machines could reach it`},
		{"page on every address", stateLine + "[web]\nlisten = \":8080\"\n" + serialLane, `web.listen ":8080": other machines could reach it`},
		{"events for everybody", stateLine + "[web]\nevents = \"192.0.2.1:8080\"\n" + serialLane, `web.events "192.0.2.1:8080": other machines could reach it`},
		{"page without a port", stateLine + "[web]\nlisten = \"127.0.0.1\"\n" + serialLane, "web.listen: address 127.0.0.1: missing port"},

		{"unknown profile", stateOnly + "profile = \"airport\"\n" + serialLane, `profile "airport": there is none of that name`},
		{"unknown profile of a lane", stateLine + serialLane + "profile = \"x\"\n", `lane "1": profile "x": there is none of that name`},
		{"no profile", stateOnly + serialLane, `lane "1": "profile" is missing: what is asked of a code, one of boarding, venue, checkpoint, health, retail`},
		{"misspelt profile", stateOnly + "profile = \"checkpiont\"\n" + serialLane, `profile "checkpiont": there is none of that name, want one of boarding, venue, checkpoint, health, retail`},
		{"second document of no kind", stateLine + "[profiles.a]\nbase = \"health\"\nneeds = {\"hcert:test\" = [\"passport\"]}\n" + serialLane, `profiles.a: needs.hcert:test: no kind that is read here is named "passport"`},
		{"second document beside what is not accepted", stateLine + "[profiles.a]\nbase = \"health\"\nneeds = {ticket = [\"mrz\"]}\n" + serialLane, `profiles.a: needs: "ticket" is no kind that is accepted here`},
		{"document that needs itself", stateLine + "[profiles.a]\nbase = \"venue\"\nneeds = {ticket = [\"ticket\"]}\n" + serialLane, `profiles.a: needs.ticket: a document cannot need one of its own kind`},
		{"anti-passback too long", stateLine + "[profiles.a]\nbase = \"venue\"\npassback = \"24h1s\"\n" + serialLane, `profiles.a: passback: 24h0m1s is not within 0s and 24h0m0s`},
		{"anti-passback below zero", stateLine + "[profiles.a]\nbase = \"venue\"\npassback = \"-1s\"\n" + serialLane, `profiles.a: passback: -1s is not within`},
		{"profile that accepts nothing", stateLine + "[profiles.a]\nbase = \"checkpoint\"\naccept = []\n" + serialLane, "profiles.a: accept: nothing would be admitted"},
		{"profile with the name of a built-in one", stateOnly + "profile = \"venue\"\n[profiles.venue]\nbase = \"venue\"\nonce = []\n" + serialLane, `profiles.venue: a built-in profile has that name`},
		{"profile on that of the demo", stateLine + "[profiles.a]\nbase = \"demo\"\n" + serialLane, `profiles.a: base "demo" is no built-in profile for production`},
		{"profile on itself", stateLine + "[profiles.a]\nbase = \"a\"\n" + serialLane + "profile = \"a\"\n", `profiles.a: base "a" is no built-in profile`},
		{"profile without a base", stateLine + "[profiles.a]\n" + serialLane, `profiles.a: base "" is no built-in profile`},
		{"profile that nobody uses", stateLine + "[profiles.a]\nbase = \"checkpoint\"\ndeny = [\"expired\"]\n" + serialLane, `profiles.a: deny: "expired" is no reason that asks a person`},
		{"unknown kind", stateLine + "[profiles.a]\nbase = \"checkpoint\"\naccept = [\"tickets\"]\n" + serialLane, `profiles.a: accept: no kind that is read here is named "tickets": want hcert:vaccination, hcert:test, hcert:recovery, ticket`},
		{"unknown kind used once", stateLine + "[profiles.a]\nbase = \"checkpoint\"\nonce = [\"opaque\"]\n" + serialLane, `profiles.a: once: no kind that is read here is named "opaque"`},
		{"kind that is refused by name", stateLine + "[profiles.a]\nbase = \"checkpoint\"\naccept = [\"uic\"]\n" + serialLane, `profiles.a: accept: no kind that is read here is named "uic"`},
		{"check that nobody makes", stateLine + "[profiles.a]\nbase = \"checkpoint\"\nrequire = [\"identity\"]\n" + serialLane, `profiles.a: require: "identity" cannot be asked for`},
		{"unknown check", stateLine + "[profiles.a]\nbase = \"checkpoint\"\nrequire = [\"luck\"]\n" + serialLane, `profiles.a: require: "luck" cannot be asked for; revocation can`},
		{"what each first document is", stateLine + "[profiles.a]\nbase = \"checkpoint\"\ndeny = [\"second_document_missing\"]\n" + serialLane, `profiles.a: deny: "second_document_missing" is what each first document is until the second one is shown`},
		{"ok as a reason", stateLine + "[profiles.a]\nbase = \"checkpoint\"\ndeny = [\"ok\"]\n" + serialLane, `profiles.a: deny: "ok" is no reason that asks a person`},

		{"lane without a name", lane("scanner = \"serial\"\npath = \"/x\"\n"), `lane id "": want 1 to 32`},
		{"lane with a path for a name", lane("id = \"a/b\"\nscanner = \"serial\"\npath = \"/x\"\n"), `lane id "a/b": want 1 to 32`},
		{"name of 33", lane("id = \"" + strings.Repeat("a", 33) + "\"\nscanner = \"serial\"\npath = \"/x\"\n"), "want 1 to 32"},
		{"unknown scanner", lane("id = \"1\"\nscanner = \"ps2\"\npath = \"/x\"\n"), `lane "1": scanner "ps2": want "serial", "hid", "tcp", "listen" or "camera"`},
		{"no path", lane("id = \"1\"\nscanner = \"serial\"\n"), `lane "1": "path" is missing`},
		{"unknown lamp", stateLine + serialLane + "lamp = \"gpio\"\n", `lane "1": lamp "gpio": want "none" or "beeper"`},
		{"beeper of a HID scanner", lane("id = \"1\"\nscanner = \"hid\"\npath = \"1-1:1.0\"\nlamp = \"beeper\"\n"), `lane "1": only the beeper of a serial or network scanner can be driven`},
		{"name twice", stateLine + serialLane + strings.ReplaceAll(serialLane, "ACM0", "ACM1"), `lane "1" stands twice`},
		{"one scanner for two lanes", stateLine + serialLane + strings.ReplaceAll(serialLane, `"1"`, `"2"`), `lanes "1" and "2" have the same scanner: /dev/ttyACM0`},
		{"repeat too short", stateLine + serialLane + "repeat = \"499ms\"\n", `lane "1": repeat 499ms: want 500ms to 10s`},
		{"repeat too long", stateLine + serialLane + "repeat = \"10001ms\"\n", `lane "1": repeat 10.001s: want 500ms to 10s`},
		{"baud rate below the least", stateLine + serialLane + "baud = 299\n", `lane "1": baud 299: want 300 to 4000000`},
		{"baud rate above the most", stateLine + serialLane + "baud = 4000001\n", `lane "1": baud 4000001: want 300 to 4000000`},
		{"hold too long", stateLine + serialLane + "hold = \"10001ms\"\n", `lane "1": hold 10.001s: at most 10s`},
		{"layout of a serial scanner", stateLine + serialLane + "layout = \"fr\"\n", `lane "1": layout is for keyboard scanners`},
		{"baud rate of a HID scanner", lane("id = \"1\"\nscanner = \"hid\"\npath = \"1-1:1.0\"\nbaud = 9600\n"), `lane "1": baud is for serial scanners`},
		{"model without a beeper", stateLine + serialLane + "model = \"bel\"\n", `lane "1": model says whose beeper it is`},
		{"unknown beeper", stateLine + serialLane + "lamp = \"beeper\"\nmodel = \"horn\"\n", `unknown beeper "horn"`},
		{"beeper without a model", stateLine + serialLane + "lamp = \"beeper\"\n", `lane "1": "model" is missing`},
		{"beeper of a reader that waits", stateLine + serialLane + "lamp = \"beeper\"\nmodel = \"bel\"\nanswer = \"opticon\"\n", `lane "1": a scanner either waits for answers or has a beeper`},
		{"a reader of little patience on the network", lane("id = \"1\"\nscanner = \"tcp\"\npath = \"192.0.2.7:2001\"\nanswer = \"opticon\"\n"), `lane "1": answer: opticon waits 1s for its host, too short for a network`},
		{"trigger and answer", stateLine + serialLane + "answer = \"opticon\"\ntrigger = \"opticon\"\n", `lane "1": a scanner that is triggered again`},
		{"answers to a HID scanner", lane("id = \"1\"\nscanner = \"hid\"\npath = \"1-1:1.0\"\nanswer = \"opticon\"\n"), `lane "1": terminator, undo_utf8, answer and trigger are for scanners that send bytes`},
		{"peer of a scanner that we connect to", lane("id = \"1\"\nscanner = \"tcp\"\npath = \"192.0.2.1:2001\"\npeer = \"192.0.2.2\"\n"), `lane "1": peer says who may connect; scanner is not listen`},
		{"heartbeat of a serial scanner", stateLine + serialLane + "heartbeat = \"HB\"\n", `lane "1": heartbeat is for scanners on the network`},
		{"unknown answer", stateLine + serialLane + "answer = \"shout\"\n", `unknown reader "shout"`},
		{"unknown trigger", stateLine + serialLane + "trigger = \"gun\"\n", `unknown trigger "gun"`},
		{"line that is none", stateLine + serialLane + "[lane.gpio]\nchip = \"/dev/gpiochip0\"\ngreen = \"x\"\n", `line "x": want a number`},
		{"lamps without a chip", stateLine + serialLane + "[lane.gpio]\ngreen = \"1\"\n", `lane "1": gpio: "chip" is missing`},
		{"tower without a model", stateLine + serialLane + "[lane.tower]\npath = \"/dev/ttyUSB0\"\n", `lane "1": tower: "path" or "model" is missing`},
		{"relay without a path", stateLine + serialLane + "[lane.relay]\nmodel = \"lcus\"\n", `lane "1": relay: "path" or "model" is missing`},
		{"tower and relay", stateLine + serialLane + "[lane.tower]\npath = \"/dev/ttyUSB0\"\nmodel = \"adafruit\"\n[lane.relay]\npath = \"/dev/ttyUSB1\"\nmodel = \"lcus\"\n", `lane "1": of beeper, tower and relay one at most`},
		{"pulse longer than its green", stateLine + serialLane + "[lane.gpio]\nchip = \"c\"\nrelay = \"1\"\npulse = \"3s\"\n", `lane "1": pulse 3s is longer than hold`},
		{"contact without a line", stateLine + serialLane + "[lane.contact]\nchip = \"/dev/gpiochip0\"\n", `lane "1": contact: "chip" or "line" is missing`},
		{"forwarding to nowhere", stateLine + serialLane + "[lane.forward]\ncontent = \"scan\"\n", `lane "1": forward: "to" is missing`},
		{"one line for two lamps", stateLine + serialLane + "[lane.gpio]\nchip = \"c\"\ngreen = \"1\"\nred = \"1 active-low\"\n", `lane "1" needs c line 1 twice`},
		{"one line for two lanes", stateLine + serialLane + "[lane.gpio]\nchip = \"c\"\ngreen = \"1\"\n" + strings.NewReplacer(`"1"`, `"2"`, "ACM0", "ACM1").Replace(serialLane) + "[lane.contact]\nchip = \"c\"\nline = \"1\"\n", `lanes "1" and "2" both need c line 1`},
		{"a lamp where a scanner is", stateLine + serialLane + "[lane.tower]\npath = \"/dev/ttyACM0\"\nmodel = \"adafruit\"\n", `lane "1" needs /dev/ttyACM0 twice`},
		{"exposed without a token", stateLine + "[web]\nexposed = true\n" + serialLane, "web.exposed without web.token_file"},
		{"hold too short", stateLine + serialLane + "hold = \"999ms\"\n", `lane "1": hold 999ms: want at least 1s`},
	} {
		path := written(t, tt.text)
		c, err := loadConfig(path)
		if err == nil {
			t.Errorf("%s: accepted: %+v", tt.name, c)
			continue
		}
		if !strings.HasPrefix(err.Error(), "configuration "+path+": ") || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "main.") {
			t.Errorf("%s: got %q, want %q", tt.name, err, tt.want)
		}
	}
}

func TestValuesAtTheirLimitsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		serialLane + "baud = 300\n",
		serialLane + "baud = 4000000\n",
		serialLane + "repeat = \"500ms\"\nhold = \"1s\"\n",
		serialLane + "repeat = \"10s\"\nhold = \"10s\"\n",
		"[clock]\nmax_dark = \"1h\"\nsource = \"system\"\n" + serialLane,
		"[web]\nlisten = \"0.0.0.0:0\"\nevents = \":0\"\nexposed = true\ntoken_file = \"/t\"\n" + serialLane,
		"[web]\nlisten = \"[::1]:0\"\nevents = \"localhost:0\"\n" + serialLane,
		strings.ReplaceAll(serialLane, `"1"`, `"`+strings.Repeat("Z", 28)+`_-09"`),
		serialLane + "[[lane]]\nid = \"2\"\nscanner = \"hid\"\npath = \"1-1:1.0\"\nlamp = \"none\"\n",
	} {
		if _, err := loadConfig(written(t, stateLine+text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}

func TestConfigurationHasALimit(t *testing.T) {
	t.Parallel()
	text := stateLine + serialLane
	fits := text + strings.Repeat("#", maxConfig-len(text))
	if _, err := loadConfig(written(t, fits)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := loadConfig(written(t, fits+"#")); err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := loadConfig(filepath.Join(t.TempDir(), "none.toml")); err == nil || !strings.HasPrefix(err.Error(), "read configuration: ") {
		t.Errorf("no file: %v", err)
	}
}

func TestProfileOfOnesOwn(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(written(t, stateOnly+`profile = "strict"
[profiles.strict]
base = "venue"
accept = ["hcert:test", "ticket"]
needs = {ticket = ["hcert:test", "vds-nc"]}
admit_unsigned = true
reentry = true
passback = "10m"
require = ["revocation"]
deny = ["weak_key", "list_stale"]
once = ["hcert:test"]
ignore_key_expired = true
admit_stale_list = true
[profiles.plain]
base = "checkpoint"
needs = {}
`+serialLane+"[[lane]]\nid = \"2\"\nscanner = \"serial\"\npath = \"/dev/ttyACM1\"\nprofile = \"plain\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.station()
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Venue()
	want.Name, want.Accept, want.Once = "strict", policy.Kinds(policy.HCERTTest, policy.Ticket), policy.Kinds(policy.HCERTTest)
	want.Needs[policy.Ticket] = policy.Kinds(policy.HCERTTest, policy.VDSNC)
	want.AdmitUnsigned, want.Reentry, want.Passback = true, true, 10*time.Minute
	want.Require = policy.Checks(policy.Revocation)
	want.Tighten[policy.WeakKey], want.Tighten[policy.ListStale] = true, true
	want.IgnoreKeyExpired, want.AdmitStale = true, true
	if *o.profile != want || *o.lanes[0].Profile != want {
		t.Errorf("got %+v and %+v, want %+v", o.profile, o.lanes[0].Profile, want)
	}
	want = policy.Health()
	want.Name = "plain"
	if *o.lanes[1].Profile != want {
		t.Errorf("got %+v, want %+v", o.lanes[1].Profile, want)
	}
}

func TestFilesThatAConfigurationNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := file("secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n")
	for _, tt := range []struct{ name, text, want string }{
		{"token", "[web]\ntoken_file = \"" + file("token", " abc\n") + "\"\n", ""},
		{"no token file", "[web]\ntoken_file = \"" + dir + "/none\"\n", "web.token_file: open " + dir + "/none"},
		{"empty token", "[web]\ntoken_file = \"" + file("empty", " \n") + "\"\n", "is empty"},
		{"token at the limit", "[web]\ntoken_file = \"" + file("long", strings.Repeat("a", maxSecret)) + "\"\n", ""},
		{"token over it", "[web]\ntoken_file = \"" + file("longer", strings.Repeat("a", maxSecret+1)) + "\"\n", "larger than 4096 bytes"},
		{"secret", "[report]\nendpoint = \"https://collector.example/v1/reports\"\nsecret_file = \"" + secret + "\"\n", ""},
		{"bad secret", "[report]\nendpoint = \"https://collector.example/v1/reports\"\nsecret_file = \"" + file("bad", "hunter2") + "\"\n", "report.secret_file: "},
		{"no secret file", "[report]\nendpoint = \"https://collector.example/v1/reports\"\nsecret_file = \"" + dir + "/none\"\n", "report.secret_file: open "},
		{"no roots file", "[trust]\nroots = \"" + dir + "/none\"\n", "read roots: open "},
		{"roots that are none", "[trust]\nroots = \"" + secret + "\"\n", "roots " + secret + ": "},
		{"unknown terminator", serialLane + "terminator = \"bell\"\n", `lane "1": terminator: unknown terminator "bell"`},
		{"unknown layout", "[[lane]]\nid = \"1\"\nscanner = \"hid\"\npath = \"1-1:1.0\"\nlayout = \"ar\"\n", `lane "1": layout: unknown keyboard layout "ar"`},
	} {
		text := stateLine + tt.text
		if !strings.Contains(tt.text, "[[lane]]") {
			text += serialLane
		}
		c, err := loadConfig(written(t, text))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		o, err := c.station()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		switch {
		case tt.name == "token" && (o == nil || o.web.Token != "abc"):
			t.Error("the token is not that in the file, without white space")
		case tt.name == "secret" && (o == nil || o.forward == nil || len(o.forward.Secrets) != 1 || o.forward.URL == ""):
			t.Error("the secret does not reach the forwarder")
		}
	}
}

func TestShippedConfigurationLoads(t *testing.T) {
	t.Parallel()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy", "passerelle.toml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(written(t, string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c.Trust.Roots = "" // /etc/passerelle is not here
	o, err := c.station()
	if err != nil {
		t.Fatal(err)
	}
	if len(o.lanes) != 3 || o.lanes[0].Profile.Name != "terminal-2" || o.lanes[1].Profile.Name != "venue" {
		t.Errorf("lanes: %+v", o.lanes)
	}
	// What is commented out is right, too.
	open := strings.NewReplacer("\n# endpoint", "\nendpoint", "\n# secret_file", "\nsecret_file", "\n# ca_file", "\nca_file",
		"\n# cert_file", "\ncert_file", "\n# key_file", "\nkey_file", "\n# token_file", "\ntoken_file").Replace(string(text))
	if c, err = loadConfig(written(t, open)); err != nil {
		t.Fatal(err)
	}
	if r := c.Report; r.Endpoint == "" || r.SecretFile == "" || r.CAFile == "" || r.CertFile == "" || r.KeyFile == "" || c.Web.TokenFile == "" {
		t.Errorf("not all examples were found: %+v", c)
	}
}

func TestEveryKeyIsDocumentedInTheShippedConfiguration(t *testing.T) {
	t.Parallel()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy", "passerelle.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range tomlKeys(config{}) {
		if !strings.Contains(string(text), "\n"+key+" = ") && !strings.Contains(string(text), "\n# "+key+" = ") {
			t.Errorf("key %q is not in deploy/passerelle.toml", key)
		}
	}
}

// tomlKeys lists the keys of a configuration that have values, in all its tables.
func tomlKeys(v any) []string {
	var keys []string
	var walk func(reflect.Type)
	walk = func(s reflect.Type) {
		for f := range s.Fields() {
			inner := f.Type
			for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && inner.PkgPath() == s.PkgPath() { // a driver's are texts
				walk(inner)
				continue
			}
			keys = append(keys, f.Tag.Get("toml"))
		}
	}
	walk(reflect.TypeOf(v))
	return keys
}

func TestReadingEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	path := written(t, "12345")
	if got, err := readLimited(path, 5); err != nil || string(got) != "12345" {
		t.Errorf("at the limit: %q, %v", got, err)
	}
	for _, endless := range []string{path, "/dev/zero"} { // a device says that it has no size
		if got, err := readLimited(endless, 4); err == nil || got != nil || !strings.Contains(err.Error(), "larger than 4 bytes") {
			t.Errorf("%s over the limit: %q, %v", endless, got, err)
		}
	}
}
