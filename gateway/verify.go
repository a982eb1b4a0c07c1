package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"passerelle/drivers/camera"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// verifyCmd verifies codes on all cores; the results come in the order of the codes.
type verifyCmd struct {
	Trust    string   `help:"Trust list: a signed bundle, or a key set of trust import." required:"" placeholder:"FILE"`
	Roots    string   `help:"Root keys that must have signed the bundle." placeholder:"FILE"`
	Profile  string   `help:"What is asked here: health, checkpoint, boarding, venue, retail or demo." default:"health"`
	Session  string   `help:"What the lane is for: event, gate, zone, flights, as POST /v1/lanes/{id}/session takes it." placeholder:"FILE"`
	Now      string   `help:"Verify at this time (RFC 3339) instead of now." placeholder:"TIME"`
	Input    string   `help:"lines: one code a line. jsonl: rows {\"payload\", \"now\"}; other members are not looked at." enum:"lines,jsonl" default:"lines"`
	Output   string   `help:"text or json, one result a line." enum:"text,json" default:"text"`
	Disclose string   `help:"Add what the code says, as far as a role may see it: authority, airline, retail or steward." placeholder:"ROLE"`
	Cores    int      `help:"How many cores to verify on; 0 for all." default:"0" placeholder:"N"`
	P256     string   `name:"p256" help:"fast: ES256 by tables and batches, some of it again by crypto/ecdsa. std: all of it by crypto/ecdsa." enum:"fast,std" default:"fast"`
	Progress bool     `help:"Show how far it is, where standard error is a terminal and the results go elsewhere." default:"true" negatable:""`
	Files    []string `arg:"" optional:"" help:"Text files, or images: PNG, JPEG, PDF. Standard input without any."`
}

// maxCores is the most that --cores takes: each has a Verifier of two megabytes.
const maxCores = 256

// Run exits 0 if every code would be admitted, 1 if some would not, 2 for misuse.
func (v *verifyCmd) Run(ctx context.Context, std streams) error {
	job, err := v.prepare()
	if err != nil {
		return err
	}
	var second secondOpinion
	job.fast = (&verifyConfig{P256: v.P256}).accelerator(second.differs)
	second.start(job.fast)
	p := newVerifyPipeline(ctx, job, std, v.progress(std))
	done, err := p.finish(v.feed(ctx, p, std))
	switch err = errors.Join(err, second.end()); {
	case err != nil:
		return err
	case done.rows == 0:
		return misuse{errors.New("nothing to verify: no code in the input")}
	case done.refused > 0:
		return errRefused
	}
	return nil
}

// secondOpinion runs what an Accelerator does beside the verifiers, and keeps what it finds out.
type secondOpinion struct {
	fast    *sig.Accelerator
	stop    context.CancelFunc
	running sync.WaitGroup
	found   atomic.Pointer[sig.Difference]
}

// differs is for sig.AcceleratorOptions.
func (s *secondOpinion) differs(d sig.Difference) { s.found.Store(&d) }

// start starts it; nothing has to be done for nil.
func (s *secondOpinion) start(fast *sig.Accelerator) {
	ctx, stop := context.WithCancel(context.Background())
	s.fast, s.stop = fast, stop
	s.running.Go(func() { fast.Run(ctx) })
}

// end waits until every sample has been verified again. An error says that results may be wrong.
func (s *secondOpinion) end() error {
	s.stop()
	s.running.Wait()
	s.fast.CheckSamples()
	d := s.found.Load()
	if d == nil {
		return nil
	}
	err := fmt.Errorf("results may be wrong: our own code and the standard library disagree about a signature by key %x", d.Key[:8])
	if d.Table {
		err = errors.New("results may be wrong: a key's table failed its check, so this machine computes wrongly")
	}
	return withHint(err, "verify again with --p256 std, and report this")
}

// prepare reads the command line and loads the trust list.
func (v *verifyCmd) prepare() (*verifyJob, error) {
	profile, ok := policy.Named(v.Profile)
	if !ok {
		return nil, misuse{fmt.Errorf("profile %q: there is none of that name, want one of %s, or demo", v.Profile, profileNames())}
	}
	now := time.Now()
	if v.Now != "" {
		t, err := time.Parse(time.RFC3339, v.Now)
		if err != nil {
			return nil, misuse{fmt.Errorf("--now: %w", err)}
		}
		now = t
	}
	if v.Cores < 0 || v.Cores > maxCores {
		return nil, misuse{fmt.Errorf("--cores: %d, want 1 to %d, or 0 for all", v.Cores, maxCores)}
	}
	list := trust.Empty()
	if v.Trust != "" {
		var err error
		if list, err = openList(v.Trust, v.Roots); err != nil {
			return nil, misuse{err}
		}
	}
	session, err := readSession(v.Session)
	if err != nil {
		return nil, misuse{err}
	}
	job := &verifyJob{
		place: policy.Place{List: list, Now: policy.At(now.Unix()), Profile: &profile, Session: session},
		cores: v.Cores, jsonRows: v.Input == "jsonl", jsonOut: v.Output == "json",
	}
	if job.cores == 0 {
		job.cores = min(runtime.GOMAXPROCS(0), maxCores)
	}
	if v.Disclose != "" {
		if job.role, ok = policy.ParseRole(v.Disclose); !ok {
			return nil, misuse{fmt.Errorf("--disclose: no role is named %q", v.Disclose)}
		}
		job.disclose = true
	}
	return job, nil
}

// feed gives the pipeline all codes: those in the files, in their order, or those of standard input.
func (v *verifyCmd) feed(ctx context.Context, p *verifyPipeline, std streams) error {
	if len(v.Files) == 0 {
		return p.lines(std.in)
	}
	for _, name := range v.Files {
		feed := feedText
		if isImage(name) {
			feed = feedImage
		}
		if err := feed(ctx, p, name); err != nil {
			return err
		}
	}
	return nil
}

func feedText(_ context.Context, p *verifyPipeline, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return misuse{fmt.Errorf("read codes: %w", err)}
	}
	defer f.Close()
	return p.lines(f)
}

func feedImage(ctx context.Context, p *verifyPipeline, name string) error {
	symbols, err := readImage(ctx, name)
	switch {
	case errors.Is(err, camera.ErrNoCode): // a picture without a code is a code that cannot be read
		symbols = []camera.Symbol{{}}
	case err != nil && ctx.Err() != nil:
		return errEnded
	case err != nil:
		return misuse{err}
	}
	size := fileSize(name)
	for _, s := range symbols {
		if err := p.add(inputRow{code: s.Payload, decoded: true}, size); err != nil {
			return err
		}
		size = 0
	}
	return nil
}

// isImage reports whether a file's name is that of a picture.
func isImage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".pdf":
		return true
	}
	return false
}

// readImage reads the codes in a picture.
func readImage(ctx context.Context, name string) ([]camera.Symbol, error) {
	symbols, err := camera.ReadFile(ctx, name)
	if errors.Is(err, camera.ErrNoPDF) {
		return nil, withHint(err, "apt-get install poppler-utils")
	}
	return symbols, err
}
