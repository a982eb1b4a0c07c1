package scanners

import (
	"strings"
	"testing"
)

const goodPOS = `
[[scanner]]
name = "a"
maker = "A"
model = "B"
link = "hid-pos"
speed = "full"
descriptor = "05 8C 09 02 A1 01 85 02 75 08 95 01 05 01 09 3B 81 02 05 8C 95 04 09 FE 82 02 01 95 01 09 FF 81 02 C0"
descriptor_source = "composed"
source = "somewhere"
terminator = "none"
pos = { id = 2, length = 7, count = 1, data = 2, size = 4, more = 6 }
`

const goodKeyboard = `
[[scanner]]
name = "k"
maker = "A"
model = "B"
link = "hid-keyboard"
speed = "full"
descriptor = "05 01 09 06 A1 01 05 07 19 E0 29 E7 75 01 95 08 81 02 95 01 75 08 81 01 95 06 19 00 29 65 81 00 C0"
descriptor_source = "dump"
source = "somewhere"
terminator = "cr"
layout = "fr"
keys = { length = 8, modifiers = 0, first = 2 }
`

func TestTableIsReadStrictly(t *testing.T) {
	t.Parallel()
	if list, err := parse([]byte(goodPOS + goodKeyboard)); err != nil || len(list) != 2 {
		t.Fatalf("%d scanners, %v", len(list), err)
	}
	for _, tt := range []struct{ name, in, old, now, want string }{
		{"unknown key", goodPOS, "speed", "sped", "sped"},
		{"unknown key inside", goodPOS, "more", "moar", "moar"},
		{"no source", goodPOS, `"somewhere"`, `""`, "source"},
		{"no name", goodPOS, `"a"`, `""`, "name"},
		{"twice", goodPOS + goodPOS, "", "", "twice"},
		{"unknown link", goodPOS, "hid-pos", "parallel", "link"},
		{"unknown speed", goodPOS, `"full"`, `"super"`, "speed"},
		{"unknown terminator", goodPOS, `"none"`, `"bell"`, "bell"},
		{"no terminator on a keyboard", goodKeyboard, `"cr"`, `"none"`, "none"},
		{"line feed on a keyboard", goodKeyboard, `"cr"`, `"lf"`, "lf"},
		{"odd digits", goodPOS, "09 02", "09 0", "odd"},
		{"cut descriptor", goodPOS, "02 C0", "02 C0 05", "descriptor"},
		{"descriptor of nothing", goodPOS, "09 FE", "09 12", "where a scan lies"},
		{"keyboard without keys", goodKeyboard, "81 00 C0", "81 01 C0", "where key codes lie"},
		{"descriptor from nowhere", goodPOS, "composed", "guessed", "guessed"},
		{"data over the end", goodPOS, "size = 4", "size = 6", "outside"},
		{"flag over the end", goodPOS, "more = 6", "more = 7", "outside"},
		{"no flag", goodPOS, ", more = 6", "", "outside"},
		{"key over the end", goodKeyboard, "first = 2", "first = 8", "outside"},
		{"no layout", goodKeyboard, `layout = "fr"`, "", "layout"},
		{"unknown layout", goodKeyboard, `"fr"`, `"dvorak"`, "dvorak"},
		{"layout on a scanner that does not type", goodPOS, "terminator", "layout = \"us\"\nterminator", "keyboard's"},
		{"redirect that the descriptor has not", goodPOS, "terminator", "redirect = 254\nterminator", "redirect"},
		{"AIM identifier", goodPOS, "terminator", "aim = \"Q1\"\nterminator", "AIM"},
		{"packet of 65", goodPOS, "terminator", "packet = 65\nterminator", "out of range"},
		{"HID keys on a serial line", goodPOS, "hid-pos", "cdc-acm", "HID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(tt.in, tt.old, tt.now, 1)
			list, err := parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tt.want) || list != nil {
				t.Errorf("got %d scanners, error %v; want one that says %q", len(list), err, tt.want)
			}
		})
	}
}
