package lane

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestTicketIsAdmittedOnceAndThenSaysWhereAndWhen(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	p, q := s.posts[0], s.posts[1]
	before := s.clock.wall()
	p.show(onceCode(t, 1))
	first := p.wantVerdict(1, "admit ok")
	after := s.clock.wall()
	if first.Earlier != (Earlier{}) {
		t.Errorf("the first use says that there was an earlier one: %+v", first.Earlier)
	}
	s.clock.add(s.repeat)
	p.show(onceCode(t, 1))
	here := p.wantVerdict(1, "deny already_used")
	q.show(onceCode(t, 1))
	there := q.wantVerdict(1, "deny already_used")
	for _, e := range []Event{here, there} {
		at := e.Earlier.At
		if e.Earlier.Lane != "1" || at.Before(before.Truncate(time.Millisecond)) || at.After(after) {
			t.Errorf("lane %s: used earlier at lane %q at %v, want lane 1 between %v and %v", e.Lane, e.Earlier.Lane, at, before, after)
		}
	}
	all := s.entries()
	if len(all) != 3 || all[2].Lane != "2" || all[2].Earlier == nil || all[2].Earlier.Lane != "1" || !all[2].Earlier.At.Equal(there.Earlier.At) {
		t.Errorf("journal: %+v", all)
	}
}

// TestTicketAtSeveralLanesAtOnceIsAdmittedOnce shows each ticket at all lanes in the same moment, by scanner and typed.
func TestTicketAtSeveralLanesAtOnceIsAdmittedOnce(t *testing.T) {
	t.Parallel()
	const rounds, lanes = 60, 4
	for _, typed := range []bool{false, true} {
		t.Run(fmt.Sprintf("typed %v", typed), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lanes)
			wins := make(map[string]int)
			for n := 1; n <= rounds; n++ {
				ticket := []byte(onceCode(t, n))
				atOnce(lanes, func(i int) {
					if p := s.posts[i]; !typed {
						p.show(string(ticket))
					} else if err := s.gate.Enter(p.id, ticket); err != nil {
						t.Error(err)
					}
				})
				winner, earlier := "", make(map[string]Earlier)
				for _, p := range s.posts {
					switch e := p.want(VerdictGiven); verdictOf(&e) {
					case "admit ok":
						if winner != "" {
							t.Fatalf("ticket %d was admitted at lanes %s and %s", n, winner, p.id)
						}
						winner = p.id
					case "deny already_used":
						earlier[p.id] = e.Earlier
					default:
						t.Fatalf("ticket %d at lane %s: %s", n, p.id, verdictOf(&e))
					}
				}
				for id, e := range earlier {
					if e.Lane != winner {
						t.Fatalf("ticket %d: lane %s says that lane %q was first, that was %q", n, id, e.Lane, winner)
					}
				}
				wins[winner]++
			}
			t.Logf("admitted at: %v", wins)
		})
	}
}

// atOnce calls f for 0 to n-1, each on a goroutine, from the same moment on.
func atOnce(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}
