package testdata

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// List is a trust list as its file spells it. Times are in unix seconds, hashes in hexadecimal, keys in base64.
type List struct {
	Version    uint64       `json:"version"`
	Issued     int64        `json:"issued"`
	Expires    int64        `json:"expires"`
	Keys       []Key        `json:"keys"`
	Disabled   []string     `json:"disabled"` // SHA-256 of SubjectPublicKeyInfos
	Acceptance []Acceptance `json:"acceptance"`
	Revoked    []Revocation `json:"revoked"`
}

// Key is one key of a List.
type Key struct {
	Name       string   `json:"name"` // of the test key; its file is keys/NAME.pem
	ID         string   `json:"id"`
	Country    string   `json:"country"`
	Issuer     string   `json:"issuer"`
	SPKI       string   `json:"spki"`
	Usages     []string `json:"usages"`
	Algorithms []string `json:"algorithms"`
	NotBefore  int64    `json:"not_before"`
	NotAfter   int64    `json:"not_after"`
}

// Acceptance is one row of a List's table of who is accepted for what, and when.
type Acceptance struct {
	Country string   `json:"country"`
	Usages  []string `json:"usages"`
	From    int64    `json:"from"`
	Until   int64    `json:"until"` // 0 for no end
}

// Revocation is one country's list of one kind: uci, country_uci or signature.
type Revocation struct {
	Country string   `json:"country"`
	Kind    string   `json:"kind"`
	Expires int64    `json:"expires"`
	Entries []string `json:"entries"`
}

// Trust returns the list of that name, for trust.New. All its keys are marked as test keys.
func Trust(name string) (trust.List, error) {
	file, err := files.Open("trust/" + name + ".json")
	if err != nil {
		return trust.List{}, fmt.Errorf("test trust list: %w", err)
	}
	defer file.Close()
	l, err := ReadList(file)
	if err != nil {
		return trust.List{}, fmt.Errorf("test trust list %s: %w", name, err)
	}
	return l, nil
}

// ReadList reads a list's file.
func ReadList(r io.Reader) (trust.List, error) {
	var file List
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return trust.List{}, err
	}
	l := trust.List{Version: file.Version, Issued: file.Issued, Expires: file.Expires}
	for i := range file.Keys {
		key, err := file.Keys[i].key()
		if err != nil {
			return trust.List{}, fmt.Errorf("key %s: %w", file.Keys[i].Name, err)
		}
		l.Keys = append(l.Keys, key)
	}
	for _, text := range file.Disabled {
		var fingerprint [32]byte
		if err := unhex(fingerprint[:], text); err != nil {
			return trust.List{}, err
		}
		l.Disabled = append(l.Disabled, fingerprint)
	}
	for _, a := range file.Acceptance {
		u, err := usages(a.Usages)
		if err != nil {
			return trust.List{}, err
		}
		l.Acceptance = append(l.Acceptance, trust.Acceptance{Country: a.Country, Usages: u, From: a.From, Until: a.Until})
	}
	for i := range file.Revoked {
		r, err := file.Revoked[i].revocation()
		if err != nil {
			return trust.List{}, err
		}
		l.Revoked = append(l.Revoked, r)
	}
	return l, nil
}

func (k *Key) key() (trust.Key, error) {
	id, err := trust.ParseKeyID(k.ID)
	if err != nil {
		return trust.Key{}, err
	}
	der, err := base64.StdEncoding.DecodeString(k.SPKI)
	if err != nil {
		return trust.Key{}, err
	}
	public, err := sig.ParseSPKI(der)
	if err != nil {
		return trust.Key{}, err
	}
	u, err := usages(k.Usages)
	if err != nil {
		return trust.Key{}, err
	}
	key := trust.Key{
		ID: id, Country: k.Country, Issuer: k.Issuer, Public: public, Usages: u,
		NotBefore: k.NotBefore, NotAfter: k.NotAfter, Test: true,
	}
	for _, name := range k.Algorithms {
		alg, err := sig.ParseAlgorithm(name)
		if err != nil {
			return trust.Key{}, err
		}
		key.Algorithms = append(key.Algorithms, alg)
	}
	return key, nil
}

func usages(names []string) (trust.Usage, error) {
	var set trust.Usage
	for _, name := range names {
		u, ok := trust.ParseUsage(name)
		if !ok {
			return 0, fmt.Errorf("usage %q: no such usage", name)
		}
		set |= u
	}
	return set, nil
}

// RevocationKinds are the names of trust's kinds of revocation, in their order.
var RevocationKinds = [...]string{trust.RevokedUCI: "uci", trust.RevokedCountryUCI: "country_uci", trust.RevokedSignature: "signature"}

func (r *Revocation) revocation() (trust.Revocation, error) {
	out := trust.Revocation{Country: r.Country, Expires: r.Expires}
	kind := 0
	for ; kind < len(RevocationKinds) && RevocationKinds[kind] != r.Kind; kind++ {
	}
	if kind == len(RevocationKinds) {
		return trust.Revocation{}, fmt.Errorf("revocation kind %q: want %s", r.Kind, strings.Join(RevocationKinds[:], ", "))
	}
	out.Kind = trust.RevocationKind(kind)
	for _, text := range r.Entries {
		var h trust.RevocationHash
		if err := unhex(h[:], text); err != nil {
			return trust.Revocation{}, err
		}
		out.Entries = append(out.Entries, h)
	}
	return out, nil
}

func unhex(dst []byte, s string) error {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(dst) {
		return fmt.Errorf("%q: want %d bytes in hexadecimal", s, len(dst))
	}
	copy(dst, b)
	return nil
}
