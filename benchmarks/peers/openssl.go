package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/ours"
)

// opensslRounds is how often openssl speed runs: each run signs for a second and verifies for a second. Before each, ours has some
// turns.
const (
	opensslRounds = 3
	opensslTurns  = 9
)

// openssl runs `openssl speed` between turns of ours. It is another process, timed by its own user CPU time (that is how
// openssl speed counts), in the same minute on the same machine; it verifies one signature by one key again and again.
func (b *bench) openssl() (result, error) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			return result{}, fmt.Errorf("openssl must be installed: %w", err)
		}
		return result{Skipped: "openssl is not installed"}, nil
	}
	version, err := exec.Command(tool, "version").Output()
	if err != nil {
		return result{}, fmt.Errorf("openssl version: %w", err)
	}
	mine := signatures(ours.New(), b.oneKey.Jobs(), batch)
	if err := mine.check(); err != nil {
		return result{}, err
	}
	plan := measure.Plan{Least: opensslTurns, Turn: b.plan.Turn}
	var own, other measure.Samples
	for range opensslRounds {
		turns := plan.Compare(mine.Side)[0]
		own.NS, own.Allocs = append(own.NS, measure.Median(turns.NS)), append(own.Allocs, measure.Median(turns.Allocs))
		printed, err := exec.Command(tool, "speed", "-seconds", "1", "ecdsap256").Output()
		if err != nil {
			return result{}, fmt.Errorf("openssl speed: %w", err)
		}
		persecond, err := verifiesPerSecond(printed)
		if err != nil {
			return result{}, err
		}
		other.NS, other.Allocs = append(other.NS, 1e9/persecond), append(other.Allocs, 0)
	}
	r := compared(own, []string{string(bytes.TrimSpace(version))}, []measure.Samples{other})
	r.Against = string(bytes.TrimSpace(version)) + ", a process of its own, its user CPU time"
	return r, nil
}

// speedLine is a line of the table that openssl speed ends with: sign and verify in seconds, then sign/s and verify/s.
var speedLine = regexp.MustCompile(`(?m)^ *256 bits ecdsa \(nistp256\) +[0-9.]+s +[0-9.]+s +[0-9.]+ +([0-9.]+) *$`)

// verifiesPerSecond reads what openssl speed prints for ecdsap256.
func verifiesPerSecond(printed []byte) (float64, error) {
	found := speedLine.FindAllSubmatch(printed, -1)
	if len(found) != 1 {
		return 0, fmt.Errorf("openssl speed printed no line for ecdsap256 that could be read: %q", printed)
	}
	n, err := strconv.ParseFloat(string(found[0][1]), 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("openssl speed: %q verifications a second", found[0][1])
	}
	return n, nil
}
