package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"passerelle/drivers/frame"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// checkpointCmd plays people who show a certificate and a card or a passport each.
type checkpointCmd struct {
	storyOptions `embed:""`

	People int `help:"How many come with two documents of their own." default:"200"`
}

// Limits of a checkpoint.
const (
	minPeople       = 20
	maxPeople       = 5000
	checkpointLanes = 4
	slowLane        = checkpointLanes - 1 // its people do not find their second document
)

// Run prints a table and exits 1 if a verdict was wrong.
func (c *checkpointCmd) Run(ctx context.Context, std streams) error {
	t, err := c.tell(ctx, std)
	return t.exit(err)
}

func (c *checkpointCmd) tell(ctx context.Context, std streams) (tally, error) {
	if c.People < minPeople || c.People > maxPeople {
		return tally{}, misuse{fmt.Errorf("want %d to %d people", minPeople, maxPeople)}
	}
	s, err := newCheckpoint(c)
	if err != nil {
		return tally{}, err
	}
	return s.tell(ctx, std, c.storyOptions)
}

// checkpoint is the story while it is made. Each lane has one reader for certificates and documents: it sends the lines of a document one
// after the other, on two of the lanes as a reader of documents does that puts them between STX and ETX.
type checkpoint struct {
	*story
	office *papers
	turn   int // which lane is next
}

func newCheckpoint(c *checkpointCmd) (*story, error) {
	s := &checkpoint{story: newStory("checkpoint", c.storyOptions)}
	s.profile = policy.Checkpoint()
	s.profile.Production = false // the keys are published ones
	for i := range checkpointLanes {
		l := storyLane{id: strconv.Itoa(i + 1), terminator: frame.MRZ}
		if i == slowLane {
			l.second = lane.MinSecond
		}
		s.lanes = append(s.lanes, l)
	}
	s.acts = []act{{}}
	var err error
	if s.office, err = newPapers(s.story); err != nil {
		return nil, err
	}
	if s.list, err = s.office.certificates.list(); err != nil {
		return nil, err
	}
	if err := s.people(c.People); err != nil {
		return nil, err
	}
	s.about = fmt.Sprintf("%d people with a certificate and a card or passport, and others, at %d lanes, %d documents shown",
		c.People, checkpointLanes, len(s.acts[0].showings))
	return s.story, nil
}

// people come one after the other; every tenth is followed by each sort of trouble in turn.
func (s *checkpoint) people(n int) error {
	troubles := []func() error{
		s.swapped, s.namesake, s.thirdBetween, s.sameAgain, s.expiredPassport, s.revokedCertificate, s.misreadBetween, s.forged,
		s.expiredCertificate, s.acrossLanes,
	}
	for i := range n {
		if err := s.pair(i); err != nil {
			return err
		}
		if i%2 == 1 {
			if err := troubles[i/2%len(troubles)](); err != nil {
				return err
			}
		}
		if i%100 == 0 {
			if err := s.timeOuts(); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextLane returns the lanes in turn, but for the slow one.
func (s *checkpoint) nextLane() int {
	s.turn++
	return s.turn % slowLane
}

// document is one of the two that somebody shows.
type document struct {
	name string
	code string
}

// certificate is the name of that document.
const certificate = "certificate"

// step shows a document at a lane.
func (s *checkpoint) step(kind string, at int, d document, want reply) *showing {
	code := d.code
	switch framed := at%2 == 1; {
	case framed && d.name == certificate:
		code = "]Q1" + code
	case framed:
		code = "\x02" + code + "\r\x03"
	}
	return s.show(showing{kind: kind, lane: at, code: code, want: want})
}

// both shows two documents of which the second must give a verdict.
func (s *checkpoint) both(kind string, first, second document, want reply) {
	at := s.nextLane()
	x := s.step(firstOfTwo, at, first, secondWanted())
	s.ends(x, s.step(kind, at, second, want))
}

// firstOfTwo is the kind of a document that nothing is odd about.
const firstOfTwo = "the first of two documents"

// ends says that a verdict must come while the first document is still waited for.
func (s *checkpoint) ends(first, last *showing) {
	last.after, last.within = first, cmp.Or(s.lanes[last.lane].second, lane.MaxSecond)
}

// pair is a person with his own documents, in either order.
func (s *checkpoint) pair(i int) error {
	p := s.office.persons[i%len(s.office.persons)]
	cert, card, err := s.office.of(p)
	if err != nil {
		return err
	}
	first, second := cert, card
	if i/len(s.office.persons)%2 == 1 {
		first, second = card, cert
	}
	s.both(fmt.Sprintf("%s, %s then %s", p.about, first.name, second.name), first, second, admitted())
	return nil
}

// two returns two people whom anything tells apart.
func (s *checkpoint) two() (one, other [2]document, err error) {
	i := s.rand.IntN(len(s.office.persons))
	j := (i + 1 + s.rand.IntN(len(s.office.persons)-1)) % len(s.office.persons)
	for k, docs := range []*[2]document{&one, &other} {
		if docs[0], docs[1], err = s.office.of(s.office.persons[[2]int{i, j}[k]]); err != nil {
			return one, other, err
		}
	}
	return one, other, nil
}

// swapped are two people with each other's cards.
func (s *checkpoint) swapped() error {
	one, other, err := s.two()
	if err != nil {
		return err
	}
	mismatch := referred(policy.IdentityMismatch)
	s.both("swapped persons, certificate then card", one[0], other[1], mismatch)
	s.both("swapped persons, card then certificate", one[1], other[0], mismatch)
	return nil
}

// namesake has the same name and another day of birth, or even the same one and another number.
func (s *checkpoint) namesake() error {
	p := s.office.byName()
	cert, _, err := s.office.of(p)
	if err != nil {
		return err
	}
	p.birth = "1961-02-03"
	_, card, err := s.office.of(p)
	if err != nil {
		return err
	}
	s.both("a namesake's passport", cert, card, referred(policy.IdentityMismatch))
	p = s.office.persons[0] // whose certificate has the number of his card
	if cert, _, err = s.office.of(p); err != nil {
		return err
	}
	if _, card, err = s.office.of(p); err != nil {
		return err
	}
	s.both("a card of the same name and day of birth, with another number", cert, card, referred(policy.IdentityMismatch))
	return nil
}

// thirdBetween: another person's certificate comes between somebody's two documents, and starts over.
func (s *checkpoint) thirdBetween() error {
	one, other, err := s.two()
	if err != nil {
		return err
	}
	at := s.nextLane()
	s.step(firstOfTwo, at, one[0], secondWanted())
	x := s.step("a third document between", at, other[0], secondWanted())
	s.ends(x, s.step("the first person's card after it", at, one[1], referred(policy.IdentityMismatch)))
	return nil
}

// sameAgain shows the certificate twice before the card, at once and after the repeat time.
func (s *checkpoint) sameAgain() error {
	one, _, err := s.two()
	if err != nil {
		return err
	}
	at := s.nextLane()
	x := s.step(firstOfTwo, at, one[0], secondWanted())
	again := s.step("the same certificate at once", at, one[0], shownAgain())
	again.after, again.within = x, lane.DefaultRepeat
	later := s.step("the same certificate after the repeat time", at, one[0], secondWanted())
	later.after, later.pause = again, afterRepeat
	s.ends(later, s.step("the card after it", at, one[1], admitted()))
	return nil
}

func (s *checkpoint) expiredPassport() error {
	p := s.office.byName()
	p.expires = s.now.AddDate(0, -2, 0)
	cert, passport, err := s.office.of(p)
	if err != nil {
		return err
	}
	s.both("expired passport after the certificate", cert, passport, denied(policy.Expired))
	at := s.nextLane()
	s.step("expired passport alone", at, passport, denied(policy.Expired))
	return nil
}

// revokedCertificate is refused at once, or when it comes to a card.
func (s *checkpoint) revokedCertificate() error {
	p := s.office.persons[s.rand.IntN(len(s.office.persons))]
	p.revoked = true
	cert, card, err := s.office.of(p)
	if err != nil {
		return err
	}
	s.both("revoked certificate after the card", card, cert, denied(policy.Revoked))
	if cert, _, err = s.office.of(p); err != nil {
		return err
	}
	s.step("revoked certificate alone", s.nextLane(), cert, denied(policy.Revoked))
	return nil
}

// misreadBetween reads the card wrongly once.
func (s *checkpoint) misreadBetween() error {
	one, _, err := s.two()
	if err != nil {
		return err
	}
	at := s.nextLane()
	x := s.step(firstOfTwo, at, one[0], secondWanted())
	s.step("a card that is misread", at, misread(one[1]), denied(policy.Unreadable))
	s.ends(x, s.step("the card read again", at, one[1], admitted()))
	return nil
}

func (s *checkpoint) forged() error {
	p := s.office.persons[s.rand.IntN(len(s.office.persons))]
	p.stranger = true
	cert, card, err := s.office.of(p)
	if err != nil {
		return err
	}
	s.both("certificate of a stranger after the card", card, cert, denied(policy.UnknownIssuer))
	return nil
}

func (s *checkpoint) expiredCertificate() error {
	p := s.office.persons[s.rand.IntN(len(s.office.persons))]
	p.lapsed = true
	cert, card, err := s.office.of(p)
	if err != nil {
		return err
	}
	s.both("expired certificate after the card", card, cert, denied(policy.Expired))
	return nil
}

// acrossLanes shows one document at each of two lanes: they are no pair until each lane has seen both.
func (s *checkpoint) acrossLanes() error {
	one, _, err := s.two()
	if err != nil {
		return err
	}
	here, there := s.nextLane(), s.nextLane()
	a := s.step("certificate at one lane, card at another", here, one[0], secondWanted())
	b := s.step(a.kind, there, one[1], secondWanted())
	a.twin, b.twin = b, a
	s.ends(a, s.step("both at one lane after all", here, one[1], admitted()))
	s.ends(b, s.step("both at the other lane, too", there, one[0], admitted()))
	return nil
}

// timeOuts are people without a second document, at the lane that waits for five seconds.
func (s *checkpoint) timeOuts() error {
	one, other, err := s.two()
	if err != nil {
		return err
	}
	s.step("certificate without a card", slowLane, one[0], secondWanted())
	s.show(showing{kind: "no second document in time", lane: slowLane, silent: true, want: referred(policy.SecondDocumentMissing)})
	// What was waited for is forgotten: nothing of it is joined with the next person's.
	x := s.step("somebody else's card after the time-out", slowLane, other[1], secondWanted())
	s.ends(x, s.step("and his certificate", slowLane, other[0], admitted()))
	return nil
}
