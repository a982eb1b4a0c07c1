package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"passerelle/gateway/encoding/jcs"
)

// jcsCases are RFC 8785's vectors: each input in its canonical form, as text and in hexadecimal, and each canonical form in its own.
func jcsCases(dir string, check func(name string, err error)) error {
	inputs, err := filepath.Glob(filepath.Join(dir, "input", "*.json"))
	if err != nil {
		return err
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".json")
		text, err := os.ReadFile(input)
		if err != nil {
			return err
		}
		output, err := os.ReadFile(filepath.Join(dir, "output", name+".json"))
		if err != nil {
			return err
		}
		digits, err := os.ReadFile(filepath.Join(dir, "outhex", name+".txt"))
		if err != nil {
			return err
		}
		inHex, err := hex.DecodeString(strings.Join(strings.Fields(string(digits)), ""))
		if err != nil {
			return fmt.Errorf("outhex of %s: %w", name, err)
		}
		check(name+" output", jcsGives(text, output))
		check(name+" outhex", jcsGives(text, inHex))
		check(name+" again", jcsGives(output, output))
	}
	return nil
}

func jcsGives(text, want []byte) error {
	got, err := jcs.Append(nil, text)
	if err != nil {
		return fmt.Errorf("got %w, want %q", err, want)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}
