// Command start is the first program on the emulated board when the rig drives it: it starts a copy of itself that plays the people and the
// devices around the box, and goes on as the appliance's own init, which knows nothing of that.
//
// The copy waits until the appliance has its state partition, loads the modules that present virtual devices, goes into the
// appliance's root and runs the test programs that the file plan names, a line each with its arguments. What they print goes to the
// virtio port "rig". At the end the box is told to switch itself off, unless its owner has pulled the plug before.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	folder   = "/rig"     // in the initramfs
	inside   = "/run/rig" // the same, seen from the appliance's root
	patience = 30 * time.Second
)

func main() {
	if os.Getpid() == 1 {
		// The copy has to be there before the appliance's init takes this process over.
		if _, err := os.StartProcess(folder+"/start", []string{folder + "/start"}, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}}); err != nil {
			fmt.Fprintln(os.Stderr, "rig: error:", err)
		}
		fmt.Fprintln(os.Stderr, "rig: error:", unix.Exec("/init", []string{"/init"}, nil))
		return
	}
	if err := play(); err != nil {
		fmt.Fprintln(os.Stderr, "rig: error:", err)
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
}

// play runs the plan beside the appliance.
func play() error {
	if err := enter(); err != nil {
		return err
	}
	out, err := port("rig")
	if err != nil {
		return err
	}
	plan, err := os.Open(inside + "/plan")
	if err != nil {
		return err
	}
	defer plan.Close()
	lines := bufio.NewScanner(plan)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		test(out, words)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	fmt.Fprintln(out, "rig: done")
	return unix.Kill(1, unix.SIGTERM)
}

// test runs one test program.
func test(out io.Writer, words []string) {
	fmt.Fprintf(out, "rig: begin %s\n", words[0])
	c := exec.Command(filepath.Join(inside, words[0]), words[1:]...)
	c.Dir = "/tmp"
	c.Env = append(os.Environ(), "BOARD=1", "HOME=/tmp", "PATH=/usr/bin:/sbin", "TMPDIR=/tmp")
	c.Stdout, c.Stderr = out, out
	err := c.Run()
	fmt.Fprintf(out, "rig: end %s %v\n", words[0], err)
}

// enter waits for the appliance, loads the rig's modules and makes the appliance's root its own.
func enter() error {
	root, err := appliance()
	if err != nil {
		return err
	}
	if err := loadModules(folder + "/modules"); err != nil {
		return err
	}
	if err := os.Mkdir(root+inside, 0o700); err != nil {
		return err
	}
	if err := unix.Mount(folder, root+inside, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("show the rig to the appliance: %w", err)
	}
	if err := errors.Join(unix.Chroot(root), os.Chdir("/")); err != nil {
		return err
	}
	for _, fs := range []struct{ kind, at string }{{"configfs", "/sys/kernel/config"}, {"debugfs", "/sys/kernel/debug"}} {
		if err := unix.Mount(fs.kind, fs.at, fs.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", fs.kind, err)
		}
	}
	return nil
}

// appliance waits until the appliance has its state partition and returns the path of its root.
func appliance() (string, error) {
	const proc = folder + "/proc"
	if err := os.MkdirAll(proc, 0o755); err != nil {
		return "", err
	}
	if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
		return "", fmt.Errorf("mount proc: %w", err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		mounts, err := os.ReadFile(proc + "/1/mounts")
		if err == nil && strings.Contains(string(mounts), " /state ext4 ") {
			return proc + "/1/root", nil
		}
	}
	return "", errors.New("the appliance has not mounted its state partition")
}

// loadModules loads what folder/order names, each with the parameters that stand behind it.
func loadModules(folder string) error {
	text, err := os.ReadFile(folder + "/order")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		name, parameters, _ := strings.Cut(strings.TrimSpace(line), " ")
		file, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(file.Fd()), parameters, 0)
		file.Close()
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("load %s: %w", name, err)
		}
	}
	return nil
}

// port opens the virtio port with a name.
func port(name string) (*os.File, error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
		if err != nil {
			return nil, err
		}
		for _, file := range names {
			text, err := os.ReadFile(file)
			if err != nil || strings.TrimSpace(string(text)) != name {
				continue
			}
			return os.OpenFile("/dev/"+filepath.Base(filepath.Dir(file)), os.O_RDWR, 0)
		}
	}
	return nil, fmt.Errorf("no virtio port is named %s", name)
}
