package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/report"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/cache"
	"passerelle/gateway/web"
)

// station is one gateway, put together: what run, demo and simulate have in common.
type station struct {
	options  stationOptions
	log      *slog.Logger
	clock    *clock
	fast     *sig.Accelerator // nil: crypto/ecdsa verifies alone
	journal  *journal.Journal
	cache    *cache.Cache
	gate     *lane.Gate
	web      *web.Server       // nil without listeners
	forward  *report.Forwarder // nil without an endpoint
	taking   sync.Mutex        // held while a trust list or a feed is taken
	older    bool              // the list in force is not the newest that was taken; guarded by taking
	setting  sync.Mutex        // held while a session is set
	sessions *sessions         // guarded by setting
}

// stationOptions say what a station is made of.
type stationOptions struct {
	state    string // folder
	profile  *policy.Profile
	lanes    []lane.Config
	verify   verifyConfig
	roots    *bundle.Roots // pinned the first time; nil if they are pinned already
	synced   func() bool   // whether a time source agrees with the wall clock; nil: it is trusted as it is
	maxDark  time.Duration
	web      *web.Config // Hosts, Exposed, Token; nil for no server
	forward  *report.ForwarderOptions
	list     *trust.Snapshot // instead of the cache's, for simulate
	taking   bool            // a list is taken at once: that there is none yet is no news
	devices  []*device       // of the lanes, where they are real ones
	hotplug  *hotplug        // nil where no device is plugged in, in demonstrations and simulations
	contacts []laneContact
	cards    []string // lanes that take supervisors' cards
	log      *slog.Logger
}

// openStation opens stores and makes everything ready; nothing runs yet. The journal comes first: what it says of the trust
// list's version is a floor for the cache.
func openStation(o stationOptions) (s *station, err error) {
	s = &station{options: o, log: o.log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := os.MkdirAll(o.state, 0o700); err != nil {
		return s, fmt.Errorf("make the state folder: %w", err)
	}
	if s.clock, err = newClock(o.state, time.Now, o.synced, o.maxDark); err != nil {
		return s, err
	}
	s.journal, err = journal.Open(filepath.Join(o.state, journalFolder), journal.Options{Now: time.Now, Random: rand.Reader, Logger: o.log, Begun: begun(o.state)})
	if errors.Is(err, journal.ErrInUse) {
		return s, withHint(err, "only one gateway can use a state folder at a time")
	}
	if err != nil {
		return s, err
	}
	begin(o.state, s.log)
	list, err := s.openTrust()
	if err != nil {
		return s, err
	}
	if err := s.openReports(); err != nil {
		return s, err
	}
	s.fast = o.verify.accelerator(s.differed)
	limitHeap(max(tableMemory, o.verify.TableMemory))
	if o.hotplug != nil {
		o.hotplug.note = s.note
	}
	for i := range o.lanes {
		if l := &o.lanes[i]; slices.Contains(o.cards, l.ID) {
			l.Card = func(id string) error { return s.takeCard(l.ID, id) }
		}
	}
	s.gate, err = lane.New(list, lane.Options{
		Now: s.clock.now, Wall: time.Now, Journal: s.journal, Committed: s.committed, Log: o.log, Fast: s.fast,
	}, o.lanes)
	if err != nil {
		return s, misuse{err}
	}
	s.sessions = openSessions(o.state, s.log)
	s.sessions.restore(s.gate, s.log)
	return s, s.openWeb()
}

// openTrust loads the list that was last taken. A gate without one starts all the same and refers everybody.
func (s *station) openTrust() (*trust.Snapshot, error) {
	if s.options.list != nil {
		return s.options.list, nil
	}
	var err error
	s.cache, err = cache.Open(filepath.Join(s.options.state, trustFolder), cache.Options{
		Roots: s.options.roots, Test: testkeys.Is, Floor: s.journal.TrustVersion(), Random: rand.Reader,
	})
	if errors.Is(err, cache.ErrNoRoots) {
		s.log.Error("no root keys are pinned, so no trust list can be taken: everybody is referred to a person")
		return trust.Empty(), nil
	}
	if err != nil {
		return nil, err
	}
	list, info, err := s.cache.Load()
	if errors.Is(err, cache.ErrNoList) && s.options.taking {
		return trust.Empty(), nil
	}
	if errors.Is(err, cache.ErrNoList) || errors.Is(err, cache.ErrLost) {
		s.log.Error("everybody is referred to a person until a trust list is taken", "err", err)
		return trust.Empty(), nil
	}
	if err != nil {
		return nil, err
	}
	for _, note := range info.Notes {
		s.log.Warn("trust list", "note", note)
	}
	if info.Known > info.Version {
		s.log.Error("an older trust list is in force than one that was taken before: it counts as stale", "version", info.Version, "taken", info.Known)
		s.older = true
	}
	s.clock.raise(list.Issued())
	s.log.Info("trust list", "version", list.Version(), "keys", list.Len(), "issued", moment(list.Issued()), "expires", moment(info.Expires), "feeds", len(list.Feeds()), "status_lists", len(list.Statuses()))
	return s.inForce(list), nil
}

// trustFolder is where a gate keeps its trust list, below its state.
const trustFolder = "trust"

func (s *station) openReports() error {
	if s.options.forward == nil {
		return nil
	}
	o := *s.options.forward
	o.Dir = filepath.Join(s.options.state, "report")
	o.Now, o.Random, o.Logger = time.Now, mathrand.Int64N, s.log
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of reports: %w", err)
	}
	var err error
	s.forward, err = report.NewForwarder(s.journal, o)
	return err
}

func (s *station) openWeb() error {
	if s.options.web == nil {
		return nil
	}
	c := *s.options.web
	c.Fast = s.fast
	c.Gate, c.Snapshot, c.Now, c.Wall, c.Profile = s.gate, s.gate.Snapshot, s.gate.Now, time.Now, s.options.profile
	c.Subscribe = func(lane string, role policy.Role) (<-chan lane.Event, func()) {
		sub := s.gate.Subscribe(lane, role)
		return sub.Events, sub.Close
	}
	c.Take, c.TakeFeed, c.Log, c.Version = s.take, s.takeFeed, s.log, version
	c.Journal = func() string { return s.journal.State().String() }
	c.SetSession, c.Session, c.LaneCount, c.ZoneCounts = s.setSession, s.purposes(), s.journal.LaneCount, s.journal.ZoneCounts
	c.Supervise = s.supervise
	c.Disk = func() (free, need uint64, err error) {
		free, err = diskFree(s.options.state)
		return free, journal.DefaultMinFree, err
	}
	c.Viewed = func(account, lane string, times uint64) {
		s.noteAt(lane, "identity_viewed", map[string]string{"account": account, "times": fmt.Sprint(times)})
	}
	if s.options.hotplug != nil {
		c.Foreign = s.options.hotplug.foreigners
	}
	if s.forward != nil {
		c.Reports = func() web.Reports {
			status := s.forward.Status()
			return web.Reports{Backlog: status.Backlog, Parked: status.Parked}
		}
	}
	var err error
	s.web, err = web.New(c)
	return err
}

// committed tells the forwarder that there is something new.
func (s *station) committed() {
	if s.forward != nil {
		s.forward.Notify()
	}
}

// take puts a signed bundle in force at once, if it passes every check, and records it in the journal.
func (s *station) take(file []byte) (uint64, error) {
	s.taking.Lock()
	defer s.taking.Unlock()
	if s.cache == nil {
		return 0, cache.ErrNoRoots
	}
	now := s.clock.now()
	list, info, err := s.cache.Take(file, bundle.Now{Earliest: now.Earliest, Latest: now.Latest})
	if err != nil {
		return 0, err
	}
	s.older = false
	for _, note := range info.Notes {
		s.log.Warn("trust list", "note", note)
	}
	if err := s.journal.SetTrustVersion(list.Version()); err != nil {
		s.log.Error("journal: the trust list's version is not in the head file", "err", err)
	}
	s.note("trust_taken", map[string]string{"version": fmt.Sprint(list.Version()), "keys": fmt.Sprint(list.Len())})
	s.clock.raise(list.Issued())
	s.gate.SetSnapshot(list)
	return list.Version(), nil
}

// takeFeed puts a signed feed, or a status list, in force at once, if it passes every check, and records it in the journal.
func (s *station) takeFeed(file []byte) (web.FeedTaken, error) {
	s.taking.Lock()
	defer s.taking.Unlock()
	if s.cache == nil {
		return web.FeedTaken{}, cache.ErrNoRoots
	}
	now := s.clock.now()
	list, taken, err := s.cache.TakeFeed(file, bundle.Now{Earliest: now.Earliest, Latest: now.Latest})
	if err != nil {
		return web.FeedTaken{}, err
	}
	for _, note := range taken.Notes {
		s.log.Warn("feed", "note", note)
	}
	s.note("feed_taken", map[string]string{
		"kind": taken.Kind, "scope": taken.Scope, "version": fmt.Sprint(taken.Version), "entries": fmt.Sprint(taken.Entries),
	})
	s.gate.SetSnapshot(s.inForce(list))
	return web.FeedTaken{Kind: taken.Kind, Scope: taken.Scope, Version: taken.Version, Entries: taken.Entries}, nil
}

// inForce returns the list as the gate is to use it: one that is known not to be the newest counts as expired, whatever it says.
func (s *station) inForce(list *trust.Snapshot) *trust.Snapshot {
	if s.older {
		return list.AsExpired()
	}
	return list
}

// note writes an event that is no verdict into the journal. A journal that cannot be written shows so itself.
func (s *station) note(event string, fields map[string]string) { s.noteAt("", event, fields) }

// noteAt is note about a lane.
func (s *station) noteAt(lane, event string, fields map[string]string) {
	if _, err := s.journal.Note(lane, time.Now(), event, fields); err != nil {
		s.log.Error("journal", "event", event, "err", err)
	}
}

// run runs everything until the context ends. The listeners may be nil if there is no server.
func (s *station) run(ctx context.Context, page, events net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	s.note("start", map[string]string{"version": version, "trust": fmt.Sprint(s.gate.Snapshot().Version())})
	all.Go(func() { s.gate.Run(ctx) })
	all.Go(func() { s.fast.Run(ctx) })
	if s.options.hotplug != nil {
		all.Go(func() { s.options.hotplug.run(ctx) })
	}
	for _, c := range s.options.contacts {
		all.Go(func() { c.run(ctx, s.gate, s.log) })
	}
	all.Go(func() {
		if err := s.journal.CheckOlder(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("journal", "err", err)
		}
	})
	all.Go(func() { s.prune(ctx) })
	all.Go(func() { s.releasePages(ctx) })
	all.Go(func() { s.saveClock(ctx) })
	if s.forward != nil {
		s.forward.RetryParked() // what an endpoint refused may be taken by the next version of it
		all.Go(func() {
			if err := s.forward.Run(ctx); err != nil {
				s.log.Error("reports", "err", err)
			}
		})
	}
	if s.web != nil {
		all.Go(func() {
			if err := s.web.Serve(page, events); err != nil && ctx.Err() == nil {
				s.log.Error("web: the page is gone, the lanes go on", "err", err)
			}
		})
		all.Go(func() {
			<-ctx.Done()
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			if err := s.web.Shutdown(ending); err != nil {
				s.log.Warn("web", "err", err)
			}
		})
	}
	<-ctx.Done()
	all.Wait()
	s.fast.CheckSamples()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// close closes what is open, the journal last.
func (s *station) close() error {
	var errs []error
	if s.forward != nil {
		errs = append(errs, s.forward.Close())
	}
	if s.cache != nil {
		errs = append(errs, s.cache.Close())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	return errors.Join(errs...)
}
