package web

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"
)

// MaxFeedBytes is how long the body of POST /v1/feeds may be: there is no other way to a gate that runs.
const MaxFeedBytes = 64 << 20

// feedTimeout is how long a feed may take to arrive: 17 MB for a million codes, by a slow network.
const feedTimeout = 60 * time.Second

// FeedTaken says what became of POST /v1/feeds.
type FeedTaken struct {
	Kind    string `json:"kind"`    // of the feed, or "status" for a status list
	Scope   string `json:"scope"`   // event, flight, or a status list's address
	Version uint64 `json:"version"` // of a status list, when it was issued, in unix seconds
	Entries int    `json:"entries"`
}

// takeFeed answers POST /v1/feeds: a signed feed or a status list, which is taken or refused as a whole.
func (s *Server) takeFeed(ctx *fasthttp.RequestCtx, _ string) {
	select {
	case s.feeding <- struct{}{}:
		defer func() { <-s.feeding }()
	default:
		busy(ctx, "another feed is being taken")
		return
	}
	if err := ctx.Conn().SetReadDeadline(s.config.Wall().Add(feedTimeout)); err != nil {
		refuseBody(ctx, err)
		return
	}
	var body bytes.Buffer
	if err := readBody(ctx, &body, MaxFeedBytes); err != nil {
		refuseBody(ctx, err)
		return
	}
	taken, err := s.config.TakeFeed(body.Bytes())
	if err != nil {
		s.config.Log.Warn("web: a feed was not taken", "err", err)
		refuse(ctx, fasthttp.StatusUnprocessableEntity, err.Error())
		return
	}
	reply(ctx, fasthttp.StatusOK, taken)
}
