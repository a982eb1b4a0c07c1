package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"passerelle/drivers/camera"
	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// readPictures decodes CORPORA/hcert/png and returns what each shows, by pictureName. The folder may be missing.
func readPictures(ctx context.Context, corpora string) (map[string][]string, error) {
	folder := filepath.Join(corpora, "hcert", "png")
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pictures := make(map[string][]string)
	for _, e := range entries {
		country, rest, ok := strings.Cut(e.Name(), "_")
		if !ok || !strings.EqualFold(filepath.Ext(e.Name()), ".png") {
			continue
		}
		if _, after, ok := strings.Cut("_"+rest, "_png_"); ok {
			rest = after
		}
		symbols, err := camera.ReadFile(ctx, filepath.Join(folder, e.Name()))
		if err != nil && !errors.Is(err, camera.ErrNoCode) {
			return nil, err
		}
		name := pictureName(country, rest)
		pictures[name] = []string{}
		for _, s := range symbols {
			pictures[name] = append(pictures[name], string(s.Payload))
		}
	}
	return pictures, nil
}

func pictureName(country, file string) string {
	return country + "/" + strings.ToLower(strings.TrimSuffix(file, filepath.Ext(file)))
}

// pictureDecoded looks for the row's payload in its picture; where the data holds no picture nothing is known.
func pictureDecoded(j *judge, r *row, _ *policy.Candidate, _ *verify.Result) (passed, known bool) {
	texts, ok := j.pictures[pictureName(r.Country, filepath.Base(r.Source))]
	if !ok {
		return false, false
	}
	for _, text := range texts {
		if text == r.Payload {
			return true, true
		}
	}
	return false, true
}
