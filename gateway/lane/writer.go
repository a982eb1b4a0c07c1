package lane

import (
	"log/slog"
	"strings"
	"unicode"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// writer is the one goroutine of the process that writes verdicts: it commits what all lanes have waiting in one step.
type writer struct {
	in        chan *ticket
	journal   *journal.Journal
	committed func()
	log       *slog.Logger
	batch     []journal.Pending
	tickets   []*ticket
	trouble   string // of the last commit, without digits; "" for none
}

// ticket is one lane's batch on its way through the writer; done says that every verdict in it is what it will be.
type ticket struct {
	pending []journal.Pending
	done    chan struct{}
}

func newWriter(opts Options, lanes int) *writer {
	return &writer{
		in:        make(chan *ticket, lanes),
		journal:   opts.Journal,
		committed: opts.Committed,
		log:       opts.Log,
		batch:     make([]journal.Pending, 0, 2*verify.MaxBatch),
		tickets:   make([]*ticket, 0, lanes),
	}
}

// run commits until in is closed and drained.
func (w *writer) run() {
	for t := range w.in {
		w.collect(t)
		w.commit()
		for _, t := range w.tickets {
			t.done <- struct{}{}
		}
	}
}

// collect takes the first ticket and those that are waiting behind it, as many as fit.
func (w *writer) collect(t *ticket) {
	w.tickets, w.batch = append(w.tickets[:0], t), append(w.batch[:0], t.pending...)
	for len(w.batch) < verify.MaxBatch {
		select {
		case t, ok := <-w.in:
			if !ok {
				return
			}
			w.tickets, w.batch = append(w.tickets, t), append(w.batch, t.pending...)
		default:
			return
		}
	}
}

// commit makes the verdicts final and gives them back to the tickets. What cannot be written is never admitted.
func (w *writer) commit() {
	err := w.journal.Commit(w.batch)
	w.say(err)
	if err != nil {
		for i := range w.batch {
			p := &w.batch[i]
			p.Candidate.Verdict = p.Candidate.Finalize(policy.StoreFailed, p.Profile)
		}
	}
	rest := w.batch
	for _, t := range w.tickets {
		n := copy(t.pending, rest)
		rest = rest[n:]
	}
	w.committed()
}

// say logs an error when it begins, changes by more than a number, or ends; not at every scan.
func (w *writer) say(err error) {
	if err == nil {
		if w.trouble != "" {
			w.log.Info("journal: can be written again")
		}
		w.trouble = ""
		return
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, err.Error())
	if text != w.trouble {
		w.log.Error("journal", "err", err)
	}
	w.trouble = text
}
