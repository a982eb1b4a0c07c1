// Package frame turns the bytes that a scanner sends into frames; one frame is one scan.
//
// It is pure: no input or output, no clock, no goroutine, and no allocation once a decoder is made. A driver reads its device
// into a buffer of its own and hands the bytes on; the gateway sees only whole frames. Nothing here knows what a code means.
//
// What it decides, and why:
//
//   - A byte stream (serial port, TCP) is cut at a terminator that the installer names ([Terminator], [Splitter]). Two scans
//     without a terminator between them are one frame, which the verifier refuses: guessing where one ends would be worse.
//   - An unfinished frame is thrown away after a silence ([DefaultGap]) so that a scan which was cut never spoils the next one.
//   - Readers of documents send the lines of a machine-readable zone one by one: [MRZ] makes one frame of them, whatever their
//     line ends, and leaves all other codes alone.
//   - Content is never changed: AIM code identifiers (ISO/IEC 15424, "]Q1" and the like) and control characters stay. Only
//     padding in front of a frame goes: NUL bytes that a scanner sends when it wakes up, and a stray CR or LF where lines end
//     with one.
//   - Every frame has a bound, [MaxFrame]; a longer one is given cut and one byte over that bound, so that whoever reads it
//     sees that it is too large, and its rest is dropped up to its terminator.
//   - [UndoUTF8] takes back, exactly once, the expansion that some scanners make of binary bytes.
//
// HID point-of-sale reports and keyboard key codes are decoded here as well, by the same rules.
//
// A driver's ReadFrame(p []byte) (n int, err error) blocks until one whole frame is there, copies it to p without its
// terminator and cuts it to len(p). It never gives an empty frame. Its error is [ErrGone] or [ErrClosed], for errors.Is.
package frame
