package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// portState says whether a device file can be opened.
type portState uint8

const (
	portBroken portState = iota // another fault, which the error tells
	portGone
	portForbidden
	portHeld // by the gateway that is running, or by another program
	portFree
)

// askPort opens a serial port for a moment and asks whether another program has it; nothing is sent or read.
func askPort(path string) (portState, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return portGone, nil
	case errors.Is(err, fs.ErrPermission):
		return portForbidden, nil
	case errors.Is(err, unix.EBUSY): // TIOCEXCL, unless one is root
		return portHeld, nil
	case err != nil:
		return portBroken, err
	}
	defer f.Close()
	conn, err := f.SyscallConn()
	if err != nil {
		return portBroken, err
	}
	state := portFree
	var asked error
	err = conn.Control(func(fd uintptr) {
		exclusive, err := unix.IoctlGetInt(int(fd), unix.TIOCGEXCL)
		if err != nil {
			state, asked = portBroken, errors.New("not a serial port")
			return
		}
		if exclusive != 0 || errors.Is(unix.Flock(int(fd), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK) {
			state = portHeld
		}
	})
	if err = errors.Join(err, asked); err != nil {
		return portBroken, err
	}
	return state, nil
}

// askFile looks whether a device file is ours to read and write, without opening it.
func askFile(path string) (portState, error) {
	err := unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK|unix.W_OK, unix.AT_EACCESS)
	switch {
	case err == nil:
		return portFree, nil
	case errors.Is(err, fs.ErrNotExist):
		return portGone, nil
	case errors.Is(err, fs.ErrPermission):
		return portForbidden, nil
	}
	return portBroken, err
}

// Limits on what is read of the system.
const (
	maxProcesses = 1 << 16
	maxProperty  = 64 << 10 // bytes of one device's entry in udev's database
)

// modemManager reports whether ModemManager runs.
func modemManager(root string) bool {
	dir, err := os.Open(filepath.Join(root, "proc"))
	if err != nil {
		return false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxProcesses)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		comm, err := readLimited(filepath.Join(root, "proc", name, "comm"), maxProperty)
		if err == nil && strings.TrimSpace(string(comm)) == "ModemManager" {
			return true
		}
	}
	return false
}

// modemManagerIgnores reports whether udev's rules tell ModemManager to leave a serial port alone: either property does
// (ModemManager reads them from udev's database, where /run/udev/data/cMAJOR:MINOR is the device).
func modemManagerIgnores(root, device string) bool {
	number, err := readLimited(filepath.Join(root, "sys/class/tty", filepath.Base(device), "dev"), maxProperty)
	if err != nil {
		return false
	}
	text, err := readLimited(filepath.Join(root, "run/udev/data", "c"+strings.TrimSpace(string(number))), maxProperty)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		switch strings.TrimSpace(line) {
		case "E:ID_MM_DEVICE_IGNORE=1", "E:ID_MM_PORT_IGNORE=1":
			return true
		}
	}
	return false
}
