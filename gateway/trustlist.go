package main

import (
	"fmt"
	"os"

	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

func openVerified(path, rootsFile string) (*bundle.Verified, error) {
	if rootsFile == "" {
		return nil, misuse{withHint(fmt.Errorf("--roots is missing: the keys that must have signed %s", path),
			"passerelle trust root --keys FILE.pub --out FILE makes such a file")}
	}
	roots, err := readRoots(rootsFile)
	if err != nil {
		return nil, err
	}
	b, err := readBundle(path)
	if err != nil {
		return nil, err
	}
	verified, err := b.Verify(bundle.Held{Roots: *roots})
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	return verified, nil
}

// openList loads a trust list for the bench: a signed bundle with its roots, or a key set, which stands for itself.
func openList(path, rootsFile string) (*trust.Snapshot, error) {
	text, err := readLimited(path, bundle.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("read trust list: %w", err)
	}
	if isKeySet(text) {
		return keySetList(path)
	}
	verified, err := openVerified(path, rootsFile)
	if err != nil {
		return nil, err
	}
	list, _, err := verified.Snapshot(testkeys.Is)
	return list, err
}

// isKeySet tells the text file from the bundle, which is CBOR and begins with a map's head.
func isKeySet(file []byte) bool { return len(file) == 0 || file[0] < 0x80 }

// unsignedUntil is the expiry of a list that nobody signed; it is for the bench and never goes stale.
const unsignedUntil = 1 << 40

// keySetList makes a list of a key set as it is, as old as its file. Without acceptance rows all its countries are accepted.
func keySetList(path string) (*trust.Snapshot, error) {
	content, err := readKeySets([]string{path})
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	list := content.List(testkeys.Is)
	list.Version, list.Issued, list.Expires = 1, info.ModTime().Unix(), unsignedUntil
	if len(list.Acceptance) == 0 {
		list.Acceptance = []trust.Acceptance{{Country: "*", Usages: trust.AllUsages}}
	}
	snapshot, err := trust.New(list)
	if err != nil {
		return nil, fmt.Errorf("key set %s: %w", path, err)
	}
	return snapshot, nil
}
