package measure

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Machine says what ran: the processor, the architecture, Go's version, and the commit of the repository.
type Machine struct {
	CPU    string
	Arch   string
	Go     string
	Commit string // with "-dirty" if the working tree differs; "unknown" without git
}

// Describe looks at the machine, and at the repository that dir is in.
func Describe(dir string) Machine {
	return Machine{CPU: cpu(), Arch: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Commit: commit(dir)}
}

// String is one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %s, %s, commit %s", m.CPU, m.Arch, m.Go, m.Commit)
}

// Slug is the processor's name as a part of a file's name.
func (m Machine) Slug() string {
	words := strings.FieldsFunc(strings.ToLower(m.CPU), func(r rune) bool {
		return (r < 'a' || 'z' < r) && (r < '0' || '9' < r)
	})
	return strings.Join(words, "-")
}

// cpu reads the processor's name: arm64 boards have it in the device tree, others in /proc/cpuinfo.
func cpu() string {
	if model, err := os.ReadFile("/proc/device-tree/model"); err == nil {
		return strings.TrimRight(string(model), "\x00\n")
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	return cpuName(string(info))
}

// cpuName finds the name in the text of /proc/cpuinfo. Where the hypervisor hides the model's number, family and model tell.
func cpuName(info string) string {
	value := func(name string) string {
		for line := range strings.Lines(info) {
			if key, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	name := value("model name")
	if name == "" {
		return "unknown processor"
	}
	if family, model := value("cpu family"), value("model"); family != "" && model != "" && !strings.ContainsAny(name, "0123456789") {
		name += " family " + family + " model " + model
	}
	return name
}

func commit(dir string) string {
	head, err := exec.Command("git", "-C", dir, "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(head))
	changed, err := exec.Command("git", "-C", dir, "status", "--porcelain").Output()
	if err != nil || len(changed) > 0 {
		name += "-dirty"
	}
	return name
}
