package main

import (
	"errors"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

const (
	program = "/usr/bin/passerelle"
	// configuration is the installer's file; deploy/passerelle.toml documents it.
	configuration = stateFolder + "/passerelle.toml"

	startPause = time.Second      // between an end of the gate and its next start
	waitPause  = time.Second      // between looks for the configuration
	stopTime   = 10 * time.Second // that the gate has for its last verdicts
	safeTime   = 5 * time.Second  // that "lamps safe" may take
)

// supervisor keeps the gate running. It is the parent of every process without one, so it alone waits for any that ends.
type supervisor struct {
	ended chan int // process ids of those that ended
}

func newSupervisor() *supervisor {
	s := &supervisor{ended: make(chan int, 16)}
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go s.reap(children)
	return s
}

// reap waits for whatever ended, as the first process has to.
func (s *supervisor) reap(children <-chan os.Signal) {
	for range children {
		for {
			var status unix.WaitStatus
			pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
			s.ended <- pid
		}
	}
}

// run keeps the gate running until a signal to stop comes, and returns that.
func (s *supervisor) run(stop <-chan os.Signal) os.Signal {
	said := false
	for {
		if _, err := os.Stat(configuration); err != nil {
			if !said {
				say("waiting for %s", configuration)
				said = true
			}
			if last := s.pause(waitPause, stop); last != nil {
				return last
			}
			continue
		}
		s.safe()
		last := s.gate(stop)
		s.safe()
		if last != nil {
			return last
		}
		if last := s.pause(startPause, stop); last != nil {
			return last
		}
	}
}

// gate runs the gate until it ends, or ends it when a signal to stop comes, which it then returns.
func (s *supervisor) gate(stop <-chan os.Signal) os.Signal {
	pid, err := start("run", "--config", configuration)
	if err != nil {
		say("start the gate: %v", err)
		return nil
	}
	say("gate started as process %d, %v after the kernel", pid, sinceBoot().Round(10*time.Millisecond))
	for {
		select {
		case ended := <-s.ended:
			if ended == pid {
				say("the gate ended; it is started again")
				return nil
			}
		case last := <-stop:
			s.end(pid)
			return last
		}
	}
}

// end asks the gate to end, and makes it after stopTime.
func (s *supervisor) end(pid int) {
	_ = unix.Kill(pid, unix.SIGTERM)
	if !s.await(pid, stopTime) {
		_ = unix.Kill(pid, unix.SIGKILL)
		s.await(pid, stopTime)
	}
}

// safe takes every output back.
func (s *supervisor) safe() {
	pid, err := start("lamps", "safe", "--config", configuration)
	if err != nil {
		say("make the outputs safe: %v", err)
		return
	}
	if !s.await(pid, safeTime) {
		say("making the outputs safe took too long")
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// await waits until a process ended, at most for d.
func (s *supervisor) await(pid int, d time.Duration) bool {
	limit := time.NewTimer(d)
	defer limit.Stop()
	for {
		select {
		case ended := <-s.ended:
			if ended == pid {
				return true
			}
		case <-limit.C:
			return false
		}
	}
}

// pause waits for d, or less if a signal to stop comes.
func (s *supervisor) pause(d time.Duration, stop <-chan os.Signal) os.Signal {
	limit := time.NewTimer(d)
	defer limit.Stop()
	for {
		select {
		case <-limit.C:
			return nil
		case <-s.ended:
		case last := <-stop:
			return last
		}
	}
}

// start starts the gate's program with these arguments; its output goes to the console.
func start(args ...string) (pid int, err error) {
	p, err := os.StartProcess(program, append([]string{program}, args...), &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=/usr/bin", "HOME=/run", "TMPDIR=/tmp"},
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   nil,
	})
	if err != nil {
		return 0, err
	}
	pid = p.Pid
	return pid, p.Release()
}
