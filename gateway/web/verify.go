package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/people"
	"passerelle/gateway/policy"
	"passerelle/gateway/rows"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// batch is one POST /v1/verify in work: a Verifier and the memory for one request and a part of its answer. A fixed number
// of them goes round, so that number times about MaxBatchBytes is the memory limit. It is the answer's body: fasthttp reads the
// next rows when it has sent the last ones, and closes it when it is done or the client is gone.
type batch struct {
	server   *Server
	verifier *verify.Verifier
	body     []byte // what was sent; payloads of JSON rows are unescaped in place
	rows     []row
	scans    []verify.Scan
	verdicts []policy.Candidate
	out      []byte // of one part

	// Of the request in work.
	ctx   *fasthttp.RequestCtx
	who   visitor
	end   time.Time // when the answer must be sent
	place policy.Place
	next  int    // row
	ready []byte // of out, not sent yet
}

// row is one line of a batch.
type row struct {
	payload []byte // in the batch's body
	now     int64  // unix seconds, if dated
	dated   bool
	bad     bool // no JSON row of ours: it gets a verdict all the same
}

func newBatch(s *Server) *batch {
	return &batch{
		server: s, verifier: verify.New(s.config.Profile, s.config.Fast),
		body:     make([]byte, 0, MaxBatchBytes+1+bytes.MinRead),
		rows:     make([]row, 0, MaxBatchRows),
		scans:    make([]verify.Scan, 0, verify.MaxBatch),
		verdicts: make([]policy.Candidate, 0, verify.MaxBatch),
	}
}

// Errors of a whole batch, in words for the client.
var (
	errNoRows   = errors.New("there are no rows")
	errManyRows = errors.New("there are too many rows")
	errDated    = errors.New("a row says at what time it is to be judged; this server judges by its own clock")
)

// verify answers POST /v1/verify: candidates, nothing is consumed.
func (s *Server) verify(ctx *fasthttp.RequestCtx, _ string) {
	asJSON, ok := rowFormat(string(ctx.Request.Header.ContentType()))
	if !ok {
		refuse(ctx, fasthttp.StatusUnsupportedMediaType, "rows come as application/jsonl, application/x-ndjson or text/plain")
		return
	}
	var b *batch
	select {
	case b = <-s.batches:
	default:
		busy(ctx, "all verifiers are at work")
		return
	}
	sending := false
	defer func() {
		if !sending {
			b.release()
		}
	}()
	if err := b.read(ctx, asJSON); err != nil {
		refuseBatch(ctx, err)
		return
	}
	sending = true
	ctx.SetContentType("application/jsonl")
	ctx.SetBodyStream(b, -1)
}

// rowFormat says whether rows of a content type are JSON, and whether they are rows.
func rowFormat(contentType string) (asJSON, ok bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false, false
	}
	switch media {
	case "application/jsonl", "application/x-ndjson":
		return true, true
	case "text/plain":
		return false, true
	}
	return false, false
}

// read takes the whole request into b, so that what is wrong with it is known before the answer begins.
func (b *batch) read(ctx *fasthttp.RequestCtx, asJSON bool) error {
	buf := bytes.NewBuffer(b.body[:0])
	err := readBody(ctx, buf, MaxBatchBytes)
	b.body = buf.Bytes()
	if err != nil {
		return err
	}
	if err := b.split(asJSON); err != nil {
		return err
	}
	c := &b.server.config
	b.who = b.server.visitor(ctx)
	b.who.machine = b.who.machine || b.who.session.Role == people.Nobody // let in without a token, where none is configured
	b.ctx, b.end, b.next, b.ready = ctx, c.Wall().Add(batchTimeout), 0, nil
	b.place = policy.Place{List: c.Snapshot(), Now: c.Now(), Profile: c.Profile}
	return nil
}

// split finds the rows. Each line is one, an empty one too, so that answers can be counted off against what was sent; only what
// follows the last line feed is none if it is empty.
func (b *batch) split(asJSON bool) error {
	b.rows = b.rows[:0]
	for rest := b.body; len(rest) > 0; {
		var line []byte
		line, rest, _ = rows.Cut(rest)
		if len(b.rows) == MaxBatchRows {
			return errManyRows
		}
		r := row{payload: line}
		if asJSON {
			var err error
			if r, err = b.parse(line); err != nil {
				return err
			}
		}
		b.rows = append(b.rows, r)
	}
	if len(b.rows) == 0 {
		return errNoRows
	}
	return nil
}

// parse reads a JSON row. What is none is a bad row; an error is about the whole batch.
func (b *batch) parse(line []byte) (row, error) {
	r, err := rows.Parse(line)
	if (r.Dated || errors.Is(err, rows.ErrTime)) && !b.server.config.AllowNow {
		return row{}, errDated
	}
	return row{payload: r.Payload, now: r.Now, dated: r.Dated, bad: err != nil}, nil
}

func refuseBatch(ctx *fasthttp.RequestCtx, err error) {
	switch {
	case errors.Is(err, errManyRows):
		refuse(ctx, fasthttp.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, errNoRows), errors.Is(err, errDated):
		refuse(ctx, fasthttp.StatusBadRequest, err.Error())
	default:
		refuseBody(ctx, err)
	}
}

// Read gives the answer's next part. Each part gets ioTimeout to be sent, all of them batchTimeout: a client that does not read
// gives its Verifier back.
func (b *batch) Read(p []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			b.server.config.Log.Error("web: verify has a fault", "panic", p, "stack", string(debug.Stack()))
			n, err = 0, errors.New("a batch has a fault")
			b.verifier = verify.New(b.server.config.Profile, b.server.config.Fast) // who knows what the old one holds
		}
	}()
	if len(b.ready) == 0 {
		if b.next == len(b.rows) {
			return 0, io.EOF
		}
		b.fill()
		wall := b.server.config.Wall()
		if err := b.ctx.SetWriteDeadline(earlier(wall.Add(ioTimeout), b.end)); err != nil {
			return 0, err
		}
	}
	n = copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// fill judges the next rows, at most verify.MaxBatch and as far as one time goes for them.
func (b *batch) fill() {
	first := b.rows[b.next]
	place := b.place
	if first.dated {
		place.Now = policy.At(first.now)
	}
	b.scans, b.verdicts = b.scans[:0], b.verdicts[:0]
	if first.bad {
		b.verdicts = append(b.verdicts, malformed(&b.place))
	} else {
		for _, r := range b.rows[b.next:] {
			if r.bad || r.dated != first.dated || r.now != first.now || len(b.scans) == verify.MaxBatch {
				break
			}
			b.scans = append(b.scans, verify.Scan{Data: r.payload})
		}
		b.verdicts = b.verifier.Verify(b.verdicts, b.scans, place.List, place.Now)
	}
	b.out = b.out[:0]
	for i := range b.verdicts {
		if b.who.machine {
			b.out = append(b.verdicts[i].AppendJSON(b.out), "}\n"...)
			continue
		}
		b.out = b.appendSeen(b.out, i, !first.bad)
	}
	b.ready = b.out
	b.next += len(b.verdicts)
}

// appendSeen appends what somebody who is logged in sees of the i-th candidate; judged says that the Verifier knows more of it.
func (b *batch) appendSeen(dst []byte, i int, judged bool) []byte {
	object := b.verdicts[i].AppendJSON(nil)
	if judged {
		object = b.server.appendClaims(object, &b.who, "", claimsOf(b.who.session.Role, b.verifier.Result(i)))
	}
	return append(b.who.appendSeen(dst, docVerdict, append(object, '}')), '\n')
}

// malformed is the candidate for a row that holds no code.
func malformed(place *policy.Place) policy.Candidate {
	var f policy.Findings
	f.Fail(policy.Format, policy.Malformed)
	var c policy.Candidate
	place.Date(&c)
	c.Conclude(&f, place.Profile)
	return c
}

// Close overwrites what was sent and frees b for the next request. fasthttp calls it once.
func (b *batch) Close() error {
	b.release()
	return nil
}

func (b *batch) release() {
	clear(b.body)
	clear(b.rows)
	clear(b.scans)
	b.verifier.Forget()
	b.body, b.rows, b.ready, b.ctx, b.who = b.body[:0], b.rows[:0], nil, nil, visitor{}
	b.place.List = trust.Empty()
	b.server.batches <- b
}
