package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/lamp"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// storyOptions are what all stories can be told.
type storyOptions struct {
	Seed  uint64 `help:"Of the people and what they show: the same seed makes the same story." default:"1"`
	State string `help:"Folder on whose disk the journal is written, in a new folder of its own that is removed at the end; that for temporary files without it." placeholder:"DIR"`
}

// story is people who show codes at the lanes of a gate. What must come of each code is written down when the code is made, out of the
// story: nothing that verifies has a say in it. The people, the keys and the lists are invented; the station, its journal with every
// fsync, the lanes and their serial drivers are those that run uses.
type story struct {
	name    string
	about   string // one line, for people
	profile policy.Profile
	list    *trust.Snapshot
	lanes   []storyLane
	acts    []act
	kinds   []string // of the table's rows, in their order
	timed   bool     // the times of its verdicts are judged
	rand    *rand.Rand
	now     time.Time
}

// storyLane is a lane of a story.
type storyLane struct {
	id         string
	aim        string // that its scanner sends
	terminator frame.Terminator
	second     time.Duration // that a first document waits; 0 for the default
}

// act is a part of a story during which the lanes are for the same.
type act struct {
	sessions map[string]sessionJSON // by lane; who is not named stays as he is
	showings []*showing             // in the order of time
}

// showing is one code that is held in front of one scanner, or with silent the wait for what a lane does by itself.
type showing struct {
	kind   string // of the table's row
	lane   int    // of story.lanes
	at     time.Duration
	code   string
	secret []byte // of the one-time digits that are shown behind the code, made when it is shown; nil for none
	old    int64  // seconds by which these digits are too old: a picture of a phone
	silent bool
	want   reply
	person int // who lets somebody in with it; two entries of one person are one too many; 0 for nobody

	after  *showing      // whose answer must be there before
	pause  time.Duration // after that answer, at least
	within time.Duration // of that answer, at most: a machine that stood still for longer has told another story
	twin   *showing      // that is shown at the same moment; which of the two gets which answer is open

	here chan struct{} // closed when it is about to be shown
	done chan struct{} // closed when its answer is there
	seen sight
}

// reply is what a lane says. The zero reply is none at all.
type reply struct {
	event   lane.EventKind
	outcome policy.Outcome
	reason  policy.Reason
	given   bool
}

// sight is a reply with what is known about it.
type sight struct {
	reply
	sequence uint64
	took     time.Duration // from the last byte to the verdict on disk
	at       time.Time     // when it was there
	second   int           // of the act, in which its code was shown
}

func admitted() reply { return reply{lane.VerdictGiven, policy.Admit, policy.OK, true} }

func denied(r policy.Reason) reply { return reply{lane.VerdictGiven, policy.Deny, r, true} }

func referred(r policy.Reason) reply { return reply{lane.VerdictGiven, policy.Refer, r, true} }

func shownAgain() reply { return reply{event: lane.ShownAgain, given: true} }

func secondWanted() reply { return reply{event: lane.SecondWanted, given: true} }

// String is for tables.
func (a reply) String() string {
	switch {
	case !a.given:
		return "nothing"
	case a.event == lane.ShownAgain:
		return "already shown"
	case a.event == lane.SecondWanted:
		return "second document asked for"
	}
	return a.outcome.String() + " " + a.reason.String()
}

// newStory returns a story in which nothing happens yet.
func newStory(name string, o storyOptions) *story {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // never an error
	return &story{name: name, now: time.Now(), rand: rand.New(rand.NewPCG(o.Seed, h.Sum64()))}
}

// show adds a code to the last act.
func (s *story) show(x showing) *showing {
	x.here, x.done = make(chan struct{}), make(chan struct{})
	if !slices.Contains(s.kinds, x.kind) {
		s.kinds = append(s.kinds, x.kind)
	}
	a := &s.acts[len(s.acts)-1]
	a.showings = append(a.showings, &x)
	return &x
}

// tally is what a story came to.
type tally struct{ expected, right, wrong int }

func (t *tally) add(o tally) {
	t.expected, t.right, t.wrong = t.expected+o.expected, t.right+o.right, t.wrong+o.wrong
}

// exit makes a command that saw something wrong end with exitRefused.
func (t tally) exit(err error) error {
	if err == nil && t.wrong > 0 {
		return errRefused
	}
	return err
}

func (t tally) print(w io.Writer, name string) {
	fmt.Fprintf(w, "%s: %d expected, %d seen as expected, %d wrong\n", name, t.expected, t.right, t.wrong)
}

// stage is a story on its way.
type stage struct {
	story   *story
	station *station
	players []*player
	before  uint64 // entries that the journal had
}

// tell plays a story in a new station and prints what came of it.
func (s *story) tell(ctx context.Context, std streams, o storyOptions) (t tally, err error) {
	state, err := os.MkdirTemp(o.State, "passerelle-"+s.name+"-")
	if err != nil {
		return tally{}, fmt.Errorf("make a folder for the journal: %w", err)
	}
	defer closing(func() error { return os.RemoveAll(state) }, &err)
	g := &stage{story: s}
	defer closing(g.close, &err)
	if err := g.open(std, state); err != nil {
		return tally{}, err
	}
	fmt.Fprintf(std.out, "%s: %s; seed %d\n", s.name, s.about, o.Seed)
	err = g.run(ctx)
	switch {
	case ctx.Err() != nil:
		return tally{}, fmt.Errorf("%s: interrupted before its end", s.name)
	case err != nil:
		return tally{}, err
	}
	return g.judge(std.out)
}

func (g *stage) open(std streams, state string) error {
	o := stationOptions{
		state: state, profile: &g.story.profile, list: g.story.list, log: logger(std, true), maxDark: defaultMaxDark,
	}
	for i, l := range g.story.lanes {
		scanner, err := scannertest.New(scannertest.Options{AIM: l.aim})
		if err != nil {
			return err
		}
		g.players = append(g.players, &player{number: i, id: l.id, scanner: scanner})
		o.lanes = append(o.lanes, lane.Config{
			ID: l.id, Profile: &g.story.profile, Scanner: scanner.Path(), Lamp: lamps{lamp.NewSimulated(time.Now)}, Second: l.second,
			Open: func(context.Context) (lane.Scanner, error) {
				return serial.Open(serial.Options{Path: scanner.Path(), Terminator: l.terminator})
			},
		})
	}
	var err error
	if g.station, err = openStation(o); err != nil {
		return err
	}
	g.before, _ = g.station.journal.Head()
	return nil
}

// run plays all acts.
func (g *stage) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var station sync.WaitGroup
	station.Go(func() { _ = g.station.run(ctx, nil, nil) }) // without listeners it ends with its context alone
	defer station.Wait()
	defer stop()
	if err := awaitScanners(g.station.gate); err != nil {
		return err
	}
	for _, p := range g.players {
		p.events = g.station.gate.Subscribe(p.id, policy.Steward)
		defer p.events.Close()
	}
	for i := range g.story.acts {
		if err := g.play(ctx, &g.story.acts[i]); err != nil {
			return err
		}
	}
	return nil
}

// play says what the lanes are for and has every lane show its codes, one after the other.
func (g *stage) play(ctx context.Context, a *act) error {
	for id, session := range a.sessions {
		text, err := json.Marshal(session)
		if err == nil {
			err = g.station.setSession(id, text)
		}
		if err != nil {
			return fmt.Errorf("lane %s: session: %w", id, err)
		}
	}
	queues := make([][]*showing, len(g.players))
	for _, x := range a.showings {
		queues[x.lane] = append(queues[x.lane], x)
	}
	playing, fail := context.WithCancelCause(ctx)
	var players sync.WaitGroup
	begin := time.Now()
	for i, p := range g.players {
		players.Go(func() {
			if err := p.play(playing, queues[i], begin); err != nil {
				fail(err) // and nobody waits for this lane any longer
			}
		})
	}
	players.Wait()
	defer fail(nil)
	return context.Cause(playing)
}

func (g *stage) close() error {
	var errs []error
	if g.station != nil {
		errs = append(errs, g.station.close())
	}
	for _, p := range g.players {
		errs = append(errs, p.scanner.Close())
	}
	return errors.Join(errs...)
}

// awaitScanners waits until every lane has opened its scanner: what was sent before is dropped, as that of a real one.
func awaitScanners(gate *lane.Gate) error {
	deadline := time.Now().Add(settleTime)
	for _, id := range gate.Lanes() {
		for {
			if status, ok := gate.Status(id); ok && status.Connected {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("lane %s: its scanner was not opened within %v", id, settleTime)
			}
			time.Sleep(settleLook)
		}
	}
	return nil
}
