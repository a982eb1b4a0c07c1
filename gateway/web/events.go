package web

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// stream is one open event stream and the body of its answer: each Read gives what happened since the last one, or a
// heartbeat. It begins with how things stand and never repeats an old verdict, so there is nothing to resume.
type stream struct {
	server *Server
	ctx    *fasthttp.RequestCtx
	lane   string
	who    visitor
	events <-chan lane.Event
	stop   func()
	beat   *time.Ticker
	buf    []byte
	ready  []byte // of buf, not sent yet
}

// stream answers GET /v1/lanes/{id}/events.
func (s *Server) stream(ctx *fasthttp.RequestCtx, id string) {
	if !s.lanes[id] {
		refuse(ctx, fasthttp.StatusNotFound, "there is no lane of that name")
		return
	}
	select {
	case s.streams <- struct{}{}:
	default:
		busy(ctx, "all event streams are taken")
		return
	}
	who := s.visitor(ctx)
	events, stop := s.config.Subscribe(id, who.role())
	st := &stream{server: s, ctx: ctx, lane: id, who: who, events: events, stop: stop, beat: time.NewTicker(heartbeat)}
	st.buf = append(st.buf, "retry: 500\n\n"...)
	st.appendStatus()
	st.ready = st.buf
	ctx.SetContentType("text/event-stream")
	ctx.SetConnectionClose()
	ctx.SetBodyStream(st, -1)
}

// Read waits for the next event or heartbeat. The client must take it within the server's patience, else it is gone.
func (st *stream) Read(p []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			st.server.config.Log.Error("web: an event stream has a fault", "panic", p, "stack", string(debug.Stack()))
			n, err = 0, errors.New("an event stream has a fault")
		}
	}()
	if len(st.ready) == 0 {
		if err := st.wait(); err != nil {
			return 0, err
		}
	}
	if err := st.ctx.SetWriteDeadline(st.server.config.Wall().Add(st.server.stall)); err != nil {
		return 0, err
	}
	n = copy(p, st.ready)
	st.ready = st.ready[n:]
	return n, nil
}

func (st *stream) wait() error {
	clear(st.buf) // claims may have been in it
	st.buf = st.buf[:0]
	select {
	case <-st.server.done:
		return io.EOF
	case e := <-st.events:
		if !st.server.still(st.who) {
			return io.EOF
		}
		st.appendEvent(&e)
	case <-st.beat.C:
		if !st.server.still(st.who) {
			return io.EOF
		}
		st.appendStatus()
	}
	st.ready = st.buf
	return nil
}

// Close ends the subscription. fasthttp calls it once.
func (st *stream) Close() error {
	st.stop()
	st.beat.Stop()
	<-st.server.streams
	return nil
}

// laneStatus is the event "status": how the lane stands now, sent first and then every second.
type laneStatus struct {
	Lane      string `json:"lane"`
	At        string `json:"at"`
	Profile   string `json:"profile"`
	Mode      string `json:"mode"`
	Scanner   string `json:"scanner"`
	Connected bool   `json:"connected"`

	Session      *laneSession `json:"session"` // null: nothing was said
	SessionLevel level        `json:"session_level"`
	Counts       laneCounts   `json:"counts"`
	freshness
}

func (st *stream) appendStatus() {
	s := st.server
	status, _ := s.config.Gate.Status(st.lane) // an unknown lane is not connected
	session, profile := s.config.Session(st.lane)
	st.appendNamed("status", docStatus, laneStatus{
		Lane: st.lane, At: stamp(s.config.Wall()), Profile: status.Profile, Mode: status.Mode.String(), Scanner: status.Scanner,
		Connected: status.Connected,
		Session:   newLaneSession(session).brief(), SessionLevel: sessionLevel(session, profile, s.config.Now()),
		Counts: newLaneCounts(s.config.LaneCount(st.lane)), freshness: s.freshness(),
	})
}

func (st *stream) appendEvent(e *lane.Event) {
	kind := e.Kind
	if e.Late && e.Candidate.Outcome() == policy.Admit {
		kind = lane.VerdictLate // as the lamp: a person was asked, and stays asked
	}
	switch kind {
	case lane.VerdictGiven:
		st.buf = append(st.buf, "event: verdict\ndata: "...)
		verdict := appendVerdict(nil, e)
		if e.Claims != nil {
			verdict = st.server.appendClaims(verdict, &st.who, e.Lane, e.Claims(st.who.role()))
		}
		st.buf = append(st.who.appendSeen(st.buf, docVerdict, append(verdict, '}')), "\n\n"...)
	case lane.ModeChanged:
		st.appendNamed(e.Kind.String(), docEvent, struct {
			Lane string `json:"lane"`
			At   string `json:"at"`
			Mode string `json:"mode"`
		}{e.Lane, stamp(e.At), e.Mode.String()})
	case lane.TrustChanged:
		st.appendNamed(e.Kind.String(), docEvent, struct {
			Lane  string     `json:"lane"`
			At    string     `json:"at"`
			Trust trustState `json:"trust"`
		}{e.Lane, stamp(e.At), st.server.trustState()})
	default: // without the verdict: a code that is shown again must never light anything
		st.appendNamed(kind.String(), docEvent, struct {
			Lane     string `json:"lane"`
			At       string `json:"at"`
			Sequence uint64 `json:"sequence"`
			Count    uint64 `json:"count"`
		}{e.Lane, stamp(e.At), e.Sequence, e.Count})
	}
}

// appendNamed appends an event. JSON text has no line feed in it, so nothing in it can begin another field.
func (st *stream) appendNamed(name, document string, v any) {
	data := st.who.seen(document, v)
	st.buf = append(st.buf, "event: "...)
	st.buf = append(st.buf, name...)
	st.buf = append(st.buf, "\ndata: "...)
	st.buf = append(st.buf, data...)
	st.buf = append(st.buf, "\n\n"...)
}

// appendVerdict appends the event "verdict": the members of policy.Candidate.AppendJSON, then
// lane, at, sequence, count, took_ms and earlier, which is null unless the credential was used before. The last brace is left to
// the caller.
func appendVerdict(dst []byte, e *lane.Event) []byte {
	dst = e.Candidate.AppendJSON(dst)
	dst = append(dst, `,"lane":`...)
	dst = appendText(dst, e.Lane)
	dst = append(dst, `,"at":"`...)
	dst = append(dst, stamp(e.At)...)
	dst = append(dst, `","sequence":`...)
	dst = strconv.AppendUint(dst, e.Sequence, 10)
	dst = append(dst, `,"count":`...)
	dst = strconv.AppendUint(dst, e.Count, 10)
	dst = append(dst, `,"mode":"`...)
	dst = append(dst, e.Mode.String()...)
	dst = append(dst, `","took_ms":`...)
	dst = strconv.AppendFloat(dst, float64(e.Took.Microseconds())/1000, 'f', 3, 64)
	dst = append(dst, `,"earlier":`...)
	if e.Earlier.At.IsZero() {
		return append(dst, "null"...)
	}
	dst = append(dst, `{"lane":`...)
	dst = appendText(dst, e.Earlier.Lane)
	dst = append(dst, `,"at":"`...)
	dst = append(dst, stamp(e.Earlier.At)...)
	dst = append(dst, `","sequence":`...)
	dst = strconv.AppendUint(dst, e.Earlier.Sequence, 10)
	return append(dst, '}')
}

func appendText(dst []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return append(dst, text...)
}

// stamp writes a time as events and reports do: RFC 3339 with milliseconds, in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// impatient is a listener whose connections end when their client acknowledges nothing for so long, even where a
// cable was pulled and no packet says so.
type impatient struct {
	net.Listener
	patience time.Duration
}

func (l impatient) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	limitUnacknowledged(c, l.patience)
	return c, nil
}
