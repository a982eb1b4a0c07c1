package source

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Input is one file's content.
type Input struct {
	Name string // for people: the file, or "stdin"
	Data []byte
}

// ReadInputs reads files, all files below folders in the order of their names, and stdin where a path is "-" or no path
// is given. Links to files are followed, links to folders only where they are named themselves.
func ReadInputs(paths []string, stdin io.Reader) ([]Input, error) {
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	r := inputReader{left: MaxInput}
	for _, path := range paths {
		var err error
		if path == "-" {
			err = r.read("stdin", stdin)
		} else {
			err = r.walk(path)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSource, err)
		}
	}
	if len(r.inputs) == 0 {
		return nil, fmt.Errorf("%w: no file in %s", ErrSource, strings.Join(paths, ", "))
	}
	return r.inputs, nil
}

type inputReader struct {
	inputs []Input
	left   int64 // bytes that may still be read
}

func (r *inputReader) walk(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return filepath.WalkDir(target, r.visit)
}

func (r *inputReader) visit(path string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if d.IsDir() || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.read(path, f)
}

func (r *inputReader) read(name string, from io.Reader) error {
	if len(r.inputs) == MaxInputs {
		return fmt.Errorf("%s: more than %d files", name, MaxInputs)
	}
	data, err := io.ReadAll(io.LimitReader(from, r.left+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if r.left -= int64(len(data)); r.left < 0 {
		return fmt.Errorf("%s: more than %d bytes in all", name, MaxInput)
	}
	r.inputs = append(r.inputs, Input{Name: name, Data: data})
	return nil
}
