package usbip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Controller is where sysfs has the virtual host controller that Attach uses.
const Controller = "/sys/devices/platform/vhci_hcd.0"

var (
	// ErrNoController says that the kernel has no virtual host controller: vhci-hcd is not loaded.
	ErrNoController = errors.New("the kernel has no virtual host controller: load vhci-hcd")

	// ErrUnplugged says that a device is not plugged in.
	ErrUnplugged = errors.New("the device is not plugged in")
)

// Limits on waiting for the kernel.
const (
	freePatience = 10 * time.Second
	look         = 5 * time.Millisecond
)

// Attached is a device that is plugged in to this machine.
type Attached struct {
	port   int
	path   string
	conn   *os.File
	served chan error
}

// Attach plugs a device into port 0 to 14 of the virtual controller. It returns as soon as the kernel knows that something is there;
// Ready waits until the kernel has read what it is. Two devices in two ports have two port paths, whatever they are.
func Attach(d *Device, port int) (*Attached, error) {
	path, err := portPath(Controller, port)
	if err != nil {
		return nil, fmt.Errorf("attach a USB device: %w", err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("attach a USB device: %w", err)
	}
	defer theirs.Close()
	if err := d.plug(ours); err != nil {
		ours.Close()
		return nil, fmt.Errorf("attach a USB device: %w", err)
	}
	a := &Attached{port: port, path: path, conn: ours, served: make(chan error, 1)}
	go func() { a.served <- d.serve(ours) }() // until Unplug closes ours
	const devid = 1<<16 | 1                   // bus and number where the device is exported: the kernel only hands it back
	text := fmt.Sprintf("%d %d %d %d", port, theirs.Fd(), devid, d.id.Speed)
	if err := writeFile(Controller+"/attach", text); err != nil {
		ours.Close()
		return nil, fmt.Errorf("attach a USB device to port %d: %w", port, errors.Join(err, <-a.served))
	}
	return a, nil
}

// portPath gives the path of a port, "1-3": the number of the controller's bus and that of the port, counted from 1. A controller has
// two buses; the one of 480 Mbit/s is meant.
func portPath(controller string, port int) (string, error) {
	speeds, err := filepath.Glob(controller + "/usb*/speed")
	if err != nil || len(speeds) == 0 {
		return "", ErrNoController
	}
	for _, name := range speeds {
		hub := filepath.Dir(name)
		if speed, err := readFile(name); err != nil || speed != "480" {
			continue
		}
		text, err := readFile(hub + "/maxchild")
		if err != nil {
			return "", err
		}
		ports, err := strconv.Atoi(text)
		if err != nil {
			return "", fmt.Errorf("read %s/maxchild: %w", hub, err)
		}
		if port < 0 || port >= ports {
			return "", fmt.Errorf("there is no port %d: the controller has %d", port, ports)
		}
		return fmt.Sprintf("%s-%d", strings.TrimPrefix(filepath.Base(hub), "usb"), port+1), nil
	}
	return "", ErrNoController
}

// socketPair makes the line between device and kernel. Ours does not block a thread while it waits.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "usbip device"), os.NewFile(uintptr(fds[1]), "usbip kernel"), nil
}

// Path is the path of the port, "1-3", which is the name of the device in sysfs.
func (a *Attached) Path() string { return a.path }

// Interface is the name of one of the device's interfaces in sysfs, "1-3:1.0", which is how a lane's configuration names it.
func (a *Attached) Interface(number int) string {
	return fmt.Sprintf("%s:%d.%d", a.path, configurationValue, number)
}

// Ready waits until the kernel has chosen the device's configuration and a driver has taken its interface 0, and has done with it. The
// error is that of ctx, or ErrUnplugged.
func (a *Attached) Ready(ctx context.Context) error {
	for {
		if _, err := os.Stat(filepath.Join(devices, a.Interface(0), "driver")); err == nil {
			break
		}
		if err := a.wait(ctx, time.After(look)); err != nil {
			return err
		}
	}
	// A driver is shown before it is ready. Whoever asks for the configuration waits until all are: the kernel holds the device's lock
	// while drivers look at it. Pulled out before, the device blocks its bus until the drivers' requests time out.
	probed := make(chan time.Time, 1)
	go func() {
		_, _ = readFile(filepath.Join(devices, a.path, "bConfigurationValue"))
		probed <- time.Time{}
	}()
	return a.wait(ctx, probed)
}

// devices is where sysfs has the devices and interfaces of all buses.
const devices = "/sys/bus/usb/devices"

// wait waits for something while the device is plugged in.
func (a *Attached) wait(ctx context.Context, something <-chan time.Time) error {
	select {
	case <-something:
		return nil
	case err := <-a.served:
		a.served <- err
		return fmt.Errorf("wait for %s: %w", a.path, errors.Join(ErrUnplugged, err))
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", a.path, context.Cause(ctx))
	}
}

// Unplug pulls the plug, in the middle of whatever is going on, and waits until the port is free again. The error is what went wrong
// before with what the kernel sent.
func (a *Attached) Unplug() error {
	closed := a.conn.Close()
	if errors.Is(closed, os.ErrClosed) {
		return nil // a second call
	}
	err := errors.Join(closed, <-a.served)
	a.served <- nil
	for end := time.Now().Add(freePatience); ; time.Sleep(look) {
		free, statusErr := portFree(Controller, a.port)
		if statusErr != nil || free {
			return errors.Join(err, statusErr)
		}
		if time.Now().After(end) {
			return errors.Join(err, fmt.Errorf("unplug: port %d is still taken after %v", a.port, freePatience))
		}
	}
}

// stateFree is the state of a port to which nothing is attached (usbip_common.h, VDEV_ST_NULL).
const stateFree = "004"

// portFree reads the controller's table, a line a port: hub, port, state, and what is attached.
func portFree(controller string, port int) (bool, error) {
	text, err := readFile(controller + "/status")
	if err != nil {
		return false, fmt.Errorf("look at port %d: %w", port, err)
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		if n, err := strconv.Atoi(words[1]); err == nil && n == port && words[0] == "hs" {
			return words[2] == stateFree, nil
		}
	}
	return false, fmt.Errorf("look at port %d: the controller's table has no such port", port)
}

func readFile(name string) (string, error) {
	b, err := os.ReadFile(name)
	return strings.TrimSpace(string(b)), err
}

// writeFile writes text to a file of sysfs in one piece.
func writeFile(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
