package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/lamp"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/report"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/web"
)

// demoCmd shows everything in one process.
type demoCmd struct {
	State  string        `help:"Folder that the demo keeps its files in." default:"passerelle-demo" placeholder:"DIR"`
	Listen string        `help:"Address of the page; another port is taken if this one is not free." default:"127.0.0.1:8080"`
	Pace   time.Duration `help:"Time between two codes at a lane." default:"3s"`
}

// minPace leaves a scanner the time to send a code at demoSpeed.
const minPace = 50 * time.Millisecond

// demoListLife is how long the demo's trust list may be taken; a new one is made at each start.
const demoListLife = 7 * 24 * time.Hour

// demoLanes are the lanes of the demo.
var demoLanes = []string{"1", "2"}

// Run runs until it is told to end.
func (c *demoCmd) Run(ctx context.Context, std streams) (err error) {
	if c.Pace < minPace {
		return misuse{fmt.Errorf("--pace %v: want at least %v", c.Pace, minPace)}
	}
	state, err := filepath.Abs(c.State)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	d := &demo{state: state, pace: c.Pace, std: std}
	defer closing(d.close, &err)
	if err := d.open(c.Listen); err != nil {
		return err
	}
	d.greet()
	return d.run(ctx)
}

// demo is a station with everything around it.
type demo struct {
	state    string
	pace     time.Duration
	std      streams
	samples  *samples
	scanners []*scannertest.Scanner
	collect  *report.Collector
	listener net.Listener // of the collector
	page     net.Listener
	events   net.Listener
	station  *station
	sheet    string // file
}

func (d *demo) open(listen string) error {
	log := logger(d.std, true)
	var err error
	if d.samples, err = newSamples(time.Now()); err != nil {
		return err
	}
	root, err := d.root()
	if err != nil {
		return err
	}
	options := stationOptions{
		state: filepath.Join(d.state, "gate"), roots: &bundle.Roots{Threshold: 1, Keys: []bundle.Root{root.Root()}}, log: log,
		maxDark: defaultMaxDark, taking: true, // the demo trusts the machine's clock as it is
	}
	profile := policy.Demo()
	options.profile = &profile
	if options.forward, err = d.openCollector(); err != nil {
		return err
	}
	for _, id := range demoLanes {
		config, err := d.lane(id, &profile)
		if err != nil {
			return err
		}
		options.lanes = append(options.lanes, *config)
	}
	if d.page, d.events, err = listenSomewhere(listen); err != nil {
		return err
	}
	options.web = &web.Config{}
	if d.station, err = openStation(options); err != nil {
		return err
	}
	if err := d.takeList(root); err != nil {
		return err
	}
	return d.writeSheet()
}

// root returns the demo's root key, made on the first run. It is marked as a demo's wherever it is shown.
func (d *demo) root() (*demoRoot, error) {
	path := filepath.Join(d.state, "demo-root.pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		private, err := newRoot("Ed25519")
		if err != nil {
			return nil, err
		}
		if err := writeRoot(path, private); err != nil {
			return nil, fmt.Errorf("write the demo's root key: %w", err)
		}
		text, err = os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the demo's root key: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("read the demo's root key: %w", err)
	}
	signer, err := bundle.ParseSigner(text)
	if err != nil {
		return nil, fmt.Errorf("the demo's root key: %w", err)
	}
	return &demoRoot{signer}, nil
}

// demoRoot is a root key that signs for the demo alone.
type demoRoot struct{ *bundle.Signer }

// Root returns the public half, marked.
func (r *demoRoot) Root() bundle.Root {
	root := r.Signer.Root()
	root.Name, root.Demo = "DEMO ROOT, NOT FOR PRODUCTION", true
	return root
}

// takeList makes the list of the day, signs it and has the gate take it, as an operator would. Its version is the time,
// so that it rises from start to start.
func (d *demo) takeList(root *demoRoot) error {
	now := time.Now()
	b, err := bundle.Build(d.samples.content(), bundle.Header{
		Version: uint64(now.UnixMilli()), Issued: now.Unix(), Expires: now.Add(demoListLife).Unix(),
	})
	if err != nil {
		return err
	}
	if err := b.Sign(rand.Reader, root.Signer); err != nil {
		return err
	}
	file, err := b.File(nil)
	if err != nil {
		return err
	}
	_, err = d.station.take(file)
	return err
}

// openCollector starts the endpoint that the demo reports to.
func (d *demo) openCollector() (*report.ForwarderOptions, error) {
	secret, err := report.NewSecret(rand.Reader)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(d.state, "collector")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the collector's folder: %w", err)
	}
	d.collect, err = report.OpenCollector(dir, report.CollectorOptions{Secrets: []report.Secret{secret}, Now: time.Now, Logger: logger(d.std, true)})
	if err != nil {
		return nil, withHint(err, "is a demo running in %s already? --state DIR gives this one a folder of its own", d.state)
	}
	if d.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen for reports: %w", err)
	}
	return &report.ForwarderOptions{
		URL: "http://" + d.listener.Addr().String() + "/v1/reports", Secrets: []report.Secret{secret},
	}, nil
}

// lane makes a simulated scanner on a pseudo-terminal and the lane that reads it.
func (d *demo) lane(id string, profile *policy.Profile) (*lane.Config, error) {
	s, err := scannertest.New(scannertest.Options{AIM: "]Q1", Terminator: frame.CR, BytesPerSecond: demoSpeed})
	if err != nil {
		return nil, fmt.Errorf("simulate a scanner: %w", err)
	}
	d.scanners = append(d.scanners, s)
	return &lane.Config{
		ID: id, Profile: profile, Scanner: s.Path(), Lamp: lamps{lamp.NewSimulated(time.Now)},
		Open: func(context.Context) (lane.Scanner, error) { return serial.Open(serial.Options{Path: s.Path()}) },
	}, nil
}

// demoSpeed is what a serial line of 115200 baud carries, in bytes a second.
const demoSpeed = 11520

// listenSomewhere takes another port if the one asked for is not free.
func listenSomewhere(address string) (page, events net.Listener, err error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, misuse{fmt.Errorf("--listen: %w", err)}
	}
	if !isLoopback(host) {
		return nil, nil, misuse{fmt.Errorf("--listen %s: the demo is for this machine alone", address)}
	}
	page, err = net.Listen("tcp", address)
	if err != nil {
		if page, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return nil, nil, fmt.Errorf("listen for the page: %w", err)
		}
	}
	if events, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("listen for event streams: %w", err), page.Close())
	}
	return page, events, nil
}

// greet says what there is to see.
func (d *demo) greet() {
	url := "http://" + d.page.Addr().String()
	fmt.Fprintf(d.std.out, `Passerelle is running: two lanes, simulated scanners, published test keys, a demo root key.

  the lanes           %s/
  one lane            %s/lane/1     add ?lang=fr or ?lang=ar
  sample codes        %s
  what is reported    %d entries so far, kept below %s

Try next, in another terminal:
  curl -s %s/readyz
  curl -s %s/metrics
  curl -s -H 'Content-Type: text/plain' --data-binary 'HC1:not a certificate' %s/v1/verify

Ctrl-C ends it. Everything it wrote is in %s and may be deleted.
`, url, url, d.sheet, d.collect.Entries(), filepath.Join(d.state, "collector"), url, url, url, d.state)
}

// run plays codes at each lane until the context ends.
func (d *demo) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	all.Go(func() {
		if err := d.collect.Serve(d.listener); err != nil && ctx.Err() == nil {
			d.station.log.Error("collector", "err", err)
		}
	})
	for i, s := range d.scanners {
		all.Go(func() { d.play(ctx, i, s) })
	}
	err := d.station.run(ctx, d.page, d.events)
	stop()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err = errors.Join(err, d.collect.Shutdown(ending))
	d.collect = nil
	all.Wait()
	return err
}

// play shows one code after the other. Each lane makes its own, with its own place in the row of recipes.
func (d *demo) play(ctx context.Context, lane int, s *scannertest.Scanner) {
	own := d.samples.fork((lane + 1) * 1_000_000)
	tick := time.NewTicker(d.pace)
	defer tick.Stop()
	for i := lane * len(recipes) / len(demoLanes); ; i++ {
		r := recipes[i%len(recipes)]
		code, err := r.make(own)
		if err == nil {
			err = s.Scan(ctx, []byte(code))
		}
		if err != nil && ctx.Err() == nil {
			d.station.log.Error("demo", "sample", r.name, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// writeSheet writes the sheet of sample codes, to point a real scanner at.
func (d *demo) writeSheet() error {
	all, err := d.samples.sheet()
	if err != nil {
		return err
	}
	folder := filepath.Join(d.state, "samples")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of samples: %w", err)
	}
	var page bytes.Buffer
	page.WriteString("<!doctype html><meta charset=utf-8><title>Passerelle: sample codes</title>\n<style>body{font:16px sans-serif;margin:2em}figure{display:inline-block;width:22em;vertical-align:top;margin:1em}img{width:100%;image-rendering:pixelated}</style>\n<h1>Sample codes</h1><p>Signed with published test keys: only the demo profile admits them.</p>\n")
	for _, s := range all {
		fmt.Fprintf(&page, "<figure><img src=\"%s.png\" alt=\"\"><figcaption><b>%s</b><br>%s</figcaption></figure>\n", s.name, html.EscapeString(s.name), html.EscapeString(s.about))
		if err := writeQR(filepath.Join(folder, s.name+".png"), s.code); err != nil {
			return fmt.Errorf("sample %s: %w", s.name, err)
		}
	}
	d.sheet = filepath.Join(folder, "index.html")
	if err := replaceFile(d.sheet, page.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the sheet of samples: %w", err)
	}
	return nil
}

// close ends what open started, also halfway.
func (d *demo) close() error {
	var errs []error
	if d.station != nil {
		errs = append(errs, d.station.close())
	}
	if d.collect != nil {
		errs = append(errs, d.collect.Shutdown(context.Background()))
	}
	for _, s := range d.scanners {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
