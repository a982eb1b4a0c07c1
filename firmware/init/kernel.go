package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mountKernel mounts what the kernel shows of itself.
func mountKernel() error {
	const safe = unix.MS_NOSUID | unix.MS_NOEXEC
	return errors.Join(
		mount("proc", "/proc", "proc", safe|unix.MS_NODEV, ""),
		mount("sysfs", "/sys", "sysfs", safe|unix.MS_NODEV, ""),
		mount("devtmpfs", "/dev", "devtmpfs", safe, "mode=0755"),
	)
}

// hardenKernel has the kernel start again after any fault, this program's end included, since a box that hangs keeps its outputs as they are;
// and takes its own hands off a keyboard: Ctrl-Alt-Del and SysRq would start the box anew.
func hardenKernel() error {
	for name, value := range map[string]string{"kernel/panic": "5", "kernel/panic_on_oops": "1", "kernel/sysrq": "0"} {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value+"\n"), 0); err != nil {
			return err
		}
	}
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF); err != nil {
		return fmt.Errorf("switch Ctrl-Alt-Del off: %w", err)
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("mount %s at %s: %w", source, target, err)
	}
	return nil
}

// useConsole makes the console standard input, output and error: the kernel opens none for an initramfs without device files.
func useConsole() error {
	console, err := os.OpenFile("/dev/console", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer console.Close()
	for fd := range 3 {
		if err := unix.Dup3(int(console.Fd()), fd, 0); err != nil {
			return fmt.Errorf("use the console: %w", err)
		}
	}
	return nil
}

// loadModules loads the kernel modules that folder/order names, a file a line, each after those that it needs.
func loadModules(folder string) error {
	order, err := os.Open(filepath.Join(folder, "order"))
	if err != nil {
		return err
	}
	defer order.Close()
	var failed error
	lines := bufio.NewScanner(order)
	for lines.Scan() {
		failed = errors.Join(failed, loadModule(filepath.Join(folder, lines.Text())))
	}
	return errors.Join(failed, lines.Err())
}

func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.FinitModule(int(file.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load %s: %w", filepath.Base(path), err)
	}
	return nil
}

// loopbackUp switches on the interface that the lane's page is served on.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("switch on lo: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("switch on lo: %w", err)
	}
	return nil
}
