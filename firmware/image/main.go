// Command image builds the appliance: a kernel, an initramfs and a disk, for any arm64 machine that the kernel knows and qemu's "virt".
//
//	build/image/vmlinuz         Debian's arm64 kernel
//	build/image/initramfs.img   our init, and the modules that a disk needs (cpio, zstd)
//	build/image/passerelle.img  GPT: passerelle-root (erofs, read-only), passerelle-state (ext4)
//
// Kernel and authority certificates are Debian's packages, fetched when the image is built and kept in build/packages; nothing of them is
// committed. Packing is done by tools that do nothing else: mkfs.erofs, mkfs.ext4, sfdisk, cpio, zstd, depmod. Each step says how
// long it took, and the files' sizes come last.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// builder holds the folders of one build.
type builder struct {
	packages string // fetched packages, kept
	work     string // made anew
	out      string
}

func main() {
	out := flag.String("out", "build/image", "folder for the image")
	packages := flag.String("packages", "build/packages", "folder that keeps fetched packages")
	fetch := flag.Bool("fetch", false, "fetch packages only")
	flag.Parse()
	if err := build(*packages, *out, *fetch); err != nil {
		fmt.Fprintln(os.Stderr, "image: error:", err)
		os.Exit(1)
	}
}

func build(packages, out string, fetchOnly bool) (err error) {
	if err := needTools(); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "passerelle-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &builder{packages: packages, work: work, out: out}
	if b.packages, err = filepath.Abs(packages); err != nil {
		return err
	}
	if b.out, err = filepath.Abs(out); err != nil {
		return err
	}
	steps := []struct {
		name string
		do   func() error
	}{
		{"fetch", b.fetch}, {"unpack", b.unpack}, {"programs", b.programs}, {"initramfs", b.initramfs}, {"root", b.root}, {"disk", b.disk},
	}
	if fetchOnly {
		steps = steps[:1]
	}
	start := time.Now()
	for _, s := range steps {
		begun := time.Now()
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("image: %-10s %5.1f s\n", s.name, time.Since(begun).Seconds())
	}
	fmt.Printf("image: built in %.1f s\n", time.Since(start).Seconds())
	if fetchOnly {
		return nil
	}
	return b.sizes()
}

// sizes prints how large each file of the image is.
func (b *builder) sizes() error {
	for _, f := range []struct{ path, what string }{
		{filepath.Join(b.out, "vmlinuz"), "kernel"},
		{filepath.Join(b.out, "initramfs.img"), "initramfs"},
		{filepath.Join(b.work, "root.img"), "root partition"},
		{filepath.Join(b.work, "root/usr/bin/passerelle"), "of it passerelle"},
	} {
		info, err := os.Stat(f.path)
		if err != nil {
			return err
		}
		fmt.Printf("image: %-17s %6.1f MB\n", f.what, float64(info.Size())/1e6)
	}
	return nil
}

// tools are what packing needs, with the Debian package of each.
var tools = []struct{ name, pkg string }{
	{"apt-get", "apt"},
	{"dpkg-deb", "dpkg"},
	{"depmod", "kmod"},
	{"cpio", "cpio"},
	{"zstd", "zstd"},
	{"mkfs.erofs", "erofs-utils"},
	{"mkfs.ext4", "e2fsprogs"},
	{"sfdisk", "fdisk"},
	{"aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"},
}

// needTools says all at once which tools are not there.
func needTools() error {
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return err
	}
	var missing []string
	for _, t := range tools {
		if _, err := exec.LookPath(t.name); err != nil {
			missing = append(missing, t.pkg)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("these Debian packages are needed: %s", strings.Join(missing, " "))
	}
	return nil
}

// run runs a tool, and says what it printed if it fails.
func run(dir, input, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Stdin = strings.NewReader(input)
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, text)
	}
	return nil
}
