// Package lamp gives the signals of a lane: lamps, and the beeper and LED of the scanner itself.
//
// What it decides, and why:
//
//   - The zero [Signal] is [Off], the safe state, and so is every lamp before its first Set and after Close.
//   - Green is the only signal that lets somebody in, so nothing else may look or sound like it: a device with one sound gives
//     it for Green alone, and its silence means "not green". A command that is lost can then never admit anybody.
//   - A lamp's failure never holds up a lane: Set takes at most [SetTimeout] and returns an error, which the lane shows.
package lamp
