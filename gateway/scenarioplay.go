package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"time"

	"passerelle/drivers/scannertest"
	"passerelle/gateway/lane"
)

// player shows the codes of a story at one lane: a person steps up when the one before has got his answer.
type player struct {
	number  int
	id      string
	scanner *scannertest.Scanner
	events  *lane.Subscription
	late    int // codes of which the lane said that there was no verdict in time
}

// answerTime is how long a lane may take for an answer, or for a second document that does not come, before the story says that there
// was none. It is no goal: a machine may be busy.
const answerTime = lane.MaxSecond + 20*time.Second

// play shows the codes in their order. Whoever is early waits for his time, whoever is late goes on at once.
func (p *player) play(ctx context.Context, queue []*showing, begin time.Time) error {
	for i, x := range queue {
		if err := x.await(ctx, begin); err != nil {
			return err
		}
		p.drain()
		x.seen.second = int(time.Since(begin) / time.Second)
		if !x.silent {
			if err := p.scanner.Scan(ctx, x.text(time.Now())); err != nil {
				return fmt.Errorf("lane %s, code %d: %w", p.id, i+1, err)
			}
		}
		if err := p.listen(ctx, x); err != nil {
			return err
		}
		close(x.done)
	}
	return nil
}

// await waits for a showing's time, for what must have happened before, and for its twin.
func (x *showing) await(ctx context.Context, begin time.Time) error {
	if err := sleepUntil(ctx, begin.Add(x.at)); err != nil {
		return err
	}
	if x.after != nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-x.after.done:
		}
		if err := sleepUntil(ctx, x.after.seen.at.Add(x.pause)); err != nil {
			return err
		}
	}
	close(x.here)
	if x.twin != nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-x.twin.here:
		}
	}
	return nil
}

func sleepUntil(ctx context.Context, at time.Time) error {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// drain drops what a lane said about a code that was given up.
func (p *player) drain() {
	for {
		select {
		case <-p.events.Events:
		default:
			return
		}
	}
}

// listen waits for the lane's answer.
func (p *player) listen(ctx context.Context, x *showing) error {
	patience := time.NewTimer(answerTime)
	defer patience.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-patience.C:
			x.seen.at = time.Now()
			return nil
		case e := <-p.events.Events:
			switch e.Kind {
			case lane.VerdictGiven:
				x.seen.reply = reply{e.Kind, e.Candidate.Outcome(), e.Candidate.Reason(), true}
			case lane.ShownAgain, lane.SecondWanted:
				x.seen.reply = reply{event: e.Kind, given: true}
			case lane.VerdictLate:
				p.late++
				continue
			default:
				continue
			}
			x.seen.sequence, x.seen.took, x.seen.at = e.Sequence, e.Took, time.Now()
			return nil
		}
	}
}

// text returns what the scanner reads at that moment.
func (x *showing) text(now time.Time) []byte {
	if x.secret == nil {
		return []byte(x.code)
	}
	return fmt.Appendf([]byte(x.code), "%06d", oneTimeDigits(x.secret, now.Unix()-x.old))
}

// oneTimeDigits returns the six digits that an app shows at a time, unix seconds, for 30 seconds (RFC 6238, section 4; RFC 4226,
// section 5.3).
func oneTimeDigits(secret []byte, at int64) uint32 {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at/oneTimePeriod)))
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0x0f
	return binary.BigEndian.Uint32(sum[from:]) & 0x7fffffff % 1_000_000
}

const oneTimePeriod = 30 // seconds
