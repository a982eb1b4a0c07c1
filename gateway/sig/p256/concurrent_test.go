package p256

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestVerdictsStayRightWhileTablesComeAndGo has Verifiers of several goroutines share Tables that have no room for all keys, while
// another goroutine builds. What is popular changes all the time.
func TestVerdictsStayRightWhileTablesComeAndGo(t *testing.T) {
	t.Parallel()
	const verifierCount, keyCount, hot = 3, 64, 8
	tables := NewTables(MinLimit)
	tables.halfLife = 1 << 10
	var pool [keyCount][4]trial
	for n := range pool {
		key := newKnown(t, scalarOf(uint64(9600+n)))
		public, err := NewKey(key.public)
		if err != nil {
			t.Fatal(err)
		}
		for i := range pool[n] {
			tr := key.good(t, 0, uint64(i))
			if i%2 == 1 {
				tr = key.bad(t, 0, uint64(i))
			}
			tr.job.Key, tr.must, tr.open = public, false, true
			pool[n][i] = tr
		}
	}

	var building, verifying sync.WaitGroup
	stop := make(chan struct{})
	building.Go(func() {
		for {
			select {
			case <-stop:
				return
			case k := <-tables.Asked():
				tables.Answer(k)
				if s := tables.Stats(); s.Bytes > MinLimit || s.Small < 0 || s.Large < 0 {
					t.Errorf("got %+v, want at most %d bytes", s, MinLimit)
				}
			}
		}
	})
	enough := 2 * uint64(MinLimit-tableBytes(generatorWindow)) / uint64(tableBytes(smallWindow)) // so that tables were taken away
	deadline := time.Now().Add(20 * time.Second)
	var determined atomic.Int64
	for n := range uint64(verifierCount) {
		verifying.Go(func() {
			random := rand.New(rand.NewPCG(37, n))
			v := NewVerifier(tables)
			for batch := 0; (batch < 300 || tables.Stats().Built < enough) && time.Now().Before(deadline) && !t.Failed(); batch++ {
				trials := make([]trial, 1+random.IntN(Block+8))
				for i := range trials {
					key := (batch/60*hot + random.IntN(hot)) % keyCount
					if random.IntN(10) == 0 {
						key = random.IntN(keyCount)
					}
					trials[i] = pool[key][random.IntN(4)]
				}
				determined.Add(verifyTrials(t, v, trials))
			}
		})
	}
	verifying.Wait()
	close(stop)
	building.Wait()
	t.Logf("%d verdicts; %+v", determined.Load(), tables.Stats())
	if got := tables.Stats().Built; got < enough || determined.Load() == 0 {
		t.Errorf("only %d tables were built, %d of them needed to make some go, and %d verdicts given", got, enough, determined.Load())
	}
}

// verifyTrials verifies, and returns how many of the trials were determined. It may be called in any goroutine.
func verifyTrials(t *testing.T, v *Verifier, trials []trial) (determined int64) {
	jobs := make([]Job, len(trials))
	for i := range trials {
		jobs[i] = trials[i].job
	}
	v.Verify(jobs)
	for i := range trials {
		if why := trials[i].wrong(jobs[i].Result); why != "" {
			t.Errorf("%d of %d, digest %x, signature %x: %s", i, len(jobs), jobs[i].Digest, jobs[i].Signature, why)
		}
		if jobs[i].Result != Undetermined {
			determined++
		}
	}
	return determined
}
