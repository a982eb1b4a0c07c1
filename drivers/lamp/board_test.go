package lamp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is connected to the emulated board's PL061. Its line 3 is the board's power button, which stands for a turnstile.
const (
	boardRed    = "0"
	boardAmber  = "1"
	boardGreen  = "2"
	boardButton = "3"
	boardBuzzer = "4"
	boardRelay  = "5 active-low"
)

// childVariable makes the test program hold a Green, for its parent to kill.
const childVariable = "PASSERELLE_LAMP_CHILD"

func TestMain(m *testing.M) {
	if chip := os.Getenv(childVariable); chip != "" {
		holdGreen(chip)
	}
	os.Exit(m.Run())
}

// holdGreen shows Green, says so, and waits for its end.
func holdGreen(chip string) {
	g, err := NewGPIO(boardConfig(chip))
	if err == nil {
		err = g.Set(Green)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("green")
	time.Sleep(time.Minute)
	os.Exit(1)
}

func boardConfig(chip string) GPIOConfig {
	return GPIOConfig{
		Chip: chip, Red: line(boardRed), Amber: line(boardAmber), Green: line(boardGreen), Buzzer: line(boardBuzzer), Relay: line(boardRelay),
		Pulse: MaxPulse,
	}
}

// line is for lines that are known to be right.
func line(text string) Line {
	l, err := ParseLine(text)
	if err != nil {
		panic(err)
	}
	return l
}

// missing skips a test that needs the emulated board, or fails it there.
func missing(t *testing.T, format string, a ...any) {
	t.Helper()
	if os.Getenv("BOARD") == "1" {
		t.Fatalf(format, a...)
	}
	t.Skipf(format+"; run it on the emulated board (make e2e)", a...)
}

// pl061 is the path of the board's chip.
func pl061(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("/dev/gpiochip*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		f, err := openChip(path)
		if err != nil {
			continue
		}
		info, err := chipInfo(f)
		f.Close()
		if err == nil && strings.Contains(text(info.Label[:]), "pl061") {
			return path
		}
	}
	missing(t, "no GPIO chip is a PL061 (found: %q)", paths)
	return ""
}

// held is what debugfs shows of lines that are held: "out hi", "out lo" or "in", by their number. It asks the chip itself.
func held(t *testing.T, chip string) map[string]string {
	t.Helper()
	const debugfs = "/sys/kernel/debug"
	file, err := os.Open(debugfs + "/gpio")
	if errors.Is(err, os.ErrNotExist) {
		if err := unix.Mount("debugfs", debugfs, "debugfs", 0, ""); err != nil {
			t.Fatalf("mount debugfs: %v", err)
		}
		file, err = os.Open(debugfs + "/gpio")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	levels := make(map[string]string)
	first, ours := 0, false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var number int
		if n, _ := fmt.Sscanf(lines.Text(), filepath.Base(chip)+": GPIOs %d-", &number); n == 1 {
			first, ours = number, true
		} else if strings.HasPrefix(lines.Text(), "gpiochip") {
			ours = false
		} else if n, _ := fmt.Sscanf(lines.Text(), " gpio-%d", &number); n == 1 && ours {
			_, state, _ := strings.Cut(lines.Text(), ") ")
			words := strings.Fields(state)
			levels[fmt.Sprint(number-first)] = strings.Join(words[:min(2, len(words))], " ")
		}
	}
	return levels
}

// free reads the levels of lines that nobody holds, as they are: 1 is high.
func free(t *testing.T, chip string) map[string]int {
	t.Helper()
	names := []string{boardRed, boardAmber, boardGreen, boardBuzzer, "5"}
	var r request // no direction: nothing changes
	for _, name := range names {
		r.lines = append(r.lines, line(name))
	}
	l, err := requestLines(chip, r)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	bits, err := l.get()
	if err != nil {
		t.Fatal(err)
	}
	levels := make(map[string]int)
	for i, name := range names {
		levels[name] = int(bits >> i & 1)
	}
	return levels
}

// expectHeld compares lines that are held with what is expected: the lines that are high.
func expectHeld(t *testing.T, chip, when string, high ...string) {
	t.Helper()
	got := held(t, chip)
	for _, name := range []string{boardRed, boardAmber, boardGreen, boardBuzzer, "5"} {
		want := "out lo"
		for _, h := range high {
			if h == name {
				want = "out hi"
			}
		}
		if got[name] != want {
			t.Errorf("%s: line %s is %q, want %q (all: %v)", when, name, got[name], want, got)
		}
	}
}

// expectSafe says that nothing is on: the relay is active-low, so its line is high.
func expectSafe(t *testing.T, chip, when string) {
	t.Helper()
	for name, level := range free(t, chip) {
		if want := map[string]int{"5": 1}[name]; level != want {
			t.Errorf("%s: line %s is %d, want %d", when, name, level, want)
		}
	}
}

func TestBoardPinsFollowTheSignals(t *testing.T) {
	chip := pl061(t)
	g, err := NewGPIO(boardConfig(chip))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	expectHeld(t, chip, "new", "5")
	var longest time.Duration
	for _, tt := range []struct {
		signal Signal
		high   []string
	}{
		{Red, []string{"0", "5"}},
		{Amber, []string{"1", "5"}},
		{Fault, []string{"0", "1", "5"}},
		{Green, []string{"2", "4"}}, // the relay's line is low: it is on
		{Off, []string{"5"}},
		{Green, []string{"2", "4"}},
		{Red, []string{"0", "5"}}, // ends the pulse
	} {
		begun := time.Now()
		if err := g.Set(tt.signal); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(begun))
		if tt.signal == Green {
			// The buzzer may have fallen silent before debugfs was read.
			if got := held(t, chip); got["2"] != "out hi" || got["5"] != "out lo" {
				t.Errorf("green: %v", got)
			}
			continue
		}
		expectHeld(t, chip, tt.signal.String(), tt.high...)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if left := held(t, chip); len(left) != 0 {
		t.Errorf("after Close these lines are held: %v", left)
	}
	expectSafe(t, chip, "after Close")
	t.Logf("figure: GPIO lamp, longest Set on the emulated board: %v", longest.Round(10*time.Microsecond))
}

func TestBoardPulseOfTheRelayEndsByItself(t *testing.T) {
	chip := pl061(t)
	c := boardConfig(chip)
	c.Pulse = 0
	g, err := NewGPIO(c)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	begun := time.Now()
	if err := g.Set(Green); err != nil {
		t.Fatal(err)
	}
	if got := held(t, chip); got["5"] != "out lo" {
		t.Fatalf("the relay is not on: %v", got)
	}
	for held(t, chip)["5"] == "out lo" {
		if time.Since(begun) > 5*time.Second {
			t.Fatal("the relay stays on")
		}
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begun)
	expectHeld(t, chip, "after the pulse", "2", "5")
	if took < DefaultPulse-10*time.Millisecond || took > DefaultPulse+300*time.Millisecond {
		t.Errorf("the relay was on for %v, want %v", took, DefaultPulse)
	}
	t.Logf("figure: relay pulse of %v on the emulated board: %v", DefaultPulse, took.Round(time.Millisecond))
}

// TestBoardKilledProgramIsMadeSafe kills a process that holds a Green, as a supervisor finds it.
func TestBoardKilledProgramIsMadeSafe(t *testing.T) {
	chip := pl061(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+chip)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		child.Process.Kill()
		child.Wait()
	}()
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "green\n" {
		t.Fatalf("child said %q, %v", said, err)
	}
	if got := held(t, chip); got["2"] != "out hi" || got["5"] != "out lo" {
		t.Fatalf("the child does not hold a Green: %v", got)
	}
	if err := Safe(boardConfig(chip)); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), `"passerelle"`) {
		t.Errorf("Safe while the lines are held: got %v, want ErrBusy and by whom", err)
	}
	if g, err := NewGPIO(boardConfig(chip)); !errors.Is(err, ErrBusy) || g != nil {
		t.Errorf("second program: got %v, want ErrBusy", err)
	}
	if got := held(t, chip); got["2"] != "out hi" || got["5"] != "out lo" {
		t.Errorf("a refused request changed lines: %v", got)
	}

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	levels := free(t, chip)
	word := "falls back"
	if levels["5"] == 0 && levels["2"] == 1 {
		word = "stays on" // nothing but Safe ends it
	}
	t.Logf("figure: PL061 relay line after SIGKILL: %s (%v)", word, levels)

	begun := time.Now()
	if err := Safe(boardConfig(chip)); err != nil {
		t.Fatal(err)
	}
	t.Logf("figure: Safe on the emulated board: %v", time.Since(begun).Round(10*time.Microsecond))
	expectSafe(t, chip, "after Safe")
	if err := Safe(boardConfig(chip)); err != nil {
		t.Errorf("Safe again: %v", err)
	}
}

func TestBoardChipIsFoundByItsLabel(t *testing.T) {
	path := pl061(t)
	f, err := openChip(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := chipInfo(f)
	if err != nil {
		t.Fatal(err)
	}
	c := boardConfig(text(info.Label[:]))
	if err := Safe(c); err != nil {
		t.Error(err)
	}
	c.Relay = line("8")
	if err := Safe(c); err == nil || !strings.Contains(err.Error(), "no line 8") {
		t.Errorf("a line that the chip does not have: %v", err)
	}
}

// monitor is the board's own monitor, on the virtio port of that name; writing "system_powerdown" presses the power button for 100 ms.
func monitor(t *testing.T) *os.File {
	t.Helper()
	names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range names {
		name, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(name)) != "monitor" {
			continue
		}
		f, err := os.OpenFile("/dev/"+filepath.Base(filepath.Dir(file)), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	missing(t, "no virtio port is named monitor")
	return nil
}

func TestBoardContactTellsEachEdgeOnce(t *testing.T) {
	chip := pl061(t)
	button := monitor(t)
	c, err := OpenContact(ContactConfig{Chip: chip, Line: line(boardButton)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if other, err := OpenContact(ContactConfig{Chip: chip, Line: line(boardButton)}); !errors.Is(err, ErrBusy) || other != nil {
		t.Errorf("second owner: got %v, want ErrBusy", err)
	}
	if active, err := c.Active(); err != nil || active {
		t.Fatalf("before: active %v, %v", active, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var before time.Duration
	for press := range 3 {
		if _, err := button.WriteString("system_powerdown\n"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []bool{true, false} {
			e, err := c.Wait(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if e.Active != want || e.Lost != 0 || e.At <= before {
				t.Errorf("press %d: got %+v after %v, want active %v, nothing lost", press+1, e, before, want)
			}
			if !want {
				// The button is down for 100 ms of the emulator's time.
				if down := e.At - before; down < 50*time.Millisecond || down > 2*time.Second {
					t.Errorf("press %d took %v by the kernel's clock", press+1, down)
				}
			}
			before = e.At
		}
	}
	short, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	if e, err := c.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after three presses: got %+v, %v, want nothing more", e, err)
	}
}

// TestBoardDebouncingSwallowsAShortPress: the button is down for 100 ms, the level has to stay for longer.
func TestBoardDebouncingSwallowsAShortPress(t *testing.T) {
	chip := pl061(t)
	button := monitor(t)
	c, err := OpenContact(ContactConfig{Chip: chip, Line: line(boardButton), Debounce: MaxDebounce})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := button.WriteString("system_powerdown\n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if e, err := c.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %+v, %v, want nothing", e, err)
	}
}

func TestBoardCloseEndsAWait(t *testing.T) {
	chip := pl061(t)
	c, err := OpenContact(ContactConfig{Chip: chip, Line: line(boardButton)})
	if err != nil {
		t.Fatal(err)
	}
	closeEndsWait(t, c)
	again, err := OpenContact(ContactConfig{Chip: chip, Line: line(boardButton)})
	if err != nil {
		t.Fatalf("the line was not let go: %v", err)
	}
	again.Close()
}
