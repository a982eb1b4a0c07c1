// Package scanners describes real barcode scanners by data: what they are on USB or Ethernet, and what they send for a code.
//
// The table (scanners.toml) has an entry a scanner. Each names the public manual, driver or dump that it follows; what no public source
// says is not in it. From an entry a test makes a device and plays codes as that scanner does.
//
// What it decides, and why:
//
//   - A HID report descriptor is either one that somebody read from the device and published, or composed here from the manual's drawing
//     of the reports by the usages of HID Point of Sale Usage Tables 1.02: makers publish the reports and not the descriptor. Each entry
//     says which (descriptor_source).
//   - Where the parts of a point-of-sale report lie is written down from the manual, apart from the descriptor. The descriptor is what
//     the driver goes by; so a test that reads what Reports made finds out whether both agree.
//   - The table is parsed strictly: an unknown key, a missing source or a report that does not fit is an error.
//
// Not here, because no public source with report layout or descriptor was found: point-of-sale reports of Zebra (Symbol), Datalogic, Code
// and Opticon.
package scanners
