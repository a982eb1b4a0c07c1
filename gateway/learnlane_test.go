package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

const gateOfLearn = `state = "/var/lib/passerelle"
profile = "health"
[[lane]]
id = "1"
scanner = "hid"
path = "1-1.2:1.0"
[lane.relay]
path = "1-1.6:1.0"
model = "lcus"` // no line feed at its end

func configOfLearn(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passerelle.toml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLearnedLaneIsWrittenAsTOML(t *testing.T) {
	t.Parallel()
	serial := plugged{scanner: scannerSerial, path: "1-1.4:1.0", mode: "USB-CDC", about: "Maker Scanner (0c2e:0b6a)"}
	hid := plugged{scanner: scannerHID, path: "1-1.3:1.0", mode: "HID keyboard"}
	for _, tt := range []struct {
		name  string
		found learned
		want  string
	}{
		{
			"USB-CDC",
			learned{plugged: serial, framing: framing{terminator: frame.CRLF, aim: "]Q1"}},
			"# 1-1.4:1.0, USB-CDC, Maker Scanner (0c2e:0b6a), codes end with CRLF, AIM identifier ]Q1\n" +
				"[[lane]]\nid = \"x\"\nscanner = \"serial\"\npath = \"1-1.4:1.0\"\nterminator = \"crlf\"\n",
		},
		{
			"converter",
			learned{plugged: serial, framing: framing{terminator: frame.IdleGap, undoUTF8: true}, baud: 115200},
			"# 1-1.4:1.0, USB-CDC, Maker Scanner (0c2e:0b6a), codes end with silence alone, which is slow: set CR if it can, no AIM identifier, bytes sent as UTF-8\n" +
				"[[lane]]\nid = \"x\"\nscanner = \"serial\"\npath = \"1-1.4:1.0\"\nbaud = 115200\nterminator = \"idle\"\nundo_utf8 = true\n",
		},
		{
			"keyboard",
			learned{plugged: hid, typing: true, layout: keyboard.FR},
			"# 1-1.3:1.0, HID keyboard, no AIM identifier, keyboard layout fr\n[[lane]]\nid = \"x\"\nscanner = \"hid\"\npath = \"1-1.3:1.0\"\nlayout = \"fr\"\n",
		},
		{
			"point of sale",
			learned{plugged: hid},
			"# 1-1.3:1.0, HID keyboard, no AIM identifier\n[[lane]]\nid = \"x\"\nscanner = \"hid\"\npath = \"1-1.3:1.0\"\n",
		},
	} {
		l := tt.found.lane("x")
		got, err := laneBlock(l, tt.found.describe())
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %v, got\n%swant\n%s", tt.name, err, got, tt.want)
		}
		path := configOfLearn(t, gateOfLearn)
		if err := appendLane(path, got, l); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		text, err := os.ReadFile(path)
		if err != nil || string(text) != gateOfLearn+"\n\n"+tt.want {
			t.Errorf("%s: %v, the file is\n%s", tt.name, err, text)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, mode %v", tt.name, err, info.Mode())
		}
	}
}

func TestDeviceCannotWriteIntoTheConfiguration(t *testing.T) {
	t.Parallel()
	f := learned{plugged: plugged{scanner: scannerHID, path: "1-1.3:1.0", mode: "HID", about: "x\n[web]\rexposed = true\x1b[2J"}}
	got, err := laneBlock(f.lane("x"), f.describe())
	if err != nil || strings.Count(string(got), "\n") != 5 || strings.ContainsAny(string(got), "\r\x1b") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPathThatTOMLCannotQuoteIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/dev/\a", "/dev/\xff"} {
		if got, err := laneBlock(laneConfig{ID: "x", Scanner: scannerSerial, Path: path}, ""); err == nil || got != nil {
			t.Errorf("%q: got %q", path, got)
		}
	}
}

func TestConfigurationThatWouldNotLoadIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	lane := func(id, path string) laneConfig { return laneConfig{ID: id, Scanner: scannerHID, Path: path} }
	for _, tt := range []struct {
		name, config string
		lane         laneConfig
		want         string
	}{
		{"its name is taken", gateOfLearn, lane("1", "1-1.3:1.0"), `is left as it is, since it would not load with this lane: `},
		{"its scanner is taken", gateOfLearn, lane("2", "1-1.2:1.0"), "have the same scanner"},
		{"a relay is there", gateOfLearn, lane("2", "1-1.6:1.0"), "passerelle.toml: lanes \"1\" and \"2\" have the same scanner: 1-1.6:1.0"},
		{"lanes in another notation", "state = \"/x\"\nprofile = \"health\"\nlane = [{id = \"1\", scanner = \"hid\", path = \"1-9:1.0\"}]\n", lane("2", "1-1.2:1.0"), "is left as it is"},
		{"it does not load before", "state = 3\n", lane("2", "1-1.2:1.0"), "configuration"},
	} {
		path := configOfLearn(t, tt.config)
		block, err := laneBlock(tt.lane, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := appendLane(path, block, tt.lane); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != tt.config {
			t.Errorf("%s: %v, the file was changed:\n%s", tt.name, err, text)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("%s: %v, files are left: %v", tt.name, err, entries)
		}
	}
}

// A file that would be read otherwise than it was meant, though it loads.
func TestLaneThatWouldNotBeReadAsMeantIsNotAdded(t *testing.T) {
	t.Parallel()
	path := configOfLearn(t, gateOfLearn)
	l := laneConfig{ID: "2", Scanner: scannerHID, Path: "1-1.3:1.0"}
	block, err := laneBlock(laneConfig{ID: "3", Scanner: scannerHID, Path: "1-1.3:1.0"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := appendLane(path, block, l); err == nil || !strings.Contains(err.Error(), "would not be read as it was meant") {
		t.Errorf("%v", err)
	}
}

func TestLinkToAConfigurationStaysALink(t *testing.T) {
	t.Parallel()
	path := configOfLearn(t, gateOfLearn)
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	l := laneConfig{ID: "2", Scanner: scannerHID, Path: "1-1.3:1.0"}
	block, err := laneBlock(l, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := appendLane(link, block, l); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Errorf("%q, %v", target, err)
	}
	if c, err := loadConfig(path); err != nil || len(c.Lanes) != 2 {
		t.Errorf("%v", err)
	}
}
