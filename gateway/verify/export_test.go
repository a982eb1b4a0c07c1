package verify

import "reflect"

// Left counts what a Verifier still holds of what it read: bytes of its buffers, and codes.
func (v *Verifier) Left() (bytes, codes int) {
	for _, buffer := range [...][]byte{v.text[:cap(v.text)], v.arena} {
		for _, b := range buffer {
			if b != 0 {
				bytes++
			}
		}
	}
	items := v.items[:cap(v.items)]
	for i := range items {
		if !reflect.ValueOf(&items[i]).Elem().IsZero() {
			codes++
		}
	}
	return bytes, codes
}
