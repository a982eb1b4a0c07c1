package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/dgraph-io/badger/v4"
	"github.com/fxamacker/cbor/v2"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/trust"
)

// listKeys is the size of a list that many countries sign by.
const listKeys = 3000

// record is a key as somebody would keep it in Badger. The public key stays encoded: parsing it would cost tens of microseconds.
type record struct {
	Country    string  `cbor:"1,keyasint"`
	Issuer     string  `cbor:"2,keyasint"`
	SPKI       []byte  `cbor:"3,keyasint"`
	Usages     uint32  `cbor:"4,keyasint"`
	Algorithms []int16 `cbor:"5,keyasint"`
	NotBefore  int64   `cbor:"6,keyasint"`
	NotAfter   int64   `cbor:"7,keyasint"`
}

// lookup finds keys by their ids: the snapshot, against a Get from Badger with decoding.
func (b *bench) lookup() (_ result, err error) {
	keys, err := workload.NewKeys(listKeys)
	if err != nil {
		return result{}, err
	}
	list, err := workload.NewList(keys)
	if err != nil {
		return result{}, err
	}
	dir, err := os.MkdirTemp("", "passerelle-peers-")
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := store(db, list); err != nil {
		return result{}, err
	}
	ids := make([]trust.KeyID, payloads)
	for i := range ids {
		ids[i] = keys[i*7%len(keys)].Entry().ID
	}
	return b.contest(
		finding("ours", ids, func(id trust.KeyID) (string, error) {
			found := list.Keys(trust.HCERT, id)
			if len(found) != 1 {
				return "", fmt.Errorf("%d keys of id %v", len(found), id)
			}
			return found[0].Issuer, nil
		}, list),
		finding("badger Get and fxamacker/cbor", ids, func(id trust.KeyID) (string, error) {
			r, err := get(db, id)
			return r.Issuer, err
		}, list),
	)
}

func store(db *badger.DB, list *trust.Snapshot) error {
	w := db.NewWriteBatch()
	defer w.Cancel()
	for k := range list.All {
		r := record{Country: k.Country, Issuer: k.Issuer, SPKI: k.Public.SPKI(), Usages: uint32(k.Usages), NotBefore: k.NotBefore, NotAfter: k.NotAfter}
		for _, alg := range k.Algorithms {
			r.Algorithms = append(r.Algorithms, int16(alg))
		}
		value, err := cbor.Marshal(r)
		if err != nil {
			return fmt.Errorf("encode key %v: %w", k.ID, err)
		}
		if err := w.Set(append([]byte{byte(trust.HCERT)}, k.ID[:]...), value); err != nil {
			return fmt.Errorf("store key %v: %w", k.ID, err)
		}
	}
	return w.Flush()
}

func get(db *badger.DB, id trust.KeyID) (r record, err error) {
	key := [1 + len(id)]byte{byte(trust.HCERT)}
	copy(key[1:], id[:])
	err = db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key[:])
		if err != nil {
			return err
		}
		return item.Value(func(value []byte) error { return cbor.Unmarshal(value, &r) })
	})
	return r, err
}

func finding(name string, ids []trust.KeyID, find func(trust.KeyID) (string, error), list *trust.Snapshot) entrant {
	pass := func() {
		for _, id := range ids {
			_, _ = find(id)
		}
	}
	return entrant{measure.Side{Name: name, Count: len(ids), Pass: pass}, func() error {
		for _, id := range ids {
			got, err := find(id)
			if err != nil {
				return fmt.Errorf("key %v: %w", id, err)
			}
			if want := list.Keys(trust.HCERT, id)[0].Issuer; got != want {
				return fmt.Errorf("key %v: issuer %q, want %q", id, got, want)
			}
		}
		return nil
	}}
}
