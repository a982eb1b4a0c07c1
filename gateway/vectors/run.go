package main

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
)

// MaxListed is how much of a folder may differ on purpose, in percent.
const MaxListed = 5

// folders are read in this order. Each reader calls check once a case, with nil where the result is the one expected, else with
// what came out and what was expected; names are unique in their folder. Its own error means that the folder cannot be read.
var folders = []struct {
	name string
	read func(dir string, check func(name string, err error)) error
}{
	{"bcbp", bcbpCases},
	{"claim169", claim169Cases},
	{"cose", coseCases},
	{"jcs", jcsCases},
	{"mrz", mrzCases},
	{"pretix", pretixCases},
	{"vds-nc", vdsncCases},
}

// result is what came out of every folder.
type result struct {
	folders []tally
}

type tally struct {
	name                      string
	cases, agree, listed, odd int
	findings                  []string // what is wrong, and what is listed with its reason
	unused                    []string // listed names that agree or do not occur: the list is out of date
}

// run reads every folder.
func run(corpora string) (*result, error) {
	r := new(result)
	for _, f := range folders {
		t := tally{name: f.name}
		reasons := listed[f.name]
		met := make(map[string]bool)
		twice := ""
		err := f.read(filepath.Join(corpora, f.name), func(name string, err error) {
			if met[name] {
				twice = name
			}
			met[name] = true
			t.enter(name, err, reasons[name])
			if err == nil && reasons[name] != "" {
				t.unused = append(t.unused, name)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if twice != "" {
			return nil, fmt.Errorf("%s: two cases are named %q", f.name, twice)
		}
		for name := range reasons {
			if !met[name] {
				t.unused = append(t.unused, name)
			}
		}
		r.folders = append(r.folders, t)
	}
	return r, nil
}

func (t *tally) enter(name string, err error, reason string) {
	t.cases++
	switch {
	case err == nil:
		t.agree++
	case reason != "":
		t.listed++
		t.findings = append(t.findings, fmt.Sprintf("listed  %s/%s: %s", t.name, name, reason))
	default:
		t.odd++
		t.findings = append(t.findings, fmt.Sprintf("wrong   %s/%s: %v", t.name, name, err))
	}
}

// pass reports whether every folder has cases, none is wrong, and no more differ on purpose than may.
func (r *result) pass() bool {
	for _, t := range r.folders {
		if t.cases == 0 || t.odd > 0 || len(t.unused) > 0 || t.listed*100 > t.cases*MaxListed {
			return false
		}
	}
	return len(r.folders) > 0
}

func (r *result) print(out io.Writer) {
	var all tally
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "folder\tcases\tagree\tlisted\twrong")
	for _, t := range r.folders {
		for _, f := range t.findings {
			fmt.Fprintln(out, f)
		}
		for _, name := range t.unused {
			fmt.Fprintf(out, "unused  %s/%s: listed, but it agrees or is not there\n", t.name, name)
		}
		if t.listed*100 > t.cases*MaxListed {
			fmt.Fprintf(out, "%s: %d of %d listed, at most %d %%\n", t.name, t.listed, t.cases, MaxListed)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", t.name, t.cases, t.agree, t.listed, t.odd)
		all.cases += t.cases
		all.agree += t.agree
		all.listed += t.listed
		all.odd += t.odd
	}
	w.Flush()
	fmt.Fprintf(out, "vectors: %d cases, %d agree, %d listed, %d wrong\n", all.cases, all.agree, all.listed, all.odd)
}
