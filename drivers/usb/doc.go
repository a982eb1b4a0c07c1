// Package usb tells what is plugged into the USB ports of this machine, as the kernel has it in sysfs, and when that changes. It opens no
// device.
//
// An interface is named by where it is plugged in, such as "1-1.4:1.0": bus 1, port 4 of the hub in port 1, configuration 1, interface 0
// (Documentation/ABI/stable/sysfs-bus-usb of Linux). Makers' numbers are told for people; nothing is chosen by them, since two
// equal scanners at one box are normal.
//
// What a device says of itself is made printable and cut: it may be shown in a terminal.
package usb
