package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Sizes of the disk, in MiB. GPT keeps the first and the last MiB.
const (
	stateSize = 512 // journal with its 64 MB of ballast and 48 MB of reserve, trust list, reports
	alignment = 1
)

// programs builds init and the gate for arm64, both without anything to link at run time: there are no libraries on the box.
func (b *builder) programs() error {
	root := filepath.Join(b.work, "root")
	for _, p := range []struct {
		pkg, file string
		env       []string
		flags     string
	}{
		{"./firmware/init", "sbin/init", []string{"CGO_ENABLED=0"}, ""},
		{
			"./gateway", "usr/bin/passerelle",
			[]string{"CGO_ENABLED=1", "CC=aarch64-linux-gnu-gcc"},
			" -linkmode external -extldflags -static",
		},
	} {
		// netgo and osusergo: names are looked up by Go's own code, since glibc's would load libraries that are not there.
		c := exec.Command("go", "build", "-tags", "netgo,osusergo", "-trimpath", "-ldflags", "-s -w"+b.version()+p.flags, "-o", filepath.Join(root, p.file), p.pkg)
		c.Env = append(append(os.Environ(), "GOOS=linux", "GOARCH=arm64"), p.env...)
		if text, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", p.pkg, err, text)
		}
	}
	return nil
}

// version returns the linker's flags that tell the gate its version, as the Makefile gives them.
func (b *builder) version() string {
	describe, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	built, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" -X main.version=%s -X main.buildTime=%s", strings.TrimSpace(string(describe)), strings.TrimSpace(string(built)))
}

// initramfs packs init and the modules that the disk needs; and, beside it, the modules of the rig.
func (b *builder) initramfs() error {
	folder := filepath.Join(b.work, "initramfs")
	for _, dir := range []string{"dev", "proc", "sys", "root"} {
		if err := os.MkdirAll(filepath.Join(folder, dir), 0o755); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(b.work, "root/sbin/init"), filepath.Join(folder, "init")); err != nil {
		return err
	}
	if err := b.copyModules(filepath.Join(folder, "modules"), diskModules, nil); err != nil {
		return err
	}
	if err := run(folder, "", "sh", "-c", "find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | zstd -q -19 -T0 -f -o "+filepath.Join(b.out, "initramfs.img")); err != nil {
		return err
	}
	rig := filepath.Join(b.out, "rig-modules")
	if err := os.RemoveAll(rig); err != nil {
		return err
	}
	return b.copyModules(rig, rigModules, append(diskModules, applianceModules...))
}

// root packs the read-only root partition.
func (b *builder) root() error {
	root := filepath.Join(b.work, "root")
	for _, dir := range []string{"dev", "proc", "sys", "run", "tmp", "state", "etc/ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := b.copyModules(filepath.Join(root, "lib/modules/appliance"), applianceModules, diskModules); err != nil {
		return err
	}
	authorities, err := filepath.Glob(filepath.Join(b.work, "certificates/usr/share/ca-certificates/mozilla/*.crt"))
	if err != nil || len(authorities) == 0 {
		return errors.Join(errors.New("no authority certificates"), err)
	}
	for _, file := range authorities {
		if err := copyFile(file, filepath.Join(root, "etc/ssl/certs", filepath.Base(file))); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/run:/sbin/nologin\n", "etc/group": "root:x:0:\n", "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
		"etc/nsswitch.conf": "hosts: files dns\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return run(b.work, "", "mkfs.erofs", "--quiet", "-zlz4hc", "-T0", "--all-root", filepath.Join(b.work, "root.img"), root)
}

// disk writes the partitions to one disk. The state partition has its file system already: the box has no tool to make one.
func (b *builder) disk() error {
	root, err := os.Stat(filepath.Join(b.work, "root.img"))
	if err != nil {
		return err
	}
	const mib = 1 << 20
	rootSize := (root.Size() + mib - 1) / mib
	disk := filepath.Join(b.out, "passerelle.img")
	if err := os.RemoveAll(disk); err != nil {
		return err
	}
	if err := os.WriteFile(disk, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(disk, (rootSize+stateSize+2*alignment)*mib); err != nil {
		return err
	}
	const linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	layout := fmt.Sprintf("label: gpt\nstart=%dMiB, size=%dMiB, type=%s, name=passerelle-root\nstart=%dMiB, size=%dMiB, type=%s, name=passerelle-state\n",
		alignment, rootSize, linux, alignment+rootSize, stateSize, linux)
	if err := run(b.work, layout, "sfdisk", "--quiet", "--wipe", "never", disk); err != nil {
		return err
	}
	if err := writeAt(disk, filepath.Join(b.work, "root.img"), alignment*mib); err != nil {
		return err
	}
	return run(b.work, "", "mkfs.ext4", "-q", "-F", "-L", "passerelle-state", "-m", "0", "-E", fmt.Sprintf("offset=%d,root_owner=0:0", (alignment+rootSize)*mib),
		disk, fmt.Sprintf("%dM", stateSize))
}

// writeAt writes a file into another at an offset.
func writeAt(to, from string, offset int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.NewOffsetWriter(out, offset), in)
	return errors.Join(err, out.Close())
}

// copyFile copies a file with its mode.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}
