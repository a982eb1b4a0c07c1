package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"passerelle/gateway/policy"
	"passerelle/gateway/trust/bundle"
)

// fakeClock is a machine's clock and its time source.
type fakeClock struct {
	at     time.Time
	synced bool
}

// pass lets time pass: the wall clock and the monotonic clock go on together.
func (f *fakeClock) pass(d time.Duration) { f.at = f.at.Add(d) }

// set sets the wall clock by d; the monotonic clock does not notice.
func (f *fakeClock) set(t *testing.T, d time.Duration) {
	t.Helper()
	before := f.at
	wall := (*uint64)(unsafe.Pointer(&f.at)) // time.Time begins with a flag, 33 bits of seconds and 30 of nanoseconds
	*wall += uint64(int64(d/time.Second) << 30)
	if f.at.Sub(before) != 0 || f.at.Round(0).Sub(before.Round(0)) != d {
		t.Fatal("this Go keeps times in another way")
	}
}

// start starts a gate with the clock, as after a boot: nothing but dir is remembered.
func (f *fakeClock) start(t *testing.T, dir string) *clock {
	t.Helper()
	c, err := newClock(dir, func() time.Time { return f.at }, func() bool { return f.synced }, defaultMaxDark)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bootAndSave starts a gate, asks for the time once and saves it.
func (f *fakeClock) bootAndSave(t *testing.T, dir string) *clock {
	t.Helper()
	c := f.start(t, dir)
	c.now()
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	return c
}

func floored(floor int64) policy.Now {
	return policy.Now{Earliest: floor, Latest: floor + int64(defaultMaxDark/time.Second), Class: policy.ClockFloored}
}

func wantNow(t *testing.T, what string, c *clock, want policy.Now) {
	t.Helper()
	if got := c.now(); got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestTimeIsAPointWhileASourceAgrees(t *testing.T) {
	t.Parallel()
	f := fakeClock{at: time.Now(), synced: true}
	c := f.start(t, t.TempDir())
	wantNow(t, "at the start", c, policy.At(f.at.Unix()))
	f.pass(10 * 24 * time.Hour)
	wantNow(t, "ten days later", c, policy.At(f.at.Unix()))
	f.set(t, 5*time.Minute)
	wantNow(t, "put right by its source", c, policy.At(f.at.Unix()))
}

func TestMonotonicClockCarriesTheTimeOn(t *testing.T) {
	t.Parallel()
	f := fakeClock{at: time.Now(), synced: true}
	c := f.start(t, t.TempDir())
	c.now()
	last := f.at.Unix()
	f.synced = false
	for _, jump := range []time.Duration{9 * time.Hour, 10 * 365 * 24 * time.Hour, -24 * time.Hour, -40 * 365 * 24 * time.Hour} {
		f.set(t, jump)
		f.pass(time.Hour)
		last += 3600
		wantNow(t, "the wall clock jumped by "+jump.String(), c, policy.At(last))
	}
	f.pass(defaultMaxDrift - 4*time.Hour)
	last += int64((defaultMaxDrift - 4*time.Hour) / time.Second)
	wantNow(t, "at the most that it may", c, policy.At(last))
	f.pass(time.Second)
	wantNow(t, "a second later", c, floored(last+1))
	f.pass(time.Hour)
	wantNow(t, "an hour later", c, floored(last+3601))
	f.pass(defaultMaxDark)
	unknown := floored(last + 3601 + seconds(defaultMaxDark))
	unknown.Class = policy.ClockUnknown
	wantNow(t, "longer in the dark than it may", c, unknown)
}

func TestClockThatIsSetBackIsNotTrusted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := fakeClock{at: time.Now(), synced: true}
	c := f.bootAndSave(t, dir)
	floor := f.at.Unix()
	f.set(t, -24*time.Hour)
	wantNow(t, "in one run the monotonic clock goes on", c, policy.At(floor))
	wantNow(t, "after a boot nothing does", f.start(t, dir), floored(floor))
	f.pass(24*time.Hour - time.Second)
	wantNow(t, "a second before the floor", f.start(t, dir), floored(floor))
	f.pass(time.Second)
	wantNow(t, "at the floor", f.start(t, dir), policy.At(floor))
}

func TestWallClockWithoutASourceMovesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := fakeClock{at: time.Now(), synced: true}
	f.bootAndSave(t, dir)
	floor := f.at.Unix()
	saved, err := os.ReadFile(filepath.Join(dir, "clock"))
	if err != nil {
		t.Fatal(err)
	}
	f.synced = false
	for _, jump := range []time.Duration{11 * time.Minute, 10 * 365 * 24 * time.Hour, -60 * 365 * 24 * time.Hour} {
		f.set(t, jump)
		c := f.start(t, dir)
		wantNow(t, "boot after a jump of "+jump.String(), c, floored(floor))
		f.pass(5 * 24 * time.Hour)
		wantNow(t, "five days after a jump of "+jump.String(), c, floored(floor+5*24*3600))
	}
	if now, err := os.ReadFile(filepath.Join(dir, "clock")); err != nil || string(now) != string(saved) {
		t.Errorf("the saved time is %q, %v; want %q", now, err, saved)
	}
}

func TestATimeInTheDarkIsRemembered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := fakeClock{at: time.Now(), synced: true}
	f.bootAndSave(t, dir)
	floor := f.at.Unix()
	f.synced = false
	c := f.start(t, dir)
	f.pass(5 * 24 * time.Hour)
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	wantNow(t, "after another boot", f.start(t, dir), floored(floor+5*24*3600))
}

func TestFloorIsSavedNowAndThen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := fakeClock{at: time.Now(), synced: true}
	first := f.at.Unix()
	c := f.bootAndSave(t, dir)
	f.pass((clockSaveEvery - 1) * time.Second)
	c.now()
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	dark := fakeClock{at: time.Unix(0, 0)}
	wantNow(t, "before it is due", dark.start(t, dir), floored(first))
	f.pass(time.Second)
	c.now()
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	wantNow(t, "when it is due", dark.start(t, dir), floored(first+clockSaveEvery))
}

func TestSignedListLiftsTheFloor(t *testing.T) {
	t.Parallel()
	f := fakeClock{at: time.Unix(1000, 0)}
	c := f.start(t, t.TempDir())
	build, err := strconv.ParseInt(buildTime, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	wantNow(t, "a new box", c, floored(build))
	c.raise(build + 1_800_000_000)
	wantNow(t, "with a list", c, floored(build+1_800_000_000-bundle.MaxAhead))
	c.raise(build + 1_700_000_000)
	wantNow(t, "an older list", c, floored(build+1_800_000_000-bundle.MaxAhead))
}

func TestDamagedFileSaysNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "clock")
	f := fakeClock{at: time.Now(), synced: true}
	f.bootAndSave(t, dir)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dark := fakeClock{at: time.Unix(0, 0)}
	nothing := dark.start(t, t.TempDir()).now()
	if got := dark.start(t, dir).now(); got == nothing {
		t.Fatal("a good file says nothing")
	}
	check := func(what, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := dark.start(t, dir).now(); got != nothing {
			t.Errorf("%s: %q gave %+v", what, text, got)
		}
	}
	for what, text := range map[string]string{
		"empty": "", "letters": "soon\n", "number alone": "1800000000\n", "negative": "-1800000000\n", "too large": "99999999999999999999 00000000\n",
		"zeros": strings.Repeat("\x00", len(good)), "the largest number": "9223372036854775807\n",
	} {
		check(what, text)
	}
	for i := range len(good) {
		check("cut", string(good[:i:i]))
		for bit := range 8 {
			flipped := []byte(string(good))
			flipped[i] ^= 1 << bit
			check("one bit", string(flipped))
		}
	}
}

func TestFileThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "clock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := newClock(dir, time.Now, func() bool { return true }, defaultMaxDark); err == nil || !strings.HasPrefix(err.Error(), "read the last trusted time: ") {
		t.Errorf("got %v", err)
	}
}

func TestFloorThatCannotBeSavedStillHolds(t *testing.T) {
	t.Parallel()
	f := fakeClock{at: time.Now(), synced: true}
	c := f.start(t, filepath.Join(t.TempDir(), "gone"))
	wantNow(t, "at once", c, policy.At(f.at.Unix()))
	floor := f.at.Unix()
	f.synced = false
	f.pass(defaultMaxDrift + time.Second)
	wantNow(t, "later", c, floored(floor+seconds(defaultMaxDrift)+1))
	if err := c.save(); err == nil {
		t.Error("a folder that is not there took the time")
	}
}

func TestAWallClockThatSomebodyLooksAfterMovesNoFloor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := fakeClock{at: time.Now()}
	c, err := newClock(dir, func() time.Time { return f.at }, nil, defaultMaxDark)
	if err != nil {
		t.Fatal(err)
	}
	f.set(t, 10*365*24*time.Hour)
	wantNow(t, "set wrongly, ten years ahead", c, policy.At(f.at.Unix()))
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	f.set(t, -10*365*24*time.Hour)
	wantNow(t, "put right", c, policy.At(f.at.Unix()))
	c.raise(f.at.Unix() + 10*24*3600)
	if got := c.now(); got.Class != policy.ClockFloored {
		t.Errorf("before a list was issued: %+v", got)
	}
}

func TestReplacedFileIsWholeAndPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"first", "second, and longer", ""} {
		if err := replaceFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("got %q, %v; want %q", got, err, text)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	if err := replaceFile(dir, []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
