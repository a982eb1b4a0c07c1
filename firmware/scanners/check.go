package scanners

import (
	"errors"
	"fmt"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

// check refuses an entry that no scanner can be made of.
func (s *Scanner) check() error {
	if s.Name == "" || s.Maker == "" || s.Model == "" || s.Source == "" {
		return errors.New("name, maker, model and source are needed")
	}
	hid := s.Link == HIDPOS || s.Link == HIDKeyboard
	switch {
	case !hid && s.Link != CDCACM && s.Link != FTDI && s.Link != Ethernet:
		return fmt.Errorf("unknown link %q", s.Link)
	case !hid && (len(s.Descriptor) > 0 || s.POS != POSReport{} || s.Keys != KeyReport{} || s.Layout != keyboard.Auto || s.DescriptorSource != ""):
		return errors.New("HID keys on a link that is not HID")
	}
	if len(s.AIM) != 0 && (len(s.AIM) != 3 || s.AIM[0] != ']') {
		return fmt.Errorf("%q is no AIM identifier", s.AIM)
	}
	if _, ok := s.Frame(); !ok && (s.Terminator != "none" || s.Link != HIDPOS) {
		return fmt.Errorf("terminator %q", s.Terminator)
	}
	if s.Link != Ethernet && s.Speed != "full" && s.Speed != "high" {
		return fmt.Errorf("speed %q: want full or high", s.Speed)
	}
	if s.PauseMS < 0 || s.Baud < 0 || s.Packet < 0 || s.Packet > 64 {
		return errors.New("pause_ms, baud or packet is out of range")
	}
	if hid {
		return s.checkHID()
	}
	return nil
}

// checkHID compares a HID entry with its report descriptor.
func (s *Scanner) checkHID() error {
	d, err := frame.ParseDescriptor(s.Descriptor)
	switch {
	case err != nil:
		return err
	case s.DescriptorSource != "dump" && s.DescriptorSource != "composed":
		return fmt.Errorf("descriptor_source %q: want dump or composed", s.DescriptorSource)
	case d.Redirect != s.Redirect:
		return fmt.Errorf("the descriptor's redirect is %#x", d.Redirect)
	case s.Link == HIDKeyboard:
		return s.checkKeys(d)
	}
	l := s.POS
	last := l.Length - 1
	switch {
	case !d.POS.Known():
		return errors.New("the descriptor does not say where a scan lies")
	case s.Keys != (KeyReport{}) || s.Layout != keyboard.Auto:
		return errors.New("a keyboard's keys on a point-of-sale scanner")
	case l.ID == 0 || l.Length > frame.MaxReport || l.Count < 1 || l.Count > last || l.Size < 1 || l.Size > 255 || l.Data < 1 ||
		l.Data+l.Size > l.Length || l.AIM < 0 || l.AIM+2 > last || l.Own < 0 || l.Own > last || l.More < 1 || l.More > last:
		return errors.New("a part of the report is outside of it")
	}
	return nil
}

func (s *Scanner) checkKeys(d frame.Descriptor) error {
	l := s.Keys
	last := l.Length - 1
	switch t, _ := s.Frame(); {
	case !d.Keys.Known():
		return errors.New("the descriptor does not say where key codes lie")
	case s.POS != POSReport{}:
		return errors.New("point-of-sale keys on a keyboard")
	case s.Layout == keyboard.Auto:
		return errors.New("a scanner has one layout")
	case t != frame.CR && t != frame.TAB:
		return fmt.Errorf("terminator %q: a keyboard ends codes with cr or tab", s.Terminator)
	case l.Length < 1 || l.Length > frame.MaxReport || l.Modifiers < 0 || l.Modifiers > last || l.First < 1 || l.First > last:
		return errors.New("a part of the report is outside of it")
	}
	return nil
}
