package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// genericTag builds the product without its own assembly. The usual tag purego would take the peers' assembly too.
const genericTag = "p256generic"

// genericRows are the rows that the second build runs.
var genericRows = []string{"hc1_batch64", "es256_batch64"}

// generic returns a row of a second build of this program. Both sides of the row are of that build, in that process; the peer
// keeps its assembly.
func (b *bench) generic(name string) (result, error) {
	if b.second == nil {
		var err error
		if b.second, err = b.runSecond(); err != nil {
			return result{}, err
		}
	}
	r, ok := b.second[name]
	if !ok {
		return result{}, fmt.Errorf("the second build did not run %s", name)
	}
	if !slices.Contains(strings.Split(r.Tags, ","), genericTag) {
		return result{}, fmt.Errorf("the second build has the tags %q, want %s", r.Tags, genericTag)
	}
	r.Notes = append(r.Notes, "row "+name+" of a build with the tag "+genericTag)
	return r, nil
}

// runSecond builds this program without assembly and runs it.
func (b *bench) runSecond() (_ map[string]result, err error) {
	dir, err := os.MkdirTemp("", "passerelle-peers-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "peers")
	build := exec.Command(goTool(), "build", "-tags", genericTag, "-o", program, "./peers")
	build.Dir = filepath.Join(b.root, "benchmarks")
	if printed, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build without assembly: %w\n%s", err, printed)
	}
	child := exec.Command(program, "-json", "-rows", strings.Join(genericRows, ","), "-budget", b.plan.Budget.String())
	child.Dir = build.Dir
	var complaint bytes.Buffer
	child.Stderr = &complaint
	printed, err := child.Output()
	if err != nil {
		return nil, fmt.Errorf("run without assembly: %w\n%s", err, complaint.Bytes())
	}
	second := make(map[string]result)
	for lines := json.NewDecoder(bytes.NewReader(printed)); lines.More(); {
		var r result
		if err := lines.Decode(&r); err != nil {
			return nil, fmt.Errorf("run without assembly: %w", err)
		}
		second[r.Name] = r
	}
	return second, nil
}

// goTool is the go command: GO as in the Makefile, or the one in the path.
func goTool() string {
	if tool := os.Getenv("GO"); tool != "" {
		return tool
	}
	return "go"
}

// buildTags returns the tags that this program was built with.
func buildTags() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			return s.Value
		}
	}
	return ""
}
