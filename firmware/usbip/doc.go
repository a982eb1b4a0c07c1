// Package usbip plays USB devices to a real kernel: scanners, serial adapters, and what a passer-by may plug in.
//
// The kernel's virtual host controller (vhci-hcd) speaks the USB/IP protocol (Linux, Documentation/usb/usbip_protocol.rst, version of
// 31 March 2021; drivers/usb/usbip/usbip_common.h) over a socket: it sends every transfer that a driver submits, and this package
// answers as the device would. The kernel's USB stack, its drivers and whatever reads them know no difference.
//
// What it decides, and why:
//
//   - A device is a set of endpoints. A transfer from the device waits until the device has a packet; it ends with a packet shorter than
//     the endpoint's largest, with a full buffer, or with a stall, as USB 2.0, sections 5.7.3 and 5.8.3, has it. So zero-length packets,
//     reports of exactly one packet and reports over many packets come out as they do on a wire.
//   - Everything that goes wrong with real devices can be ordered exactly: [Device.Stall], [Device.Pause], [Device.Delay], [Device.Hang],
//     [Device.StallControl], [Attached.Unplug]. Dropped, doubled and reordered reports are made by whoever queues them.
//   - A transfer that the kernel takes back (unlinks) is answered at once even when the device hangs: that is the host controller's work,
//     not the device's.
//   - A halted endpoint stays halted until the host clears it (USB 2.0, section 9.4.5).
//   - All requests on the control endpoint are kept for tests to read, in order.
//   - A device may be plugged in again after it was unplugged; it then starts from its power-on state.
//   - Isochronous transfers are refused: nothing here needs them.
//
// What the kernel does, as seen with Linux 6.1 on the emulated board:
//
//   - A device that is pulled out while a driver looks at it keeps its bus busy until the driver's request times out, 5 s: wait for
//     [Attached.Ready] first. So does a device that hangs from the start; devices that are there already go on.
//   - A process that played a device, had it open through usbfs as well, and ended without unplugging it, hung at its exit: nobody was
//     left to answer when the kernel took the transfers back. So unplug first, or let two processes do the two.
//   - hidraw gets no input reports that are shorter than the descriptor has them ("Event data for report 2 was too short").
//
// [Serve] is the protocol alone and runs anywhere; [Attach] needs the kernel's module vhci-hcd and the right to write to sysfs.
//
// USB 2.0 is the Universal Serial Bus Specification, revision 2.0.
package usbip
