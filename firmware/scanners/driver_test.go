//go:build cgo

package scanners_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/hid"
	"passerelle/drivers/keyboard"
	"passerelle/firmware/scanners"
	"passerelle/firmware/usbip"
)

// From USB packet to code: the HID driver of the gate opens each scanner of the table by its port, over usbfs, finds out from the
// descriptor what it is, and reads two codes; then the plug is pulled in the middle of a third.
func TestGateReadsEveryHIDScanner(t *testing.T) {
	needController(t)
	short := "HC1:" + strings.Repeat("A", 200)
	for _, s := range all(t) {
		if s.Link != scanners.HIDPOS && s.Link != scanners.HIDKeyboard {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			id := usbip.Identity{Vendor: s.Vendor, Product: s.Product, Maker: s.Maker, Name: s.Model}
			device := usbip.NewHID(id, usbip.HIDOptions{
				Descriptor: s.Descriptor, Boot: s.Link == scanners.HIDKeyboard, PacketSize: s.Packet, Redirect: s.Redirect,
			})
			a, err := usbip.Attach(device.Device, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Unplug()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := a.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			scanner, err := hid.Open(ctx, hid.Config{Port: a.Interface(0), Keyboard: keyboard.New(s.Layout), Now: steady()})
			if err != nil {
				t.Fatal(err)
			}
			defer scanner.Close()
			t.Logf("figure: HID scanner opened in %v", time.Since(begun).Round(time.Millisecond))
			for _, code := range []string{hcert, short} {
				begun := time.Now()
				play(t, device, &s, code)
				got := make([]byte, frame.MaxFrame+1)
				late := time.AfterFunc(patience, func() { scanner.Close() })
				n, err := scanner.ReadFrame(got)
				late.Stop()
				if want := s.Prefix + s.AIM + code; err != nil || string(got[:n]) != want {
					t.Fatalf("got %q, %v, want %q", got[:n], err, want)
				}
				t.Logf("figure: %d characters read in %v", len(code), time.Since(begun).Round(time.Millisecond))
			}
			reports, err := s.Reports(bytes.Repeat([]byte("A"), 300))
			if err != nil {
				t.Fatal(err)
			}
			if err := device.Send(reports[:2]...); err != nil {
				t.Fatal(err)
			}
			if err := a.Unplug(); err != nil {
				t.Fatal(err)
			}
			if n, err := scanner.ReadFrame(make([]byte, 100)); !errors.Is(err, frame.ErrGone) {
				t.Errorf("unplugged in the middle of a code: %d bytes, %v, want frame.ErrGone", n, err)
			}
		})
	}
}

// steady is a clock on which reports come a millisecond apart, however busy the machine under the emulated board is: a code that is typed
// with a pause of 200 ms inside is discarded, and that is not tried here.
func steady() func() time.Time {
	now := time.Now()
	return func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}
}

// play sends a code as the scanner does: never more than the gate's library keeps, which is 32 reports.
func play(t *testing.T, device *usbip.HID, s *scanners.Scanner, code string) {
	t.Helper()
	reports, err := s.Reports([]byte(code))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if err := device.Send(r); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); device.Pending(usbip.HIDIn) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the host takes no reports")
			}
		}
		time.Sleep(s.Pause())
	}
}
