package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// row is one line of payloads.jsonl; CORPORA.md describes its members.
type row struct {
	Source         string          `json:"source"`
	Country        string          `json:"country"`
	Payload        string          `json:"payload"`
	SignatureValid *bool           `json:"signature_valid"`
	Certificate    string          `json:"certificate"`
	Clock          string          `json:"clock"`
	Expected       map[string]bool `json:"expected"`
}

const maxLine = 1 << 20

func readRows(corpora string) ([]row, error) {
	f, err := os.Open(filepath.Join(corpora, "hcert", "payloads.jsonl"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows []row
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	return rows, lines.Err()
}

// clockLayouts are how the rows spell their clocks; without a zone it is UTC.
var clockLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", time.DateOnly}

// clock returns the row's clock in unix seconds; false if it has none.
func (r *row) clock() (int64, bool, error) {
	if r.Clock == "" {
		return 0, false, nil
	}
	for _, layout := range clockLayouts {
		if t, err := time.Parse(layout, r.Clock); err == nil {
			return t.Unix(), true, nil
		}
	}
	return 0, false, fmt.Errorf("%s: clock %q is in no form that is known", r.Source, r.Clock)
}
