package web

import (
	"fmt"
	"strconv"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
)

// meters are the process's figures, in a set of their own (Prometheus text format 0.0.4). No label comes from outside: lanes are
// configured, the rest is a fixed vocabulary. Zones, which credentials name, are written beside it.
type meters struct {
	set     *metrics.Set
	buckets []bucket
}

// bucket is the upper limit of one bucket of passerelle_verdict_seconds.
type bucket struct {
	seconds float64
	label   string
}

// verdictSeconds: from the last byte of a scan to the verdict on disk; 1.5 s is lane.Deadline.
var verdictSeconds = [...]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5}

func newMeters(s *Server) *meters {
	m := &meters{set: metrics.NewSet()}
	for _, sec := range verdictSeconds {
		m.buckets = append(m.buckets, bucket{sec, strconv.FormatFloat(sec, 'g', -1, 64)})
	}
	for _, id := range s.config.Gate.Lanes() {
		m.lane(s, id)
	}
	gauge := func(name string, f func() float64) { m.set.NewGauge(name, f) }
	gauge("passerelle_trust_version", func() float64 { return float64(s.config.Snapshot().Version()) })
	gauge("passerelle_trust_keys", func() float64 { return float64(s.config.Snapshot().Len()) })
	gauge("passerelle_trust_age_seconds", func() float64 { return float64(s.trustState().Age) })
	gauge("passerelle_trust_expires_timestamp_seconds", func() float64 { return float64(s.config.Snapshot().Expires()) })
	verifier := s.config.Fast.Stats
	gauge(`passerelle_p256_tables{size="small"}`, func() float64 { return float64(verifier().Tables.Small) })
	gauge(`passerelle_p256_tables{size="large"}`, func() float64 { return float64(verifier().Tables.Large) })
	gauge("passerelle_p256_table_bytes", func() float64 { return float64(verifier().Tables.Bytes) })
	gauge("passerelle_p256_tables_built", func() float64 { return float64(verifier().Tables.Built) })
	gauge("passerelle_p256_tables_failed", func() float64 { return float64(verifier().Tables.Failed) })
	gauge("passerelle_p256_standard", func() float64 { return flag(verifier().Standard) })
	gauge("passerelle_p256_checked", func() float64 { return float64(verifier().Checked) })
	gauge("passerelle_p256_unchecked", func() float64 { return float64(verifier().Missed) })
	gauge("passerelle_p256_differences", func() float64 { return float64(verifier().Differed) })
	gauge("passerelle_event_streams", func() float64 { return float64(len(s.streams)) })
	for _, state := range []string{"ok", "gap", "damaged", "full"} {
		gauge(fmt.Sprintf("passerelle_journal_state{state=%q}", state), func() float64 { return flag(s.config.Journal() == state) })
	}
	for _, class := range []string{"trusted", "floored", "unknown"} {
		gauge(fmt.Sprintf("passerelle_clock_class{class=%q}", class), func() float64 { return flag(s.config.Now().Class.String() == class) })
	}
	if s.config.Foreign != nil {
		gauge("passerelle_foreign_devices", func() float64 { return float64(s.config.Foreign()) })
	}
	if p := s.config.People; p != nil {
		for name, count := range map[string]func(people.Counts) uint64{
			`passerelle_logins_total{result="right"}`: func(c people.Counts) uint64 { return c.Logins },
			`passerelle_logins_total{result="wrong"}`: func(c people.Counts) uint64 { return c.WrongLogins },
			`passerelle_pins_total{result="right"}`:   func(c people.Counts) uint64 { return c.PINs },
			`passerelle_pins_total{result="wrong"}`:   func(c people.Counts) uint64 { return c.WrongPINs },
			"passerelle_guess_delays_total":           func(c people.Counts) uint64 { return c.Delays },
			"passerelle_tablets_paired_total":         func(c people.Counts) uint64 { return c.Paired },
		} {
			gauge(name, func() float64 { return float64(count(p.Counts())) })
		}
	}
	if s.config.Reports != nil {
		gauge("passerelle_reports_backlog", func() float64 { return float64(s.config.Reports().Backlog) })
		gauge("passerelle_reports_parked", func() float64 { return float64(s.config.Reports().Parked) })
	}
	return m
}

// lane makes the figures that one lane has from the start.
func (m *meters) lane(s *Server, id string) {
	status := func() lane.Status {
		st, _ := s.config.Gate.Status(id) // the zero Status if there is none: not connected
		return st
	}
	label := "{lane=" + strconv.Quote(id) + "}"
	m.set.NewGauge("passerelle_passed"+label, func() float64 { return float64(status().Passed) })
	m.set.NewGauge("passerelle_annulled"+label, func() float64 { return float64(status().Annulled) })
	m.set.NewGauge("passerelle_overridden"+label, func() float64 { return float64(status().Overridden) })
	m.set.NewGauge("passerelle_opened"+label, func() float64 { return float64(status().Opened) })
	m.set.NewGauge("passerelle_scans_dropped"+label, func() float64 { return float64(status().Dropped) })
	for _, mode := range []lane.Mode{lane.Normal, lane.OpenCount, lane.Rehearsal} {
		m.set.NewGauge(fmt.Sprintf("passerelle_lane_mode{lane=%q,mode=%q}", id, mode), func() float64 { return flag(status().Mode == mode) })
	}
	m.set.NewGauge("passerelle_session_missing"+label, func() float64 {
		session, profile := s.config.Session(id)
		return flag(sessionLevel(session, profile, s.config.Now()) != good)
	})
	m.set.NewGauge("passerelle_lamp_fault"+label, func() float64 { return flag(status().LampFault) })
	m.set.NewGauge("passerelle_contact_fault"+label, func() float64 { s := status(); return flag(s.Contact && (!s.ContactReads || s.ContactStill)) })
	m.set.NewGauge("passerelle_scanner_connected"+label, func() float64 { return flag(status().Connected) })
	for _, sec := range m.buckets {
		m.set.NewCounter(fmt.Sprintf("passerelle_verdict_seconds_bucket{lane=%q,le=%q}", id, sec.label))
	}
	m.set.NewCounter(fmt.Sprintf("passerelle_verdict_seconds_bucket{lane=%q,le=\"+Inf\"}", id))
	m.set.NewCounter("passerelle_verdict_seconds_count" + label)
	m.set.NewFloatCounter("passerelle_verdict_seconds_sum" + label)
	for _, kind := range []lane.EventKind{lane.ShownAgain, lane.VerdictLate, lane.ScannerGone} {
		m.set.NewCounter(fmt.Sprintf("passerelle_lane_events_total{lane=%q,event=%q}", id, kind))
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// count counts what happens at all lanes until Shutdown. It is never so slow that its subscription would lose events.
func (s *Server) count() {
	events, stop := s.config.Subscribe("", policy.Steward)
	defer stop()
	looks := time.NewTicker(viewsEvery)
	defer looks.Stop()
	for {
		select {
		case <-s.done:
			s.views.handOn(s.config.Viewed)
			return
		case <-looks.C:
			s.views.handOn(s.config.Viewed)
		case e := <-events:
			s.meters.event(&e)
		}
	}
}

func (m *meters) event(e *lane.Event) {
	switch e.Kind {
	case lane.VerdictGiven:
		m.set.GetOrCreateCounter(fmt.Sprintf("passerelle_verdicts_total{lane=%q,verdict=%q,reason=%q}",
			e.Lane, e.Candidate.Outcome(), e.Candidate.Reason())).Inc()
		m.took(e.Lane, e.Took)
	case lane.ShownAgain, lane.VerdictLate, lane.ScannerGone:
		m.set.GetOrCreateCounter(fmt.Sprintf("passerelle_lane_events_total{lane=%q,event=%q}", e.Lane, e.Kind)).Inc()
	}
}

func (m *meters) took(id string, d time.Duration) {
	for _, b := range m.buckets {
		if d.Seconds() <= b.seconds {
			m.set.GetOrCreateCounter(fmt.Sprintf("passerelle_verdict_seconds_bucket{lane=%q,le=%q}", id, b.label)).Inc()
		}
	}
	m.set.GetOrCreateCounter(fmt.Sprintf("passerelle_verdict_seconds_bucket{lane=%q,le=\"+Inf\"}", id)).Inc()
	m.set.GetOrCreateCounter(fmt.Sprintf("passerelle_verdict_seconds_count{lane=%q}", id)).Inc()
	m.set.GetOrCreateFloatCounter(fmt.Sprintf("passerelle_verdict_seconds_sum{lane=%q}", id)).Add(d.Seconds())
}

func (m *meters) request(pattern string, status int) {
	m.set.GetOrCreateCounter(fmt.Sprintf("passerelle_http_requests_total{route=%q,status=\"%d\"}", pattern, status)).Inc()
}

// metrics answers GET /metrics: our figures, then those of the Go runtime and the process.
func (s *Server) metrics(ctx *fasthttp.RequestCtx, _ string) {
	ctx.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	s.meters.set.WritePrometheus(ctx)
	s.writeCounts(ctx)
	metrics.WriteProcessMetrics(ctx)
}
