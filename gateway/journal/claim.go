package journal

import (
	"time"

	"passerelle/gateway/policy"
)

// Who is let in is decided by the record of the use in the zone (package doc, "Used once"):
//
//	entry   refused while a movement of the same credential is not resolved; within Profile.Passback of the last entry
//	        or exit, and before it, where the clock went back; once all uses are counted; where the credential replaces
//	        one that was used, or was itself replaced by one that was. With Profile.Reentry it is refused while its holder is
//	        inside, and let in without counting a use when he left by an exit.
//	exit    from inside to outside. Who is not known to be inside is referred to a person, never refused.
//
// Without Profile.Reentry there may be no exit lanes, so nobody is ever known to leave: being inside then keeps nobody out.

// decision is what becomes of a candidate that would be admitted.
type decision struct {
	claim   policy.Claim
	earlier Earlier   // with UsedBefore
	changes [2]change // of the ledger, with Claimed: the credential's own record, then that of the one which it replaces
	n       int
}

// decide claims a candidate's use. Only one that would be admitted is used.
func (w *writer) decide(p *Pending) decision {
	c := &p.Candidate
	if c.Outcome() != policy.Admit {
		return decision{claim: policy.Claimed}
	}
	if p.Awaited && len(w.j.unresolved)+len(w.appeared) >= MaxUnresolved || !w.countable(placeOf(p)) {
		return decision{claim: policy.StoreFailed}
	}
	switch {
	case !c.Once:
		return decision{claim: policy.Claimed}
	case c.Use == (policy.UseID{}): // nobody made an id: all such would be one credential
		return decision{claim: policy.StoreFailed}
	case c.Exit:
		return w.leave(p)
	}
	return w.enter(p)
}

// everyZone is where a credential that another one took the place of is void: nobody knows which zone it names.
const everyZone = ""

func (w *writer) enter(p *Pending) decision {
	j, c, at := w.j, &p.Candidate, p.At.UnixMilli()
	own := change{key: j.ledger.keyOf(c.Use, c.Zone)}
	own.was, own.known = j.ledger.find(own.key)
	if own.known && own.was.refuses(c, p.Profile, at) {
		return refusedBy(own.was)
	}
	if gone, ok := j.ledger.find(j.ledger.keyOf(c.Use, everyZone)); ok && gone.has(flagVoid) {
		return refusedBy(gone)
	}
	d := decision{claim: policy.Claimed, n: 1}
	if c.Also != (policy.UseID{}) && c.Also != c.Use {
		if used, ok := j.ledger.find(j.ledger.keyOf(c.Also, c.Zone)); ok && used.wasUsed(&own) {
			return refusedBy(used)
		}
		lost := change{key: j.ledger.keyOf(c.Also, everyZone)}
		lost.was, lost.known = j.ledger.find(lost.key)
		if lost.known && lost.was.wasUsed(&own) {
			return refusedBy(lost.was)
		}
		d.changes[1], d.n = lost, 2
	}
	if j.meta.Gap || j.damaged.Load() || len(j.ledger.uses)+d.unknown(&own) > j.opts.MaxUses {
		return decision{claim: policy.StoreFailed}
	}
	own.now = useRecord{
		changed: w.next(), entry: w.next(), at: at, moved: at, until: max(own.was.until, remember(c.Expires)),
		entries: own.was.entries, flags: flagInside, lane: p.Lane,
	}
	if p.Profile.Reentry && own.was.entries > 0 {
		own.now.flags |= flagAgain
	} else {
		own.now.entries++ // at most c.Uses
	}
	if p.Awaited {
		own.now.flags |= flagWaiting
	}
	d.changes[0] = own
	if d.n == 2 {
		lost := &d.changes[1]
		lost.now = useRecord{
			changed: own.now.changed, entry: own.now.entry, at: at, moved: never, until: max(lost.was.until, own.now.until),
			flags: flagVoid | own.now.flags&flagWaiting, lane: p.Lane,
		}
	}
	return d
}

// unknown returns how many records the ledger will have more.
func (d *decision) unknown(own *change) (n int) {
	if !own.known {
		n++
	}
	if d.n == 2 && !d.changes[1].known {
		n++
	}
	return n
}

func (w *writer) leave(p *Pending) decision {
	j, c := w.j, &p.Candidate
	own := change{key: j.ledger.keyOf(c.Use, c.Zone)}
	own.was, own.known = j.ledger.find(own.key)
	if j.meta.Gap || j.damaged.Load() {
		return decision{claim: policy.StoreFailed}
	}
	if !own.known || !own.was.has(flagInside) || own.was.has(flagWaiting) {
		return decision{claim: policy.NotInside}
	}
	own.now = own.was
	own.now.changed, own.now.moved = w.next(), p.At.UnixMilli()
	own.now.flags &^= flagInside
	own.now.until = max(own.was.until, remember(c.Expires))
	if p.Awaited {
		own.now.flags |= flagWaiting
	}
	return decision{claim: policy.Claimed, changes: [2]change{own}, n: 1}
}

// refuses reports whether a record keeps its holder out.
func (r *useRecord) refuses(c *policy.Candidate, p *policy.Profile, at int64) bool {
	switch {
	case r.has(flagVoid | flagWaiting):
		return true
	case p.Passback > 0 && r.moved != never && at-r.moved < p.Passback.Milliseconds():
		return true
	case p.Reentry && r.entries > 0:
		return r.has(flagInside)
	}
	return r.entries >= max(1, c.Uses)
}

// wasUsed reports whether the record of a lost credential keeps out the one that replaces it: it was used itself, or used up
// by a third. Which one a credential replaces is signed with it and does not change; where two of one use id say otherwise, the
// later entry counts, and what only the earlier one had replaced keeps it out.
func (r *useRecord) wasUsed(by *change) bool {
	usedUpByAnother := r.has(flagVoid) && !(by.known && by.was.entry == r.entry)
	return r.entries > 0 || r.has(flagWaiting) || usedUpByAnother
}

func refusedBy(r useRecord) decision {
	return decision{claim: policy.UsedBefore, earlier: Earlier{r.lane, time.UnixMilli(r.at).UTC(), r.entry}}
}
