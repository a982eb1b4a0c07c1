package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
)

// lists makes the trust list for each row, by the way of every list: import, build, sign, verify.
type lists struct {
	root   *bundle.Signer
	roots  bundle.Roots
	common *trust.Snapshot
	own    map[string]*trust.Snapshot // by certificate
}

func newLists(corpora string) (*lists, error) {
	l := &lists{own: make(map[string]*trust.Snapshot)}
	private := ed25519.NewKeyFromSeed([]byte("interop: signs nothing but this."))
	var err error
	if l.root, err = bundle.NewSigner(private); err != nil {
		return nil, err
	}
	key, err := sig.New(private.Public())
	if err != nil {
		return nil, err
	}
	l.roots = bundle.Roots{Threshold: 1, Keys: []bundle.Root{{Key: key, Name: "interop"}}}
	folder := filepath.Join(corpora, "trust", "de-acceptance")
	listKey, err := os.ReadFile(filepath.Join(folder, "dsc-list-signing-key.pem"))
	if err != nil {
		return nil, err
	}
	signer, err := bundle.ParseRoot(listKey)
	if err != nil {
		return nil, err
	}
	list, err := os.ReadFile(filepath.Join(folder, "dsc-list.json"))
	if err != nil {
		return nil, err
	}
	l.common, err = l.bundle("de", source.Input{Name: "dsc-list.json", Data: list}, source.Options{ListKey: signer.Key})
	return l, err
}

// of returns the list for a row.
func (l *lists) of(r *row) (*trust.Snapshot, error) {
	if r.Certificate == "" {
		return l.common, nil
	}
	if list := l.own[r.Certificate]; list != nil {
		return list, nil
	}
	der, err := base64.StdEncoding.DecodeString(r.Certificate)
	if err != nil {
		return nil, fmt.Errorf("%s: certificate: %w", r.Source, err)
	}
	list, err := l.bundle("der", source.Input{Name: r.Source, Data: der}, source.Options{Usages: trust.AllHCERT, Country: certificateCountry(r)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Source, err)
	}
	l.own[r.Certificate] = list
	return list, nil
}

// certificateCountry names a country where the data has none: rows that belong to nobody stand under a name.
func certificateCountry(r *row) string {
	if len(r.Country) == 2 {
		return r.Country
	}
	return "XX"
}

// forever is an expiry that no row reaches; list ages are tested elsewhere.
const forever = 253_402_300_799 // the end of the year 9999

func (l *lists) bundle(format string, in source.Input, o source.Options) (*trust.Snapshot, error) {
	content, report, err := source.Import(format, []source.Input{in}, o)
	if err != nil {
		return nil, err
	}
	if report.Taken == 0 {
		return nil, fmt.Errorf("import took nothing: %v", report.Skipped)
	}
	content.Acceptance = []trust.Acceptance{{Country: "*", Usages: trust.AllHCERT}}
	b, err := bundle.Build(content, bundle.Header{Version: 1, Issued: 1, Expires: forever})
	if err != nil {
		return nil, err
	}
	if err := b.Sign(nil, l.root); err != nil {
		return nil, err
	}
	verified, err := b.Verify(bundle.Held{Roots: l.roots})
	if err != nil {
		return nil, err
	}
	list, skipped, err := verified.Snapshot(nil)
	if err == nil && len(skipped) > 0 {
		err = fmt.Errorf("the list left out %v", skipped)
	}
	return list, err
}
