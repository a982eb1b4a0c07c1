package lane

import "encoding/hex"

// cardShown reports whether the batch's i-th code was a supervisor's card, and taken as such: then it is no verdict, and the lamp does
// not change. What cannot be written into the journal is not taken; the card is then refused like any other code.
func (l *Lane) cardShown(i int) bool {
	c, f := &l.candidates[i], l.batch[i]
	if l.config.Card == nil || !c.Card() {
		return false
	}
	id := hex.EncodeToString(l.verifier.Result(i).Ticket.ID)
	if err := l.config.Card(id); err != nil {
		l.gate.opts.Log.Error("lane: a supervisor's card", "lane", l.config.ID, "err", err)
		return false
	}
	now := l.gate.opts.Wall()
	l.recent.remember(f.hash, now, *c, 0)
	l.display.results <- result{kind: CardShown, read: f.at, candidate: *c, at: now}
	l.sayAgain(f, c, 0)
	l.giveBack(f)
	return true
}
