package setup

type product struct {
	mode   Mode
	source string
	note   string
}

type maker struct {
	name     string
	products map[uint16]product
	codes    []Code
}

// Documents that the table follows.
const (
	linuxSerial = "Linux, drivers/usb/serial/"
	codeICD     = "Code, Interface Configuration Document D014465, section 5.1, page 8"
	newland43   = "Newland, FM420 Integration Guide, VID and PID Table, page 43"
	newland47   = "Newland, FM420 Integration Guide (EM2028), VID and PID Table, page 47"
)

// makers is never written to. Datalogic and CipherLab are not in it: no public document with their numbers was found.
var makers = map[uint16]maker{
	0x0C2E: {
		name: "Honeywell (Metrologic)",
		products: map[uint16]product{
			0x0700: {Serial, linuxSerial + "metro-usb.c", "needs the kernel module metro-usb"},
			0x0720: {Serial, linuxSerial + "metro-usb.c", "needs the kernel module metro-usb"},
		},
		codes: []Code{
			{POS, "HID POS, terminal ID 131", "user's guide, USB interfaces; terminal IDs: Voyager 1200g, page 5-4, Xenon 1500, page 5-4, Xenon 1900, page 6-4"},
			{Serial, "USB Serial, terminal ID 130", "there too"},
		},
	},
	0x05E0: {
		name: "Zebra (Symbol)",
		products: map[uint16]product{
			0x0600: {Other, linuxSerial + "symbolserial.c", "this is Simple COM Port Emulation: HID reports without a usage"},
			0x1200: {Keyboard, "LS2208 as observed (fragmentationneeded.net, October 2016)", ""},
		},
	},
	0x065A: {
		name: "Opticon",
		products: map[uint16]product{
			0x0009: {Serial, linuxSerial + "opticon.c", "needs the kernel module opticon"},
			0xA002: {Serial, "Opticon, M-10 Specifications Manual SS13063, section 18.5", ""},
		},
	},
	0x1EAB: {
		name: "Newland",
		products: map[uint16]product{
			0x0110: {POS, newland43, ""}, // HR200
			0x0210: {POS, newland43, ""}, // EM2027
			0x0D10: {POS, newland47, ""}, // FM420
		},
	},
	0x11FA: {
		name: "Code",
		products: map[uint16]product{
			0x0200: {Keyboard, codeICD, ""},
			0x0201: {Other, codeICD, "this is IBM handheld"},
			0x0202: {Other, codeICD, "this is HID native"},
			0x0204: {Other, codeICD, "this is Code VCOM, which needs Code's own driver"},
			0x0205: {Keyboard, codeICD, ""},
			0x0206: {POS, codeICD, ""},
			0x0208: {POS, codeICD, ""},
			0x0209: {Keyboard, codeICD, ""},
			0x020A: {Keyboard, codeICD, ""},
			0x0214: {Other, codeICD, "this is Code VCOM and HID, which needs Code's own driver"},
			0x0215: {Serial, codeICD, ""},
		},
	},
}
