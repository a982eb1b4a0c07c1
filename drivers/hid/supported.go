package hid

import karalabe "github.com/karalabe/hid"

// Supported reports whether this program can open HID devices: not if it was built without cgo.
func Supported() bool { return karalabe.Supported() }
