// Package hid reads USB barcode scanners of the HID class: point-of-sale scanners, and scanners that type like a keyboard.
//
// A scanner is named by the USB port that it sits in, such as "1-1.4:1.0" (bus 1, port 4 of the hub in port 1, configuration 1,
// interface 0), never by its maker's numbers: two equal scanners at one box are normal. What is not named is never opened.
//
// What it decides, and why:
//
//   - What a device is, and how its reports are laid out, comes from the report descriptor in sysfs, read before the device is
//     opened: the library gives no usage page on Linux, and opening takes the device from the kernel, whose sysfs entry then
//     goes. Names and serial numbers come from sysfs too. A process that was killed leaves the interface without a driver and so
//     without a descriptor; it is then given back to the kernel through usbfs, for which the right to open the device is enough.
//     Where that does not help, only what types by the boot protocol is read.
//   - Opening a scanner that types takes it from the console: its codes no longer go to a shell.
//   - A Honeywell scanner is told to send reports instead of typing, by the feature report that its descriptor names.
//   - One goroutine a device does nothing but read, because the library's queue holds 32 reports and silently drops the oldest.
//     This is the one exception to the rule that drivers start no goroutine. It alone uses the handle and closes it: the library
//     does not allow Close during Read. It looks every 100 ms whether it is to stop, and ends on any error, which means unplugged.
//   - Only time in which a read waited counts as a scanner's silence, and at most 100 ms a read: reports that lie in the library's queue
//     while the box stands still follow no pause. From half a second on ([frame.DefaultGap]) the clock decides: the queue may have lost
//     the rest of one person's code and the start of the next one's, and what is left of the two must not become a third.
//   - Codes wait in a queue of fixed size. When nobody takes them, new ones are dropped and counted: who scans now sees that
//     nothing happens and scans again.
//   - Whether a device is there is looked up in sysfs by its port before it is opened, which costs nothing, so a lane may try again
//     several times a second.
//
// The library is cgo. Without it (CGO_ENABLED=0) [Open] says [ErrUnsupported]; [List] works all the same.
package hid
