// Package tcp reads fixed scanners on Ethernet that send their codes over a TCP connection.
//
// A [Link] is one scanner's place on the network, in one of two directions: we connect to the scanner (Options.Address), or the
// scanner connects to us (Options.Listen). A [Scanner] is one connection; when it is lost the lane opens the next one.
//
// What it decides, and why:
//
//   - Who may connect is named: an address or a prefix, which only a loopback port can do without. All others are closed at once
//     with a reset, and counted. This keeps a wrong plug and a curious laptop out, not somebody who takes over the scanner's
//     address: put scanners on a network of their own. A connection gives no rights; it can only show codes, as a person can.
//   - The newest connection wins. A scanner that lost its power never closed its old connection and must get in at once, which
//     it could not if the old one, that nobody can tell from a quiet one yet, kept it out. The old connection ends with
//     [frame.ErrGone], so that the lane says that its scanner was away, and what it had not handed over is thrown away. The new one
//     waits, its bytes in the kernel, until the lane opens again. Two scanners set to the same port are seen as a lane that flickers.
//   - The port stays ours between connections: the Link listens, not the Scanner. Opening waits [OpenWait] for the scanner and then
//     says that nobody is there, so that the lane shows it and tries again.
//   - A dead scanner is noticed by the kernel: a peer that was silent for 2 s is probed each second, and what is not acknowledged
//     after 3.5 s ends the connection (TCP_KEEPIDLE 2 s, TCP_KEEPINTVL 1 s, TCP_KEEPCNT 3, TCP_USER_TIMEOUT 3500 ms). A pulled
//     cable is so known 4.0 to 4.2 s after the last byte, sooner with a command under way.
//     Any scanner answers such probes: a probe is an old byte, which its TCP must acknowledge (RFC 9293, sections 3.8.4 and 3.10.7.4).
//     With TCP_USER_TIMEOUT set, Linux ends a silent connection by that time and not by TCP_KEEPCNT (tcp(7)).
//   - A heartbeat that a scanner sends as a code of its own is dropped by Options.Ignore: exactly these bytes, nothing like them.
//   - Commands leave without delay (TCP_NODELAY). TCP gives no way to take a command back, and sends again for seconds what the network
//     lost; an old "good" that comes late would be given to the next person. So a scanner that does not take a command in time, or does
//     not acknowledge it within [AckTime], loses its connection, by a reset, and the command with it. Nobody waits for that: a host may
//     put off an acknowledgement by half a second (RFC 9293, section 3.8.6.3), and a lane cannot stand so long. What has left and is held
//     up on the way still comes, with the reset behind it: at an address that is being resolved, or an access point that lets stations
//     sleep. Readers that are answered belong on a cable.
//   - A code counts as read when it comes in. One that the network held up is as old as that took, up to the four seconds after which a
//     connection is lost, and nobody here can tell: its green comes as late.
//   - Nothing grows: one frame ([frame.MaxFrame]), 4 KB of input, and kernel buffers of fixed size a connection ([frame.Splitter]
//     drops what has no end); at most 16 connections wait to be looked at.
//
// No goroutine is started, but for a moment by the timer that looks for an acknowledgement. ReadFrame itself looks for a newer connection,
// every 50 ms; it waits with poll(2) and a length of time, so no clock is needed either.
package tcp
