// Package lamp gives the signals of a lane: lamps, buzzer and relay on GPIO lines or serial ports, and the beeper and LED of the scanner
// itself; and it hears the contact of a turnstile.
//
// What it decides, and why:
//
//   - The zero [Signal] is [Off], the safe state, and so is every lamp before its first Set and after Close. What hangs on a serial port
//     has a memory of its own: [Tower.Restore] and [RelayBoard.Restore] are for a port that was just opened.
//   - Green is the only signal that lets somebody in, so nothing else may look or sound like it: a device with one sound gives
//     it for Green alone, and its silence means "not green". A command that is lost can then never admit anybody.
//   - A lamp's failure never holds up a lane: Set takes at most [SetTimeout] and returns an error, which the lane shows. A device that
//     hung and goes on is never left in a Green that came too late: it is told the safe state at once. One that failed is told again, ten
//     times a second, until it has heard what it has to show; but never Green.
//   - The relay is on for one bounded pulse, [MinPulse] to [MaxPulse], and any other signal ends it. A program that is killed ends
//     nothing: the kernel promises nothing about a line that nobody holds (GPIO_V2_GET_LINE_IOCTL in its documentation); on the emulated
//     board's PL061, and on the Raspberry Pi's own kernels, it keeps its level. So the supervisor calls [Safe] after each end.
//   - Fault is red and amber together, and needs no blinking, which a hung program could not do.
//
// GPIO lines are driven through the character device (Linux 5.10 or later, uAPI v2), by our own calls. periph.io/x/host has such a driver,
// but it opens every chip of the machine, cannot give an output its first value in the request, so that a relay may click at start, does not
// debounce, drops the kernel's time of an edge, and prints errors instead of returning them.
package lamp
