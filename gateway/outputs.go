package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"passerelle/drivers/forward"
	"passerelle/drivers/lamp"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// outputs is all that the lanes of a running gateway drive, and the contacts that answer: opened before the lanes run, closed after.
type outputs []io.Closer

// Close makes all safe and lets it go.
func (all outputs) Close() error {
	var failed error
	for _, c := range all {
		failed = errors.Join(failed, c.Close())
	}
	return failed
}

// outputs opens what the lanes drive and gives it to them. GPIO lines that cannot be had stop the start: a gate whose lamp is missing would
// let people in, or not, without a sign. What may be plugged in later, a tower or a relay board, is a fault of its lane until it is there.
func (c *config) outputs(o *stationOptions) (all outputs, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, all.Close())
			all = nil
		}
	}()
	for i, l := range c.Lanes {
		made := &o.lanes[i]
		if o.devices[i].link == nil { // the kernel says nothing of a scanner on the network
			made.Changed = o.hotplug.await
		}
		shown, err := o.devices[i].lamps()
		if err != nil {
			return all, err
		}
		made.Lamp = shown
		all = append(all, shown)
		if link := o.devices[i].link; link != nil {
			all = append(all, link)
		}
		if l.Forward != nil {
			to, err := forward.Open(l.Forward.driver(time.Now))
			if err != nil {
				return all, fmt.Errorf("lane %q: %w", l.ID, err)
			}
			made.Forward = forwarder{to}
			all = append(all, to)
		}
		if l.Contact != nil {
			o.contacts = append(o.contacts, laneContact{l.ID, l.Contact})
		}
	}
	return all, nil
}

// forwarder gives a driver's forwarding the lane's words.
type forwarder struct{ *forward.Forward }

// Verdict implements lane.Forwarder.
func (f forwarder) Verdict(o policy.Outcome, r policy.Reason, sequence uint64) {
	f.Forward.Verdict(o.String(), r.String(), sequence)
}

// biases are the names of lamp.Bias in the configuration.
var biases = map[string]lamp.Bias{"": lamp.PullUp, "pull-up": lamp.PullUp, "pull-down": lamp.PullDown, "none": lamp.NoBias}

func (c *contactConfig) open() (*lamp.Contact, error) {
	bias, ok := biases[c.Bias]
	if !ok {
		return nil, fmt.Errorf(`contact: bias %q: want "pull-up", "pull-down" or "none"`, c.Bias)
	}
	return lamp.OpenContact(lamp.ContactConfig{Chip: c.Chip, Line: c.Line, Bias: bias, Debounce: time.Duration(c.Debounce)})
}

// laneContact is the turnstile of a lane.
type laneContact struct {
	lane   string
	config *contactConfig
}

// contactPause is between attempts to open a contact that failed. While it cannot be read, nobody is said not to have walked through.
const contactPause = 5 * time.Second

// run counts who walks through, until the context ends.
func (c laneContact) run(ctx context.Context, g *lane.Gate, log *slog.Logger) {
	said := ""
	for ctx.Err() == nil {
		contact, err := c.config.open()
		if err == nil {
			g.ContactReads(c.lane, true)
			err = c.count(ctx, g, contact, log)
			g.ContactReads(c.lane, false)
			err = errors.Join(err, contact.Close())
		}
		if ctx.Err() == nil && err != nil && err.Error() != said {
			said = err.Error()
			log.Error("contact: who walks through is not counted", "lane", c.lane, "err", err)
		}
		sleep(ctx, contactPause, nil)
	}
}

func (c laneContact) count(ctx context.Context, g *lane.Gate, contact *lamp.Contact, log *slog.Logger) error {
	if active, err := contact.Active(); err == nil && active {
		log.Warn("contact: it is active, as when somebody walks through; else it is stuck, or \"active-low\" is missing or too much", "lane", c.lane)
	}
	for {
		edge, err := contact.Wait(ctx)
		if err != nil {
			return err
		}
		if edge.Lost > 0 {
			log.Error("contact: edges were lost, so the count is too low", "lane", c.lane, "edges", edge.Lost)
			g.ContactReads(c.lane, false) // who walked through is not known: those who wait now stay used
			g.ContactReads(c.lane, true)
		}
		if edge.Active {
			g.Passed(c.lane)
		}
	}
}
