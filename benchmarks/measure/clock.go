// Package measure times pieces of work against each other in one process, and says on what machine.
//
// The sides of a comparison run in turns, round after round, on one thread, timed by that thread's own CPU time: what else
// the machine does is counted for nobody, and what slows the processor for a while slows all sides. A figure is the median
// over the rounds; a ratio is the median of the rounds' own ratios, never a quotient of medians. Before each turn the garbage
// is collected, so nobody pays for what another left behind. The collector's own threads are not counted, which is in favour
// of whoever allocates more.
package measure

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Pin keeps the calling goroutine on its thread, as Compare needs, until unpin is called.
func Pin() (unpin func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// threadTime returns the CPU time that the calling thread has used, in nanoseconds.
func threadTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic("measure: this system has no CPU time of a thread: " + err.Error())
	}
	return t.Nano()
}
