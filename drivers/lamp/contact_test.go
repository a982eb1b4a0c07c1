package lamp

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// piped is a contact whose events come from a pipe, and the end that they are written to.
func piped(t *testing.T) (*Contact, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &Contact{name: "contact", held: &lines{r}}
	t.Cleanup(func() {
		c.Close()
		w.Close()
	})
	return c, w
}

// event is what the kernel gives for one edge.
func event(at time.Duration, rising bool, number uint32) []byte {
	id := uint32(unix.GPIO_V2_LINE_EVENT_FALLING_EDGE)
	if rising {
		id = unix.GPIO_V2_LINE_EVENT_RISING_EDGE
	}
	b := binary.NativeEndian.AppendUint64(nil, uint64(at))
	for _, v := range []uint32{id, 3, number + 1000, number} { // the third counts all lines of the request
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return append(b, make([]byte, edgeSize-len(b))...)
}

func write(t *testing.T, w *os.File, b []byte) {
	t.Helper()
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
}

func TestEdgesComeInOrderAndLostOnesAreCounted(t *testing.T) {
	t.Parallel()
	c, w := piped(t)
	var all []byte
	all = append(all, event(5, true, 1)...)
	all = append(all, event(7, false, 2)...)
	all = append(all, event(9, true, 6)...) // 3, 4 and 5 were overwritten
	write(t, w, all)
	write(t, w, event(11, false, 7))
	for i, want := range []Edge{{true, 5, 0}, {false, 7, 0}, {true, 9, 3}, {false, 11, 0}} {
		if got, err := c.Wait(t.Context()); err != nil || got != want {
			t.Errorf("edge %d: got %+v, %v; want %+v", i, got, err, want)
		}
	}
}

func TestMoreEdgesThanOneReadTakesAreAllThere(t *testing.T) {
	t.Parallel()
	c, w := piped(t)
	const n = 2*edgeBuffer + 1
	var all []byte
	for i := range uint32(n) {
		all = append(all, event(time.Duration(i), i%2 == 0, i+1)...)
	}
	write(t, w, all)
	for i := range n {
		if got, err := c.Wait(t.Context()); err != nil || got != (Edge{i%2 == 0, time.Duration(i), 0}) {
			t.Fatalf("edge %d: got %+v, %v", i, got, err)
		}
	}
}

func TestWaitEndsWithItsContextAndGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	c, w := piped(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for range 2 { // the second context has ended before
		if e, err := c.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || e != (Edge{}) {
			t.Fatalf("got %+v, %v, want context.DeadlineExceeded", e, err)
		}
	}
	write(t, w, event(5, true, 1))
	if e, err := c.Wait(t.Context()); err != nil || e != (Edge{true, 5, 0}) {
		t.Errorf("got %+v, %v, want the edge", e, err)
	}
}

func TestChipThatIsGoneEndsEveryWait(t *testing.T) {
	t.Parallel()
	c, w := piped(t)
	w.Close()
	for range 2 {
		if e, err := c.Wait(t.Context()); !errors.Is(err, frame.ErrGone) || e != (Edge{}) {
			t.Errorf("got %+v, %v, want frame.ErrGone", e, err)
		}
	}
}

func TestCloseEndsAWait(t *testing.T) {
	t.Parallel()
	c, _ := piped(t)
	closeEndsWait(t, c)
}

func closeEndsWait(t *testing.T, c *Contact) {
	t.Helper()
	result := make(chan error, 1)
	go func() {
		_, err := c.Wait(context.Background())
		result <- err
	}()
	time.Sleep(50 * time.Millisecond)
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-result:
		if !errors.Is(err, frame.ErrClosed) {
			t.Errorf("got %v, want frame.ErrClosed", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Wait goes on")
	}
	if _, err := c.Wait(context.Background()); !errors.Is(err, frame.ErrClosed) {
		t.Errorf("Wait after Close: got %v, want frame.ErrClosed", err)
	}
	if _, err := c.Active(); !errors.Is(err, frame.ErrClosed) {
		t.Errorf("Active after Close: got %v, want frame.ErrClosed", err)
	}
}

func TestContactOutOfBoundsIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		c    ContactConfig
		ok   bool // refused for its chip alone
	}{
		{"no line", ContactConfig{Chip: "/dev/null"}, false},
		{"bias", ContactConfig{Chip: "/dev/null", Line: line("1"), Bias: NoBias + 1}, false},
		{"too short", ContactConfig{Chip: "/dev/null", Line: line("1"), Debounce: MinDebounce - 1}, false},
		{"shortest", ContactConfig{Chip: "/dev/null", Line: line("1"), Debounce: MinDebounce}, true},
		{"longest", ContactConfig{Chip: "/dev/null", Line: line("1"), Debounce: MaxDebounce}, true},
		{"too long", ContactConfig{Chip: "/dev/null", Line: line("1"), Debounce: MaxDebounce + 1}, false},
		{"negative", ContactConfig{Chip: "/dev/null", Line: line("1"), Debounce: -1}, false},
	} {
		c, err := OpenContact(tt.c)
		if err == nil || c != nil {
			t.Fatalf("%s: /dev/null is a contact", tt.name)
		}
		if got := errors.Is(err, unix.ENOTTY); got != tt.ok {
			t.Errorf("%s: refused for its chip: %v, want %v (%v)", tt.name, got, tt.ok, err)
		}
	}
}
