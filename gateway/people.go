package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"passerelle/gateway/people"
)

// peopleCmd looks after those who use a gate. All but pair work whether the gate runs or not; it sees what changed at once.
type peopleCmd struct {
	Add    peopleAddCmd    `cmd:"" help:"Add an account; its password is read from the terminal or from standard input."`
	List   peopleListCmd   `cmd:"" help:"List accounts and paired tablets."`
	Remove peopleRemoveCmd `cmd:"" help:"Remove an account or a paired tablet, and end its sessions."`
	PIN    peoplePINCmd    `cmd:"" name:"pin" help:"Set a supervisor's PIN, read as a password is; an empty one takes it away."`
	Pair   peoplePairCmd   `cmd:"" help:"Have the running gate show a code with which one tablet is paired."`
}

type peopleFlags struct {
	Config string `help:"The gate's configuration." required:"" placeholder:"FILE"`
}

// open reads the configuration and the accounts; the state folder is made if need be.
func (f *peopleFlags) open() (*people.People, error) {
	c, err := loadConfig(f.Config)
	if err != nil {
		return nil, misuse{err}
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	return c.openPeople(nil)
}

type peopleAddCmd struct {
	peopleFlags
	Role string `help:"steward, retail, airline, authority, operator or supervisor." required:"" placeholder:"ROLE"`
	Name string `arg:"" help:"The account's name: a-z, 0-9, '-', '_', '.'. It stands in the journal."`
}

// Run asks for the password, and a supervisor's PIN.
func (c *peopleAddCmd) Run(ctx context.Context, std streams) error {
	role, ok := people.ParseRole(c.Role)
	if !ok {
		return misuse{fmt.Errorf("--role: no role is named %q", c.Role)}
	}
	p, err := c.open()
	if err != nil {
		return err
	}
	ask := newAsker(ctx, std)
	var pin string
	prompt := "password: "
	if role == people.Supervisor {
		prompt = "password (empty for none): "
	}
	password, err := ask.secret(prompt)
	if err == nil && role == people.Supervisor {
		pin, err = ask.secret("PIN (empty for none): ")
	}
	if err != nil {
		return err
	}
	if err := p.Add(c.Name, role, password, pin); err != nil {
		return fmt.Errorf("add %s: %w", c.Name, err)
	}
	_, err = fmt.Fprintf(std.out, "%s: %s\n", c.Name, role)
	return err
}

type peopleListCmd struct{ peopleFlags }

// Run prints a line each.
func (c *peopleListCmd) Run(std streams) error {
	p, err := c.open()
	if err != nil {
		return err
	}
	accounts, tablets, err := p.List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, a := range accounts {
		var secrets []string
		if a.Password {
			secrets = append(secrets, "password")
		}
		if a.PIN {
			secrets = append(secrets, "PIN")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", a.Name, a.Role, strings.Join(secrets, ", "))
	}
	for _, d := range tablets {
		fmt.Fprintf(w, "%s\t%s\tlane %s, paired %s, until %s\n", d.ID, d.Role, printable(d.Lane), moment(d.Paired.Unix()), moment(d.Expires.Unix()))
	}
	return w.Flush()
}

type peopleRemoveCmd struct {
	peopleFlags
	Name string `arg:"" help:"The account's name, or the tablet's, as list shows it."`
}

// Run removes it.
func (c *peopleRemoveCmd) Run(std streams) error {
	p, err := c.open()
	if err != nil {
		return err
	}
	if err := p.Remove(c.Name); err != nil {
		return withHint(fmt.Errorf("remove: %w", err), "passerelle people list shows the names")
	}
	_, err = fmt.Fprintf(std.out, "%s is out\n", c.Name)
	return err
}

type peoplePINCmd struct {
	peopleFlags
	Name string `arg:"" help:"The supervisor's account."`
}

// Run asks for the PIN.
func (c *peoplePINCmd) Run(ctx context.Context, std streams) error {
	p, err := c.open()
	if err != nil {
		return err
	}
	pin, err := newAsker(ctx, std).secret("PIN (empty for none): ")
	if err != nil {
		return err
	}
	if err := p.SetPIN(c.Name, pin); err != nil {
		return fmt.Errorf("set the PIN: %w", err)
	}
	done := "set"
	if pin == "" {
		done = "taken away"
	}
	_, err = fmt.Fprintf(std.out, "the PIN of %s is %s\n", c.Name, done)
	return err
}
