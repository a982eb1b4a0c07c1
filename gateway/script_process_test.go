package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"passerelle/drivers/scannertest"
)

// Times of the scripts.
const (
	patience = 30 * time.Second      // for what must come
	goodbye  = 3 * time.Second       // for a program to end in
	glance   = 50 * time.Millisecond // between two looks
	answerIn = 10 * time.Second      // for one answer
)

const longestAnswer = 4 << 20 // bytes

// running is what goes on beside a script.
type running struct {
	programs map[string]*exec.Cmd
	scanners map[string]*scannertest.Scanner
}

// beside is the key of a script's running.
type beside struct{}

func runningOf(ts *testscript.TestScript) *running { return ts.Value(beside{}).(*running) }

// start NAME PROGRAM [ARG…] runs a program beside the script; what it says goes to the files NAME.out and NAME.err, and
// NAME_PID is its process.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME PROGRAM [ARG…]")
	}
	name, r := args[0], runningOf(ts)
	if r.programs[name] != nil {
		ts.Fatalf("%s is running already", name)
	}
	out, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer out.Close()
	errs, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	defer errs.Close()
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), out, errs
	for _, key := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR"} {
		cmd.Env = append(cmd.Env, key+"="+ts.Getenv(key))
	}
	ts.Check(cmd.Start())
	r.programs[name] = cmd
	ts.Setenv(name+"_PID", strconv.Itoa(cmd.Process.Pid))
	ts.Defer(func() {
		if r.programs[name] == cmd { // the script failed before it was stopped
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
}

// terminate NAME sends SIGTERM: the program must end with exit code 0, and soon.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: terminate NAME")
	}
	name, r := args[0], runningOf(ts)
	cmd := r.programs[name]
	if cmd == nil {
		ts.Fatalf("%s is not running", name)
	}
	ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	killed := time.AfterFunc(goodbye, func() { _ = cmd.Process.Kill() })
	began := time.Now()
	err := cmd.Wait()
	delete(r.programs, name)
	ts.Logf("%s ended after %v", name, time.Since(began).Round(time.Millisecond))
	if !killed.Stop() {
		err = fmt.Errorf("it did not end within %v of SIGTERM", goodbye)
	}
	if err != nil {
		ts.Fatalf("%s: %v\n%s%s", name, err, ts.ReadFile(name+".out"), ts.ReadFile(name+".err"))
	}
}

// await FILE PATTERN [NAME] waits until a file has the pattern, and puts its first group into the environment.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: await FILE PATTERN [NAME]")
	}
	waitFor(ts, args[1:], func() (string, error) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return string(text), err
	})
}

// poll URL PATTERN [NAME [HEADER…]] is await for what a server answers.
func poll(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: poll URL PATTERN [NAME [HEADER…]]")
	}
	waitFor(ts, args[1:min(len(args), 3)], func() (string, error) {
		_, body, err := ask("GET", args[0], nil, args[min(len(args), 3):]...)
		return string(body), err
	})
}

// waitFor looks until the text matches args[0], whose first group becomes the variable args[1].
func waitFor(ts *testscript.TestScript, args []string, look func() (string, error)) {
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var text string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(glance) {
		if text, err = look(); err != nil {
			continue
		}
		if found := pattern.FindStringSubmatch(text); found != nil {
			if len(args) > 1 && len(found) > 1 {
				ts.Setenv(args[1], found[1])
			}
			return
		}
	}
	ts.Fatalf("no %q within %v: %v\n%s", args[0], patience, err, text)
}

// fetch STATUS METHOD URL [FILE TYPE [HEADER…]] sends a request, with a file as its body, and writes the answer to stdout.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) == 4 {
		ts.Fatalf("usage: fetch STATUS METHOD URL [FILE TYPE [HEADER…]]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var body []byte
	var headers []string
	if len(args) >= 5 {
		body, headers = []byte(ts.ReadFile(args[3])), append([]string{"Content-Type: " + args[4]}, args[5:]...)
	}
	status, answer, err := ask(args[1], args[2], body, headers...)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s", answer)
	if status != want {
		ts.Fatalf("status %d, want %d", status, want)
	}
}

// port NAME finds a port that nobody listens on; NAME becomes its number.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(errors.Join(err, l.Close()))
	ts.Setenv(args[0], port)
}

// login URL ACCOUNT PASSWORD NAME logs somebody in; NAME becomes the header that shows who he is.
func login(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: login URL ACCOUNT PASSWORD NAME")
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	form := fmt.Sprintf(`{"account":%q,"password":%q}`, args[1], args[2])
	request, err := http.NewRequestWithContext(ctx, "POST", args[0]+"v1/login", strings.NewReader(form))
	ts.Check(err)
	request.Close = true
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	ts.Check(answer.Body.Close())
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		ts.Fatalf("status %d with %d cookies", answer.StatusCode, len(answer.Cookies()))
	}
	ts.Setenv(args[3], "Cookie: "+answer.Cookies()[0].Name+"="+answer.Cookies()[0].Value)
}

func ask(method, url string, body []byte, headers ...string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Close = true // no connection stays open that a program would have to wait for
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	return answer.StatusCode, text, errors.Join(err, answer.Body.Close())
}

// stream URL FILE [HEADER…] listens to a stream of events until the script ends, and writes it to a file.
func stream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: stream URL FILE [HEADER…]")
	}
	out, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	request, err := http.NewRequest("GET", args[0], nil)
	ts.Check(err)
	for _, h := range args[2:] {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(out, answer.Body) // until the server or the script ends it
	}()
	ts.Defer(func() {
		_ = answer.Body.Close()
		<-done
		_ = out.Close()
	})
}

// deaf NAME makes an endpoint that takes connections and never answers, and puts its address into the environment.
func deaf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: deaf NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes connections; nobody reads
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], "http://"+l.Addr().String()+"/v1/reports")
}

// plugScanner NAME LINK plugs a simulated scanner in: a real pseudo-terminal, with a link that stays.
func plugScanner(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: scanner NAME LINK")
	}
	s, err := scannertest.New(scannertest.Options{AIM: "]Q1", Link: ts.MkAbs(args[1])})
	ts.Check(err)
	runningOf(ts).scanners[args[0]] = s
	ts.Defer(func() { _ = s.Close() })
}

// unplug NAME pulls a scanner out.
func unplugScanner(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || runningOf(ts).scanners[args[0]] == nil {
		ts.Fatalf("usage: unplug NAME, of a scanner that is plugged in")
	}
	ts.Check(runningOf(ts).scanners[args[0]].Close())
	delete(runningOf(ts).scanners, args[0])
}

// scan NAME FILE shows the first line of a file to a scanner.
func scan(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: scan NAME FILE")
	}
	s := runningOf(ts).scanners[args[0]]
	if s == nil {
		ts.Fatalf("there is no scanner %s", args[0])
	}
	code, _, _ := strings.Cut(ts.ReadFile(args[1]), "\n")
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	ts.Check(s.Scan(ctx, []byte(code)))
}
