package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is one test program of the board.
type program struct {
	name, pkg string
	run       string // which of its tests need the board
	second    bool   // for the second boot
}

// programs of a round, in their order. Drivers' tests of what only a kernel has are named TestBoard….
var programs = []program{
	{"lamp", "./drivers/lamp", "^TestBoard", false},
	{"usbip", "./firmware/usbip", "Kernel|Unplugged|Stuck|Hangs|IsGone|NotThere|NoneOfAThousand", false},
	{"scanners", "./firmware/scanners", "^TestKernel", false},
	{"camera", "./drivers/camera", "^TestVivid", false},
	{"rig", "./firmware/rig", "^TestBoard", false},
	{"rig", "./firmware/rig", "^TestUntilThePlugIsPulled", false},
	{"rig", "./firmware/rig", "^TestAfterPowerCut", true},
}

// bootTime is how long the board may take until the rig speaks.
const bootTime = 2 * time.Minute

// testTime is how long one test program may take on the board.
const testTime = 20 * time.Minute

// rig holds what is the same for all rounds.
type rig struct {
	options options
	work    string
	log     *os.File
}

// newRig builds the test programs and packs them, for the kernel to lay over the appliance's initramfs.
func newRig(o options) (_ *rig, err error) {
	r := &rig{options: o}
	if r.work, err = os.MkdirTemp("", "passerelle-e2e-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if r.log, err = os.Create(o.log); err != nil {
		return nil, err
	}
	if err := r.buildPrograms(); err != nil {
		return nil, err
	}
	for _, second := range []bool{false, true} {
		if err := r.pack(second); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *rig) close() {
	if r.log != nil {
		r.log.Close()
	}
	os.RemoveAll(r.work)
}

func (r *rig) buildPrograms() error {
	folder := filepath.Join(r.work, "overlay/rig")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	environment := append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	build := func(args ...string) error {
		c := exec.Command("go", args...)
		c.Env = environment
		if text, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, text)
		}
		return nil
	}
	if err := build("build", "-trimpath", "-o", filepath.Join(folder, "start"), "./firmware/rig/start"); err != nil {
		return err
	}
	built := make(map[string]bool)
	for _, p := range programs {
		if built[p.name] {
			continue
		}
		built[p.name] = true
		if err := build("test", "-c", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(folder, p.name), p.pkg); err != nil {
			return err
		}
	}
	return os.CopyFS(filepath.Join(folder, "modules"), os.DirFS(filepath.Join(r.options.image, "rig-modules")))
}

// initrd is the appliance's initramfs with the rig behind it.
func (r *rig) initrd(second bool) string {
	return filepath.Join(r.work, fmt.Sprintf("initrd-%v", second))
}

// pack writes the plan of a boot and packs the overlay.
func (r *rig) pack(second bool) error {
	var plan strings.Builder
	for _, p := range programs {
		if p.second != second {
			continue
		}
		pattern := p.run
		if r.options.run != "" && !second && p.run != "^TestUntilThePlugIsPulled" {
			pattern = r.options.run
		}
		fmt.Fprintf(&plan, "%s -test.v -test.timeout %v -test.run %s\n", p.name, testTime, pattern)
	}
	overlay := filepath.Join(r.work, "overlay")
	if err := os.WriteFile(filepath.Join(overlay, "rig/plan"), []byte(plan.String()), 0o644); err != nil {
		return err
	}
	file := r.initrd(second)
	base, err := filepath.Abs(filepath.Join(r.options.image, "initramfs.img"))
	if err != nil {
		return err
	}
	c := exec.Command("sh", "-c", "cp "+base+" "+file+" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | zstd -q -1 >>"+file)
	c.Dir = overlay
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("pack the rig: %w\n%s", err, text)
	}
	return nil
}

// round boots a new disk twice.
func (r *rig) round(ctx context.Context) (*tally, error) {
	disk := filepath.Join(r.work, "disk.img")
	if text, err := exec.Command("cp", "--sparse=always", filepath.Join(r.options.image, "passerelle.img"), disk).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the disk: %w\n%s", err, text)
	}
	t := newTally()
	t.partial = r.options.run != ""
	if err := r.boot(ctx, disk, false, t); err != nil {
		return nil, err
	}
	return t, r.boot(ctx, disk, true, t)
}

// boot starts the board, hears the rig out, and pulls the plug where the board does not end by itself.
func (r *rig) boot(ctx context.Context, disk string, second bool, t *tally) error {
	ctx, cancel := context.WithTimeout(ctx, 2*testTime)
	defer cancel()
	board := boardCommand(ctx, r.options.image, r.initrd(second), disk, r.work)
	out, err := board.StdoutPipe()
	if err != nil {
		return err
	}
	if _, err := board.StdinPipe(); err != nil { // the port counts as open only while something could come in
		return err
	}
	var complaints strings.Builder
	board.Stderr = &complaints
	begun := time.Now()
	if err := board.Start(); err != nil {
		return err
	}
	silent := time.AfterFunc(bootTime, cancel)
	heard := hear(io.TeeReader(out, r.echo()), t, begun, silent.Stop)
	if !second || heard != nil {
		_ = board.Process.Kill() // the plug
	}
	err = board.Wait()
	if console, readErr := os.ReadFile(filepath.Join(r.work, "console")); readErr == nil {
		fmt.Fprintf(r.log, "--- console\n%s\n", console)
		if heard != nil {
			heard = fmt.Errorf("%w\n%s%s", heard, complaints.String(), console)
		}
	}
	if heard == nil && second && err != nil {
		return fmt.Errorf("the board did not end cleanly: %w\n%s", err, complaints.String())
	}
	return errors.Join(heard, ctx.Err())
}

// echo is where what the board prints goes besides.
func (r *rig) echo() io.Writer {
	if r.options.verbose {
		return io.MultiWriter(r.log, os.Stdout)
	}
	return r.log
}

// boardCommand is the board: two cores as slow as emulation makes them, a disk, a PL061 with 8 lines, a USB host with a serial converter
// whose other end is a virtio port, and the port that the rig talks on. By a third port the rig commands the emulator itself: its
// "system_powerdown" pulls line 3 of the PL061, the power button, for 100 ms.
//
// The cores are a Raspberry Pi 5's. The kernel is told to leave out its guards against what other programs learn from a core's speculation:
// an emulated core does not speculate, and pays at every system call, since the kernel's own address space means that the emulator forgets
// where pages are.
func boardCommand(ctx context.Context, image, initrd, disk, work string) *exec.Cmd {
	ftdi, monitor := filepath.Join(work, "ftdi"), filepath.Join(work, "monitor")
	_, _ = os.Remove(ftdi), os.Remove(monitor)
	return exec.CommandContext(ctx, "qemu-system-aarch64",
		"-M", "virt", "-cpu", "cortex-a76", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024",
		"-display", "none", "-nic", "none", "-no-reboot",
		"-kernel", filepath.Join(image, "vmlinuz"), "-initrd", initrd,
		"-append", "console=ttyAMA0 quiet kpti=off mitigations=off rdinit=/rig/start",
		"-drive", "file="+disk+",if=virtio,format=raw",
		"-serial", "file:"+filepath.Join(work, "console"),
		"-device", "virtio-serial-pci",
		"-chardev", "stdio,id=rig,signal=off", "-device", "virtserialport,chardev=rig,name=rig",
		"-device", "qemu-xhci",
		"-chardev", "socket,id=ftdi,path="+ftdi+",server=on,wait=off", "-device", "usb-serial,chardev=ftdi,always-plugged=on",
		"-chardev", "socket,id=ftdi-end,path="+ftdi, "-device", "virtserialport,chardev=ftdi-end,name=ftdi",
		"-chardev", "socket,id=monitor,path="+monitor+",server=on,wait=off", "-mon", "chardev=monitor",
		"-chardev", "socket,id=monitor-end,path="+monitor, "-device", "virtserialport,chardev=monitor-end,name=monitor",
	)
}
