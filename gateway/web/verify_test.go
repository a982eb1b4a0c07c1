package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/policy"
	"passerelle/gateway/rows"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
	"passerelle/testdata"
)

// reasons returns the reason of each row of an answer.
func reasons(t testing.TB, body string) []string {
	t.Helper()
	var got []string
	for line := range strings.Lines(body) {
		var row struct {
			Verdict, Reason string
			Final           *bool
			Checks          map[string]string
			Trust           struct{ Version uint64 }
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("row %q: %v", line, err)
		}
		if row.Final == nil || *row.Final || row.Checks["use"] != "not_applicable" || row.Trust.Version != 7 {
			t.Errorf("row %q: want final false, use not_applicable, trust version 7", line)
		}
		got = append(got, row.Reason)
	}
	return got
}

func TestBatchAnswersEachRowInOrder(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	long := strings.Repeat("A", MaxEntryBytes)
	for _, test := range []struct{ name, contentType, body, want string }{
		{"text", "text/plain", "opaque\nHC1:\nshc:/1\n", "not_accepted malformed unsupported"},
		{"no last line feed", "text/plain; charset=utf-8", "opaque\nshc:/1", "not_accepted unsupported"},
		{"CRLF", "text/plain", "shc:/1\r\nopaque\r\n", "unsupported not_accepted"},
		{"an empty line is a row", "text/plain", "opaque\n\nshc:/1\n\n", "not_accepted unreadable unsupported unreadable"},
		{"one line feed", "text/plain", "\n", "unreadable"},
		{"as long as a code may be", "text/plain", long, "not_accepted"},
		{"one longer", "text/plain", long + "A", "too_large"},
		{"binary", "text/plain", "\x00\xff\xfe\n\x1b[2J", "not_accepted not_accepted"},
		{"JSON", "application/jsonl", `{"payload":"opaque"}` + "\n" + ` { "payload" : "shc:/1" } ` + "\n", "not_accepted unsupported"},
		{"JSON by its other name", "application/x-ndjson", `{"payload":"shc:/1"}`, "unsupported"},
		{"members that nobody here knows", "application/jsonl", `{"id":7,"payload":"shc:/1","seat":{"row":[12,null]}}`, "unsupported"},
		{"escapes", "application/jsonl", `{"payload":"\u0073\u0068c\u003a\u002f1"}`, "unsupported"},
		{"a bad row fails alone", "application/jsonl", "{\"payload\":\"shc:/1\"}\n{\"payload\":\n{\"payload\":\"opaque\"}\n", "unsupported malformed not_accepted"},
		{"empty payload", "application/jsonl", `{"payload":""}`, "unreadable"},
	} {
		answer, body := st.ask(t, "POST", "/v1/verify", strings.NewReader(test.body), "Content-Type: "+test.contentType)
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/jsonl" {
			t.Errorf("%s: got %d %s %s", test.name, answer.StatusCode, answer.Header.Get("Content-Type"), body)
			continue
		}
		if got := strings.Join(reasons(t, body), " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestRowThatIsNoneOfOursIsMalformed(t *testing.T) {
	t.Parallel()
	st := serve(t, func(c *Config) { c.AllowNow = true }, nil)
	lines := []string{
		``, `{}`, `[]`, `"shc:/1"`, `shc:/1`, `null`, `{"payload":1}`, `{"payload":null}`, `{"payload":["x"]}`, `{"payload":{"payload":"x"}}`,
		`{"payload":"x","other":}`, `{"payload":"x","payload":"x"}`, `{"Payload":"x"}`, `{"payload":"\ud800"}`, `{"now":"2021-01-01T00:00:00Z"}`,
		`{"payload":"x","now":1}`, `{"payload":"x","now":null}`, `{"payload":"x","now":"yesterday"}`, `{"payload":"x","now":"2021-01-01"}`,
		`{"payload":"x","now":"2021-01-01T00:00:00Z","now":"2021-01-01T00:00:00Z"}`,
		`{"payload":"x"} {}`, `{"payload":"x"}x`, `{"payload":"x"`, `{"payload":"x",}`, "{\"payload\":\"\xff\"}", strings.Repeat("[", 20000),
		`{"payload":"` + strings.Repeat("A", rows.MaxLine) + `"}`,
	}
	_, body := st.ask(t, "POST", "/v1/verify", strings.NewReader(strings.Join(lines, "\n")+"\n"), "Content-Type: application/jsonl")
	got := reasons(t, body)
	if len(got) != len(lines) {
		t.Fatalf("got %d rows, want %d", len(got), len(lines))
	}
	for i, r := range got {
		if r != "malformed" {
			t.Errorf("%.80s: got %s, want malformed", lines[i], r)
		}
	}
}

func TestBatchThatCannotBeJudgedIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	full := strings.Repeat("x\n", MaxBatchRows)
	for _, test := range []struct {
		name, contentType, body string
		want                    int
	}{
		{"no rows", "text/plain", "", 400},
		{"as many rows as allowed", "text/plain", full, 200},
		{"and no line feed at the end", "text/plain", strings.TrimSuffix(full, "\n"), 200},
		{"one more", "text/plain", full + "x", 413},
		{"a row with its own time", "application/jsonl", `{"payload":"x","now":"2021-01-01T00:00:00Z"}`, 400},
		{"even if it is no time", "application/jsonl", `{"payload":"x","now":"yesterday"}`, 400},
		{"no content type", "", "x", 415},
		{"JSON", "application/json", `{"payload":"x"}`, 415},
		{"form", "application/x-www-form-urlencoded", "x", 415},
		{"multipart", "multipart/form-data; boundary=x", "--x--", 415},
	} {
		answer, body := st.ask(t, "POST", "/v1/verify", strings.NewReader(test.body), "Content-Type: "+test.contentType)
		if answer.StatusCode != test.want {
			t.Errorf("%s: got %d %.200s, want %d", test.name, answer.StatusCode, body, test.want)
		}
		if n := strings.Count(body, "\n"); test.want == 200 && n != MaxBatchRows {
			t.Errorf("%s: got %d rows, want %d", test.name, n, MaxBatchRows)
		}
	}
}

func TestVerifiersAreBusyAndComeBack(t *testing.T) {
	t.Parallel()
	st := serve(t, func(c *Config) { c.Verifiers = 1 }, nil)
	u, _ := url.Parse(st.page)
	slow, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(slow, "POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n%s", strings.Repeat("x", 20000))
	time.Sleep(200 * time.Millisecond) // else our own question may be first, and the slow client be the one that is sent away
	ask := func() (int, string) {
		answer, _ := st.ask(t, "POST", "/v1/verify", strings.NewReader("x\n"), "Content-Type: text/plain")
		return answer.StatusCode, answer.Header.Get("Retry-After")
	}
	within := func(want int, retry string) {
		t.Helper()
		for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			status, after := ask()
			if status == want && after == retry {
				return
			}
			if time.Since(start) > 3*time.Second {
				t.Fatalf("got %d, Retry-After %q, want %d, %q", status, after, want, retry)
			}
		}
	}
	within(503, "1")
	slow.Close() // the client is gone in the middle of its request
	within(200, "")
}

func TestClientThatDoesNotReadGivesItsVerifierBack(t *testing.T) {
	t.Parallel()
	st := serve(t, func(c *Config) { c.Verifiers = 1 }, nil)
	body := strings.Repeat("x\n", MaxBatchRows)
	u, _ := url.Parse(st.page)
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// Requests one behind the other, and not a byte of their answers is read: buffers on the way fill up.
	go func() {
		for range 40 {
			if _, err := fmt.Fprintf(c, "POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
				return
			}
		}
	}()
	stuck := false
	for start := time.Now(); time.Since(start) < 3*ioTimeout; time.Sleep(200 * time.Millisecond) {
		if len(st.batches) == 0 {
			stuck = true
		} else if stuck && time.Since(start) > ioTimeout {
			break
		}
	}
	if !stuck {
		t.Fatal("the client never held the Verifier: this test tests nothing")
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if answer, _ := st.ask(t, "POST", "/v1/verify", strings.NewReader("x\n"), "Content-Type: text/plain"); answer.StatusCode == 200 {
			return
		}
		if time.Since(start) > 2*ioTimeout {
			t.Fatal("the Verifier did not come back")
		}
	}
}

func TestBatchesAtOnceAreNotMixedUp(t *testing.T) {
	t.Parallel()
	st := serve(t, func(c *Config) { c.Verifiers = 8 }, nil)
	done := make(chan error)
	for i := range 8 {
		go func() {
			line, want := "shc:/1\n", "unsupported"
			if i%2 == 0 {
				line, want = "opaque\n", "not_accepted"
			}
			for range 20 {
				_, body := st.ask(t, "POST", "/v1/verify", strings.NewReader(strings.Repeat(line, 200)), "Content-Type: text/plain")
				if n := strings.Count(body, `"reason":"`+want+`"`); n != 200 {
					done <- fmt.Errorf("got %d rows with %s, want 200: %.300s", n, want, body)
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestWhatWasSentIsOverwritten(t *testing.T) {
	t.Parallel()
	st := serve(t, func(c *Config) { c.Verifiers = 1 }, nil)
	st.ask(t, "POST", "/v1/verify", strings.NewReader("SECRET-CODE-1\nSECRET-CODE-2\n"), "Content-Type: text/plain")
	b := <-st.batches
	if memory := b.body[:cap(b.body)]; bytes.Contains(memory, []byte("SECRET")) || len(memory) < MaxBatchBytes {
		t.Error("a code is still in the memory of a batch")
	}
	st.batches <- b
}

// crowdedList is the standard list with three more keys under the id of the ministry's, so that four are tried for each signature.
func crowdedList(t *testing.T) *trust.Snapshot {
	t.Helper()
	l, err := testdata.Trust("standard")
	if err != nil {
		t.Fatal(err)
	}
	ministry, err := testkeys.Get(testkeys.Ministry)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{testkeys.France, testkeys.Laboratory, testkeys.Foreign} {
		other, err := testkeys.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		key := ministry.Entry()
		key.Public, key.Test = other.Entry().Public, true
		l.Keys = append(l.Keys, key)
	}
	list, err := trust.New(l)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(list.Keys(trust.HCERT, ministry.ID())); n != trust.MaxKeysPerID {
		t.Fatalf("%d keys under the ministry's id", n)
	}
	return list
}

// TestSlowAndHostileRowsChangeNoNeighbour puts codes that are as costly or as malicious as can be at each place of a batch:
// every other row keeps its answer, and its place.
func TestSlowAndHostileRowsChangeNoNeighbour(t *testing.T) {
	t.Parallel()
	all := cases(t, "demo", "standard")
	list := crowdedList(t)
	fast := sig.NewAccelerator(sig.AcceleratorOptions{Memory: 64 << 20})
	st := serve(t, func(c *Config) {
		c.Fast = fast
		c.Snapshot = func() *trust.Snapshot { return list }
		c.Now = func() policy.Now { return policy.At(all["valid-vaccination"].Now.Unix()) }
	}, nil)
	good := []testdata.Case{
		all["valid-vaccination"], all["valid-france"], all["bad-signature-bit"], all["valid-alg-eddsa"], all["valid-test"], all["valid-alg-ps256"],
		all["valid-longest"], all["revoked-uci"], all["valid-mirrored-signature"],
	}
	poison := []struct{ code, want string }{
		{string(all["too-large-bomb"].Payload), "deny too_large"},
		{string(all["limit-4296-characters"].Payload), "admit ok"},
		{string(all["bad-signature-bit"].Payload), "deny bad_signature"}, // four keys are tried
		{string(all["bad-signature-r-zero"].Payload), "deny bad_signature"},
		{string(all["malformed-depth-2000"].Payload), "deny malformed"},
		{strings.Repeat("HC1:6BF", 50_000), "deny too_large"},
		{"", "deny unreadable"},
	}
	for range 5 { // until the tables that are asked for are there
		var lines bytes.Buffer
		for _, c := range good {
			lines.Write(append(bytes.Clone(c.Payload), '\n'))
		}
		st.ask(t, "POST", "/v1/verify", &lines, "Content-Type: text/plain")
		fast.Settle()
	}
	for place := range verify.MaxBatch {
		p := poison[place%len(poison)]
		var lines bytes.Buffer
		for i := range verify.MaxBatch {
			code := good[i%len(good)].Payload
			if i == place {
				code = []byte(p.code)
			}
			lines.Write(code)
			lines.WriteByte('\n')
		}
		_, body := st.ask(t, "POST", "/v1/verify", &lines, "Content-Type: text/plain")
		i := 0
		for line := range strings.Lines(body) {
			var got struct{ Verdict, Reason string }
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			want := good[i%len(good)].Want
			if i == place {
				want = p.want
			}
			if got.Verdict+" "+got.Reason != want {
				t.Errorf("%.20q at place %d: row %d is %s %s, want %s", p.code, place, i, got.Verdict, got.Reason, want)
			}
			i++
		}
		if i != verify.MaxBatch {
			t.Errorf("%.20q at place %d: %d answers", p.code, place, i)
		}
	}
	if stats := fast.Stats(); stats.Standard || stats.Tables.Small+stats.Tables.Large == 0 {
		t.Errorf("the fast path was not in it: %+v", stats)
	}
}

func TestRowsMaySayTheirTimeWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	b := &batch{server: &Server{config: Config{AllowNow: true}}}
	b.body = []byte(`{"payload":"a","now":"2021-06-01T12:00:00+02:00"}` + "\n" + `{"payload":"b"}`)
	if err := b.split(true); err != nil {
		t.Fatal(err)
	}
	if r := b.rows[0]; !r.dated || r.now != 1622541600 || r.bad {
		t.Errorf("got %+v, want 1622541600", r)
	}
	if r := b.rows[1]; r.dated || r.bad {
		t.Errorf("got %+v, want no time", r)
	}
}

func TestMalformedRowHasAWholeVerdict(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := policy.Place{List: testList(t, 7, now.Add(-time.Hour), now), Now: policy.At(now.Unix()), Profile: &demo}
	c := malformed(&p)
	if c.Outcome() != policy.Deny || c.Reason() != policy.Malformed || c.List != 7 || c.Aged != 3600 || c.Clock != policy.ClockTrusted {
		t.Errorf("got %s", c.AppendJSON(nil))
	}
}
