package camera

import (
	"fmt"
	"path/filepath"
	"strconv"

	"passerelle/drivers/frame"
)

// Find returns the device file of the camera that the USB interface at port has, "1-1.4:1.0", below root. Of several files the first is
// meant: the others carry data about its pictures. The error is frame.ErrGone where there is none.
func Find(root, port string) (string, error) {
	names, err := filepath.Glob(filepath.Join(root, "sys/bus/usb/devices", port, "video4linux/video*"))
	if err != nil {
		return "", fmt.Errorf("find camera %s: %w", port, err)
	}
	first, lowest := "", 0
	for _, name := range names {
		base := filepath.Base(name)
		number, err := strconv.Atoi(base[len("video"):])
		if err == nil && (first == "" || number < lowest) {
			first, lowest = filepath.Join(root, "dev", base), number
		}
	}
	if first == "" {
		return "", fmt.Errorf("find camera %s: %w", port, frame.ErrGone)
	}
	return first, nil
}
