package lamp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"passerelle/drivers/frame"
)

// recorder is a device that writes down what it is told, and can fail or hang.
type recorder struct {
	mu       sync.Mutex
	begun    time.Time
	told     []told
	fail     error         // of every set
	hang     chan struct{} // set waits for it to be closed
	released int
}

// told is one thing that a device was told, and when.
type told struct {
	At time.Duration
	On outputs
}

func (r *recorder) set(on outputs) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.released > 0 {
		panic("told something after it was released")
	}
	r.told = append(r.told, told{time.Since(r.begun), on})
	if hang := r.hang; hang != nil {
		r.mu.Unlock()
		<-hang
		r.mu.Lock()
	}
	return r.fail
}

func (r *recorder) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.released++
	return nil
}

func (r *recorder) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *recorder) hangOn(c chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hang = c
}

// state returns what the device was told since the last expect, and how often it was released.
func (r *recorder) state() ([]told, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told), r.released
}

// expect compares what the device was told since the last call.
func (r *recorder) expect(t *testing.T, want ...told) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !cmp.Equal(r.told, want) {
		t.Errorf("device was told (-want, +got):\n%s", cmp.Diff(want, r.told))
	}
	r.told, r.begun = nil, time.Now()
}

const everything = red | amber | green | buzzer | relay

// play runs a test on a recorded device, in a bubble of its own where time is free.
func play(t *testing.T, has outputs, pulse time.Duration, test func(t *testing.T, r *recorder, p *player)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{begun: time.Now()}
		test(t, r, newPlayer("device", r, has, pulse))
	})
}

func set(t *testing.T, p *player, s Signal) {
	t.Helper()
	if err := p.set(s); err != nil {
		t.Fatal(err)
	}
}

func TestRelayAndSoundOfGreenEndByThemselves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		has   outputs
		pulse time.Duration
		want  []told
	}{
		{"usual", everything, DefaultPulse, []told{{0, green | relay | buzzer}, {beepTime, green | relay}, {DefaultPulse, green}}},
		{"shortest", everything, MinPulse, []told{{0, green | relay | buzzer}, {MinPulse, green | buzzer}, {beepTime, green}}},
		{"as long as the sound", everything, beepTime, []told{{0, green | relay | buzzer}, {beepTime, green}}},
		{"longest", everything, MaxPulse, []told{{0, green | relay | buzzer}, {beepTime, green | relay}, {MaxPulse, green}}},
		{"relay alone", relay, DefaultPulse, []told{{0, relay}, {DefaultPulse, 0}}},
		{"buzzer alone", buzzer, DefaultPulse, []told{{0, buzzer}, {beepTime, 0}}},
		{"no relay", red | amber | green | buzzer, DefaultPulse, []told{{0, green | buzzer}, {beepTime, green}}},
		{"lamps alone", red | amber | green, DefaultPulse, []told{{0, green}}},
		{"no green lamp", red | relay, DefaultPulse, []told{{0, relay}, {DefaultPulse, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			play(t, tt.has, tt.pulse, func(t *testing.T, r *recorder, p *player) {
				set(t, p, Green)
				time.Sleep(time.Hour)
				r.expect(t, tt.want...)
			})
		})
	}
}

func TestOnlyGreenMovesTheRelayAndSounds(t *testing.T) {
	t.Parallel()
	for s, want := range map[Signal]outputs{Off: 0, Red: red, Amber: amber, Fault: red | amber} {
		play(t, everything, DefaultPulse, func(t *testing.T, r *recorder, p *player) {
			set(t, p, s)
			time.Sleep(time.Hour)
			r.expect(t, told{0, want})
		})
	}
}

func TestAnyOtherSignalEndsThePulse(t *testing.T) {
	t.Parallel()
	for s, want := range map[Signal]outputs{Off: 0, Red: red, Amber: amber, Fault: red | amber} {
		play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
			set(t, p, Green)
			time.Sleep(50 * time.Millisecond)
			set(t, p, s)
			time.Sleep(time.Hour)
			r.expect(t, told{0, green | relay | buzzer}, told{50 * time.Millisecond, want})
		})
	}
}

func TestSameSignalAgainIsSeenAndHeardAgain(t *testing.T) {
	t.Parallel()
	play(t, everything, DefaultPulse, func(t *testing.T, r *recorder, p *player) {
		set(t, p, Red)
		set(t, p, Red)
		time.Sleep(time.Second)
		r.expect(t, told{0, red}, told{0, 0}, told{blinkTime, red})

		set(t, p, Green)
		time.Sleep(50 * time.Millisecond)
		set(t, p, Green) // while the relay is on
		time.Sleep(time.Second)
		again := 50*time.Millisecond + blinkTime
		r.expect(t, told{0, green | relay | buzzer}, told{50 * time.Millisecond, 0},
			told{again, green | relay | buzzer}, told{again + beepTime, green | relay}, told{again + DefaultPulse, green})

		set(t, p, Off)
		set(t, p, Off)
		r.expect(t, told{0, 0}, told{0, 0})
	})
}

func TestUnknownSignalTurnsEverythingOff(t *testing.T) {
	t.Parallel()
	play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
		set(t, p, Green)
		if err := p.set(Fault + 1); err == nil {
			t.Error("an unknown signal was taken")
		}
		time.Sleep(time.Hour)
		r.expect(t, told{0, green | relay | buzzer}, told{0, 0})
	})
}

// TestGreenThatComesTooLateIsTakenBackAtOnce: the device hangs, the lane was told so, and whom the Green was for may be gone.
func TestGreenThatComesTooLateIsTakenBackAtOnce(t *testing.T) {
	t.Parallel()
	play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
		hang := make(chan struct{})
		r.hangOn(hang)
		begun := time.Now()
		if err := p.set(Green); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want os.ErrDeadlineExceeded", err)
		}
		if took := time.Since(begun); took != SetTimeout {
			t.Errorf("Set took %v, want %v", took, SetTimeout)
		}
		time.Sleep(time.Second)
		r.hangOn(nil)
		close(hang)
		time.Sleep(time.Hour)
		r.expect(t, told{0, green | relay | buzzer}, told{SetTimeout + time.Second, 0})
	})
}

func TestHangingDeviceShowsTheLastSignalWhenItGoesOn(t *testing.T) {
	t.Parallel()
	play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
		hang := make(chan struct{})
		r.hangOn(hang)
		for _, s := range []Signal{Off, Green, Amber} {
			if err := p.set(s); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v: got %v, want os.ErrDeadlineExceeded", s, err)
			}
		}
		r.hangOn(nil)
		close(hang)
		time.Sleep(time.Hour)
		r.expect(t, told{0, 0}, told{3 * SetTimeout, amber})
	})
}

func TestSignalThatIsGivenUpLeavesALaterOneAlone(t *testing.T) {
	t.Parallel()
	play(t, everything, DefaultPulse, func(t *testing.T, r *recorder, p *player) {
		hang := make(chan struct{})
		r.hangOn(hang)
		first := make(chan error, 1)
		go func() { first <- p.set(Red) }()
		time.Sleep(SetTimeout / 2)
		time.AfterFunc(SetTimeout*3/4, func() {
			r.hangOn(nil)
			close(hang)
		})
		set(t, p, Green)
		if err := <-first; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("first: got %v, want os.ErrDeadlineExceeded", err)
		}
		time.Sleep(time.Hour)
		r.expect(t, told{0, red}, told{SetTimeout * 5 / 4, green | relay | buzzer},
			told{SetTimeout/2 + beepTime, green | relay}, told{SetTimeout/2 + DefaultPulse, green})
	})
}

func TestDeviceThatFailedIsToldAgainButNeverGreen(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		signal      Signal
		first, then outputs
	}{
		{Green, green | relay | buzzer, 0},
		{Red, red, red},
		{Fault, red | amber, red | amber},
		{Off, 0, 0},
	} {
		play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
			r.failWith(broken)
			if err := p.set(tt.signal); !errors.Is(err, broken) {
				t.Errorf("%v: got %v, want the device's error", tt.signal, err)
			}
			time.Sleep(2*retryPause + retryPause/2)
			r.failWith(nil)
			time.Sleep(time.Hour)
			r.expect(t, told{0, tt.first}, told{retryPause, tt.then}, told{2 * retryPause, tt.then}, told{3 * retryPause, tt.then})
		})
	}
}

// TestStepThatFallsTogetherWithAFailureIsDropped: the device fails in the very moment in which the next step is due.
func TestStepThatFallsTogetherWithAFailureIsDropped(t *testing.T) {
	t.Parallel()
	for range 200 {
		play(t, everything, DefaultPulse, func(t *testing.T, r *recorder, p *player) {
			hang := make(chan struct{})
			r.hangOn(hang)
			r.failWith(errors.New("broken"))
			time.AfterFunc(beepTime, func() {
				r.hangOn(nil)
				close(hang)
			})
			if err := p.set(Green); err == nil {
				t.Error("no error of a broken device")
			}
			r.failWith(nil)
			time.Sleep(time.Hour)
			if all, _ := r.state(); all[len(all)-1].On != 0 {
				t.Errorf("in the end %v", all)
			}
		})
	}
}

func TestEndOfAPulseThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	play(t, relay, DefaultPulse, func(t *testing.T, r *recorder, p *player) {
		set(t, p, Green)
		time.Sleep(DefaultPulse / 2)
		r.failWith(errors.New("broken"))
		time.Sleep(DefaultPulse/2 + retryPause/2)
		r.failWith(nil)
		time.Sleep(time.Hour)
		r.expect(t, told{0, relay}, told{DefaultPulse, 0}, told{DefaultPulse + retryPause, 0})
	})
}

func TestRestoreSendsWhatIsShownButNeverGreen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		signal          Signal
		shown, restored outputs
	}{
		{Off, 0, 0},
		{Red, red, red},
		{Amber, amber, amber},
		{Green, green | relay | buzzer, 0},
		{Fault, red | amber, red | amber},
	} {
		play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
			set(t, p, tt.signal)
			r.expect(t, told{0, tt.shown})
			if err := p.restore(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			r.expect(t, told{0, tt.restored})
			if err := errors.Join(p.close(), p.restore()); !errors.Is(err, frame.ErrClosed) {
				t.Errorf("restore after close: got %v, want frame.ErrClosed", err)
			}
		})
	}
}

func TestCloseEndsAPulseAndGivesTheDeviceBackOnce(t *testing.T) {
	t.Parallel()
	play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
		set(t, p, Green)
		if err := errors.Join(p.close(), p.close()); err != nil {
			t.Fatal(err)
		}
		if err := p.set(Green); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("Set after Close: got %v, want frame.ErrClosed", err)
		}
		time.Sleep(time.Hour)
		r.expect(t, told{0, green | relay | buzzer}, told{0, 0})
		if _, released := r.state(); released != 1 {
			t.Errorf("released %d times", released)
		}
	})
}

func TestCloseOfAHangingDeviceReturnsAndItIsSafeInTheEnd(t *testing.T) {
	t.Parallel()
	play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
		hang := make(chan struct{})
		r.hangOn(hang)
		if err := p.set(Green); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if err := p.close(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Close: got %v, want os.ErrDeadlineExceeded", err)
		}
		if _, released := r.state(); released != 0 {
			t.Error("released in the middle of a command")
		}
		r.hangOn(nil)
		close(hang)
		time.Sleep(time.Hour)
		r.expect(t, told{0, green | relay | buzzer}, told{2 * SetTimeout, 0})
		if _, released := r.state(); released != 1 {
			t.Errorf("released %d times", released)
		}
	})
}

func TestCloseOfABrokenDeviceSaysSo(t *testing.T) {
	t.Parallel()
	play(t, everything, MaxPulse, func(t *testing.T, r *recorder, p *player) {
		broken := errors.New("broken")
		r.failWith(broken)
		if err := p.close(); !errors.Is(err, broken) {
			t.Errorf("got %v, want the device's error", err)
		}
		time.Sleep(time.Hour)
		if all, released := r.state(); released != 1 || len(all) != 1 {
			t.Errorf("released %d times, told %v", released, all)
		}
	})
}

// TestRelayIsNeverOnForLongerThanItsPulse plays random signals at random times on a device that hangs and fails at random.
func TestRelayIsNeverOnForLongerThanItsPulse(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			play(t, everything, DefaultPulse, func(t *testing.T, r *recorder, p *player) {
				random := rand.New(rand.NewPCG(seed, 0))
				greens := 0
				for range 50 {
					s := Signal(random.UintN(uint(Fault) + 1))
					if s == Green {
						greens++
					}
					r.failWith(nil)
					if random.UintN(8) == 0 {
						r.failWith(errors.New("broken"))
					}
					if random.UintN(8) == 0 {
						hang := make(chan struct{})
						r.hangOn(hang)
						time.AfterFunc(time.Duration(random.Int64N(int64(time.Second))), func() {
							r.hangOn(nil)
							close(hang)
						})
					}
					_ = p.set(s) // fails where the device does
					time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
				}
				r.failWith(nil)
				time.Sleep(time.Hour)
				all, _ := r.state()
				checkPulses(t, all, greens)
			})
		})
	}
}

// checkPulses looks at what a device was told from one end to the other. A hanging device may have its answer 1 s late.
func checkPulses(t *testing.T, all []told, greens int) {
	t.Helper()
	var since time.Duration
	on, pulses := false, 0
	for _, e := range all {
		switch now := e.On&relay != 0; {
		case now && !on:
			since, on = e.At, true
			pulses++
		case !now && on:
			on = false
			if took := e.At - since; took > DefaultPulse+time.Second {
				t.Errorf("the relay was on for %v", took)
			}
		}
		if e.On&(relay|buzzer) != 0 && e.On&(green|red|amber) != green {
			t.Errorf("at %v: relay or buzzer without green alone: %b", e.At, e.On)
		}
	}
	if on {
		t.Error("the relay is on in the end")
	}
	if pulses > greens {
		t.Errorf("%d pulses for %d greens", pulses, greens)
	}
}

func TestManyCallersAtOnceLeaveTheDeviceSafe(t *testing.T) {
	t.Parallel()
	r := &recorder{begun: time.Now()}
	p := newPlayer("device", r, everything, MinPulse)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for i := range 200 {
				if err := p.set(Signal(i % int(Fault+1))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	if all, released := r.state(); all[len(all)-1].On != 0 || released != 1 {
		t.Errorf("last told %v, released %d times", all[len(all)-1], released)
	}
}
