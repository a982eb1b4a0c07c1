package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// begunFile stands beside the journal's folder once there is a journal: where the whole folder is gone, this tells it from a new gate.
const begunFile = "begun"

// begun reports whether this state folder ever had a journal.
func begun(state string) bool {
	_, err := os.Lstat(filepath.Join(state, begunFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// begin notes that there is a journal now. On a full disk that is for the next start.
func begin(state string, log *slog.Logger) {
	if _, err := os.Lstat(filepath.Join(state, journalFolder, "current")); err != nil || begun(state) {
		return
	}
	const text = "This gate has a journal. Without it, kinds used once are referred until somebody accepts the loss: passerelle journal accept.\n"
	if err := replaceFile(filepath.Join(state, begunFile), []byte(text), 0o600); err != nil {
		log.Warn("the loss of the journal's whole folder would not be noticed", "err", err)
	}
}
