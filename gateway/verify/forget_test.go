package verify_test

import (
	"testing"

	"passerelle/gateway/verify"
)

// TestNothingIsLeftOfWhatWasForgotten reads every good code, whole and broken, in batches that are smaller than the one before.
func TestNothingIsLeftOfWhatWasForgotten(t *testing.T) {
	t.Parallel()
	w, s := theWorld(t), setup(t)
	var scans []verify.Scan
	for _, code := range w.codes {
		scans = append(scans, verify.Scan{Data: []byte(code)}, verify.Scan{Data: []byte(code[:len(code)-9])})
	}
	for len(scans) <= verify.MaxBatch {
		scans = append(scans, scans...)
	}
	v, list := s.verifier(nil), s.snapshot(t)
	for _, n := range []int{verify.MaxBatch + 1, 16, 1} { // the first one is two chunks
		v.Verify(nil, scans[:min(n, len(scans))], list, s.now)
		if bytes, codes := v.Left(); bytes == 0 && n > 1 || codes == 0 { // one alone may be of a kind that is read where it stands
			t.Fatalf("%d scans left %d bytes and %d codes: nothing was read", n, bytes, codes)
		}
		v.Forget()
		if bytes, codes := v.Left(); bytes != 0 || codes != 0 {
			t.Errorf("%d scans: %d bytes and %d codes are left", n, bytes, codes)
		}
	}
	for name, code := range w.codes {
		c := v.Verify(nil, []verify.Scan{{Data: []byte(code)}}, list, s.now)
		if fresh, _ := s.show(t, code); verdict(&c[0]) != verdict(&fresh) {
			t.Errorf("%s after others were forgotten: %s, want %s", name, verdict(&c[0]), verdict(&fresh))
		}
	}
}
