package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/valyala/fasthttp"
)

// preflightCmd asks the running gate whether the doors can be opened.
type preflightCmd struct {
	Config string `help:"The gate's configuration." required:"" placeholder:"FILE"`
	Output string `help:"text or json." enum:"text,json" default:"text"`
}

// readiness is the gate's answer to GET /v1/preflight.
type readiness struct {
	Ready  *bool `json:"ready"`
	Checks []struct {
		Lane  string `json:"lane"`
		Check string `json:"check"`
		Level string `json:"level"`
		Text  string `json:"text"`
		Fix   string `json:"fix"`
	} `json:"checks"`
}

// Run prints a line a finding, what is wrong first, and exits 1 if the doors must stay shut.
func (c *preflightCmd) Run(std streams) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return misuse{err}
	}
	status, answer, err := config.askGate(fasthttp.MethodGet, "/v1/preflight", nil)
	if err != nil {
		return err
	}
	if status != fasthttp.StatusOK {
		return fmt.Errorf("the gate does not say: %s", problemIn(status, answer))
	}
	var r readiness
	if err := json.Unmarshal(answer, &r); err != nil || r.Ready == nil {
		return errors.New("the gate's answer is none of this version")
	}
	if c.Output == "json" {
		_, err = fmt.Fprintf(std.out, "%s\n", answer)
	} else {
		err = r.print(std)
	}
	if err != nil || *r.Ready {
		return err
	}
	return errRefused
}

func (r *readiness) print(std streams) error {
	marks := map[string]string{"good": markFine, "warn": markNote, "bad": markProblem}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	wrong := 0
	for _, f := range r.Checks {
		where := "gate"
		if f.Lane != "" {
			where = "lane " + f.Lane
		}
		mark, known := marks[f.Level]
		if !known {
			mark = markProblem
		}
		if mark == markProblem {
			wrong++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", mark, oneLine(where), oneLine(f.Check), oneLine(f.Text))
		if f.Fix != "" {
			fmt.Fprintf(w, "\t\t\t→ %s\n", oneLine(f.Fix))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	last := "ready for doors"
	if !*r.Ready {
		last = fmt.Sprintf("NOT ready: %d to settle", wrong)
	}
	_, err := fmt.Fprintln(std.out, last)
	return err
}
