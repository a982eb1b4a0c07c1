// Package forward hands what was read, and the verdict on it, to another program, as if the scanner stood there: the airline's
// boarding program, the venue's till.
//
// A raw code is personal data that leaves this process. Nothing is forwarded unless the installer names where to and what:
// [Options] has no default for either. A TCP connection carries it in the clear: keep it on the box or on a cable of its own.
//
// Where to (Options.To):
//
//   - "serial:/dev/…": a serial port, or our end of a USB gadget; 8 data bits, no parity, no flow control.
//   - "tcp:host:port": we connect to the other program.
//   - "listen:address:port": the other program connects to us, from the peers that are named; on loopback none need be.
//   - "pty:/run/…": a virtual serial port, a pseudo-terminal behind a symbolic link of that name, for a program that can only open a
//     port. It stays while programs open and close it, is set to raw and emptied each time the last one leaves, and is readable
//     for its owner only unless Options.Mode says more.
//
// What is sent:
//
//   - A code is sent as the very bytes of its frame, AIM identifier included, between Options.Prefix and Options.Terminator. Under
//     [Scan] nothing is checked: a code that holds the terminator inside is sent raw all the same, as a scanner would.
//   - A verdict is one line of ASCII: outcome, reason and sequence number, "ADMIT ok 1234\r\n". Nothing of the code is in it.
//   - Under [Both] a code could be made to look like a verdict ("ADMIT ok 99" on a sheet of paper). So every code then has a prefix
//     that no verdict begins with ("SCAN " unless another is set), and a code that holds CR, LF or a byte of the terminator is not
//     sent, but counted as dropped: document readers, whose lines end with CR, need a forward of their own under Scan.
//
// What it decides, and why:
//
//   - It never holds up a lane: [Forward.Scan] and [Forward.Verdict] copy into a ring of 16 buffers and return. When the ring is
//     full the oldest is dropped: the newest belongs to whoever stands at the gate.
//   - A stale code is never delivered: it would board somebody who has left. What waited longer than Options.MaxAge is dropped. One
//     code at a time is given to the kernel, and what nobody took of it by then is taken back: a virtual port that nobody reads is
//     emptied, a TCP connection that does not move is ended with a reset. So is one whose
//     host does not acknowledge the code. What its kernel has acknowledged and its program not read cannot be taken back.
//     A host that acknowledges late (up to 40 ms by Linux, 200 ms by others) so gets the verdict that much after the code.
//   - On a serial port a code that has begun to leave is sent whole, since half of one may read as another; its end may come late.
//     The same holds for a virtual port of which a program has read the first part. A gadget's end does not let the kernel's
//     bytes be taken back either, so there one code, and no more, may come late when its host wakes up.
//   - At most once: what was under way when a connection broke is dropped, not sent again. A doubled scan reads as "already boarded".
//   - In order, always. What was dropped is counted, never silent: [Forward.Status].
//   - The newest connection wins: a host that lost its power never closed its old one, and must get in at once.
//   - What the other program sends (commands for a scanner) is read and dropped, slowly: it neither blocks it nor costs us more.
//   - Codes are overwritten in memory as soon as they are sent or dropped.
//
// One goroutine a Forward does all input and output. It is an exception to the rule that drivers start none, because a lane must
// not wait for another program. [Open] starts it, it alone uses the descriptors, and it ends with [Forward.Close].
package forward
