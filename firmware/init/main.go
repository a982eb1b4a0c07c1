package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Labels of the partitions, as firmware/image writes them.
const (
	rootLabel  = "passerelle-root"
	stateLabel = "passerelle-state"
)

const (
	stateFolder  = "/state"
	diskPatience = 20 * time.Second // the kernel finds disks on its own time
	retryPause   = 5 * time.Second
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: error: this is the first program of an appliance, not one to start by hand")
		os.Exit(2)
	}
	var err error
	if os.Args[0] == "/init" {
		err = enterRoot()
	} else {
		err = runAppliance()
	}
	say("cannot go on: %v", err)
	time.Sleep(retryPause) // for whoever reads the console
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

// enterRoot goes from the initramfs to the root partition. It returns only an error.
func enterRoot() error {
	if err := mountKernel(); err != nil {
		return err
	}
	if err := useConsole(); err != nil {
		return err
	}
	if err := hardenKernel(); err != nil {
		return err
	}
	if err := loadModules("/modules"); err != nil {
		return err
	}
	device, err := findPartition(rootLabel, diskPatience)
	if err != nil {
		return err
	}
	if err := mount(device, "/root", "erofs", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID, ""); err != nil {
		return err
	}
	if err := os.RemoveAll("/modules"); err != nil { // loaded: give the memory back
		return err
	}
	return switchRoot("/root")
}

// switchRoot makes a mounted folder the root of everything and goes on as its /sbin/init.
func switchRoot(folder string) error {
	for _, name := range []string{"/dev", "/proc", "/sys"} {
		if err := unix.Mount(name, folder+name, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", name, err)
		}
	}
	if err := os.Chdir(folder); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return fmt.Errorf("start /sbin/init: %w", unix.Exec("/sbin/init", []string{"/sbin/init"}, os.Environ()))
}

// runAppliance makes the machine ready and runs the gate until it is told to stop.
func runAppliance() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGUSR1)
	signal.Ignore(unix.SIGINT) // Ctrl-Alt-Del of a keyboard that somebody plugged in
	// The console of the initramfs is inherited: descriptors 0 to 2 stay open over exec.
	if err := prepare(); err != nil {
		return err
	}
	if err := loadModules("/lib/modules/appliance"); err != nil {
		say("a driver is missing: %v", err) // the lanes that need it show that their scanner is gone
	}
	for {
		err := mountState()
		if err == nil {
			break
		}
		say("the state partition cannot be used, so nobody is let in: %v", err)
		time.Sleep(retryPause)
	}
	say("ready after %v", sinceBoot().Round(10*time.Millisecond))

	last := newSupervisor().run(stop)
	return shutDown(last)
}

// prepare sets up what needs no disk.
func prepare() error {
	unix.Umask(0o077)
	for _, m := range []struct{ kind, at, options string }{
		{"tmpfs", "/run", "mode=0755,size=16m"},
		{"tmpfs", "/tmp", "mode=0700,size=64m"},
		{"devpts", "/dev/pts", "ptmxmode=0600,mode=0600"},
		{"tmpfs", "/dev/shm", "mode=0700,size=16m"},
	} {
		if strings.HasPrefix(m.at, "/dev/") {
			if err := os.MkdirAll(m.at, 0o755); err != nil {
				return err
			}
		}
		if err := mount(m.kind, m.at, m.kind, unix.MS_NOSUID|unix.MS_NOEXEC, m.options); err != nil {
			return err
		}
	}
	if err := unix.Sethostname([]byte("passerelle")); err != nil {
		return fmt.Errorf("set the host's name: %w", err)
	}
	// A core dump would hold codes.
	if err := errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}), os.WriteFile("/proc/sys/kernel/core_pattern", []byte("\n"), 0)); err != nil {
		return fmt.Errorf("switch core dumps off: %w", err)
	}
	return loopbackUp()
}

// mountState mounts the partition that outlives an update: journal, trust list, configuration.
func mountState() error {
	device, err := findPartition(stateLabel, diskPatience)
	if err != nil {
		return err
	}
	return mount(device, stateFolder, "ext4", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOATIME, "errors=remount-ro")
}

// shutDown writes everything out and ends the machine: SIGTERM switches it off, SIGUSR1 starts it again.
func shutDown(s os.Signal) error {
	unix.Sync()
	if err := unix.Unmount(stateFolder, 0); err != nil {
		say("unmount %s: %v", stateFolder, err)
		_ = unix.Mount("", stateFolder, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	unix.Sync()
	if s == unix.SIGTERM {
		return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

// say writes a line to the console.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "init: "+format+"\n", args...)
}

// sinceBoot is the time since the kernel started.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// findPartition waits for the partition with a label and returns its device file.
func findPartition(label string, patience time.Duration) (string, error) {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob("/sys/class/block/*/uevent")
		if err != nil {
			return "", err
		}
		for _, name := range files {
			if device := partitionDevice(name, label); device != "" {
				return device, nil
			}
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("no partition is labelled %s", label)
		}
	}
}

// partitionDevice returns the device file of a block device if it is the partition with that label.
func partitionDevice(uevent, label string) string {
	text, err := os.ReadFile(uevent)
	if err != nil {
		return "" // gone meanwhile
	}
	var device string
	var found bool
	for line := range strings.Lines(string(text)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "DEVNAME":
			device = value
		case "PARTNAME":
			found = value == label
		}
	}
	if !found {
		return ""
	}
	return "/dev/" + device
}
