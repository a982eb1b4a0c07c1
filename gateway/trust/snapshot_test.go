package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"passerelle/gateway/sig"
)

func newKey(t testing.TB) sig.Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sig.New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keyID(n int) (id KeyID) {
	binary.BigEndian.PutUint64(id[:], uint64(n)*0x9e3779b97f4a7c15) // spread like hashes
	return id
}

func newEntry(id int, public sig.Key) Key {
	return Key{ID: keyID(id), Country: "MA", Public: public, Usages: AllHCERT, Algorithms: public.Algorithms(), NotBefore: 10, NotAfter: 20}
}

func newSnapshot(t testing.TB, l List) *Snapshot {
	t.Helper()
	s, err := New(l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// manyKeys has n entries of few public keys: to make 20,000 real ones takes long.
func manyKeys(t testing.TB, n int) []Key {
	t.Helper()
	public := []sig.Key{newKey(t), newKey(t), newKey(t)}
	list := make([]Key, 0, n)
	for i := range n {
		list = append(list, newEntry(i+1, public[i%len(public)]))
	}
	return list
}

func TestKeysAreFoundByKindAndID(t *testing.T) {
	t.Parallel()
	list := manyKeys(t, 3_000)
	list = append(list, newEntry(7, newKey(t)), newEntry(7, newKey(t)))
	onlyTest := newEntry(8_000, newKey(t))
	onlyTest.Usages = HCERTTest
	nothing := newEntry(9_000, newKey(t))
	nothing.Usages = 0
	s := newSnapshot(t, List{Version: 4, Issued: 5, Expires: 6, Digest: [32]byte{7}, Keys: append(list, onlyTest, nothing)})
	if s.Version() != 4 || s.Issued() != 5 || s.Expires() != 6 || s.Digest() != [32]byte{7} || s.Len() != 3_004 {
		t.Errorf("got %d %d %d %x %d", s.Version(), s.Issued(), s.Expires(), s.Digest(), s.Len())
	}
	for i := range 3_000 {
		want := 1
		if i+1 == 7 {
			want = 3
		}
		keys := s.Keys(HCERT, keyID(i+1))
		if len(keys) != want || keys[0].ID != keyID(i+1) || keys[0].Public.Fingerprint() != list[i].Public.Fingerprint() {
			t.Fatalf("key %d: got %d keys", i+1, len(keys))
		}
	}
	for _, tt := range []struct {
		name string
		kind Kind
		id   KeyID
		want int
	}{
		{"for tests only", HCERT, keyID(8_000), 1},
		{"for nothing", HCERT, keyID(9_000), 0},
		{"not on the list", HCERT, keyID(10_000), 0},
		{"id of zeros", HCERT, KeyID{}, 0},
		{"no kind", NoKind, keyID(1), 0},
		{"a kind that is none", NumKinds, keyID(1), 0},
		{"the last kind there can be", 255, keyID(1), 0},
	} {
		if got := len(s.Keys(tt.kind, tt.id)); got != tt.want {
			t.Errorf("%s: %d keys, want %d", tt.name, got, tt.want)
		}
	}
}

func TestEmptyListKnowsNobody(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Snapshot{"Empty": Empty(), "New of nothing": newSnapshot(t, List{}), "zero": {}} {
		if len(s.Keys(HCERT, keyID(1))) != 0 || s.Accepts("MA", HCERTTest, 1, 1) || s.Revoked("MA", RevokedUCI, RevocationHash{}) {
			t.Errorf("%s knows something", name)
		}
		if _, ok := s.Revocations("MA"); ok || s.Version() != 0 || s.Len() != 0 || len(s.Acceptance()) != 0 {
			t.Errorf("%s has something", name)
		}
		for range s.All {
			t.Errorf("%s has a key", name)
		}
	}
}

func TestListLimits(t *testing.T) {
	t.Parallel()
	all := manyKeys(t, MaxKeys+1)
	same := make([]Key, 0, MaxKeysPerID+1)
	for range MaxKeysPerID + 1 {
		same = append(same, newEntry(1, newKey(t)))
	}
	entries := make([]RevocationHash, MaxRevoked)
	country := func(n int) []Revocation {
		return []Revocation{{Country: "DE", Entries: entries[:MaxRevoked-1]}, {Country: "FR", Entries: entries[:n]}}
	}
	tests := []struct {
		name string
		list List
		ok   bool
	}{
		{"all keys", List{Keys: all[:MaxKeys]}, true},
		{"a key more", List{Keys: all}, false},
		{"keys under one id", List{Keys: same[:MaxKeysPerID]}, true},
		{"a key more under one id", List{Keys: same}, false},
		{"all revoked", List{Revoked: country(1)}, true},
		{"one more revoked", List{Revoked: country(2)}, false},
		{"last kind of revocation", List{Revoked: []Revocation{{Country: "DE", Kind: RevokedSignature}}}, true},
		{"a kind of revocation that is none", List{Revoked: []Revocation{{Country: "DE", Kind: RevokedSignature + 1}}}, false},
		{"a key without a public key", List{Keys: []Key{{ID: keyID(1), Usages: HCERTTest}}}, false},
	}
	for _, tt := range tests {
		s, err := New(tt.list)
		if tt.ok != (err == nil) || err != nil && !errors.Is(err, ErrList) {
			t.Errorf("%s: %v, want taken: %t", tt.name, err, tt.ok)
		}
		if err != nil && s != nil {
			t.Errorf("%s: a snapshot beside an error", tt.name)
		}
	}
}

func TestSwitchedOffKeyIsOffUnderEveryCertificate(t *testing.T) {
	t.Parallel()
	stolen, other := newKey(t), newKey(t)
	byState := newEntry(4, other)
	byState.Disabled = true
	s := newSnapshot(t, List{
		Keys:     []Key{newEntry(1, stolen), newEntry(2, stolen), newEntry(2, other), newEntry(3, other), byState},
		Disabled: [][32]byte{stolen.Fingerprint(), {1}},
	})
	got := make(map[string]bool)
	for k := range s.All {
		got[fmt.Sprintf("%v %t", k.ID, k.Public.Fingerprint() == stolen.Fingerprint())] = k.Disabled
	}
	want := map[string]bool{
		fmt.Sprint(keyID(1), " true"): true, fmt.Sprint(keyID(2), " true"): true,
		fmt.Sprint(keyID(2), " false"): false, fmt.Sprint(keyID(3), " false"): false, fmt.Sprint(keyID(4), " false"): true,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("disabled: got %v, want %v", got, want)
	}
}

func TestSnapshotDoesNotChangeWithWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	l := List{
		Keys:       []Key{newEntry(1, newKey(t))},
		Acceptance: []Acceptance{{Country: "MA", Usages: HCERTTest}},
		Revoked:    []Revocation{{Country: "MA", Expires: 1, Entries: []RevocationHash{{2}, {1}}}},
	}
	s := newSnapshot(t, l)
	l.Keys[0] = Key{}
	l.Acceptance[0].Country = "DE"
	l.Revoked[0].Entries[0] = RevocationHash{9}
	if len(s.Keys(HCERT, keyID(1))) != 1 || s.Accepts("DE", HCERTTest, 1, 1) || s.Revoked("MA", RevokedUCI, RevocationHash{9}) || !s.Revoked("MA", RevokedUCI, RevocationHash{2}) {
		t.Error("the snapshot changed with the list")
	}
}

func TestAllGoesByIDAndStopsWhenToldTo(t *testing.T) {
	t.Parallel()
	s := newSnapshot(t, List{Keys: manyKeys(t, 500)})
	var ids []string
	for k := range s.All {
		ids = append(ids, k.ID.String())
	}
	if len(ids) != 500 || !slices.IsSorted(ids) {
		t.Errorf("%d ids, sorted: %t", len(ids), slices.IsSorted(ids))
	}
	seen := 0
	for range s.All {
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("went on after the break: %d", seen)
	}
}

func TestAcceptanceNeedsOneRowForTheWholeTime(t *testing.T) {
	t.Parallel()
	s := newSnapshot(t, List{Acceptance: []Acceptance{
		{Country: "DE", Usages: HCERTTest | HCERTRecovery, From: 100, Until: 200},
		{Country: "DE", Usages: HCERTTest, From: 200, Until: 300},
		{Country: "FR", Usages: AllHCERT, From: 100},
		{Country: "*", Usages: HCERTVaccination, From: 500},
	}})
	tests := []struct {
		name        string
		country     string
		usage       Usage
		from, until int64
		want        bool
	}{
		{"inside", "DE", HCERTTest, 150, 160, true},
		{"first and last second", "DE", HCERTTest, 100, 200, true},
		{"a second early", "DE", HCERTTest, 99, 150, false},
		{"a second late", "DE", HCERTRecovery, 150, 201, false},
		{"second row", "DE", HCERTTest, 250, 250, true},
		{"over two rows", "DE", HCERTTest, 150, 250, false},
		{"another usage", "DE", HCERTVaccination, 150, 150, false},
		{"two usages of one row", "DE", HCERTTest | HCERTRecovery, 150, 150, true},
		{"two usages, one not there", "DE", HCERTTest | HCERTVaccination, 150, 150, false},
		{"no end", "FR", HCERTTest, 100, 1 << 60, true},
		{"before it begins", "FR", HCERTTest, 99, 99, false},
		{"another country", "IT", HCERTTest, 150, 150, false},
		{"every country", "IT", HCERTVaccination, 500, 500, true},
		{"every country, before", "IT", HCERTVaccination, 499, 500, false},
		{"every country, also one with its own row", "DE", HCERTVaccination, 600, 600, true},
		{"the star is no country", "*", HCERTTest, 150, 150, false},
		{"no country", "", HCERTTest, 150, 150, false},
	}
	for _, tt := range tests {
		if got := s.Accepts(tt.country, tt.usage, tt.from, tt.until); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
	if n := len(s.Acceptance()); n != 4 {
		t.Errorf("%d rows, want 4", n)
	}
}

func TestRevocationIsByCountryAndKind(t *testing.T) {
	t.Parallel()
	s := newSnapshot(t, List{Revoked: []Revocation{
		{Country: "DE", Kind: RevokedUCI, Expires: 300, Entries: []RevocationHash{{3}, {1}, {2}, {1}}},
		{Country: "DE", Kind: RevokedSignature, Expires: 200, Entries: []RevocationHash{{4}}},
		{Country: "DE", Kind: RevokedUCI, Expires: 400, Entries: []RevocationHash{{5}}},
		{Country: "FR", Kind: RevokedCountryUCI, Expires: 100},
	}})
	tests := []struct {
		country string
		kind    RevocationKind
		hash    RevocationHash
		want    bool
	}{
		{"DE", RevokedUCI, RevocationHash{1}, true},
		{"DE", RevokedUCI, RevocationHash{3}, true},
		{"DE", RevokedUCI, RevocationHash{5}, true},
		{"DE", RevokedUCI, RevocationHash{4}, false},
		{"DE", RevokedSignature, RevocationHash{4}, true},
		{"DE", RevokedSignature, RevocationHash{1}, false},
		{"DE", RevokedCountryUCI, RevocationHash{1}, false},
		{"FR", RevokedCountryUCI, RevocationHash{1}, false},
		{"FR", RevokedUCI, RevocationHash{1}, false},
		{"IT", RevokedUCI, RevocationHash{1}, false},
		{"DE", RevokedUCI, RevocationHash{}, false},
		{"DE", 3, RevocationHash{1}, false},
		{"DE", 255, RevocationHash{1}, false},
	}
	for _, tt := range tests {
		if got := s.Revoked(tt.country, tt.kind, tt.hash); got != tt.want {
			t.Errorf("%s, kind %d, %x: %t, want %t", tt.country, tt.kind, tt.hash[:1], got, tt.want)
		}
	}
	if expires, ok := s.Revocations("DE"); !ok || expires != 200 {
		t.Errorf("DE: expires %d, %t; want the first of three, 200", expires, ok)
	}
	if expires, ok := s.Revocations("FR"); !ok || expires != 100 {
		t.Errorf("FR: expires %d, %t; an empty list is a list", expires, ok)
	}
	if _, ok := s.Revocations("IT"); ok {
		t.Error("IT has a list")
	}
}

// The index answers as a plain search through the lists does.
func TestRevocationIndexAgreesWithASearch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.Map(rapid.ByteRange(0, 40), func(b byte) RevocationHash { return RevocationHash{15: b} })
		list := rapid.Custom(func(t *rapid.T) Revocation {
			return Revocation{
				Country: rapid.SampledFrom([]string{"DE", "FR"}).Draw(t, "country"),
				Kind:    RevocationKind(rapid.ByteRange(0, 2).Draw(t, "kind")),
				Entries: rapid.SliceOf(hash).Draw(t, "entries"),
			}
		})
		lists := rapid.SliceOf(list).Draw(t, "lists")
		country, kind, h := rapid.SampledFrom([]string{"DE", "FR", "IT"}).Draw(t, "of"), RevocationKind(rapid.ByteRange(0, 3).Draw(t, "as")), hash.Draw(t, "hash")
		want := false
		for _, l := range lists {
			want = want || l.Country == country && l.Kind == kind && slices.Contains(l.Entries, h)
		}
		s, err := New(List{Revoked: lists})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Revoked(country, kind, h); got != want {
			t.Fatalf("got %t, want %t", got, want)
		}
	})
}

// Lists so long that they have an index: of hashes, as real ones are, and of numbers that somebody chose against it.
func TestLongRevocationListsAreSearchedRight(t *testing.T) {
	t.Parallel()
	number := func(i int) (h RevocationHash) {
		binary.BigEndian.PutUint16(h[:], uint16(i))
		return h
	}
	for name, entry := range map[string]func(i int) RevocationHash{
		"hashes": func(i int) RevocationHash {
			sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
			return RevocationHash(sum[:16])
		},
		"one beginning":  func(i int) RevocationHash { return RevocationHash{0: 0xab, 14: byte(i >> 8), 15: byte(i)} },
		"few beginnings": func(i int) RevocationHash { return RevocationHash{0: byte(i) | 0xfc, 14: byte(i >> 8), 15: byte(i)} },
		"the least":      number,
		"the greatest": func(i int) RevocationHash {
			h := number(i)
			for k := range h {
				h[k] = ^h[k]
			}
			return h
		},
	} {
		for _, n := range []int{1, 9, 10, 14, 15, 1_000, 20_000} {
			var all []RevocationHash
			for i := range 2 * n {
				all = append(all, entry(i))
			}
			listed := slices.Concat(all[:n], all[:n])
			s := newSnapshot(t, List{Revoked: []Revocation{{Country: "MA", Entries: listed}}})
			for i, h := range all {
				if got, want := s.Revoked("MA", RevokedUCI, h), i < n; got != want {
					t.Errorf("%d %s: number %d, %x, is on the list: %t, want %t", n, name, i, h, got, want)
				}
			}
			l := s.revoked["MA"].lists[RevokedUCI]
			if len(l.hashes) != n || 4*len(l.starts) > max(8, n*len(RevocationHash{})/20) {
				t.Errorf("%d %s: %d are held, with an index of %d", n, name, len(l.hashes), len(l.starts))
			}
		}
	}
}

func TestManyReadersOfOneSnapshot(t *testing.T) {
	t.Parallel()
	s := newSnapshot(t, List{Keys: manyKeys(t, 100), Revoked: []Revocation{{Country: "MA", Entries: []RevocationHash{{1}}}}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1_000 {
				if len(s.Keys(HCERT, keyID(i%100+1))) != 1 || !s.Revoked("MA", RevokedUCI, RevocationHash{1}) {
					t.Error("not found")
				}
			}
		})
	}
	wg.Wait()
}

func TestKeyAllowsOnlyWhatListAndKeyAllow(t *testing.T) {
	t.Parallel()
	k := newEntry(1, newKey(t))
	tests := []struct {
		name string
		algs []sig.Algorithm
		alg  sig.Algorithm
		want bool
	}{
		{"both", []sig.Algorithm{sig.ES256}, sig.ES256, true},
		{"the list does not", nil, sig.ES256, false},
		{"the list names another", []sig.Algorithm{sig.ES384}, sig.ES256, false},
		{"the key does not", []sig.Algorithm{sig.PS256, sig.ES256}, sig.PS256, false},
		{"no algorithm", []sig.Algorithm{0, sig.ES256}, 0, false},
	}
	for _, tt := range tests {
		k.Algorithms = tt.algs
		if got := k.Allows(tt.alg); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestNamesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for u := range AllHCERT + 1 {
		var back Usage
		for _, name := range u.Names() {
			one, ok := ParseUsage(name)
			if !ok {
				t.Fatalf("%q is written but not read", name)
			}
			back |= one
		}
		if back != u || u.String() != strings.Join(u.Names(), ",") {
			t.Errorf("%d is written as %q, which is %d", u, u, back)
		}
	}
	for _, name := range []string{"", "hcert", "hcert:tests", "HCERT:test", "hcert:vaccination,hcert:test"} {
		if u, ok := ParseUsage(name); ok || u != 0 {
			t.Errorf("ParseUsage(%q) = %v, %t", name, u, ok)
		}
	}
	id := KeyID{0xfb, 1, 2, 3, 4, 5, 6, 0xee}
	if back, err := ParseKeyID(id.String()); err != nil || back != id {
		t.Errorf("%v: %v, %v", id, back, err)
	}
	for _, s := range []string{"", "fb", "fb010203040506", "fb010203040506ee00", "fb010203040506ex", "+5ukJcojnY4s="} {
		if id, err := ParseKeyID(s); err == nil || id != (KeyID{}) {
			t.Errorf("ParseKeyID(%q) = %v, %v", s, id, err)
		}
	}
}
