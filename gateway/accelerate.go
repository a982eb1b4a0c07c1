package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"passerelle/gateway/sig"
	"passerelle/gateway/sig/p256"
)

// verifyConfig says how signatures are verified.
type verifyConfig struct {
	P256        string `toml:"p256"`
	TableMemory int64  `toml:"table_memory"`
}

// The ways to verify ES256 and PS256.
const (
	p256Fast = "fast" // our own code, with the standard library as the second opinion
	p256Std  = "std"  // the standard library alone
)

// Memory for the tables of keys, in MiB.
const (
	minTableMemory   = p256.MinLimit >> 20
	maxTableMemory   = 4096
	tableMemory      = 64
	tableMemorySmall = 24 // on a box of up to smallBox
	smallBox         = 1200 << 20
)

func (v *verifyConfig) check() error {
	if v.P256 != p256Fast && v.P256 != p256Std {
		return fmt.Errorf("verify.p256 %q: want %q or %q", v.P256, p256Fast, p256Std)
	}
	if v.TableMemory != 0 && (v.TableMemory < minTableMemory || v.TableMemory > maxTableMemory) {
		return fmt.Errorf("verify.table_memory %d: want %d to %d (MiB), or 0 for what suits this box", v.TableMemory, minTableMemory, maxTableMemory)
	}
	return nil
}

// accelerator makes what all Verifiers of the process share; nil for the standard library alone.
func (v *verifyConfig) accelerator(differ func(sig.Difference)) *sig.Accelerator {
	if v.P256 == p256Std {
		return nil
	}
	memory := v.TableMemory
	if memory == 0 {
		memory = tableMemory
		if total := boxMemory(); total != 0 && total <= smallBox {
			memory = tableMemorySmall
		}
	}
	return sig.NewAccelerator(sig.AcceleratorOptions{Memory: memory << 20, Differ: differ})
}

// boxMemory returns the bytes of memory that the machine has (proc_meminfo(5)), 0 if it does not say.
func boxMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemTotal:"); ok {
			var kib int64
			if _, err := fmt.Sscanf(strings.TrimSpace(rest), "%d kB", &kib); err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// differed records that our own code and the standard library disagreed about a signature, after which the standard library does everything.
func (s *station) differed(d sig.Difference) {
	if d.Table {
		s.log.Error("verify: a table failed its check: this machine computes wrongly; the standard library does everything until the next start")
		s.note("table_failed", nil)
		return
	}
	s.log.Error("verify: our own code and the standard library disagree about a signature; the standard library does everything until the next start (verify.p256 = \"std\" keeps it so)",
		"key", hex.EncodeToString(d.Key[:8]), "accepted", d.Accepted)
	s.note("signature_differs", map[string]string{"key": hex.EncodeToString(d.Key[:]), "accepted": fmt.Sprint(d.Accepted)})
}
