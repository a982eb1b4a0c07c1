package cache

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

const (
	issued  = 1_700_000_000
	expires = issued + 30*24*3600
)

// now is a time at which the lists of these tests may be taken.
var now = at(issued + 3600)

func at(unix int64) bundle.Now { return bundle.At(time.Unix(unix, 0)) }

func newSigner(t testing.TB) *bundle.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := bundle.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rootsOf(threshold int, signers ...*bundle.Signer) *bundle.Roots {
	r := &bundle.Roots{Threshold: threshold}
	for _, s := range signers {
		r.Keys = append(r.Keys, s.Root())
	}
	return r
}

// newContent has n keys with the ids 1 to n.
func newContent(t testing.TB, n int) bundle.Content {
	t.Helper()
	var c bundle.Content
	for i := range n {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, err := sig.New(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		c.Keys = append(c.Keys, bundle.Entry{Source: "test", Key: trust.Key{
			ID: keyID(i + 1), Country: "MA", Issuer: "Ministère", Public: key, Usages: trust.AllHCERT,
			Algorithms: key.Algorithms(), NotBefore: issued, NotAfter: expires,
		}})
	}
	return c
}

func keyID(n int) (id trust.KeyID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

func header(version uint64) bundle.Header {
	return bundle.Header{Version: version, Issued: issued, Expires: expires}
}

func build(t testing.TB, c bundle.Content, h bundle.Header, signers ...*bundle.Signer) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Build(c, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signers {
		if err := b.Sign(rand.Reader, s); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func fileOf(t testing.TB, b *bundle.Bundle) []byte {
	t.Helper()
	file, err := b.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func open(t testing.TB, dir string, o Options) *Cache {
	t.Helper()
	c, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closeCache(t testing.TB, c *Cache) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func take(t testing.TB, c *Cache, file []byte) (*trust.Snapshot, Info) {
	t.Helper()
	s, info, err := c.Take(file, now)
	if err != nil {
		t.Fatal(err)
	}
	return s, info
}

// loaded opens a folder, loads, and closes it again.
func loaded(t testing.TB, dir string, o Options) (*trust.Snapshot, Info, error) {
	t.Helper()
	c := open(t, dir, o)
	defer closeCache(t, c)
	return c.Load()
}

// box is a folder that has taken versions, the last of which is in force.
type box struct {
	dir     string
	signers []*bundle.Signer
	roots   *bundle.Roots
	content bundle.Content
	files   map[uint64][]byte
}

func newBox(t testing.TB, keys int, versions ...uint64) *box {
	t.Helper()
	b := &box{dir: t.TempDir(), content: newContent(t, keys), files: make(map[uint64][]byte)}
	for range 3 {
		b.signers = append(b.signers, newSigner(t))
	}
	b.roots = rootsOf(2, b.signers...)
	c := open(t, b.dir, Options{Roots: b.roots})
	defer closeCache(t, c)
	for _, v := range versions {
		take(t, c, b.file(t, v))
	}
	return b
}

// file is a list of that version, which the box would take.
func (b *box) file(t testing.TB, version uint64) []byte {
	t.Helper()
	if b.files[version] == nil {
		b.files[version] = fileOf(t, build(t, b.content, header(version), b.signers[:2]...))
	}
	return b.files[version]
}

func (b *box) path(name ...string) string {
	return filepath.Join(append([]string{b.dir}, name...)...)
}

// entries lists the folder.
func (b *box) entries(t testing.TB) []string {
	t.Helper()
	list, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func (b *box) has(t testing.TB, name string) bool { return slices.Contains(b.entries(t), name) }

func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
		t.Fatal(err)
	}
}
