package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"passerelle/testdata"
)

// command runs the program in this process.
func command(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), args, streams{in: strings.NewReader(stdin), out: &out, err: &errs})
	return code, out.String(), errs.String()
}

func standardList(t *testing.T) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "testdata", "trust", "standard.toml")
}

// standardCases are the cases that are judged by the standard list.
func standardCases(t *testing.T) []testdata.Case {
	t.Helper()
	all, err := testdata.Cases()
	if err != nil {
		t.Fatal(err)
	}
	var cases []testdata.Case
	for _, c := range all {
		if c.Trust == "standard" {
			cases = append(cases, c)
		}
	}
	if len(cases) < 200 {
		t.Fatalf("only %d cases", len(cases))
	}
	return cases
}

func TestRowsKeepTheirOrderTimeAndVerdict(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"demo", "health"} {
		var rows bytes.Buffer
		var sent []testdata.Case
		for _, c := range standardCases(t) {
			if c.Profile != profile || !utf8.Valid(c.Payload) { // JSON carries text
				continue
			}
			if err := json.NewEncoder(&rows).Encode(map[string]string{"payload": string(c.Payload), "now": c.Now.Format(time.RFC3339)}); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, c)
		}
		code, stdout, stderr := command(t, rows.String(), "verify", "--trust", standardList(t), "--profile", profile, "--input", "jsonl", "--output", "json")
		if code != exitRefused || stderr != "" {
			t.Errorf("%s: exit code %d, stderr %q", profile, code, stderr)
		}
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		if len(lines) != len(sent) || len(sent) == 0 {
			t.Fatalf("%s: %d results for %d codes", profile, len(lines), len(sent))
		}
		for i, c := range sent {
			var got struct {
				Verdict, Reason, Kind string
				Checks                map[string]string
				Final                 *bool
			}
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			if result := got.Verdict + " " + got.Reason; result != c.Want || got.Kind != c.Kind {
				t.Errorf("%s: got %s %s, want %s %s", c.Name, result, got.Kind, c.Want, c.Kind)
			}
			if got.Final == nil || *got.Final || got.Checks["use"] != "not_applicable" {
				t.Errorf("%s: a candidate that is final, or consumed something: %s", c.Name, lines[i])
			}
		}
	}
}

func TestNoOutputCarriesWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	cases := standardCases(t)
	var codes bytes.Buffer
	for _, c := range cases {
		codes.Write(c.Payload)
		codes.WriteByte('\n')
	}
	common := []string{"--trust", standardList(t), "--profile", "demo", "--now", "2026-06-15T09:30:00Z", "--disclose", "authority"}
	check := func(what, stdin, name string, args ...string) string {
		_, stdout, stderr := command(t, stdin, slices.Concat([]string{name}, common, args)...)
		for _, text := range []string{stdout, stderr} {
			for line := range strings.Lines(text) {
				if err := checkHarmless(line); err != nil {
					t.Errorf("%s: %v in %q", what, err, line)
				}
			}
		}
		return stdout
	}
	check("text", codes.String(), "verify", "--output", "text")
	check("rows that are no JSON", codes.String(), "verify", "--input", "jsonl")
	for line := range strings.Lines(check("json", codes.String(), "verify", "--output", "json")) {
		if !json.Valid([]byte(line)) || strings.ContainsAny(line, "<>") {
			t.Errorf("not one line of JSON, or markup in it: %q", line)
		}
	}
	for i, c := range cases {
		hostile := strings.HasPrefix(c.Name, "hostile")
		if hostile || i%8 == 0 {
			check("inspect "+c.Name, string(c.Payload)+"\n", "inspect")
		}
		if hostile && !bytes.ContainsRune(c.Payload, 0) {
			check("inspect argument "+c.Name, "", "inspect", "--", string(c.Payload))
		}
	}
}

func TestClaimsInJSONAreWhatTheCodeSays(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"hostile-name-bidi":        "\u202eTIMDA\u202c\u2066\u2069",
		"hostile-name-control":     "\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x1c\x1d\x1e\x1f\x7f",
		"hostile-name-html":        "<script>alert(1)</script><img src=x onerror=alert(1)>",
		"hostile-name-json":        `","verdict":"admit","x":"`,
		"valid-vaccination-arabic": "العلوي",
	} {
		c, err := caseNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		_, stdout, _ := command(t, string(c.Payload), "verify", "--trust", standardList(t), "--profile", "demo",
			"--now", c.Now.Format(time.RFC3339), "--disclose", "authority", "--output", "json")
		var got struct{ Claims map[string]string }
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Claims["family_name"] != want {
			t.Errorf("%s: got %q, %v; want %q", name, got.Claims["family_name"], err, want)
		}
	}
}
