package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// level says how a value stands: as it should, ageing, or so that verdicts suffer.
type level string

const (
	good level = "good"
	warn level = "warn"
	bad  level = "bad"
)

// ageingShare: a list is amber when less than that part of its life is left, a quarter.
const ageingShare = 4

// backlogWarn is how many entries may wait to be reported before that is amber.
const backlogWarn = 1000

// freshness is what every verdict leans on, as the lane page shows it.
type freshness struct {
	Trust   trustState   `json:"trust"`
	Clock   clockState   `json:"clock"`
	Journal journalState `json:"journal"`
	Reports *reportState `json:"reports"` // null if nothing is reported
	Devices deviceState  `json:"devices"`
}

type deviceState struct {
	Foreign int   `json:"foreign"` // plugged in, and bound to no lane
	Level   level `json:"level"`
}

type trustState struct {
	Version uint64 `json:"version"` // 0 is no list
	Age     int64  `json:"age"`     // seconds since it was issued
	Keys    int    `json:"keys"`
	Expires string `json:"expires"` // RFC 3339
	Level   level  `json:"level"`
}

type clockState struct {
	Class string `json:"class"`
	Level level  `json:"level"`
}

type journalState struct {
	State string `json:"state"`
	Level level  `json:"level"`
}

type reportState struct {
	Backlog uint64 `json:"backlog"`
	Parked  uint64 `json:"parked"`
	Level   level  `json:"level"`
}

func (s *Server) freshness() freshness {
	c, class := &s.config, s.config.Now().Class
	f := freshness{
		Trust:   s.trustState(),
		Clock:   clockState{class.String(), bad},
		Journal: journalState{c.Journal(), bad},
	}
	switch class {
	case policy.ClockTrusted:
		f.Clock.Level = good
	case policy.ClockFloored:
		f.Clock.Level = warn
	}
	switch f.Journal.State {
	case "ok":
		f.Journal.Level = good
	case "gap":
		f.Journal.Level = warn
	}
	f.Devices.Level = good
	if c.Foreign != nil {
		f.Devices.Foreign = c.Foreign()
	}
	if f.Devices.Foreign > 0 {
		f.Devices.Level = warn
	}
	if c.Reports != nil {
		r := c.Reports()
		f.Reports = &reportState{r.Backlog, r.Parked, good}
		if r.Backlog >= backlogWarn || r.Parked > 0 {
			f.Reports.Level = warn
		}
	}
	return f
}

// trustState judges the list's age as verdicts do: by the latest that it may be.
func (s *Server) trustState() trustState {
	place := policy.Place{List: s.config.Snapshot(), Now: s.config.Now(), Profile: s.config.Profile}
	var dated policy.Candidate
	place.Date(&dated)
	t := trustState{
		Version: place.List.Version(), Age: dated.Aged, Keys: place.List.Len(),
		Expires: time.Unix(place.List.Expires(), 0).UTC().Format(time.RFC3339), Level: good,
	}
	life, left := place.List.Expires()-place.List.Issued(), place.List.Expires()-place.Now.Latest
	switch {
	case t.Version == 0 || place.Stale():
		t.Level = bad
	case left < life/ageingShare:
		t.Level = warn
	}
	return t
}

// laneState is one lane in GET /v1/lanes.
type laneState struct {
	Lane      string `json:"lane"`
	Profile   string `json:"profile"`
	Mode      string `json:"mode"`
	Scanner   string `json:"scanner"`
	Connected bool   `json:"connected"`

	// Since the program started.
	Admitted   uint64 `json:"admitted"`
	Denied     uint64 `json:"denied"`
	Referred   uint64 `json:"referred"`
	Again      uint64 `json:"again"`
	Late       uint64 `json:"late"`
	Passed     uint64 `json:"passed"`
	Annulled   uint64 `json:"annulled"`
	Overridden uint64 `json:"overridden"`
	Opened     uint64 `json:"opened"`

	LampFault    bool         `json:"lamp_fault"` // nobody knows what the lamp shows
	Session      *laneSession `json:"session"`    // null: nothing was said
	SessionLevel level        `json:"session_level"`
	Counts       laneCounts   `json:"counts"`
}

func (s *Server) laneState(st *lane.Status) laneState {
	session, profile := s.config.Session(st.Lane)
	return laneState{
		Lane: st.Lane, Profile: st.Profile, Mode: st.Mode.String(), Scanner: st.Scanner, Connected: st.Connected, LampFault: st.LampFault,
		Admitted: st.Admitted, Denied: st.Denied, Referred: st.Referred, Again: st.Again, Late: st.Late,
		Passed: st.Passed, Annulled: st.Annulled, Overridden: st.Overridden, Opened: st.Opened,
		Session: newLaneSession(session), SessionLevel: sessionLevel(session, profile, s.config.Now()),
		Counts: newLaneCounts(s.config.LaneCount(st.Lane)),
	}
}

// listLanes answers GET /v1/lanes.
func (s *Server) listLanes(ctx *fasthttp.RequestCtx, _ string) {
	answer := struct {
		Version    string            `json:"version"`
		EventsPort string            `json:"events_port"`
		Lanes      []json.RawMessage `json:"lanes"`
		Zones      []zoneCounts      `json:"zones"`
		freshness
	}{Version: s.config.Version, EventsPort: s.eventsPort, Lanes: []json.RawMessage{}, Zones: s.zones(), freshness: s.freshness()}
	v := s.visitor(ctx)
	for _, id := range s.config.Gate.Lanes() {
		if st, ok := s.config.Gate.Status(id); ok && v.in(everybody, id) {
			answer.Lanes = append(answer.Lanes, v.seen(docLane, s.laneState(&st)))
		}
	}
	reply(ctx, fasthttp.StatusOK, v.seen(docLanes, answer))
}

// enter answers POST /v1/lanes/{id}/scan: a code that a steward typed goes the way of a scan.
func (s *Server) enter(ctx *fasthttp.RequestCtx, id string) {
	if !s.lanes[id] {
		refuse(ctx, fasthttp.StatusNotFound, "there is no lane of that name")
		return
	}
	if asJSON, ok := rowFormat(string(ctx.Request.Header.ContentType())); !ok || asJSON {
		refuse(ctx, fasthttp.StatusUnsupportedMediaType, "a code comes as text/plain")
		return
	}
	body := bytes.NewBuffer(make([]byte, 0, MaxEntryBytes+1+bytes.MinRead)) // it never grows, and is overwritten
	defer func() { clear(body.Bytes()) }()
	if err := readBody(ctx, body, MaxEntryBytes); err != nil {
		refuseBody(ctx, err)
		return
	}
	code := bytes.TrimRight(body.Bytes(), "\r\n") // of a file that was sent; no code ends with one
	if len(code) == 0 {
		refuse(ctx, fasthttp.StatusBadRequest, "there is no code")
		return
	}
	switch err := s.config.Gate.Enter(id, code); {
	case err == nil:
		ctx.SetStatusCode(fasthttp.StatusAccepted)
	case errors.Is(err, lane.ErrBusy):
		busy(ctx, "the lane is busy")
	default:
		s.config.Log.Error("web: manual entry", "lane", id, "err", err)
		refuse(ctx, fasthttp.StatusInternalServerError, "the lane did not take the code")
	}
}

// takeTrust answers POST /v1/trust: a signed bundle, which is taken or refused as a whole.
func (s *Server) takeTrust(ctx *fasthttp.RequestCtx, _ string) {
	select {
	case s.taking <- struct{}{}:
		defer func() { <-s.taking }()
	default:
		busy(ctx, "another bundle is being taken")
		return
	}
	var body bytes.Buffer
	if err := readBody(ctx, &body, MaxBundleBytes); err != nil {
		refuseBody(ctx, err)
		return
	}
	version, err := s.config.Take(body.Bytes())
	if err != nil {
		s.config.Log.Warn("web: a trust bundle was not taken", "err", err)
		refuse(ctx, fasthttp.StatusUnprocessableEntity, err.Error())
		return
	}
	reply(ctx, fasthttp.StatusOK, struct {
		Version uint64 `json:"version"`
	}{version})
}
