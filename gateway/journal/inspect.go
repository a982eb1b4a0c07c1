package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// inspect finds what Badger itself would not survive or would destroy: without its MANIFEST it deletes every table, and a
// table whose end it cannot read ends the process, while one whose index has a wrong checksum is silently left out.
func inspect(o badger.Options) error {
	path := filepath.Join(o.Dir, badger.ManifestFilename)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		files, err := namesIn(o.Dir, "", ".sst")
		if err != nil || len(files) == 0 {
			return err
		}
		return damagedf("%s is missing, with %d tables there", badger.ManifestFilename, len(files))
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var manifest badger.Manifest
	if err := protect(func() (err error) {
		manifest, _, err = badger.ReplayManifestFile(f, o.ExternalMagicVersion, o)
		return err
	}); err != nil {
		return damagedf("%s: %v", badger.ManifestFilename, err)
	}
	for id := range manifest.Tables {
		if err := inspectTable(table.NewFilename(id, o.Dir)); err != nil {
			return err
		}
	}
	return nil
}

// dropUseless removes files that keep Badger from opening and hold nothing. A power cut between the making of a log and its
// first page leaves one of no length; where damage cut it short, the head file knows of entries that it held. The key
// registry is empty, since nothing is encrypted here; it is made anew.
func dropUseless(dir string) error {
	for _, suffix := range []string{".mem", ".vlog"} {
		names, err := namesIn(dir, "", suffix)
		if err != nil {
			return err
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err != nil || info.Size() > 0 {
				continue
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	registry := filepath.Join(dir, badger.KeyRegistryFileName)
	b, err := os.ReadFile(registry)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) == registrySize && string(b[registrySize-len(registryText):]) == registryText {
		return nil
	}
	return errors.Join(err, os.Remove(registry))
}

// Badger's key registry without keys: an initialisation vector and a text to try the key on.
const (
	registryText = "Hello Badger"
	registrySize = 16 + len(registryText)
)

const (
	maxTable       = 256 << 20 // bytes; ours have a few million
	maxChecksum    = 32        // bytes of a table's checksum message
	checksumCRC32C = 0         // Checksum.algo in Badger's badgerpb4.proto
)

// inspectTable checks the end of a table: blocks, index, 4 bytes of its length, a checksum of it, 4 bytes of that's length,
// all big-endian.
func inspectTable(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return damagedf("table %s is missing", filepath.Base(path))
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	name, rest := filepath.Base(path), info.Size()
	var word [4]byte
	take := func(b []byte) bool {
		rest -= int64(len(b))
		if rest < 0 {
			return false
		}
		_, err := f.ReadAt(b, rest)
		return err == nil
	}
	if rest > maxTable || !take(word[:]) {
		return damagedf("table %s has %d bytes", name, info.Size())
	}
	n := binary.BigEndian.Uint32(word[:])
	if n > maxChecksum {
		return damagedf("table %s has no checksum", name)
	}
	message := make([]byte, n)
	if !take(message) || !take(word[:]) {
		return damagedf("table %s has no index", name)
	}
	sum, err := parseChecksum(message)
	if err != nil {
		return damagedf("table %s: %v", name, err)
	}
	if n = binary.BigEndian.Uint32(word[:]); int64(n) > rest {
		return damagedf("table %s has no index", name)
	}
	index := make([]byte, n)
	if !take(index) || uint64(crc32.Checksum(index, crc32.MakeTable(crc32.Castagnoli))) != sum {
		return damagedf("index of table %s is wrong", name)
	}
	return nil
}

// parseChecksum reads the message {1: algo, 2: sum}, both varints.
func parseChecksum(b []byte) (sum uint64, err error) {
	for len(b) > 0 {
		v, n := binary.Uvarint(b[1:])
		if n <= 0 {
			return 0, errors.New("checksum is cut off")
		}
		switch b[0] {
		case 1 << 3:
			if v != checksumCRC32C {
				return 0, errors.New("checksum of an unknown kind")
			}
		case 2 << 3:
			sum = v
		default:
			return 0, errors.New("checksum with an unknown field")
		}
		b = b[1+n:]
	}
	return sum, nil
}
