package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"passerelle/gateway/people"
	"passerelle/gateway/web"
)

func TestConfigurationsOfThePageAreRefusedInWords(t *testing.T) {
	t.Parallel()
	const outside = "[web]\nlisten = \"0.0.0.0:8443\"\ntoken_file = \"/t\"\n"
	for _, tt := range []struct{ name, text, want string }{
		{"unknown TLS", "[web]\ntls = \"on\"\n", `web.tls "on": want "off", "self" or "files"`},
		{"TLS of nothing", "[web]\ntls = \"\"\n", `web.tls "": want "off", "self" or "files"`},
		{"files without a key", "[web]\ntls = \"files\"\ncert_file = \"/c\"\n", `"cert_file" or "key_file" is missing`},
		{"a certificate for nothing", "[web]\ntls = \"self\"\ncert_file = \"/c\"\n", `web.cert_file and web.key_file are for web.tls = "files"`},
		{"unknown key", "[people]\nlogins = true\n", `unknown key "people.logins"`},
		{"login over plain HTTP", outside + "[people]\nlogin = true\n", "people log in, so other machines may reach it over TLS only"},
		{"login over plain HTTP, exposed", outside + "exposed = true\n[people]\nlogin = true\n", "people log in, so other machines may reach it over TLS only"},
		{"TLS without a login", outside + "tls = \"self\"\n", "other machines could reach it; people.login with web.tls allows that"},
		{"no token", "[web]\nlisten = \"0.0.0.0:8443\"\ntls = \"self\"\n[people]\nlogin = true\n", `web.listen "0.0.0.0:8443" without web.token_file`},
		{"no token for events", "[web]\nevents = \"192.0.2.1:8443\"\ntls = \"self\"\n[people]\nlogin = true\n", `web.events "192.0.2.1:8443" without web.token_file`},
	} {
		if _, err := loadConfig(written(t, stateLine+tt.text+serialLane)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, text := range []string{
		outside + "tls = \"self\"\n[people]\nlogin = true\n",
		outside + "tls = \"files\"\ncert_file = \"/c\"\nkey_file = \"/k\"\n[people]\nlogin = true\n",
		outside + "tls = \"self\"\nexposed = true\n",
		outside + "exposed = true\n",
		"[web]\ntls = \"self\"\n",
		"[people]\nlogin = true\n",
	} {
		if _, err := loadConfig(written(t, stateLine+text+serialLane)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}

// peopleConfigFile writes a configuration whose page is on a free port over TLS, and returns its path and its state folder.
func peopleConfigFile(t *testing.T) (path, state string) {
	t.Helper()
	state = filepath.Join(t.TempDir(), "state")
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ports := make([]string, 2)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().String()
		defer l.Close()
	}
	text := strings.ReplaceAll(stateLine, "/var/lib/passerelle", state) + fmt.Sprintf("[web]\nlisten = %q\nevents = %q\ntoken_file = %q\ntls = \"self\"\nhosts = [\"gate.example\"]\n",
		ports[0], ports[1], token) + serialLane
	return written(t, text), state
}

// does runs one command with what is typed, and returns what it printed.
func does(t *testing.T, run func(streams) error, typed string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(streams{in: strings.NewReader(typed), out: &out, err: io.Discard})
	return out.String(), err
}

// answers is does for a command that asks.
func answers(t *testing.T, run func(context.Context, streams) error, text string) (string, error) {
	t.Helper()
	return does(t, func(std streams) error { return run(t.Context(), std) }, text)
}

func TestAccountsComeAndGoByCommand(t *testing.T) {
	t.Parallel()
	path, state := peopleConfigFile(t)
	flags := peopleFlags{Config: path}
	for _, tt := range []struct {
		name, role, typed, want string
	}{
		{"amina", "authority", "correct horse battery\n", ""},
		{"said", "supervisor", "\n480913\n", ""},
		{"lina", "supervisor", "another long one\r\n\n", ""},
		{"amina", "steward", "correct horse battery\n", "that name is taken"},
		{"omar", "emperor", "x\n", `no role is named "emperor"`},
		{"omar", "steward", "short\n", "a password has 10 to 128 bytes"},
		{"omar", "steward", "", "an account needs a password"},
		{"omar", "steward", strings.Repeat("x", maxLine+1) + "\n", "the line is too long"},
		{"Omar", "steward", "correct horse battery\n", "a name has 1 to 32"},
	} {
		_, err := answers(t, (&peopleAddCmd{flags, tt.role, tt.name}).Run, tt.typed)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("add %s as %s: got %v, want %q", tt.name, tt.role, err, tt.want)
		}
	}
	for _, tt := range []struct{ typed, want string }{{"480914\n", "set"}, {"\n", "taken away"}, {"739104\n", "set"}} {
		if out, err := answers(t, (&peoplePINCmd{flags, "lina"}).Run, tt.typed); err != nil || out != "the PIN of lina is "+tt.want+"\n" {
			t.Errorf("PIN %q: %q, %v, want %s", tt.typed, out, err, tt.want)
		}
	}
	if _, err := answers(t, (&peoplePINCmd{flags, "amina"}).Run, "739104\n"); err == nil || !strings.Contains(err.Error(), "only a supervisor has a PIN") {
		t.Errorf("PIN of an authority: %v", err)
	}
	if _, err := does(t, (&peopleRemoveCmd{flags, "said"}).Run, ""); err != nil {
		t.Error(err)
	}
	if _, err := does(t, (&peopleRemoveCmd{flags, "said"}).Run, ""); err == nil {
		t.Error("said was removed twice")
	}
	out, err := does(t, (&peopleListCmd{flags}).Run, "")
	if want := "amina  authority   password\nlina   supervisor  password, PIN\n"; err != nil || out != want {
		t.Errorf("list: %v\n%s, want\n%s", err, out, want)
	}
	if info, err := os.Stat(filepath.Join(state, "people.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("people.json: %v, %v", info.Mode(), err)
	}
}

func TestTabletIsPairedThroughTheRunningGate(t *testing.T) {
	t.Parallel()
	path, state := peopleConfigFile(t)
	if _, err := answers(t, (&peopleAddCmd{peopleFlags{path}, "operator", "omar"}).Run, "correct horse battery\n"); err != nil {
		t.Fatal(err)
	}
	pair := &peoplePairCmd{peopleFlags{path}, "1", "steward"}
	if _, err := does(t, pair.Run, ""); err == nil || !strings.Contains(err.Error(), "read the certificate of the page") {
		t.Errorf("before the gate ever ran: %v", err)
	}
	c, err := loadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	options, err := c.station()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	options.log = slog.New(slog.DiscardHandler)
	if err := c.secure(options.web, slog.New(slog.NewTextHandler(&log, nil)), func(string, string, map[string]string) {}); err != nil {
		t.Fatal(err)
	}
	options.web.Supervise = func(people.Action) error { return nil }
	cert, err := web.LoadCert(filepath.Join(state, webFolder, web.OwnCertFile), filepath.Join(state, webFolder, web.OwnKeyFile))
	if err != nil || !strings.Contains(log.String(), web.Fingerprint(cert)) {
		t.Errorf("the fingerprint is not said: %s, %v", log.String(), err)
	}
	if _, err := does(t, pair.Run, ""); err == nil || !strings.Contains(err.Error(), "ask the gate at") {
		t.Errorf("while no gate runs: %v", err)
	}
	page, events, err := listen(c.Web.Listen, c.Web.Events)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openStation(*options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, page, events) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	pairAndRevoke(t, c, path, pair)
	doctorSays(t, c, web.Fingerprint(cert))
	otherGate(t, c, pair)
}

// pairAndRevoke walks from the code in the terminal to the lane and out again.
func pairAndRevoke(t *testing.T, c *config, path string, pair *peoplePairCmd) {
	t.Helper()
	out, err := does(t, pair.Run, "")
	_, port, _ := net.SplitHostPort(c.Web.Listen)
	_, rest, ok := strings.Cut(out, "https://gate.example:"+port+"/pair#")
	if err != nil || !ok || !strings.Contains(out, "█") || !strings.Contains(out, "▄") {
		t.Fatalf("%v\n%s", err, out)
	}
	code, _, _ := strings.Cut(rest, "\n")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	ask := func(method, path, body, cookie string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, "https://"+c.Web.Listen+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://"+c.Web.Listen)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", cookie)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	answer := ask("POST", "/v1/pair", `{"code":"`+code+`"}`, "")
	if answer.StatusCode != 200 || len(answer.Cookies()) != 1 {
		t.Fatalf("pair: %d, %v", answer.StatusCode, answer.Cookies())
	}
	cookie := answer.Cookies()[0].Name + "=" + answer.Cookies()[0].Value
	if got := ask("GET", "/v1/lanes", "", cookie).StatusCode; got != 200 {
		t.Errorf("the tablet: got %d, want 200", got)
	}
	listed, err := does(t, (&peopleListCmd{peopleFlags{path}}).Run, "")
	_, tablet, _ := strings.Cut(listed, "\n")
	id, _, _ := strings.Cut(tablet, " ")
	if err != nil || !strings.Contains(tablet, "steward") || !strings.Contains(tablet, "lane 1, paired ") {
		t.Fatalf("list: %v\n%s", err, listed)
	}
	if _, err := does(t, (&peopleRemoveCmd{peopleFlags{path}, id}).Run, ""); err != nil {
		t.Fatal(err)
	}
	if got := ask("GET", "/v1/lanes", "", cookie).StatusCode; got != 401 {
		t.Errorf("the tablet is removed while the gate runs: got %d, want 401", got)
	}
	if _, err := does(t, (&peoplePairCmd{peopleFlags{path}, "none", "steward"}).Run, ""); err == nil || !strings.Contains(err.Error(), "there is no such lane") {
		t.Errorf("a lane that is not there: %v", err)
	}
}

// doctorSays looks whether doctor names the certificate and counts the accounts.
func doctorSays(t *testing.T, c *config, fingerprint string) {
	t.Helper()
	var out bytes.Buffer
	x := &examination{out: tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0), now: time.Now()}
	x.people(c)
	if err := x.out.Flush(); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, fingerprint) || !strings.Contains(text, "1 accounts, 0 tablets; a login is needed: true") || x.problems != 0 {
		t.Errorf("doctor: %s", text)
	}
}

// otherGate looks whether the token goes to nobody but the gate itself.
func otherGate(t *testing.T, c *config, pair *peoplePairCmd) {
	t.Helper()
	dir := filepath.Join(c.State, webFolder)
	for _, name := range []string{web.OwnCertFile, web.OwnKeyFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.certificate(); err != nil { // another one
		t.Fatal(err)
	}
	if _, err := does(t, pair.Run, ""); err == nil || !strings.Contains(err.Error(), "its certificate is not the gate's") {
		t.Errorf("another program on the gate's port: %v", err)
	}
}
