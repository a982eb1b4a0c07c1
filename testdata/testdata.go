// Package testdata gives tests the codes in cases/ and the trust lists in trust/. README.md describes the files. Only tests
// import it: nothing here belongs in the program.
package testdata

import (
	"bytes"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

//go:embed cases/*.txt trust/*.json
var files embed.FS

// Case is one code and what becomes of it.
type Case struct {
	Name    string // of the file, without .txt
	Title   string // header case
	Why     string
	Now     time.Time // a trusted clock shows this
	Profile string    // as policy.Named knows it
	Trust   string    // a list for Trust
	Want    string    // outcome and reason with a space between them: "admit ok", "deny expired"
	Kind    string    // as policy.Kind.String gives it
	Payload []byte    // as a scanner gives it, without a terminator
}

// ErrCase is wrapped by errors about a case's file.
var ErrCase = errors.New("test case")

// Cases returns all cases in the order of their names.
func Cases() ([]Case, error) {
	names, err := fs.Glob(files, "cases/*.txt") // sorted
	if err != nil {
		return nil, fmt.Errorf("list test cases: %w", err)
	}
	cases := make([]Case, 0, len(names))
	for _, name := range names {
		file, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read test case: %w", err)
		}
		c, err := Parse(strings.TrimSuffix(path.Base(name), ".txt"), file)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// headers stand in this order in every file.
var headers = []string{"case", "why", "now", "profile", "trust", "want", "kind", "encoding"}

// Parse reads one case's file. It is strict: the headers above, each once and in their order, an empty line, one line of
// payload, and no more.
func Parse(name string, file []byte) (Case, error) {
	lines := strings.Split(string(file), "\n")
	if n := len(headers) + 3; len(lines) != n || lines[n-1] != "" || lines[len(headers)] != "" {
		return Case{}, fmt.Errorf("%w %s: want %d header lines, an empty line and one line of payload", ErrCase, name, len(headers))
	}
	values := make(map[string]string)
	for i, header := range headers {
		value, ok := strings.CutPrefix(lines[i], header+": ")
		if !ok {
			return Case{}, fmt.Errorf("%w %s: line %d: want header %q", ErrCase, name, i+1, header)
		}
		values[header] = value
	}
	now, err := time.Parse(time.RFC3339, values["now"])
	if err != nil {
		return Case{}, fmt.Errorf("%w %s: %w", ErrCase, name, err)
	}
	payload, err := decode(values["encoding"], lines[len(headers)+1])
	if err != nil {
		return Case{}, fmt.Errorf("%w %s: %w", ErrCase, name, err)
	}
	return Case{
		Name: name, Title: values["case"], Why: values["why"], Now: now, Profile: values["profile"],
		Trust: values["trust"], Want: values["want"], Kind: values["kind"], Payload: payload,
	}, nil
}

// Append appends the file of c to dst. A payload of printable ASCII is written as it is, any other in base64.
func (c *Case) Append(dst []byte) []byte {
	encoding, payload := encode(c.Payload)
	values := []string{c.Title, c.Why, c.Now.UTC().Format(time.RFC3339), c.Profile, c.Trust, c.Want, c.Kind, encoding}
	for i, header := range headers {
		dst = fmt.Appendf(dst, "%s: %s\n", header, values[i])
	}
	return fmt.Appendf(dst, "\n%s\n", payload)
}

const (
	asText   = "text"
	asBase64 = "base64"
)

func encode(payload []byte) (encoding, line string) {
	if isPrintable(payload) {
		return asText, string(payload)
	}
	return asBase64, base64.StdEncoding.EncodeToString(payload)
}

func decode(encoding, line string) ([]byte, error) {
	switch encoding {
	case asText:
		if !isPrintable([]byte(line)) {
			return nil, fmt.Errorf("payload is not printable ASCII, use encoding %s", asBase64)
		}
		return []byte(line), nil
	case asBase64:
		return base64.StdEncoding.Strict().DecodeString(line)
	}
	return nil, fmt.Errorf("encoding %q: want %s or %s", encoding, asText, asBase64)
}

func isPrintable(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
