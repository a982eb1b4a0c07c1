package workload

import (
	"fmt"
	"os"
	"path/filepath"

	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
	"passerelle/gateway/verify"
)

// Real are the certificates of the mix as their issuers made them, with a list of signers.
type Real struct {
	Sources []string
	Scans   []verify.Scan
	List    *trust.Snapshot
	Now     policy.Now
}

// realNow is a time at which most of the real certificates were valid: May 2022, in unix seconds.
const realNow = 1653654733

// ReadReal reads the mix and the acceptance list of de-acceptance, whose signature is checked.
func ReadReal(corpora string) (*Real, error) {
	rows, err := readMix(corpora)
	if err != nil {
		return nil, err
	}
	list, err := readSigners(filepath.Join(corpora, "trust", "de-acceptance"))
	if err != nil {
		return nil, err
	}
	r := &Real{List: list, Now: policy.At(realNow)}
	for _, row := range rows {
		r.Sources = append(r.Sources, row.Source)
		r.Scans = append(r.Scans, verify.Scan{Data: []byte(row.Payload)})
	}
	return r, nil
}

func readSigners(folder string) (*trust.Snapshot, error) {
	listKey, err := os.ReadFile(filepath.Join(folder, "dsc-list-signing-key.pem"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCorpus, err)
	}
	root, err := bundle.ParseRoot(listKey)
	if err != nil {
		return nil, fmt.Errorf("list of signers: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(folder, "dsc-list.json"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCorpus, err)
	}
	content, _, err := source.Import("de", []source.Input{{Name: "dsc-list.json", Data: data}}, source.Options{ListKey: root.Key})
	if err != nil {
		return nil, fmt.Errorf("list of signers: %w", err)
	}
	keys := make([]trust.Key, len(content.Keys))
	for i := range content.Keys {
		keys[i] = content.Keys[i].Key
	}
	return trust.New(ListOf(keys))
}

// Keep keeps the codes that want is true for.
func (r *Real) Keep(want func(i int) bool) {
	kept := 0
	for i := range r.Scans {
		if want(i) {
			r.Sources[kept], r.Scans[kept] = r.Sources[i], r.Scans[i]
			kept++
		}
	}
	r.Sources, r.Scans = r.Sources[:kept], r.Scans[:kept]
}
