package web

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/lane"
)

// maxSession is the largest session that is read, in bytes.
const maxSession = 16 << 10

// session answers POST /v1/lanes/{id}/session: what a lane is for from now on. It is on disk before the answer.
func (s *Server) setSession(ctx *fasthttp.RequestCtx, id string) {
	if !s.lanes[id] {
		refuse(ctx, fasthttp.StatusNotFound, "there is no lane of that name")
		return
	}
	var body bytes.Buffer
	if err := readBody(ctx, &body, maxSession); err != nil {
		refuseBody(ctx, err)
		return
	}
	switch err := s.config.SetSession(id, body.Bytes()); {
	case err == nil:
		ctx.SetStatusCode(fasthttp.StatusNoContent)
	case errors.Is(err, lane.ErrNoLane):
		refuse(ctx, fasthttp.StatusNotFound, "there is no lane of that name")
	case errors.Is(err, ErrSession):
		refuse(ctx, fasthttp.StatusUnprocessableEntity, err.Error())
	default:
		s.config.Log.Error("web: session", "lane", id, "err", err)
		refuse(ctx, fasthttp.StatusInternalServerError, "the session was not set: the gate has a fault")
	}
}

// ErrSession is wrapped by an error of SetSession that is about the session itself.
var ErrSession = errors.New("session")
