package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kernelPackage always depends on the newest kernel; the cloud kernels have no USB.
const kernelPackage = "linux-image-arm64"

// apt returns the arguments that make apt-get look at arm64 packages only, with lists and files of its own, so that this machine's
// packages are neither changed nor asked.
func (b *builder) apt(args ...string) []string {
	return append([]string{
		"-qq",
		"-o", "APT::Architecture=arm64", "-o", "APT::Architectures=arm64",
		"-o", "Dir::State=" + filepath.Join(b.packages, "state"),
		"-o", "Dir::State::status=" + filepath.Join(b.packages, "status"),
		"-o", "Dir::Cache=" + filepath.Join(b.packages, "cache"),
		"-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none",
	}, args...)
}

// fetch brings the packages, unless they are there.
func (b *builder) fetch() error {
	if kernel, err := b.kept("linux-image-*.deb"); err == nil {
		if _, err := b.kept("ca-certificates_*.deb"); err == nil {
			fmt.Printf("image: kernel     %s, kept in %s\n", filepath.Base(kernel), b.packages)
			return nil
		}
	}
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(b.packages, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(b.packages, "status"), nil, 0o644); err != nil {
		return err
	}
	if err := run(b.packages, "", "apt-get", b.apt("update")...); err != nil {
		return err
	}
	kernel, err := b.newestKernel()
	if err != nil {
		return err
	}
	return run(b.packages, "", "apt-get", b.apt("download", kernel, "ca-certificates")...)
}

// newestKernel asks which kernel the package that stands for all of them depends on.
func (b *builder) newestKernel() (string, error) {
	c := exec.Command("apt-cache", b.apt("depends", kernelPackage)...)
	text, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("apt-cache depends %s: %w", kernelPackage, err)
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); ok && strings.HasPrefix(name, "linux-image-") {
			return name, nil
		}
	}
	return "", fmt.Errorf("%s depends on no kernel", kernelPackage)
}

// kept returns the one kept package that a pattern names.
func (b *builder) kept(pattern string) (string, error) {
	names, err := filepath.Glob(filepath.Join(b.packages, pattern))
	if err != nil {
		return "", err
	}
	if len(names) != 1 {
		return "", fmt.Errorf("%d packages %s in %s, want one: delete that folder", len(names), pattern, b.packages)
	}
	return names[0], nil
}

// unpack unpacks the packages, and has the modules' dependencies written.
func (b *builder) unpack() error {
	for _, p := range []struct{ pattern, folder string }{{"linux-image-*.deb", "kernel"}, {"ca-certificates_*.deb", "certificates"}} {
		file, err := b.kept(p.pattern)
		if err != nil {
			return err
		}
		if err := run(b.work, "", "dpkg-deb", "-x", file, filepath.Join(b.work, p.folder)); err != nil {
			return err
		}
	}
	version, err := b.kernelVersion()
	if err != nil {
		return err
	}
	if err := run(b.work, "", "depmod", "-b", filepath.Join(b.work, "kernel"), version); err != nil {
		return err
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	return errors.Join(
		copyFile(filepath.Join(b.work, "kernel/boot/vmlinuz-"+version), filepath.Join(b.out, "vmlinuz")),
		os.WriteFile(filepath.Join(b.out, "kernel-version"), []byte(version+"\n"), 0o644),
	)
}

func (b *builder) kernelVersion() (string, error) {
	entries, err := os.ReadDir(filepath.Join(b.work, "kernel/lib/modules"))
	if err != nil {
		return "", err
	}
	if len(entries) != 1 {
		return "", fmt.Errorf("%d kernels in one package", len(entries))
	}
	return entries[0].Name(), nil
}
