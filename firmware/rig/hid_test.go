package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

// ownLinks are the network interfaces of the board besides lo.
const ownLinks = 0

// boardsOwn is the USB port of the converter that the emulated board has soldered in.
func boardsOwn(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("/sys/bus/usb/devices/*/idVendor")
	if err != nil {
		t.Fatal(err)
	}
	var ports []string
	for _, name := range names {
		maker, err := os.ReadFile(filepath.Join(filepath.Dir(name), "manufacturer"))
		if err == nil && strings.TrimSpace(string(maker)) == "QEMU" {
			ports = append(ports, filepath.Base(filepath.Dir(name)))
		}
	}
	if len(ports) == 0 {
		t.Fatal("the board has no converter of its own")
	}
	return ports
}

// typing is the reports of a US keyboard that types a code and Enter.
func typing(t *testing.T, text string) (reports [][]byte) {
	t.Helper()
	keys, err := keyboard.US.AppendKeys(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range keyboard.AppendReports(nil, append(keys, frame.Key{Code: keyboard.Enter})) {
		reports = append(reports, r[:])
	}
	return reports
}

// devicesTable names what is no surprise, as TOML.
func devicesTable(ports []string) string {
	return "[devices]\nexpected = [\"" + strings.Join(ports, "\", \"") + "\"]\n"
}
