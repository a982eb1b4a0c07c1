package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"passerelle/gateway/policy"
	"passerelle/gateway/rows"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
	"passerelle/testdata"
)

// mixedCases are cases of one clock, so that they can stand side by side: each code on a line, with the result that it has.
func mixedCases(t *testing.T) (cases []testdata.Case, results []string) {
	t.Helper()
	first, err := caseNamed("valid-vaccination")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range standardCases(t) {
		if c.Profile == "demo" && c.Now.Equal(first.Now) && !bytes.ContainsAny(c.Payload, "\r\n") {
			verdict, reason, _ := strings.Cut(c.Want, " ")
			cases = append(cases, c)
			results = append(results, strings.TrimRight(fmt.Sprintf("%-5s  %-15s  %-17s", verdict, reason, c.Kind), " "))
		}
	}
	if len(cases) < 100 {
		t.Fatalf("only %d cases", len(cases))
	}
	return cases, results
}

// sameResults compares results, less the issuer at their end.
func sameResults(t *testing.T, what, output string, want func(i int) string, n int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(output, "\n"), "\n")
	if len(lines) != n {
		t.Errorf("%s: %d results for %d codes", what, len(lines), n)
		return
	}
	wrong := 0
	for i, line := range lines {
		if !strings.HasPrefix(line, want(i)) {
			t.Errorf("%s: row %d: got %q, want %q", what, i+1, line, want(i))
			if wrong++; wrong == 5 {
				return
			}
		}
	}
}

func TestManyCoresGiveTheResultsOfOneInOrder(t *testing.T) {
	t.Parallel()
	cases, results := mixedCases(t)
	var codes bytes.Buffer
	n := 0
	for codes.Len() < 2*chunkBytes { // so that a chunk ends within a line
		codes.Write(cases[n%len(cases)].Payload)
		codes.WriteByte('\n')
		n++
	}
	args := []string{"verify", "--trust", standardList(t), "--profile", "demo", "--now", cases[0].Now.Format(time.RFC3339)}
	for _, options := range [][]string{{"--cores", "1"}, {"--cores", "2"}, {"--cores", "7"}, {"--p256", "std"}} {
		code, stdout, stderr := command(t, codes.String(), slices.Concat(args, options)...)
		if code != exitRefused || stderr != "" {
			t.Errorf("%v: exit code %d, %q", options, code, stderr)
		}
		sameResults(t, fmt.Sprint(options), stdout, func(i int) string { return results[i%len(results)] }, n)
	}
}

// TestSlowAndHostileRowsChangeNoNeighbour puts codes that are as costly or as malicious as can be at each place of a batch:
// every other row keeps its result, and its place.
func TestSlowAndHostileRowsChangeNoNeighbour(t *testing.T) {
	t.Parallel()
	cases, results := mixedCases(t)
	settings := verifyCmd{Trust: crowdedList(t), Profile: "demo", Now: cases[0].Now.Format(time.RFC3339), Input: "lines", Output: "text", Cores: 2}
	job, err := settings.prepare()
	if err != nil {
		t.Fatal(err)
	}
	job.fast = (&verifyConfig{P256: p256Fast}).accelerator(nil)
	run := func(codes []string) (results string) {
		var out, errs bytes.Buffer
		p := newVerifyPipeline(t.Context(), job, streams{out: &out, err: &errs}, nil)
		if done, err := p.finish(p.lines(strings.NewReader(strings.Join(codes, "\n") + "\n"))); err != nil || done.rows != len(codes) || errs.Len() > 0 {
			t.Fatalf("%d rows of %d, %v, %q", done.rows, len(codes), err, errs.String())
		}
		return out.String()
	}
	var good, want []string
	for i, c := range cases {
		if len(good) < verify.MaxBatch && (strings.HasPrefix(c.Name, "valid-") || c.Name == "bad-signature-bit") {
			good, want = append(good, string(c.Payload)), append(want, results[i])
		}
	}
	for len(good) < verify.MaxBatch {
		good, want = append(good, good[0]), append(want, want[0])
	}
	poison := []struct{ code, want string }{
		{payloadOf(t, "too-large-bomb"), "deny   too_large"},
		{payloadOf(t, "limit-4296-characters"), "admit  ok"},
		{payloadOf(t, "bad-signature-bit"), "deny   bad_signature"}, // four keys are tried
		{payloadOf(t, "bad-signature-r-zero"), "deny   bad_signature"},
		{payloadOf(t, "malformed-depth-2000"), "deny   malformed"},
		{strings.Repeat("HC1:6BF", rows.MaxLine), "deny   too_large"}, // longer than a chunk
		{"\x00\xff\x1b[2J", "deny   not_accepted"},
		{"", "deny   unreadable"},
	}
	for range 5 { // until the tables that are asked for are there
		run(good)
		job.fast.Settle()
	}
	for place := range verify.MaxBatch {
		p := poison[place%len(poison)]
		codes := slices.Clone(good)
		codes[place] = p.code
		sameResults(t, fmt.Sprintf("%.20q at place %d", p.code, place), run(codes), func(i int) string {
			if i == place {
				return p.want
			}
			return want[i]
		}, verify.MaxBatch)
	}
	if stats := job.fast.Stats(); stats.Standard || stats.Tables.Small+stats.Tables.Large == 0 {
		t.Errorf("the fast path was not in it: %+v", stats)
	}
}

// crowdedList is the standard list with three more keys under the id of the ministry's.
func crowdedList(t *testing.T) string {
	t.Helper()
	standard, err := os.ReadFile(standardList(t))
	if err != nil {
		t.Fatal(err)
	}
	public := regexp.MustCompile(`(?m)^public = .*$`)
	keys := strings.Split(string(standard), "[[key]]")
	ministry := keys[slices.IndexFunc(keys, func(k string) bool { return strings.Contains(k, "ma-ministry.crt") })]
	crowded := string(standard)
	for _, key := range keys {
		if strings.Contains(key, "fr-ministry.crt") || strings.Contains(key, "xa-ministry.crt") || strings.Contains(key, "ma-laboratory.crt") {
			crowded += "\n[[key]]" + public.ReplaceAllLiteralString(ministry, public.FindString(key))
		}
	}
	name := filepath.Join(t.TempDir(), "crowded.toml")
	if err := os.WriteFile(name, []byte(crowded), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := openList(name, "")
	if err != nil {
		t.Fatal(err)
	}
	if id := (trust.KeyID{0x41, 0xb4, 0x74, 0x27, 0x4d, 0xa3, 0xaf, 0x3c}); len(list.Keys(trust.HCERT, id)) != trust.MaxKeysPerID {
		t.Fatalf("%d keys under %v", len(list.Keys(trust.HCERT, id)), id)
	}
	return name
}

func payloadOf(t testing.TB, name string) string {
	t.Helper()
	c, err := caseNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(c.Payload)
}

func TestWholeRowIsAnsweredBeforeTheNextIsComplete(t *testing.T) {
	t.Parallel()
	list := standardList(t)
	ask, in := io.Pipe()
	out, answer := io.Pipe()
	ended := make(chan int)
	go func() {
		code := execute(t.Context(), []string{"verify", "--trust", list, "--profile", "demo"}, streams{in: ask, out: answer, err: io.Discard})
		answer.Close()
		ended <- code
	}()
	const result = "deny   not_accepted     opaque\n"
	buf := make([]byte, 4096)
	for _, piece := range []string{"https://example.org/1\nhttps://exam", "ple.org/2\n\xff"} {
		if _, err := io.WriteString(in, piece); err != nil {
			t.Fatal(err)
		}
		if n, err := out.Read(buf); err != nil || string(buf[:n]) != result {
			t.Fatalf("after %q: got %q, %v", piece, buf[:n], err)
		}
	}
	in.Close()
	if n, err := out.Read(buf); err != nil || string(buf[:n]) != result {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	if n, err := out.Read(buf); err != io.EOF {
		t.Errorf("got %q, %v, want the end", buf[:n], err)
	}
	if code := <-ended; code != exitRefused {
		t.Errorf("exit code %d", code)
	}
}

// endless gives lines for ever.
type endless struct {
	text []byte
	at   int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], e.text[e.at:])
		n += c
		e.at = (e.at + c) % len(e.text)
	}
	return n, nil
}

func TestInterruptionKeepsWhatWasVerified(t *testing.T) {
	t.Parallel()
	cases, results := mixedCases(t)
	var codes bytes.Buffer
	for _, c := range cases {
		codes.Write(c.Payload)
		codes.WriteByte('\n')
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &cancelling{after: 50_000, cancel: cancel}
	var errs bytes.Buffer
	args := []string{"verify", "--trust", standardList(t), "--profile", "demo", "--now", cases[0].Now.Format(time.RFC3339), "--cores", "3"}
	code := execute(ctx, args, streams{in: &endless{text: codes.Bytes()}, out: out, err: &errs})
	n := strings.Count(out.String(), "\n")
	if want := fmt.Sprintf("passerelle: error: interrupted after %d rows\n", n); code != exitRefused || errs.String() != want {
		t.Errorf("exit code %d, %q, want %q", code, errs.String(), want)
	}
	sameResults(t, "before the interruption", out.String(), func(i int) string { return results[i%len(results)] }, n)
}

// cancelling cancels when that many bytes have come.
type cancelling struct {
	bytes.Buffer
	after  int
	cancel context.CancelFunc
}

func (c *cancelling) Write(p []byte) (int, error) {
	if c.Len() > c.after {
		c.cancel()
	}
	return c.Buffer.Write(p)
}

func TestInterruptionEndsAWaitForInput(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		program := exec.Command("passerelle", "verify", "--trust", standardList(t), "--profile", "demo")
		in, err := program.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := program.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		program.Stderr = &errs
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(patience, func() { _ = program.Process.Kill() })
		if _, err := io.WriteString(in, "https://example.org/\nhalf a li"); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, err := out.Read(buf)
		if err != nil || string(buf[:n]) != "deny   not_accepted     opaque\n" {
			t.Errorf("%v: got %q, %v", signal, buf[:n], err)
		}
		if err := program.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(out)
		var exit *exec.ExitError
		if err := program.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitRefused || len(rest) > 0 ||
			errs.String() != "passerelle: error: interrupted after 1 rows\n" {
			t.Errorf("%v: %v, %q, %q", signal, err, rest, errs.String())
		}
		stuck.Stop()
	}
}

func TestInterruptionEndsThoughNobodyTakesTheResults(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &stuckWriter{reached: make(chan struct{}), free: make(chan struct{})}
	defer close(out.free)
	var began time.Time
	go func() {
		<-out.reached
		began = time.Now()
		cancel()
	}()
	var errs bytes.Buffer
	code := execute(ctx, []string{"verify", "--trust", standardList(t)}, streams{in: &endless{text: []byte("x\n")}, out: out, err: &errs})
	if took := time.Since(began); code != exitRefused || errs.String() != "passerelle: error: interrupted, and nobody takes the results\n" || took > 3*shutdownTime {
		t.Errorf("exit code %d, %q after %v", code, errs.String(), took)
	}
}

// stuckWriter is a pipe that is full.
type stuckWriter struct {
	reached chan struct{} // closed by Write
	free    chan struct{} // Write ends when this is closed
}

func (s *stuckWriter) Write([]byte) (int, error) {
	close(s.reached)
	<-s.free
	return 0, io.ErrClosedPipe
}

func TestResultsThatCannotBeWrittenEndTheRun(t *testing.T) {
	t.Parallel()
	taken, out := io.Pipe()
	go func() {
		_, _ = taken.Read(make([]byte, 10))
		taken.Close()
	}()
	var errs bytes.Buffer
	code := execute(t.Context(), []string{"verify", "--trust", standardList(t)}, streams{in: &endless{text: []byte("x\n")}, out: out, err: &errs})
	if code != exitRefused || errs.String() != "passerelle: error: write results: io: read/write on closed pipe\n" {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}

// TestMemoryDoesNotGrowWithTheInput runs a million rows through the command. They are short codes that are refused before any
// signature, so that it takes a second or two; TestRowsDoNotAllocate has the others. Memory that was allocated and freed counts, too.
func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	var codes bytes.Buffer
	n := 0
	for _, c := range standardCases(t) {
		if strings.HasPrefix(c.Want, "deny") && len(c.Payload) < 100 && !bytes.ContainsAny(c.Payload, "\r\n") {
			codes.Write(c.Payload)
			codes.WriteByte('\n')
			n++
		}
	}
	if n < 30 {
		t.Fatalf("only %d cases", n)
	}
	args := []string{"verify", "--trust", standardList(t), "--profile", "demo", "--output", "json", "--cores", "2"}
	run := func(rows int) (allocated uint64) {
		times := rows / n
		in := io.LimitReader(&endless{text: codes.Bytes()}, int64(times*codes.Len()))
		out := &lineCounter{}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if code := execute(t.Context(), args, streams{in: in, out: out, err: io.Discard}); code != exitRefused || out.lines != times*n {
			t.Fatalf("exit code %d, %d results for %d rows", code, out.lines, times*n)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const spare = 4 << 20 // four bytes a row
	few, many := run(10_000), run(1_000_000)
	if many > few+spare {
		t.Errorf("a million rows allocated %d bytes, ten thousand %d", many, few)
	}
}

// lineCounter counts lines.
type lineCounter struct{ lines int }

func (l *lineCounter) Write(p []byte) (int, error) {
	l.lines += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}

func TestLinesAreReadWholeHoweverTheyCome(t *testing.T) {
	t.Parallel()
	long := func(n int, end string) string { return strings.Repeat("A", n) + end }
	for _, test := range []struct{ name, text string }{
		{"none", ""},
		{"one, open", "a"},
		{"several", "a\n\nbc\r\nd"},
		{"as long as a row may be", "a\n" + long(rows.MaxLine, "\nb\n")},
		{"and a carriage return", "a\n" + long(rows.MaxLine, "\r\nb\n")},
		{"one longer", long(rows.MaxLine+1, "\nb\n")},
		{"one longer with a carriage return", long(rows.MaxLine+1, "\r\nb\n")},
		{"a carriage return where it is cut", long(rows.MaxLine+1, "\rA\nb\n")},
		{"two longer", long(rows.MaxLine+2, "\nb")},
		{"three longer", long(rows.MaxLine+3, "\nb")},
		{"as long as a chunk", long(chunkBytes-1, "\nb\n")},
		{"longer than a chunk", "a\n" + long(chunkBytes, "\nb\n")},
		{"much longer, and again", long(5*chunkBytes, "\n") + long(3*chunkBytes, "\r\n") + "b"},
		{"longer than a chunk at the end", "a\n" + long(2*chunkBytes, "")},
		{"many", strings.Repeat("https://example.org/\r\n", 30_000)},
	} {
		var want []string
		for line := range strings.Lines(test.text) {
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			want = append(want, line[:min(len(line), rows.MaxLine+1)])
		}
		for name, in := range map[string]io.Reader{
			"at once": strings.NewReader(test.text), "by halves": iotest.HalfReader(strings.NewReader(test.text)),
			"with its end": iotest.DataErrReader(strings.NewReader(test.text)), "in small pieces": &pieces{strings.NewReader(test.text), 1000},
		} {
			var got []string
			var c chunk
			for r := (lineReader{in: in}); c.err == nil; {
				r.fill(&c)
				for text := c.text; len(text) > 0; {
					var line []byte
					line, text, _ = rows.Cut(text)
					got = append(got, string(line[:min(len(line), rows.MaxLine+1)]))
				}
			}
			if c.err != io.EOF || !slices.Equal(got, want) {
				t.Errorf("%s, %s: %d lines, %v, want %d", test.name, name, len(got), c.err, len(want))
			}
		}
	}
}

// pieces reads at most so many bytes at once.
type pieces struct {
	io.Reader
	most int
}

func (p *pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), p.most)]) }

func TestBatchTakesRowsUpToItsLimits(t *testing.T) {
	t.Parallel()
	b := newVerifyBatch()
	for i := range verify.MaxBatch + 1 {
		if got, want := b.add(inputRow{code: []byte("x")}), i < verify.MaxBatch; got != want {
			t.Errorf("row %d: taken %v, want %v", i+1, got, want)
		}
	}
	b.reset()
	longest := bytes.Repeat([]byte("x"), rows.MaxLine+1)
	const fit = batchBytes / (rows.MaxLine + 1)
	for i := range fit + 1 {
		if got, want := b.add(inputRow{code: longest}), i < fit; got != want {
			t.Errorf("long row %d: taken %v, want %v", i+1, got, want)
		}
	}
	rest := longest[:batchBytes-len(b.text)]
	if b.add(inputRow{code: append(rest, 'x')}) || !b.add(inputRow{code: rest}) {
		t.Errorf("the last %d bytes are not used up to the last", len(rest))
	}
}

func TestDisagreementOfTheSecondOpinionIsAnError(t *testing.T) {
	t.Parallel()
	var silent secondOpinion
	silent.start(nil)
	if err := silent.end(); err != nil {
		t.Errorf("got %v", err)
	}
	for _, tt := range []struct {
		found sig.Difference
		want  string
	}{
		{
			sig.Difference{Key: [32]byte{0xab, 0xcd}, Accepted: true},
			"our own code and the standard library disagree about a signature by key abcd000000000000",
		},
		{sig.Difference{Table: true}, "a key's table failed its check, so this machine computes wrongly"},
	} {
		var loud secondOpinion
		loud.start((&verifyConfig{P256: p256Fast}).accelerator(loud.differs))
		loud.differs(tt.found)
		var out, errs bytes.Buffer
		want := "passerelle: error: results may be wrong: " + tt.want + "\npasserelle: hint: verify again with --p256 std, and report this\n"
		if code := fail(streams{out: &out, err: &errs}, loud.end()); code != exitRefused || errs.String() != want {
			t.Errorf("exit code %d, %q, want %q", code, errs.String(), want)
		}
	}
}

func TestTextResultsStandInColumns(t *testing.T) {
	t.Parallel()
	for r := policy.Reason(0); r < policy.NumReasons; r++ {
		got := string(append(appendColumn(appendColumn(nil, "deny", 5), r.String(), 15), "|"...))
		if want := fmt.Sprintf("%-5s  %-15s  |", "deny", r); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
