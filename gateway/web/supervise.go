package web

import (
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/lane"
	"passerelle/gateway/people"
)

// supervised is what a page must know to let a supervisor act.
type supervised struct {
	Self     bool                `json:"self"`     // the session is a supervisor's: no PIN is asked for
	Card     bool                `json:"card"`     // a supervisor's card was read at the lane just now
	Accounts []string            `json:"accounts"` // who can show a PIN
	Reasons  map[string][]string `json:"reasons"`  // of each deed
}

func (s *Server) supervised(v *visitor, lane string) *supervised {
	all := &supervised{
		Self: v.session.Role == people.Supervisor, Accounts: s.config.People.Supervisors(), Reasons: make(map[string][]string),
	}
	if v.session.At(lane) {
		_, all.Card = s.config.People.Granted(lane)
	}
	for _, d := range people.Deeds() {
		for _, r := range people.Reasons(d) {
			all.Reasons[d.String()] = append(all.Reasons[d.String()], string(r))
		}
	}
	return all
}

// deedForm is the body of a supervisor's request. Account and PIN are for those without a session or a card.
type deedForm struct {
	Reason   string  `json:"reason"`
	Account  string  `json:"account"`
	PIN      string  `json:"pin"`
	On       *bool   `json:"on"`
	Sequence *uint64 `json:"sequence"`
	Time     *string `json:"time"`
}

// supervise returns what answers a supervisor's request for a deed.
func supervise(deed people.Deed) func(*Server, *fasthttp.RequestCtx, string) {
	return func(s *Server, ctx *fasthttp.RequestCtx, id string) {
		if s.config.People == nil {
			refuse(ctx, fasthttp.StatusForbidden, errNoSupervisor.Error())
			return
		}
		if deed != people.ConfirmTime && !s.lanes[id] {
			refuse(ctx, fasthttp.StatusNotFound, "there is no lane of that name")
			return
		}
		var form deedForm
		if !readForm(ctx, &form) {
			return
		}
		action, err := form.action(deed, id)
		if err != nil {
			refuse(ctx, fasthttp.StatusUnprocessableEntity, err.Error())
			return
		}
		if action.By, action.Means, err = s.supervisor(ctx, &form, id); err != nil {
			s.refuseSupervisor(ctx, err)
			return
		}
		s.act(ctx, action)
	}
}

// action reads what is to be done, and refuses members that do not belong to it.
func (f *deedForm) action(deed people.Deed, id string) (people.Action, error) {
	a := people.Action{Deed: deed, Lane: id, Reason: people.Reason(f.Reason)}
	switch deed {
	case people.Override, people.Free:
		if f.Sequence == nil || *f.Sequence == 0 || f.On != nil || f.Time != nil {
			return people.Action{}, errors.New("sequence is needed: the number of the verdict that this is about; and nothing else")
		}
		a.Sequence = *f.Sequence
	case people.OpenCount, people.Rehearsal:
		if f.On == nil || f.Sequence != nil || f.Time != nil {
			return people.Action{}, errors.New("on is needed, true or false; and nothing else")
		}
		a.On = *f.On
	default:
		if f.Time == nil || f.Sequence != nil || f.On != nil {
			return people.Action{}, errors.New("time is needed; and nothing else")
		}
		t, err := time.Parse(time.RFC3339, *f.Time)
		if err != nil {
			return people.Action{}, errors.New("time is no date and time of RFC 3339")
		}
		a.Time = t
	}
	if !deed.Allows(a.Reason) {
		return people.Action{}, errors.New("reason is none of those that this may have")
	}
	return a, nil
}

// supervisor finds out which supervisor asks: by session, by a card that was read at the lane, or by PIN. A card is good for deeds at
// its lane alone.
func (s *Server) supervisor(ctx *fasthttp.RequestCtx, f *deedForm, id string) (by string, means people.Means, err error) {
	if v := s.visitor(ctx); v.session.Role == people.Supervisor {
		return v.session.Name, people.BySession, nil
	}
	if f.Account != "" || f.PIN != "" {
		if err := s.config.People.CheckPIN(id, f.Account, f.PIN); err != nil {
			return "", "", err
		}
		return f.Account, people.ByPIN, nil
	}
	if card, ok := s.config.People.Granted(id); ok && id != "" {
		return card, people.ByCard, nil
	}
	return "", "", errNoSupervisor
}

var errNoSupervisor = errors.New("a supervisor must ask for this: by session, card or PIN")

func (s *Server) refuseSupervisor(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, errNoSupervisor) {
		refuse(ctx, fasthttp.StatusForbidden, err.Error())
		return
	}
	s.refuseTry(ctx, err, fasthttp.StatusForbidden)
}

// act has the lane do it.
func (s *Server) act(ctx *fasthttp.RequestCtx, a people.Action) {
	err := s.config.Supervise(a)
	if err == nil {
		s.meters.set.GetOrCreateCounter(fmt.Sprintf("passerelle_supervisor_actions_total{lane=%q,deed=%q,reason=%q}", a.Lane, a.Deed, a.Reason)).Inc()
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		return
	}
	switch {
	case errors.Is(err, people.ErrNotNow):
		refuse(ctx, fasthttp.StatusConflict, err.Error())
	case errors.Is(err, lane.ErrBusy):
		busy(ctx, "the lane is busy")
	default:
		s.config.Log.Error("web: supervisor", "deed", a.Deed, "lane", a.Lane, "err", err)
		refuse(ctx, fasthttp.StatusInternalServerError, "that was not done: the gate has a fault")
	}
}
