// Package workload makes the codes that the benchmarks verify.
//
// They are the public certificates of corpora/hcert/benchmark_mix.jsonl, signed again by keys of our own so that the number
// of keys and of codes can be chosen. A code that was signed again keeps its claims, its headers and the type and header of
// its zlib block, and is packed with the same matches as before; what is new is the signature (ES256), the key id, and the
// times of issue and expiry, which are set so that all codes are valid at one time. Real reads the same certificates as they
// are, with the public list of signers that knows most of them.
package workload

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoCorpus means that the public test data is not where it was looked for.
var ErrNoCorpus = errors.New("the public test data is missing: set CORPORA to its folder")

// Corpora returns the folder of public test data: CORPORA, or ../shared/corpora beside the repository.
func Corpora() (string, error) {
	folder := os.Getenv("CORPORA")
	if folder == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(root, "..", "shared", "corpora")
	}
	if _, err := os.Stat(filepath.Join(folder, "hcert", mixName)); err != nil {
		return "", fmt.Errorf("%w (now %s): %w", ErrNoCorpus, folder, err)
	}
	return folder, nil
}

// Root returns the repository's folder: the nearest one, from the working directory upwards, whose go.mod is the product's.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the repository: %w", err)
		}
		if strings.HasPrefix(string(text), "module passerelle\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the repository: run this inside it")
		}
		dir = parent
	}
}

const mixName = "benchmark_mix.jsonl"

// original is one row of the mix.
type original struct {
	Payload string `json:"payload"`
	Source  string `json:"source"` // which file of which project
}

func readMix(corpora string) ([]original, error) {
	f, err := os.Open(filepath.Join(corpora, "hcert", mixName))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCorpus, err)
	}
	defer f.Close()
	var rows []original
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r original
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s, row %d: %w", mixName, len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", mixName, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s is empty", mixName)
	}
	return rows, nil
}
