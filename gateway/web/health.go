package web

import (
	"github.com/valyala/fasthttp"

	"passerelle/gateway/policy"
)

// health answers GET /healthz: the process is there.
func (s *Server) health(ctx *fasthttp.RequestCtx, _ string) {
	reply(ctx, fasthttp.StatusOK, struct {
		Status  string `json:"status"`
		Version string `json:"version"`
	}{"ok", s.config.Version})
}

// obstacle is one reason why the gate is not ready.
type obstacle struct {
	Code string `json:"code"`
	Lane string `json:"lane,omitempty"`
}

// ready answers GET /readyz: could a good code be admitted at every lane?
func (s *Server) ready(ctx *fasthttp.RequestCtx, _ string) {
	obstacles := s.obstacles()
	status := fasthttp.StatusOK
	if len(obstacles) > 0 {
		status = fasthttp.StatusServiceUnavailable
	}
	reply(ctx, status, struct {
		Ready   bool       `json:"ready"`
		Reasons []obstacle `json:"reasons"`
	}{len(obstacles) == 0, obstacles})
}

func (s *Server) obstacles() []obstacle {
	c := &s.config
	found := []obstacle{}
	place := policy.Place{List: c.Snapshot(), Now: c.Now()}
	switch {
	case place.List.Version() == 0:
		found = append(found, obstacle{Code: "trust_missing"})
	case place.Stale():
		found = append(found, obstacle{Code: "trust_stale"})
	}
	if place.Now.Class == policy.ClockUnknown {
		found = append(found, obstacle{Code: "clock_unknown"})
	}
	if state := c.Journal(); state != "ok" {
		found = append(found, obstacle{Code: "journal_" + state})
	}
	for _, id := range c.Gate.Lanes() {
		if st, ok := c.Gate.Status(id); !ok || !st.Connected {
			found = append(found, obstacle{Code: "scanner_gone", Lane: id})
		} else if st.LampFault {
			found = append(found, obstacle{Code: "lamp_fault", Lane: id})
		}
	}
	return found
}
