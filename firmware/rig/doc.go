// Package rig holds the scenarios that a box has to pass before it meets a queue of people: the real program of the appliance, real
// drivers, a real kernel with its USB stack, virtual devices that are pulled and plugged, and a collector that gets the reports.
//
// Everything in it is a test, and runs on the emulated board only (make e2e): elsewhere each one says that it was skipped. A scenario
// writes a configuration, starts /usr/bin/passerelle with a state folder of its own, plays its devices, and compares what was reported,
// entry for entry, with what was shown. Figures are printed as "figure: name: value".
package rig
