package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"passerelle/drivers/scannertest"
)

// TestMain makes this binary the real program when it is called by its name: the scripts run it as processes of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"passerelle": main})
}

// TestScripts runs testdata/script: what somebody at a terminal types, sees and gets.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               setUpScript,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails":        fails,
			"exits":        exits,
			"start":        start,
			"terminate":    terminate,
			"await":        await,
			"harmless":     harmless,
			"payload":      payload,
			"picture":      asPicture,
			"jpeg":         asJPEG,
			"pdf":          asPDF,
			"fill":         fill,
			"empty":        empty,
			"higher":       higher,
			"expand":       expand,
			"glob":         glob,
			"flip":         flip,
			"chain":        checkChain,
			"same-entries": compareEntries,
			"scanner":      plugScanner,
			"unplug":       unplugScanner,
			"deaf":         deaf,
			"stream":       stream,
			"scan":         scan,
			"fetch":        fetch,
			"login":        login,
			"port":         freePort,
			"poll":         poll,
		},
	})
}

// Names under which the scripts find things that are not in them.
const (
	envKeys    = "KEYS"    // testdata/keys
	envTrust   = "TRUST"   // testdata/trust
	envCorpora = "CORPORA" // public test data
)

func setUpScript(env *testscript.Env) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	program, err := exec.LookPath("passerelle")
	if err != nil {
		return err
	}
	env.Setenv("PASSERELLE", program) // for a script that changes PATH
	env.Setenv("ESC", "\x1b")
	env.Setenv(envKeys, filepath.Join(root, "testdata", "keys"))
	env.Setenv(envTrust, filepath.Join(root, "testdata", "trust"))
	env.Setenv(envCorpora, corporaFolder(root))
	env.Values[beside{}] = &running{programs: make(map[string]*exec.Cmd), scanners: make(map[string]*scannertest.Scanner)}
	return nil
}

// moduleRoot is the folder that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above this folder")
		}
		dir = parent
	}
}

func corporaFolder(root string) string {
	if dir := os.Getenv(envCorpora); dir != "" {
		return dir
	}
	return filepath.Join(root, "..", "shared", "corpora")
}

// condition tells what a script may need and not have. With CI=true everything must be there.
func condition(name string) (bool, error) {
	var err error
	switch name {
	case "corpora":
		var root string
		if root, err = moduleRoot(); err == nil {
			_, err = os.Stat(filepath.Join(corporaFolder(root), "trust", "de-acceptance", "dsc-list.json"))
		}
	case "full":
		_, err := os.Stat("/dev/full")
		return err == nil, nil
	case "synced":
		return kernelSynced(), nil
	case "unsynced":
		return !kernelSynced(), nil
	case "pdftoppm", "openssl":
		_, err = exec.LookPath(name)
	default:
		return false, fmt.Errorf("condition %q is not known", name)
	}
	if err != nil && os.Getenv("CI") == "true" {
		return false, err
	}
	return err == nil, nil
}

// exits CODE PROGRAM [ARG…] runs a program that must end with that very code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// fails PROGRAM [ARG…] runs a program whose standard output is a full disk: it must say so, and exit 1.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fails PROGRAM [ARG…]")
	}
	err := ts.Exec("sh", append([]string{"-c", `exec "$0" "$@" >/dev/full`}, args...)...)
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != exitRefused {
		ts.Fatalf("%v, want exit code %d", err, exitRefused)
	}
	if !strings.Contains(ts.ReadFile("stderr"), "passerelle: error: ") || !strings.Contains(ts.ReadFile("stderr"), "no space left on device") {
		ts.Fatalf("it does not say that there is no space")
	}
}

// harmless FILE… checks that a file, or stdout or stderr, cannot do anything to a terminal.
func harmless(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: harmless FILE…")
	}
	for _, name := range args {
		if err := checkHarmless(ts.ReadFile(name)); err != nil {
			ts.Fatalf("%s: %v", name, err)
		}
	}
}

// payload CASE FILE writes the code of a case of testdata/cases as one line.
func payload(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: payload CASE FILE")
	}
	c, err := caseNamed(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), append(bytes.Clone(c.Payload), '\n'), 0o600))
}

// fill FILE N writes a line of N letters.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(bytes.Repeat([]byte("A"), n), '\n'), 0o600))
}

// flip GLOB changes one bit in the middle of each file that matches.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip GLOB")
	}
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no file matches %s", args[0])
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		ts.Check(err)
		text[len(text)/2] ^= 1
		ts.Check(os.WriteFile(name, text, 0o600))
	}
}

// checkChain FILE checks the hashes of a journal's export.
func checkChain(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: chain FILE")
	}
	n, err := recomputeChain(ts.ReadFile(args[0]))
	switch {
	case neg && err == nil:
		ts.Fatalf("%s: a chain of %d entries is whole", args[0], n)
	case !neg && err != nil:
		ts.Fatalf("%s: %v", args[0], err)
	case !neg:
		fmt.Fprintf(ts.Stdout(), "%d entries\n", n)
	}
}

// empty FOLDER checks that nothing is in a folder.
func empty(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: empty FOLDER")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(entries) > 0 {
		ts.Fatalf("%s holds %v", args[0], entries)
	}
}

// glob PATTERN checks that a file matches, or with ! that none does.
func glob(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: glob PATTERN")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if neg == (len(found) > 0) {
		ts.Fatalf("%s matches %q", args[0], found)
	}
}

// expand FILE replaces the variables in a file.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// compareEntries EXPORT REPORTED checks that a collector holds every entry of a journal, byte for byte, once.
func compareEntries(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same-entries EXPORT REPORTED")
	}
	if err := sameEntries(ts.ReadFile(args[0]), ts.ReadFile(args[1])); err != nil {
		ts.Fatalf("%v", err)
	}
}

// higher A B checks that a number is higher than another.
func higher(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: higher A B")
	}
	a, err := strconv.ParseUint(args[0], 10, 64)
	ts.Check(err)
	b, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	if a <= b {
		ts.Fatalf("%d is not higher than %d", a, b)
	}
}
