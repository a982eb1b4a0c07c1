// Package serial reads scanners on serial ports and USB-CDC ports, by go.bug.st/serial.
//
// A port is opened 8-bit clean and without echo: no byte that a code can hold is taken for flow control, a signal or a line
// end. It is opened for one program alone, in the three ways that others honour: flock(2), which binds even a privileged
// process, TIOCEXCL, and a check that nobody else set TIOCEXCL before.
//
// The library decides how a port is set up and waits for input. What it leaves to its caller is decided here:
//
//   - Its time-out is (0, nil), on which bufio would spin: ReadFrame counts it as silence and never returns it.
//   - It gives one error for an unplugged device and for one's own Close: here they are [frame.ErrGone] and [frame.ErrClosed].
//   - It waits with select(2), which cannot name descriptors from 1024 on, and panics on one: Open tries a read first and
//     returns [ErrDescriptor]. Go raises the limit of open files at start, so main sets RLIMIT_NOFILE back to 1024.
//   - Its Close lets the descriptor's number go while a read may still wait on it: here the port is closed only between reads,
//     which end every 50 ms.
//   - Its Write waits for ever on a device that takes nothing: here commands go out on a second descriptor of the same port,
//     with a time limit, and what a stuck device did not take is dropped, so that it cannot signal an old verdict later.
//
// ModemManager must be told to leave scanners alone (the udev rule in deploy), else it takes a new port for 10 to 20 s.
package serial
