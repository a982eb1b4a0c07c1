package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"passerelle/drivers/frame"
)

// lane is the configuration of a lane that reads the scanner as it was found.
func (f *learned) lane(id string) laneConfig {
	l := laneConfig{ID: id, Scanner: f.scanner, Path: f.path}
	switch {
	case f.scanner == scannerSerial:
		l.Baud, l.Terminator, l.UndoUTF8 = f.baud, f.terminator.String(), f.undoUTF8
	case f.typing:
		l.Layout = f.layout.String()
	}
	return l
}

// laneBlock writes a lane as TOML, and reads it back to be sure.
func laneBlock(l laneConfig, about string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n[[lane]]\n", oneLine(about))
	key := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %s\n", name, strconv.Quote(value))
		}
	}
	key("id", l.ID)
	key("scanner", l.Scanner)
	key("path", l.Path)
	if l.Baud != 0 {
		fmt.Fprintf(&b, "baud = %d\n", l.Baud)
	}
	key("terminator", l.Terminator)
	if l.UndoUTF8 {
		b.WriteString("undo_utf8 = true\n")
	}
	key("layout", l.Layout)
	var back struct {
		Lanes []laneConfig `toml:"lane"`
	}
	if err := toml.NewDecoder(bytes.NewReader(b.Bytes())).DisallowUnknownFields().Decode(&back); err != nil {
		return nil, fmt.Errorf("write lane %q: %w", l.ID, tomlError(err))
	}
	if len(back.Lanes) != 1 || back.Lanes[0] != l {
		return nil, fmt.Errorf("write lane %q: it does not read back as it was meant", l.ID)
	}
	if _, err := newDevice(l); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// describe says what was found, in one line for people.
func (f *learned) describe() string {
	parts := []string{f.path, f.mode}
	if f.about != "" {
		parts = append(parts, f.about)
	}
	if f.scanner == scannerSerial {
		parts = append(parts, "codes end with "+terminatorName(f.terminator))
	}
	if f.aim == "" {
		parts = append(parts, "no AIM identifier")
	} else {
		parts = append(parts, "AIM identifier "+f.aim)
	}
	if f.undoUTF8 {
		parts = append(parts, "bytes sent as UTF-8")
	}
	if f.typing {
		parts = append(parts, "keyboard layout "+f.layout.String())
	}
	return strings.Join(parts, ", ")
}

func terminatorName(t frame.Terminator) string {
	if t == frame.IdleGap {
		return "silence alone, which is slow: set CR if it can"
	}
	return strings.ToUpper(t.String())
}

// appendLane adds a lane to a configuration. The file is replaced whole, and only if the new one loads and holds what the old one
// held and the lane.
func appendLane(path string, block []byte, l laneConfig) error {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("add a lane: %w", err)
	}
	before, err := loadConfig(file)
	if err != nil {
		return err
	}
	text, err := readLimited(file, maxConfig)
	if err != nil {
		return fmt.Errorf("add a lane: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("add a lane: %w", err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	text = append(append(text, '\n'), block...)
	trial, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("add a lane: %w", err)
	}
	defer os.Remove(trial.Name())
	_, err = trial.Write(text)
	if err := errors.Join(err, trial.Close()); err != nil {
		return fmt.Errorf("add a lane: %w", err)
	}
	after, err := loadConfig(trial.Name())
	if err != nil {
		why := strings.ReplaceAll(err.Error(), trial.Name(), filepath.Base(path)) // the trial's name tells nobody anything
		return fmt.Errorf("%s is left as it is, since it would not load with this lane: %s", path, why)
	}
	if n := len(after.Lanes); n != len(before.Lanes)+1 || after.Lanes[n-1] != l {
		return fmt.Errorf("%s is left as it is, since the lane would not be read as it was meant", path)
	}
	if err := replaceFile(file, text, info.Mode().Perm()); err != nil {
		return fmt.Errorf("add a lane to %s: %w", path, err)
	}
	return nil
}
