package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/encoding/cbor"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/book"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// officeKey is a key that may sign all that there is.
func officeKey(t testing.TB, keyType string) *issuer.Key {
	t.Helper()
	private, err := issuer.Generate(keyType)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	key, err := issuer.New(private, sig.Algorithm(0), issuer.Scope{
		Country: "MA", Name: "Stade", Usages: trust.AllTickets | trust.AllHCERT, NotBefore: now - 60, NotAfter: now + 1e8,
	})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keyFile writes a key as 'issue key' does.
func keyFile(t testing.TB, key *issuer.Key) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := writeKey(path, key); err != nil {
		t.Fatal(err)
	}
	return path
}

// saleCSV writes a sale of n tickets.
func saleCSV(t testing.TB, n int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("ref,zone,seat,family,given,birth\n")
	for i := range n {
		fmt.Fprintf(&text, "O-%d,north,%d,Alaoui,Salma,1990-05-06\n", i, i)
	}
	path := filepath.Join(t.TempDir(), "sale.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readCodes reads an output; a last line that is not whole is left out.
func readCodes(t testing.TB, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		return nil
	}
	return rows[1:]
}

// TestBatchThatIsKilledIsFinishedByTheNext kills the program at random moments of a batch, again and again.
func TestBatchThatIsKilledIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	const rows, rounds = 2000, 5
	dir := t.TempDir()
	out, folder := filepath.Join(dir, "codes.csv"), filepath.Join(dir, "book")
	args := []string{
		"issue", "batch", "--key", keyFile(t, officeKey(t, "P-256")), "--book", folder, "--kind", "ticket", "--event", "final", "--valid", "30d",
		"--in", saleCSV(t, rows), "--out", out,
	}
	shown := make(map[string]string) // by reference, what came out of runs that were killed
	killed, before := 0, 0
	for range rounds {
		cmd := exec.Command("passerelle", args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Until something new is in the book, and then at any moment of the next chunks.
		for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			info, err := os.Stat(filepath.Join(folder, "records"))
			if _, unfinished := os.Stat(out); unfinished == nil || err == nil && int(info.Size()) > before+40_000 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing comes into the book")
			}
		}
		time.Sleep(rand.N(60 * time.Millisecond))
		if err := cmd.Process.Kill(); err == nil {
			killed++
		}
		_ = cmd.Wait()
		if _, err := os.Stat(out); err == nil {
			break // it was done
		}
		info, err := os.Stat(filepath.Join(folder, "records"))
		if err != nil {
			t.Fatal(err)
		}
		before = int(info.Size())
		for _, row := range readCodes(t, out+".part") {
			shown[row[0]] = row[1] + row[2]
		}
	}
	if killed < 2 {
		t.Fatalf("the batch was killed %d times only", killed)
	}
	if output, err := exec.Command("passerelle", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	got, ids := readCodes(t, out), make(map[string]bool)
	for i, row := range got {
		if row[0] != fmt.Sprintf("O-%d", i) {
			t.Fatalf("row %d is %s", i, row[0])
		}
		if was, ok := shown[row[0]]; ok && was != row[1]+row[2] {
			t.Errorf("%s has another code than before the kill", row[0])
		}
		ids[row[1]] = true
	}
	b, err := book.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if len(got) != rows || len(ids) != rows || b.Len() != rows {
		t.Errorf("%d rows, %d ids, %d in the book, want %d each", len(got), len(ids), b.Len(), rows)
	}
	t.Logf("killed %d times; %d codes of earlier runs came again", killed, len(shown))
}

func TestBatchThatIsInterruptedLeavesNoOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{
		"issue", "batch", "--key", keyFile(t, officeKey(t, "Ed25519")), "--book", filepath.Join(dir, "book"), "--kind", "stamp", "--valid", "10y",
		"--in", saleCSV(t, 3), "--out", filepath.Join(dir, "codes.csv"), "--refused", filepath.Join(dir, "refused.csv"),
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	var errs bytes.Buffer
	if code := execute(ended, args, streams{out: io.Discard, err: &errs}); code != exitRefused || !strings.Contains(errs.String(), "batch: interrupted") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.csv*")); len(files) > 0 {
		t.Errorf("it leaves %q", files)
	}
	var out bytes.Buffer
	if code := execute(t.Context(), args, streams{out: &out, err: io.Discard}); code != exitOK || out.String() != "3 issued, 0 refused\n" {
		t.Errorf("then: exit code %d, %q", code, out.String())
	}
}

func TestBatchShowsOnATerminalHowFarItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newScreen(t, 100)
	args := []string{
		"issue", "batch", "--key", keyFile(t, officeKey(t, "Ed25519")), "--kind", "voucher", "--valid", "10y",
		"--in", saleCSV(t, 700), "--book", filepath.Join(dir, "book"), "--out", filepath.Join(dir, "codes.csv"),
	}
	var out bytes.Buffer
	if code := execute(t.Context(), args, streams{out: &out, err: s.device}); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if text := s.close(t); !strings.Contains(text, "700 rows, ") || !strings.Contains(text, "100%") {
		t.Errorf("the terminal shows %q", text)
	}
	if out.String() != "700 issued, 0 refused\n" {
		t.Errorf("the last line is %q", out.String())
	}
	for i, row := range readCodes(t, filepath.Join(dir, "codes.csv")) {
		if row[0] != fmt.Sprintf("O-%d", i) {
			t.Fatalf("row %d is %s: the order is not that of the rows", i, row[0])
		}
	}
}

func TestKeysOfEveryUsageAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keyType string
		usages  trust.Usage
	}{
		{"P-256", trust.TicketUsage},
		{"P-256", trust.AllTickets | trust.AllHCERT},
		{"P-256", trust.HCERTTest},
		{"Ed25519", trust.VoucherUsage | trust.StampUsage},
		{"Ed25519", trust.HCERTTest | trust.PassUsage},
		{"RSA-2048", trust.HCERTTest},
	} {
		private, err := issuer.Generate(tt.keyType)
		if err != nil {
			t.Fatal(err)
		}
		key, err := issuer.New(private, sig.Algorithm(0), issuer.Scope{Country: "MA", Name: "Stade", Usages: tt.usages, NotBefore: 1_700_000_000, NotAfter: 2_000_000_000})
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(keyFile(t, key))
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseKey(file)
		if err != nil || got.ID() != key.ID() || got.Scope() != key.Scope() {
			t.Errorf("%s, %v: %v", tt.keyType, tt.usages, err)
			continue
		}
		for name, text := range map[string]string{
			"a private key missing": strings.Replace(string(file), "PRIVATE", "X", 2), "another usage": strings.Replace(string(file), "Usages: ", "Usages: vdsnc,", 1),
			"twice": string(file) + string(file), "nothing": "Usages: ticket\n", "no usage": "Usages: \n" + string(file),
		} {
			if name == "another usage" && tt.usages&^trust.AllHCERT == 0 {
				continue
			}
			if k, err := parseKey([]byte(text)); err == nil && name != "another usage" || err == nil && k.Scope().Usages == tt.usages {
				t.Errorf("%s, %v, %s: it is taken", tt.keyType, tt.usages, name)
			}
		}
	}
}

func TestSpansFollowTheCalendar(t *testing.T) {
	t.Parallel()
	begin := time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC)
	for span, want := range map[string]string{
		"10y": "2038-03-01T12:00:00Z", "1y": "2029-03-01T12:00:00Z", "63y": "2091-03-01T12:00:00Z", "1d": "2028-03-01T12:00:00Z", "30d": "2028-03-30T12:00:00Z",
		"36h": "2028-03-02T00:00:00Z", "90m": "2028-02-29T13:30:00Z", "16383d": "2073-01-06T12:00:00Z",
		"": "", "0d": "", "-1d": "", "64y": "", "16384d": "", "0h": "", "-5h": "", "y": "", "1w": "", "1.5y": "", "+1y": "",
	} {
		got, err := addSpan(begin, span)
		if (err == nil) != (want != "") || err == nil && got.Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v, want %q", span, got.Format(time.RFC3339), err, want)
		}
	}
}

// TestStatusListsHoldEveryTicketOfTheBook sells more than one list has, and changes the states of many: each is where its ticket looks.
func TestStatusListsHoldEveryTicketOfTheBook(t *testing.T) {
	t.Parallel()
	key := officeKey(t, "P-256")
	h, err := newBookHeader("https://example.org/status", key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.NewMemory(h)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{1})
	sell := func(n int) {
		for ; n > 0; n -= min(n, 1000) {
			rs := make([]book.Record, min(n, 1000))
			for i := range rs {
				r := &rs[i]
				if r.ID, r.Index, err = b.Reserve(random); err != nil {
					t.Fatal(err)
				}
				r.Kind, r.Issued, r.Expires = "ticket", 1, 2
			}
			if err := b.Add(rs); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(want int) []bookList {
		t.Helper()
		lists, err := statusLists(b)
		if err != nil || len(lists) != want {
			t.Fatalf("%d tickets: %d lists, %v, want %d", b.Len(), len(lists), err, want)
		}
		return lists
	}
	count(1)
	sell(book.ListSize - aheadAt - 1)
	count(1)
	sell(1)
	count(2) // the next, before anybody has a place in it
	sell(aheadAt + 1)
	want := make(map[book.ID]uint8)
	var revoked, suspended []book.ID
	for r := range b.All() {
		switch v := rand.N(3); v {
		case 1:
			revoked, want[r.ID] = append(revoked, r.ID), statuslist.Invalid
		case 2:
			suspended, want[r.ID] = append(suspended, r.ID), statuslist.Suspended
		}
	}
	mark := func(ids []book.ID, s book.State) {
		for len(ids) > 0 {
			n := min(len(ids), book.MaxAdd)
			if err := b.Mark(ids[:n], s, 3); err != nil {
				t.Fatal(err)
			}
			ids = ids[n:]
		}
	}
	mark(revoked, book.Revoked)
	mark(suspended, book.Suspended)
	lists := count(2)
	for r := range b.All() {
		got, ok := lists[r.Index/book.ListSize].list.At(uint64(r.Index % book.ListSize))
		if !ok || got != want[r.ID] {
			t.Fatalf("place %d: status %d, %t, want %d", r.Index, got, ok, want[r.ID])
		}
	}
	if lists[0].invalid+lists[1].invalid != len(revoked) || lists[0].suspended+lists[1].suspended != len(suspended) {
		t.Errorf("counted %+v, want %d and %d", lists, len(revoked), len(suspended))
	}
	// The worst list there can be, with every place taken by a state of its own, is one that gates read.
	now := time.Now().Unix()
	token, err := issuer.StatusList(key, strings.Repeat("u", book.MaxURI), lists[0].list, now, now+100, 0)
	if err != nil || len(token) > cbor.MaxLen {
		t.Errorf("a token of %d bytes, at most %d: %v", len(token), cbor.MaxLen, err)
	}
	t.Logf("a third of %d revoked, a third suspended: %d bytes", book.ListSize, len(token))
}

func TestLinesOfACSVHaveALimit(t *testing.T) {
	t.Parallel()
	text := "ref,seat\nA-1," + strings.Repeat("x", maxIssueLine-4) + "\nA-2," + strings.Repeat("x", maxIssueLine-3) +
		"\r\nA-3," + strings.Repeat("x", 5*maxIssueLine) + "\nA-4,x"
	c, err := newIssueCSV(strings.NewReader(text), ticketColumns, []string{"ref"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A-1", "", "", "A-4"} {
		row, err := c.next()
		if bad := (rowError{}); errors.As(err, &bad) != (want == "") || row["ref"] != want {
			t.Errorf("line %d: %.10q, %v, want %q", c.line, row["ref"], err, want)
		}
	}
	if _, err := c.next(); !errors.Is(err, io.EOF) || c.read != int64(len(text)) {
		t.Errorf("then %v after %d bytes, want %d", err, c.read, len(text))
	}
}

// TestTicketSaysWhatItsRowSays reads the signed claims again.
func TestTicketSaysWhatItsRowSays(t *testing.T) {
	t.Parallel()
	o := memoryOffice(t, "pass")
	j := &issueJob{row: issueRow{
		"ref": "A-1", "event": "final", "zone": "north", "gate": "4", "seat": "12", "uses": "3", "from": "2030-01-01T00:00:00Z", "valid": "1y",
		"family": "Alaoui", "given": "Salma", "birth": "1990-05-06",
	}}
	if err := o.one(j); err != nil {
		t.Fatal(err)
	}
	t1 := j.ticket
	if t1.Event != "final" || t1.Zone != "north" || t1.Gate != "4" || t1.Seat != "12" || t1.Uses != 3 || t1.NotBefore != 1893456000 ||
		t1.Expires != 1893456000+365*86400 || t1.Kind != cwt.Pass || !bytes.Equal(t1.ID, j.record.ID[:]) {
		t.Errorf("%+v", t1)
	}
	if t1.StatusURI != o.book.Header().URI || t1.StatusIndex != uint64(j.record.Index) || len(t1.Holder.Salt) != 16 {
		t.Errorf("%+v", t1)
	}
	other := memoryOffice(t, "pass")
	if o.mac(macSalt, t1.ID) == other.mac(macSalt, t1.ID) {
		t.Error("another key gives the same salt")
	}
}

func memoryOffice(t testing.TB, kind string) *issueOffice {
	t.Helper()
	key := officeKey(t, "Ed25519")
	h, err := newBookHeader("", key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := book.NewMemory(h)
	if err != nil {
		t.Fatal(err)
	}
	valid := ""
	if kind == kindCertificate {
		valid = certificateValid
	}
	o, err := newIssueOffice(key, b, kind, valid)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// FuzzBatchGivesNoFormulaAndNoName issues any CSV: nothing that comes out is a formula, no row is lost, and the report of refused rows
// shows nothing of a person.
func FuzzBatchGivesNoFormulaAndNoName(f *testing.F) {
	f.Add([]byte("ref,event,zone,valid,family,given,birth\nA-1,final,n,1d,Alaoui,Salma,1990-05-06\n=1,final,n,1d,,,\n"), false)
	f.Add([]byte("\xef\xbb\xbfref;event;until\r\nA-1;final;2099-01-01T00:00:00Z\r\n@x;\"a;b\";\r\n"), false)
	f.Add([]byte("ref,type,family,birth,document_type,document_number,disease,country,authority,id,method,collected,result,centre\n"+
		"A,test,Alaoui,1990,CNIE,AB1234,840539006,MA,M,U1,L,2026-06-14T08:00:00Z,2,C\nB,test,\"Al\"\"aoui\",x,CNIE,A{}B,8,MA,M,U2,L,x,2,C\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, certificates bool) {
		kind := "ticket"
		if certificates {
			kind = kindCertificate
		}
		rows, err := newIssueCSV(bytes.NewReader(text), columnsOf(kind), requiredColumns(kind))
		if err != nil {
			return
		}
		dir := t.TempDir()
		codes, refused := filepath.Join(dir, "codes"), filepath.Join(dir, "refused")
		out, err := newIssueResults(codes, refused, ',', false)
		if err != nil {
			t.Fatal(err)
		}
		b := &issueBatch{office: memoryOffice(t, kind), rows: rows, out: out, seen: make(map[string]int), cores: 2}
		jobs, last, err := b.read()
		if err != nil || !last {
			t.Skip("more than a chunk")
		}
		if err := b.issue(jobs); err != nil {
			t.Fatal(err)
		}
		if err := out.finish(); err != nil {
			t.Fatal(err)
		}
		issued, reports := readCodes(t, codes), readCodes(t, refused)
		if len(issued)+len(reports) != len(jobs) {
			t.Fatalf("%d issued, %d refused of %d", len(issued), len(reports), len(jobs))
		}
		for _, row := range append(issued, reports...) {
			for _, cell := range row {
				if isFormula(cell) || isFormula(strings.TrimSpace(cell)) {
					t.Fatalf("a formula comes out: %q", cell)
				}
			}
		}
		for _, j := range jobs {
			if j.err == nil {
				continue
			}
			reason := j.row.reason(j.err)
			for _, name := range personColumns {
				if v := j.row[name]; plainWord.MatchString(v) && strings.Contains(reason, v) {
					t.Fatalf("%q shows %s %q", reason, name, v)
				}
			}
		}
	})
}

// plainWord is a value that the words of a reason cannot make up by chance at its edges.
var plainWord = regexp.MustCompile(`^[0-9A-Za-z]{3,}$`)

// BenchmarkIssueBatch signs tickets with a book on disk; rows/s is what counts.
func BenchmarkIssueBatch(b *testing.B) {
	for _, keyType := range []string{"P-256", "Ed25519"} {
		b.Run(keyType, func(b *testing.B) {
			const rows = 10_000
			key, sale := keyFile(b, officeKey(b, keyType)), saleCSV(b, rows)
			for b.Loop() {
				dir := b.TempDir()
				args := []string{
					"issue", "batch", "--key", key, "--book", filepath.Join(dir, "book"), "--kind", "ticket", "--event", "final", "--valid", "30d",
					"--in", sale, "--out", filepath.Join(dir, "codes.csv"),
				}
				if code := execute(b.Context(), args, streams{out: io.Discard, err: io.Discard}); code != exitOK {
					b.Fatal("exit code " + strconv.Itoa(code))
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
