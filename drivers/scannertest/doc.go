// Package scannertest simulates barcode scanners on pseudo-terminals: for the demo, for soak runs and for tests.
//
// The kernel carries every byte, as it does for a real scanner on a serial or USB-CDC port, so a driver opens [Scanner.Path]
// and knows no difference. The simulated scanner sends an AIM code identifier (ISO/IEC 15424), the payload and a terminator at a
// chosen speed, receives commands, can be unplugged and plugged in again, and makes the faults that real scanners make.
//
//   - Nothing is ever lost here: when the kernel's buffer (4 KB) is full, a scan waits for its reader. What [Scanner.Sent]
//     counts was taken by the kernel whole.
//   - Faults are data (how many in a thousand of which kind) and a source of random numbers that the caller seeds, so a run can
//     be repeated exactly.
//   - It starts no goroutine of its own; a context ends whatever waits.
package scannertest
