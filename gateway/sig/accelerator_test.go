package sig_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/sig"
	"passerelle/gateway/sig/p256"
)

// tableMemory is room for the generator's table and those of every key here.
const tableMemory = 16 << 20

func newAccelerator(t testing.TB) *sig.Accelerator {
	return sig.NewAccelerator(sig.AcceleratorOptions{Memory: tableMemory, Differ: func(d sig.Difference) {
		t.Errorf("the fast path and crypto/ecdsa differ about key %x: accepted = %v", d.Key, d.Accepted)
	}})
}

// signES256 makes a P-256 key and signs messages with it.
func signES256(t testing.TB, messages ...string) []sig.Job {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sig.New(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var jobs []sig.Job
	for _, m := range messages {
		r, s, err := ecdsa.Sign(rand.Reader, private, sum256([]byte(m)))
		if err != nil {
			t.Fatal(err)
		}
		raw := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		jobs = append(jobs, sig.Job{Key: &key, Alg: sig.ES256, Message: []byte(m), Signature: raw})
	}
	return jobs
}

// warm uses each key until it has its table.
func warm(t testing.TB, a *sig.Accelerator, jobs ...sig.Job) {
	t.Helper()
	before := a.Stats().Tables.Built
	keys := map[*sig.Key]bool{}
	v := sig.NewVerifier(a)
	for range 3 {
		for i := range jobs {
			keys[jobs[i].Key] = true
			v.Verify(jobs[i : i+1])
			a.Settle()
		}
	}
	if built := a.Stats().Tables.Built - before; built != uint64(len(keys)) {
		t.Fatalf("%d tables were built for %d keys", built, len(keys))
	}
}

// variants returns a job with what may be wrong about one.
func variants(j sig.Job) []sig.Job {
	all := []sig.Job{j}
	add := func(change func(*sig.Job)) {
		c := j
		c.Signature = slices.Clone(j.Signature)
		change(&c)
		all = append(all, c)
	}
	half := len(j.Signature) / 2
	for _, bit := range []int{0, 8*half - 1, 8 * half, 8*len(j.Signature) - 1} {
		add(func(c *sig.Job) { c.Signature[bit/8] ^= 1 << (bit % 8) })
	}
	add(func(c *sig.Job) { c.Message = []byte("shown at another gate") })
	add(func(c *sig.Job) { c.Message = nil })
	add(func(c *sig.Job) { c.Signature = c.Signature[1:] })
	add(func(c *sig.Job) { c.Signature = append(c.Signature, 0) })
	add(func(c *sig.Job) { c.Signature = append([]byte{0}, c.Signature...) })
	add(func(c *sig.Job) { c.Signature = nil })
	add(func(c *sig.Job) { c.Signature = make([]byte, len(j.Signature)) })
	add(func(c *sig.Job) { c.Signature = slices.Concat(j.Signature[half:], j.Signature[:half]) })
	add(func(c *sig.Job) { c.Key = nil })
	add(func(c *sig.Job) { c.Key = new(sig.Key) })
	for _, alg := range []sig.Algorithm{0, sig.ES256, sig.ES384, sig.ES512, sig.PS256, sig.EdDSA} {
		add(func(c *sig.Job) { c.Alg = alg })
	}
	if !j.Key.ECDSA() {
		return all
	}
	r, s := new(big.Int).SetBytes(j.Signature[:half]), new(big.Int).SetBytes(j.Signature[half:])
	add(func(c *sig.Job) { c.Signature, _ = asn1.Marshal(struct{ R, S *big.Int }{r, s}) })
	n := j.Key.Public().(*ecdsa.PublicKey).Params().N
	one, top := big.NewInt(1), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*half)), big.NewInt(1))
	for _, special := range []*big.Int{new(big.Int), one, new(big.Int).Sub(n, one), n, new(big.Int).Add(n, one), top} {
		add(func(c *sig.Job) { special.FillBytes(c.Signature[:half]) })
		add(func(c *sig.Job) { special.FillBytes(c.Signature[half:]) })
		add(func(c *sig.Job) { special.FillBytes(c.Signature[:half]); special.FillBytes(c.Signature[half:]) })
	}
	add(func(c *sig.Job) { new(big.Int).Sub(n, s).FillBytes(c.Signature[half:]) }) // valid too
	return all
}

// TestBatchesOfEverySizeGiveWhatConfirmGives mixes keys with tables, keys without, and all other kinds.
func TestBatchesOfEverySizeGiveWhatConfirmGives(t *testing.T) {
	t.Parallel()
	a := newAccelerator(t)
	var pool []sig.Job
	for _, s := range genuine(t) {
		pool = append(pool, variants(s.job)...)
	}
	others := len(pool) // without a table
	for range 6 {
		jobs := signES256(t, "a ticket", "a pass", "a stamp")
		warm(t, a, jobs...)
		pool = append(pool, jobs...)
		pool = append(pool, variants(jobs[0])...)
	}
	var standard sig.Verifier
	want := make([]bool, len(pool))
	accepted := 0
	for i := range pool {
		if want[i] = standard.Confirm(&pool[i]); want[i] {
			accepted++
		}
	}
	if accepted < 20 || len(pool) < 300 {
		t.Fatalf("%d jobs, %d of them genuine", len(pool), accepted)
	}
	random := mathrand.New(mathrand.NewPCG(3, 4))
	v := sig.NewVerifier(a)
	for size := range 2*p256.Block + 3 {
		batch, of := make([]sig.Job, size), make([]int, size)
		for i := range batch {
			if of[i] = others + random.IntN(len(pool)-others); random.IntN(5) == 0 {
				of[i] = random.IntN(others)
			}
			batch[i] = pool[of[i]]
			batch[i].OK = random.IntN(2) == 0 // is set anew in any case
		}
		v.Verify(batch)
		for i := range batch {
			if batch[i].OK != want[of[i]] {
				t.Fatalf("batch of %d: job %d, %v by %v, signature %x: verified = %v, want %v", size, i, batch[i].Alg, batch[i].Key,
					batch[i].Signature, batch[i].OK, want[of[i]])
			}
			if size < 8 && v.Recheck(&batch[i]) != want[of[i]] {
				t.Fatalf("batch of %d: the second check of job %d differs", size, i)
			}
		}
		a.Settle()
	}
	if s := a.Stats(); s.Standard || s.Differed != 0 || s.Checked == 0 {
		t.Errorf("the guard: %+v", s)
	}
}

func TestOneResultOfAKindIn256IsVerifiedAgain(t *testing.T) {
	t.Parallel()
	const every = 256
	a := newAccelerator(t)
	good := signES256(t, "a ticket")[0]
	warm(t, a, good)
	bad := good
	bad.Message = []byte("another ticket")
	short := good
	short.Signature = good.Signature[1:]
	weak := genuinePS256(t)
	for _, c := range []struct {
		name            string
		accepted, other int
		job             sig.Job
		want            uint64
	}{
		{"acceptances, one too few", every - 1, 0, good, 0},
		{"acceptances", every, 0, good, 1},
		{"refusals, one too few", 0, every - 1, bad, 0},
		{"refusals", 0, every, bad, 1},
		{"acceptances and refusals are counted apart", every - 1, every - 1, bad, 0},
		{"many of both", 5*every - 1, 3 * every, bad, 4 + 3},
		{"a signature of another length is not verified again", 0, 3 * every, short, 0},
		{"PS256 counts with ES256", every / 2, every/2 + every - 1, weak, 1},
	} {
		v := sig.NewVerifier(a)
		before := a.Stats()
		jobs := slices.Concat(slices.Repeat([]sig.Job{good}, c.accepted), slices.Repeat([]sig.Job{c.job}, c.other))
		mathrand.New(mathrand.NewPCG(5, 6)).Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
		v.Verify(jobs)
		a.Settle()
		after := a.Stats()
		if got := after.Checked - before.Checked; got != c.want || after.Missed != before.Missed {
			t.Errorf("%s: %d of %d were verified again, %d missed; want %d", c.name, got, len(jobs), after.Missed-before.Missed, c.want)
		}
	}
	if s := a.Stats(); s.Standard || s.Differed != 0 {
		t.Errorf("the guard: %+v", s)
	}
}

// genuinePS256 returns a signature that package pss verifies.
func genuinePS256(t *testing.T) sig.Job {
	t.Helper()
	for _, s := range genuine(t) {
		if s.job.Alg == sig.PS256 {
			return s.job
		}
	}
	t.Fatal("no PS256")
	return sig.Job{}
}

func TestSamplesThatNobodyTakesAreCountedAsMissed(t *testing.T) {
	t.Parallel()
	const every, room, more = 256, 64, 3
	a := newAccelerator(t)
	good := signES256(t, "a ticket")[0]
	warm(t, a, good)
	before := a.Stats()
	v := sig.NewVerifier(a)
	jobs := slices.Repeat([]sig.Job{good}, p256.Block)
	for range every / p256.Block * (room + more) {
		v.Verify(jobs)
	}
	if s := a.Stats(); s.Missed-before.Missed != more || s.Checked != before.Checked {
		t.Errorf("nobody runs: %d missed, %d checked; want %d, 0", s.Missed-before.Missed, s.Checked-before.Checked, more)
	}
	a.Settle()
	if s := a.Stats(); s.Checked-before.Checked != room {
		t.Errorf("%d were waiting, want %d", s.Checked-before.Checked, room)
	}
}

func TestAnAdmitThatIsNotConfirmedEndsTheFastPath(t *testing.T) {
	t.Parallel()
	var differences []sig.Difference
	a := sig.NewAccelerator(sig.AcceleratorOptions{Memory: tableMemory, Differ: func(d sig.Difference) { differences = append(differences, d) }})
	jobs := signES256(t, "a ticket", "a pass")
	warm(t, a, jobs...)
	v := sig.NewVerifier(a)
	v.Verify(jobs)
	if !jobs[0].OK || !v.Recheck(&jobs[0]) || a.Stats().Standard {
		t.Fatalf("a good job: verified %v, guard %+v", jobs[0].OK, a.Stats())
	}

	// The first check saw something else than the second: memory was changed between them.
	jobs[0].Message[0] ^= 1
	if v.Recheck(&jobs[0]) {
		t.Error("a changed message is confirmed")
	}
	want := sig.Difference{Key: jobs[0].Key.Fingerprint(), Accepted: true}
	if s := a.Stats(); !s.Standard || s.Differed != 1 || len(differences) != 1 || differences[0] != want {
		t.Errorf("the guard: %+v, told %+v; want one of %+v", s, differences, want)
	}
	if v.Recheck(&jobs[0]); len(differences) != 2 || a.Stats().Differed != 2 {
		t.Errorf("the second time: told %d times, %+v", len(differences), a.Stats())
	}

	// From now on crypto/ecdsa decides, which samples and tables see nothing of.
	before := a.Stats()
	v.Verify(jobs)
	if jobs[0].OK || !jobs[1].OK {
		t.Errorf("after the alarm: changed %v, good %v", jobs[0].OK, jobs[1].OK)
	}
	v.Verify(slices.Repeat(jobs[1:], 600))
	a.Settle()
	if s := a.Stats(); s != before {
		t.Errorf("the fast path goes on: %+v, before %+v", s, before)
	}
	if other := sig.NewVerifier(a); !other.Confirm(&jobs[1]) {
		t.Error("a new Verifier refuses a good job")
	}
}

func TestARefusalIsNotConfirmedSilently(t *testing.T) {
	t.Parallel()
	jobs := signES256(t, "a ticket")
	a := newAccelerator(t)
	v := sig.NewVerifier(a)
	jobs[0].Message[0] ^= 1
	if v.Verify(jobs); v.Recheck(&jobs[0]) || a.Stats().Differed != 0 {
		t.Errorf("a bad signature, refused twice: %+v", a.Stats())
	}
}

func TestTheStandardLibraryVerifiesWithoutTables(t *testing.T) {
	t.Parallel()
	byHand := newAccelerator(t)
	byHand.UseStandard()
	for name, a := range map[string]*sig.Accelerator{
		"nil":              nil,
		"too little room":  sig.NewAccelerator(sig.AcceleratorOptions{Memory: p256.MinLimit - 1}),
		"switched by hand": byHand,
	} {
		jobs := signES256(t, "a ticket", "a pass")
		jobs[1].Message[0] ^= 1
		v := sig.NewVerifier(a)
		for range 5 {
			if v.Verify(jobs); !jobs[0].OK || jobs[1].OK || !v.Recheck(&jobs[0]) || v.Recheck(&jobs[1]) {
				t.Fatalf("%s: good %v, bad %v", name, jobs[0].OK, jobs[1].OK)
			}
		}
		if s := a.Stats(); s.Tables.Built != 0 || s.Checked != 0 || s.Differed != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if s := (*sig.Accelerator)(nil).Stats(); s != (sig.Stats{Standard: true}) {
		t.Errorf("nil: %+v", s)
	}
	if !byHand.Stats().Standard {
		t.Error("switched by hand: Standard is false")
	}
}

// TestManyVerifiersShareTablesThatAreBuiltMeanwhile has Verifiers work on the same keys while Run builds their tables, then
// without anybody to build or check, and at last after the fast path has ended.
func TestManyVerifiersShareTablesThatAreBuiltMeanwhile(t *testing.T) {
	t.Parallel()
	a := newAccelerator(t)
	var pool []sig.Job
	for range 8 {
		for _, j := range signES256(t, "a ticket", "a pass") {
			bad := j
			bad.Message = []byte("another")
			pool = append(pool, j, bad)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var running, verifiers sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	work := func(name string, rounds int) {
		t.Helper()
		for seed := range 4 {
			verifiers.Go(func() {
				random := mathrand.New(mathrand.NewPCG(7, uint64(seed)))
				v := sig.NewVerifier(a)
				for range rounds {
					batch, want := make([]sig.Job, 1+random.IntN(80)), []bool{}
					for i := range batch {
						of := random.IntN(len(pool))
						batch[i], want = pool[of], append(want, of%2 == 0)
					}
					v.Verify(batch)
					for i := range batch {
						if batch[i].OK != want[i] || batch[i].OK && !v.Recheck(&batch[i]) {
							t.Errorf("%s: job %d of %d: verified = %v", name, i, len(batch), batch[i].OK)
						}
					}
					a.Stats()
				}
			})
		}
		verifiers.Wait()
	}
	work("Run builds", 25)
	for deadline := time.Now().Add(10 * time.Second); a.Stats().Tables.Built < 8 && time.Now().Before(deadline); {
		work("Run is late", 5)
	}
	if s := a.Stats(); s.Tables.Built < 8 || s.Standard {
		t.Errorf("8 keys, while Run builds: %+v", s)
	}

	stop()
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Run did not end with its context")
	}
	checked := a.Stats().Checked
	work("nobody runs", 10)
	if s := a.Stats(); s.Checked != checked || s.Standard {
		t.Errorf("after Run has ended: %+v", s)
	}
	running.Go(a.UseStandard)
	work("the fast path ends", 5)
	running.Wait()
	if s := a.Stats(); !s.Standard || s.Differed != 0 {
		t.Errorf("at the end: %+v", s)
	}
}

func BenchmarkVerifyES256(b *testing.B) {
	for _, size := range []int{1, 4, 16, p256.Block} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			a := newAccelerator(b)
			jobs := slices.Repeat(signES256(b, "a ticket"), size)
			warm(b, a, jobs[0])
			v := sig.NewVerifier(a)
			for range 2 * p256.Block { // enough for a large table
				v.Verify(jobs)
				a.Settle()
			}
			b.ReportAllocs()
			for b.Loop() {
				v.Verify(jobs)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/signature")
		})
	}
}
