package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/workload"
)

func newSmallField(t *testing.T) *field {
	t.Helper()
	corpora, err := workload.Corpora()
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	templates, _, err := workload.Templates(corpora)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := workload.NewKeys(4)
	if err != nil {
		t.Fatal(err)
	}
	return &field{templates: templates, signers: keys}
}

func TestPictureShowsEverySeriesOnAnOpaqueGround(t *testing.T) {
	t.Parallel()
	points := []point{{x: 10, y: 3}, {x: 100, y: 4}, {x: 1000, y: 9}}
	kinds := []point{{x: 400, y: 3, kind: "fixed"}, {x: 500, y: 4, kind: "dynamic"}, {x: 600, y: 5, kind: "stored"}}
	file := filepath.Join(t.TempDir(), "growth.svg")
	all := []series{{points: points}, {points: points}, {points: kinds}, {points: points}}
	if err := draw(file, all, measure.Machine{CPU: "a processor"}, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a processor", "1970-01-01", "fixed", "dynamic", "stored", "sans-serif", `style="fill:#FFFFFF"`}
	for _, p := range panels {
		want = append(want, p.title, p.x, p.y)
	}
	for _, text := range want {
		if !bytes.Contains(svg, []byte(text)) {
			t.Errorf("%q is not in the picture", text)
		}
	}
}

func TestPictureThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	points := []point{{x: 10, y: 3}}
	all := []series{{points: points}, {points: points}, {points: points}, {points: points}}
	if err := draw(filepath.Join(t.TempDir(), "no", "folder.svg"), all, measure.Machine{}, time.Unix(0, 0)); err == nil {
		t.Error("no error")
	}
}

func TestEveryPointIsALine(t *testing.T) {
	t.Parallel()
	s := series{name: "length", x: "characters", y: "µs", points: []point{{x: 400, y: 7.25}, {x: 1e4, y: 8, kind: "fixed", note: "a note"}}}
	var out strings.Builder
	s.print(&out)
	if got, want := out.String(), "\nlength: characters, µs\nlength 400 7.250\nlength 10000 8.000 fixed a note\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStartLoadsTheWholeList(t *testing.T) {
	t.Parallel()
	f := newSmallField(t)
	p, err := start(f.signers)
	if err != nil || p.x != 4 || p.y <= 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestEachLaneGivesAVerdictForEachCode(t *testing.T) {
	t.Parallel()
	f := newSmallField(t)
	set, err := workload.NewSet(f.templates, f.signers, 2*codesOfLane)
	if err != nil {
		t.Fatal(err)
	}
	p, err := crowd(set, 2)
	if err != nil || p.x != 2 || p.y <= 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestRefusedCodeAtALaneIsAnError(t *testing.T) {
	t.Parallel()
	f := newSmallField(t)
	set, err := workload.NewSet(f.templates, f.signers, codesOfLane)
	if err != nil {
		t.Fatal(err)
	}
	if set, err = set.Refused(workload.Expired); err != nil {
		t.Fatal(err)
	}
	if _, err := crowd(set, 1); err == nil {
		t.Error("it was timed")
	}
}

func TestJournalGrowsToEachSize(t *testing.T) {
	t.Parallel()
	s, err := newSmallField(t).journal(1000)
	if err != nil || len(s.points) != 1 || s.points[0].x != 1000 || s.points[0].y <= 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
