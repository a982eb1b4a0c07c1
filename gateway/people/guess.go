package people

import (
	"crypto/sha256"
	"time"
)

// tries counts wrong ones in a row.
type tries struct {
	wrong int
	until time.Time // nothing is looked at before
}

// delayAfter returns how long to wait after so many wrong tries in a row.
func delayAfter(wrong int) time.Duration {
	if wrong < FreeTries {
		return 0
	}
	d := FirstDelay
	for range wrong - FreeTries {
		if d *= 2; d >= MaxDelay {
			return MaxDelay
		}
	}
	return d
}

// guess is what somebody tries. Passwords and PINs are counted apart: who guesses PINs at a lane keeps no supervisor from logging in.
type guess struct {
	what string // guessPassword or guessPIN
	lane string // "" for none
	name string
}

const (
	guessPassword = "password "
	guessPIN      = "PIN "
)

// at returns the tries of an account, and of a lane if there is one; p.mu is held. Names that nobody has share a fixed number of
// places, so that they cost no memory.
func (p *People) at(g guess) []*tries {
	account := p.tries[g.what+g.name]
	switch {
	case p.book.account(g.name) == nil:
		account = &p.strangers[sha256.Sum256([]byte(g.what + g.name))[0]]
	case account == nil:
		account = new(tries)
		p.tries[g.what+g.name] = account
	}
	lane := g.lane
	if lane == "" {
		return []*tries{account}
	}
	here := p.tries["lane "+lane]
	if here == nil {
		here = new(tries)
		p.tries["lane "+lane] = here
	}
	return []*tries{account, here}
}

// begin looks whether a try is allowed, and counts it as wrong until it turns out right: many at once get no more than one
// after the other. The account is the zero one if nobody has that name. began reports that a delay begins with it.
func (p *People) begin(g guess) (a account, began bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	if p.damaged {
		return account{}, false, ErrDamaged
	}
	now := p.opts.Now()
	all := p.at(g)
	for _, t := range all {
		if wait := t.until.Sub(now); wait > 0 {
			return account{}, false, &Delayed{wait}
		}
	}
	for _, t := range all {
		t.wrong++
		if d := delayAfter(t.wrong); d > 0 {
			t.until, began = now.Add(d), true
		}
	}
	if known := p.book.account(g.name); known != nil {
		a = *known
	}
	return a, began, nil
}

// right takes back what begin counted; p.mu is held.
func (p *People) right(counter *uint64, g guess) {
	for _, t := range p.at(g) {
		*t = tries{}
	}
	*counter++
}

// wrong counts a wrong try, and notes that a delay began. The name is noted only if somebody has it: people type passwords into
// the wrong field.
func (p *People) wrong(counter *uint64, g guess, began bool) {
	p.mu.Lock()
	*counter++
	if began {
		p.counts.Delays++
	}
	if p.book.account(g.name) == nil {
		g.name = "unknown"
	}
	p.mu.Unlock()
	if began {
		p.note(g.lane, "guessing", map[string]string{"account": g.name})
	}
}

// CheckPIN looks at the PIN of a supervisor who stands at a lane. The errors are those of Login.
func (p *People) CheckPIN(lane, name, pin string) error {
	release, err := hash(p.pins)
	if err != nil {
		return err
	}
	defer release()
	g := guess{guessPIN, lane, name}
	a, began, err := p.begin(g)
	if err != nil {
		return err
	}
	if len(pin) > MaxPIN {
		pin = ""
	}
	if !a.PIN.matches(pin) || a.Role != Supervisor {
		p.wrong(&p.counts.WrongPINs, g, began)
		return ErrWrong
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.right(&p.counts.PINs, g)
	return nil
}
