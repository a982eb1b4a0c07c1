package main

import (
	"fmt"
	"os"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
)

// trustDelegateCmd makes a key that signs feeds.
type trustDelegateCmd struct {
	Out       string   `help:"Where to write the private key; the public one goes to FILE.pub." required:"" placeholder:"FILE"`
	Type      string   `help:"P-256 or Ed25519." default:"Ed25519"`
	Kinds     []string `help:"What it may sign: codes, deny, passengers, pretix." required:"" placeholder:"KIND"`
	Scope     string   `help:"For which event, flight or carrier; '*' for all." required:""`
	Name      string   `help:"For people."`
	NotBefore string   `help:"First day (YYYY-MM-DD)." required:"" placeholder:"DAY"`
	NotAfter  string   `help:"Last day." required:"" placeholder:"DAY"`
}

// Run writes FILE and FILE.pub, and the key set with the delegate's row to standard output.
func (c *trustDelegateCmd) Run(std streams) error {
	if _, err := os.Lstat(c.Out); err == nil {
		return withHint(fmt.Errorf("%s is there already", c.Out), "a key is never overwritten; choose another name")
	}
	private, err := newRoot(c.Type)
	if err != nil {
		return misuse{err}
	}
	public, err := sig.New(private.Public())
	if err != nil {
		return err
	}
	d, err := c.row(public)
	if err != nil {
		return misuse{err}
	}
	if err := writeRoot(c.Out, private); err != nil {
		return fmt.Errorf("write delegate's key: %w", err)
	}
	if err := source.WriteKeySet(std.out, bundle.Content{Delegates: []trust.Delegate{d}}); err != nil {
		return err
	}
	fmt.Fprintf(std.err, "passerelle: hint: the private key is in %s; the key set on standard output goes into the next trust list\n", c.Out)
	return nil
}

func (c *trustDelegateCmd) row(public sig.Key) (trust.Delegate, error) {
	d := trust.Delegate{
		ID: bundle.DelegateID(&public), Name: c.Name, Public: public, Algorithms: public.Algorithms(), Scope: c.Scope,
	}
	for _, name := range c.Kinds {
		kind, ok := trust.ParseFeedKind(name)
		if !ok {
			return trust.Delegate{}, fmt.Errorf("kind of feed %q: want codes, deny, passengers or pretix", name)
		}
		d.Kinds |= trust.FeedKindsOf(kind)
	}
	var err error
	if d.NotBefore, d.NotAfter, err = parseDays(c.NotBefore, c.NotAfter); err != nil {
		return trust.Delegate{}, err
	}
	if err := bundle.CheckDelegate(&d); err != nil {
		return trust.Delegate{}, err
	}
	return d, nil
}
