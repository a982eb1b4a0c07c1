package journal

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passerelle/gateway/policy"
)

// model is a journal as a map: what each ticket's first admission was.
type model struct {
	claimed  map[int]Earlier
	sequence uint64
	acked    uint64
	now      time.Time
}

// TestJournalIsAMapOfFirstUses runs random commits, notes, restarts, crashes (a store left open) and prunings against a map.
func TestJournalIsAMapOfFirstUses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := model{claimed: make(map[int]Earlier), now: testTime}
		opts := retentionOptions()
		opts.segment = uint64(rapid.IntRange(1, 9).Draw(rt, "segment"))
		j, err := Open(dir, opts)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.now = m.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "minutes")) * time.Minute)
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				if _, err := j.Note("north", m.now, "clock", map[string]string{"step": "x"}); err != nil {
					rt.Fatal(err)
				}
				m.sequence++
			case 1:
				if err := j.Close(); err != nil {
					rt.Fatal(err)
				}
				if j, err = Open(dir, opts); err != nil {
					rt.Fatal(err)
				}
			case 2:
				m.prune(rt, j)
			default:
				m.commit(rt, j)
			}
			if sequence, _ := j.Head(); j.State() != OK || sequence != m.sequence {
				rt.Fatalf("state %v, head %d; want ok, %d", j.State(), sequence, m.sequence)
			}
		}
		r, err := j.Verify(context.Background())
		if err != nil || r.Break != nil || r.Uses != uint64(len(m.claimed)) {
			rt.Fatalf("verify: %+v, %v; want %d uses", r, err, len(m.claimed))
		}
	})
}

func (m *model) commit(rt *rapid.T, j *Journal) {
	batch := make([]Pending, rapid.IntRange(1, 12).Draw(rt, "batch"))
	tickets := make([]int, len(batch))
	for i := range batch {
		lane := rapid.SampledFrom([]string{"north", "south", ""}).Draw(rt, "lane")
		tickets[i] = rapid.IntRange(-2, 8).Draw(rt, "ticket")
		switch tickets[i] {
		case -2:
			batch[i] = refused(lane)
		case -1:
			batch[i] = pass(lane)
		default:
			batch[i] = ticket(lane, tickets[i])
			batch[i].Candidate.Expires = testTime.AddDate(1, 0, 0).Unix()
		}
		batch[i].At = m.now
	}
	if err := j.Commit(batch); err != nil {
		rt.Fatal(err)
	}
	for i := range batch {
		m.sequence++
		p := &batch[i]
		want, reason := policy.Admit, policy.OK
		before, used := m.claimed[tickets[i]]
		switch {
		case tickets[i] == -2:
			want, reason = policy.Deny, policy.BadSignature
		case used:
			want, reason = policy.Deny, policy.AlreadyUsed
		case tickets[i] >= 0:
			m.claimed[tickets[i]] = Earlier{p.Lane, p.At, m.sequence}
		}
		c := &p.Candidate
		if c.Outcome() != want || c.Reason() != reason || !c.Final() || p.Sequence != m.sequence || p.Earlier != before {
			rt.Fatalf("ticket %d: %v %v final %v, entry %d, earlier %+v; want %v %v, entry %d, earlier %+v",
				tickets[i], c.Outcome(), c.Reason(), c.Final(), p.Sequence, p.Earlier, want, reason, m.sequence, before)
		}
	}
}

func (m *model) prune(rt *rapid.T, j *Journal) {
	if m.acked < m.sequence {
		m.acked = rapid.Uint64Range(m.acked, m.sequence).Draw(rt, "acknowledged")
	}
	if err := j.Acknowledge(m.acked); err != nil {
		rt.Fatal(err)
	}
	if _, err := j.Prune(m.now); err != nil {
		rt.Fatal(err)
	}
	if sequence, _ := j.Head(); sequence > m.sequence {
		m.sequence++ // the entry that says so
	}
	entries, err := j.Read(nil, 0, MaxRead)
	if err != nil {
		rt.Fatal(err)
	}
	for i, e := range entries {
		if want := m.sequence - uint64(len(entries)-1-i); e.Sequence != want {
			rt.Fatalf("entry %d, want %d", e.Sequence, want)
		}
	}
	if first := m.sequence - uint64(len(entries)) + 1; first > m.acked+1 {
		rt.Fatalf("dropped up to entry %d, acknowledged %d", first-1, m.acked)
	}
}

// TestEverybodyAtOnce has readers, retention and notes beside two lanes that show the same tickets.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	opts := retentionOptions()
	j := mustOpen(t, t.TempDir(), opts)
	const tickets = 150
	var admitted [tickets]int
	var mu sync.Mutex
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for lane := range 2 {
		wg.Go(func() {
			for n := range tickets {
				p := []Pending{ticket(fmt.Sprint("lane", lane), n)}
				p[0].Candidate.Expires = testTime.AddDate(1, 0, 0).Unix()
				if err := j.Commit(p); err != nil {
					t.Error(err)
					return
				}
				if p[0].Candidate.Outcome() == policy.Admit {
					mu.Lock()
					admitted[n]++
					mu.Unlock()
				}
			}
		})
	}
	var others sync.WaitGroup
	every := func(do func() error) {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	every(func() error { _, err := j.Read(nil, 0, 50); return err })
	every(func() error { return j.CheckOlder(context.Background()) })
	every(func() error {
		r, err := j.Verify(context.Background())
		if err == nil && r.Break != nil {
			err = fmt.Errorf("verify: %+v", *r.Break)
		}
		return err
	})
	every(func() error {
		sequence, _ := j.Head()
		if err := j.Acknowledge(sequence); err != nil {
			return err
		}
		_, err := j.Prune(testTime.Add(2 * time.Hour))
		time.Sleep(time.Millisecond)
		return err
	})
	wg.Wait()
	close(stop)
	others.Wait()
	wantState(t, j, OK)
	for n, count := range admitted {
		if count != 1 {
			t.Errorf("ticket %d was admitted %d times", n, count)
		}
	}
	mustVerify(t, j)
}
