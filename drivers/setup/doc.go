// Package setup says what a plugged-in scanner's USB numbers tell of its maker and mode, and how to leave keyboard mode.
//
// Most scanners leave the factory as a keyboard: one key every 2 to 16 ms, in a layout that somebody chose, so that a code of 600
// characters takes seconds. As a point-of-sale device or a serial port a scanner sends bytes. What switches it is a setup code
// in its maker's guide.
//
// What it decides, and why:
//
//   - The table holds what a public document says, and names it; nothing is concluded from similar products. A maker without
//     such a document gets general advice, which is true of all.
//   - What the device is seen to be (its descriptors) goes before what its product number says: scanners have several modes
//     under one number.
//   - Setup codes are named by their label and page. They are not drawn: no public document gives the bytes inside them, and a
//     wrong one could make a scanner useless minutes before doors open. (The Code 128 writer of gozxing can draw FNC3.)
//   - It never decides what is read. Numbers are told by the device itself, and scanners are bound by place.
package setup
