package frame_test

import (
	"slices"
	"testing"

	"passerelle/drivers/frame"
)

func bootKeyboard() []byte {
	return descriptor(
		pageDesktop, use(0x06), application,
		pageKeys, item(0x18, 0xE0), item(0x28, 0xE7), size(1), count(8), input,
		count(1), size(8), constant,
		count(5), size(1), item(0x04, 0x08), item(0x18, 1), item(0x28, 5), item(0x90, 0x02), count(1), size(3), item(0x90, 0x03),
		count(6), size(8), pageKeys, item(0x18, 0x00), item(0x28, 0x65), item(0x80, 0x00), end,
	)
}

// idKeyboard has a report id, no reserved byte and only four key codes, and
// a point-of-sale function beside it.
func idKeyboard() []byte {
	return descriptor(
		pageDesktop, use(0x06), application, report(1),
		pageKeys, item(0x18, 0xE0), item(0x28, 0xE7), size(1), count(8), input,
		count(4), size(8), item(0x18, 0x00), item(0x28, 0xFF), item(0x80, 0x00), end,
		honeywell(),
	)
}

func events(reports ...[]byte) (got []frame.Key) {
	var k frame.Keys
	for _, r := range reports {
		k.Report(r, func(key frame.Key) { got = append(got, key) })
	}
	return got
}

func boot(mods byte, codes ...byte) []byte {
	r := make([]byte, 8)
	r[0] = mods
	copy(r[2:], codes)
	return r
}

func TestKeyPresses(t *testing.T) {
	t.Parallel()
	key := func(code, mods byte) frame.Key { return frame.Key{Code: code, Mods: mods} }
	const shift, alt = frame.LeftShift, frame.LeftAlt
	tests := []struct {
		name    string
		reports [][]byte
		want    []frame.Key
	}{
		{"press and release", [][]byte{boot(0, 4), boot(0)}, []frame.Key{key(4, 0)}},
		{"the same key twice", [][]byte{boot(0, 4), boot(0), boot(0, 4), boot(0)}, []frame.Key{key(4, 0), key(4, 0)}},
		{"held over many reports", [][]byte{boot(0, 4), boot(0, 4), boot(0, 4), boot(0)}, []frame.Key{key(4, 0)}},
		{"next key before the release", [][]byte{boot(0, 4), boot(0, 4, 5), boot(0, 5), boot(0)}, []frame.Key{key(4, 0), key(5, 0)}},
		{"held key moves in the report", [][]byte{boot(0, 4, 5), boot(0, 5), boot(0, 6, 5)}, []frame.Key{key(4, 0), key(5, 0), key(6, 0)}},
		{"two keys in one report", [][]byte{boot(0, 4, 5)}, []frame.Key{key(4, 0), key(5, 0)}},
		{"one key named twice", [][]byte{boot(0, 4, 4)}, []frame.Key{key(4, 0)}},
		{"shift with the key", [][]byte{boot(shift, 4), boot(0)}, []frame.Key{key(4, shift), key(0, 0)}},
		{
			"shift before the key and after",
			[][]byte{boot(shift), boot(shift, 4), boot(shift), boot(0)},
			[]frame.Key{key(0, shift), key(4, shift), key(0, 0)},
		},
		{
			"alt and number pad",
			[][]byte{boot(alt), boot(alt, 0x5E), boot(alt), boot(alt, 0x5D), boot(alt), boot(0)},
			[]frame.Key{key(0, alt), key(0x5E, alt), key(0x5D, alt), key(0, 0)},
		},
		{"roll-over error", [][]byte{boot(0, 4), boot(0, 1, 1, 1, 1, 1, 1), boot(0, 4), boot(0)}, []frame.Key{key(4, 0)}},
		{"error codes 2 and 3", [][]byte{boot(0, 2), boot(shift, 3)}, nil},
		{"first real key code", [][]byte{boot(0, 4)}, []frame.Key{key(4, 0)}},
		{"zero-length packet and short report", [][]byte{{}, boot(0, 4)[:7], boot(0, 4), {}, boot(0)}, []frame.Key{key(4, 0)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := events(tt.reports...); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestResetForgetsHeldKeys(t *testing.T) {
	t.Parallel()
	var k frame.Keys
	n := 0
	k.Report(boot(0, 4), func(frame.Key) { n++ })
	k.Reset()
	k.Report(boot(0, 4), func(frame.Key) { n++ })
	if n != 2 {
		t.Errorf("%d presses, want 2", n)
	}
}

func TestKeyCodesAreFoundWhereTheDescriptorSaysTheyAre(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		layout frame.KeyLayout
		report []byte
		want   []byte // boot report; nil: refused
	}{
		{"boot protocol", frame.BootKeys(), boot(2, 4, 5), boot(2, 4, 5)},
		{"described boot report", parse(t, bootKeyboard()).Keys, boot(2, 4, 5), boot(2, 4, 5)},
		{"cut short", frame.BootKeys(), boot(2, 4, 5)[:7], nil},
		{"empty", frame.BootKeys(), nil, nil},
		{"report id, no reserved byte", parse(t, idKeyboard()).Keys, []byte{1, 2, 4, 5, 6, 7}, boot(2, 4, 5, 6, 7)},
		{"other report id", parse(t, idKeyboard()).Keys, []byte{2, 2, 4, 5, 6, 7}, nil},
		{"not known", frame.KeyLayout{}, boot(2, 4, 5), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := tt.layout.Boot(tt.report)
			if ok != (tt.want != nil) || ok && !slices.Equal(got[:], tt.want) {
				t.Errorf("got % x, %v; want % x", got, ok, tt.want)
			}
		})
	}
}

func TestKeyboardAndScannerInOneInterface(t *testing.T) {
	t.Parallel()
	d := parse(t, idKeyboard())
	if !d.Keyboard || !d.Scanner || !d.Keys.Known() || !d.POS.Known() {
		t.Errorf("read as %+v", d)
	}
}

func TestKeyboardOfOneBitAKeyIsNotKnown(t *testing.T) {
	t.Parallel()
	d := parse(t, descriptor(pageDesktop, use(0x06), application,
		pageKeys, item(0x18, 0xE0), item(0x28, 0xE7), size(1), count(8), input,
		item(0x18, 0x04), item(0x28, 0x70), count(0x6D), input, end))
	if !d.Keyboard || d.Keys.Known() {
		t.Errorf("read as %+v", d)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add(slices.Concat(boot(2, 4), boot(0), boot(0, 1, 1, 1, 1, 1, 1), boot(0, 4, 5, 6, 7, 8, 9)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var k frame.Keys
		for len(stream) > 0 {
			r := stream[:min(len(stream), 8)]
			stream = stream[len(r):]
			n := 0
			k.Report(r, func(key frame.Key) {
				n++
				if key.Code > 0 && key.Code < 4 || key.Mods != r[0] {
					t.Errorf("event %+v from % x", key, r)
				}
			})
			if n > 6 {
				t.Errorf("%d events from one report", n)
			}
			again := 0
			k.Report(r, func(frame.Key) { again++ })
			if again != 0 {
				t.Errorf("% x repeated gives %d events", r, again)
			}
		}
	})
}
