package journal

import (
	"encoding/json"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
)

// rebuilt is what follows from the chain alone, in words that a test can compare.
type rebuilt struct {
	Uses       map[useKey]string // records
	Unresolved map[uint64]string
	Counts     map[string]counter
}

func newRebuilt() rebuilt {
	return rebuilt{make(map[useKey]string), make(map[uint64]string), make(map[string]counter)}
}

// rebuild follows a whole chain from its first entry.
func rebuild(t testing.TB, entries []Entry) rebuilt {
	t.Helper()
	r := newRebuilt()
	for _, e := range entries {
		f, err := parseBody(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		did, err := f.effects(e.Sequence)
		if err != nil {
			t.Fatalf("entry %d: %v: %s", e.Sequence, err, e.Body)
		}
		for _, c := range did.changes {
			was, known := r.Uses[c.key]
			if known != c.known || known && was != string(c.was.append(nil)) {
				t.Fatalf("entry %d replaces a record that is not the one before: %s", e.Sequence, e.Body)
			}
			r.Uses[c.key] = string(c.now.append(nil))
		}
		if did.count != (counter{}) {
			name := string(appendCounterKey(nil, did.at))
			r.Counts[name] = r.Counts[name].plus(did.count)
		}
		switch {
		case did.unresolved == digest{}:
		case did.count.authorised == 1:
			exit, _ := isExit(unquote(f.Movement))
			u := waitingFrom(e.Sequence, f.At.UnixMilli(), did.at, exit, did.changes)
			r.Unresolved[e.Sequence] = string(u.append(nil))
		default:
			var of resolved
			if err := json.Unmarshal(f.Entry, &of); err != nil {
				t.Fatal(err)
			}
			delete(r.Unresolved, of.Sequence)
		}
	}
	return r
}

// stored reads the same from the store.
func stored(t testing.TB, j *Journal) rebuilt {
	t.Helper()
	r := newRebuilt()
	err := j.db.View(func(txn *badger.Txn) error {
		if err := eachUse(txn, func(k useKey, u useRecord) error { r.Uses[k] = string(u.append(nil)); return nil }); err != nil {
			return err
		}
		if err := eachWaiting(txn, func(u waiting) error { r.Unresolved[u.sequence] = string(u.append(nil)); return nil }); err != nil {
			return err
		}
		return eachCounter(txn, func(at place, c counter) error { r.Counts[string(appendCounterKey(nil, at))] = c; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// inMemory reads the same from what decides.
func inMemory(j *Journal) rebuilt {
	r := newRebuilt()
	for k := range j.ledger.uses {
		u, _ := j.ledger.find(k)
		r.Uses[k] = string(u.append(nil))
	}
	for n, u := range j.unresolved {
		r.Unresolved[n] = string(u.append(nil))
	}
	for at, c := range j.counts {
		r.Counts[string(appendCounterKey(nil, at))] = c
	}
	return r
}

// wantRebuilt holds a journal of which nothing was dropped against its chain.
func wantRebuilt(t testing.TB, j *Journal) {
	t.Helper()
	want := rebuild(t, readAll(t, j))
	if diff := cmp.Diff(want, stored(t, j), cmp.AllowUnexported(counter{})); diff != "" {
		t.Errorf("store (-chain +store):\n%s", diff)
	}
	if diff := cmp.Diff(want, inMemory(j), cmp.AllowUnexported(counter{})); diff != "" {
		t.Errorf("memory (-chain +memory):\n%s", diff)
	}
}
