package journal

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	const kills = 10
	dir := t.TempDir()
	var a acknowledged
	for n := range kills {
		during := time.Duration(rand.IntN(100)) * time.Millisecond
		a.take(t, runAndKill(t, "write", dir, a.tickets, 1+rand.IntN(5), during, nil))
		opts := testOptions()
		j := mustOpen(t, dir, opts)
		if loss := lossOf(t, j, &a); loss != "" {
			t.Fatalf("kill %d: lost %s", n+1, loss)
		}
		a.forgive(j)
		mustClose(t, j)
	}
	t.Logf("%d kills, %d entries acknowledged, none lost", kills, a.sequence)
}

func TestKillsWhileOpeningAreNotCountedAgainstAGoodJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var a acknowledged
	for range maxCrashes + 2 {
		// The journal is never closed in order and never checked whole, and is good all the same.
		a.take(t, runAndKill(t, "write", dir, a.tickets, 1, 0, nil))
	}
	if loss := lossOf(t, mustOpen(t, dir, testOptions()), &a); loss != "" {
		t.Errorf("lost %s", loss)
	}
}
