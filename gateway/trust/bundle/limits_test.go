package bundle

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"passerelle/gateway/trust"
)

// atAndAbove runs f with a limit and with one more.
func atAndAbove(t *testing.T, limit int, want error, f func(n int) error) {
	t.Helper()
	if err := f(limit); err != nil {
		t.Errorf("%d, the limit: %v", limit, err)
	}
	if err := f(limit + 1); !errors.Is(err, want) {
		t.Errorf("%d, one more: %v, want %v", limit+1, err, want)
	}
}

func TestLimitsOfAFile(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	t.Run("bytes", func(t *testing.T) {
		f := craft(t, nil, nil, s)
		long := make([]byte, MaxFile+1)
		copy(long, f)
		if _, err := Open(long, nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "at most") {
			t.Errorf("%d bytes: %v", len(long), err)
		}
		if _, err := Open(long[:MaxFile], nil); !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "at most") {
			t.Errorf("%d bytes: %v, want to fail for what is in them", MaxFile, err)
		}
	})
	t.Run("parts", func(t *testing.T) {
		atAndAbove(t, MaxParts, ErrFormat, func(n int) error {
			more := make(map[string][]byte)
			for i := range n - len(partNames) {
				more[fmt.Sprintf("part-%d", i)] = []byte{byte(i)}
			}
			_, err := Open(craft(t, more, nil, s), nil)
			return err
		})
	})
	t.Run("parts of the manifest alone", func(t *testing.T) {
		atAndAbove(t, MaxParts, ErrFormat, func(n int) error {
			f := craft(t, nil, func(w *manifestWire) {
				for i := range n - len(w.Parts) {
					p := w.Parts[0]
					p.Name, p.Length = fmt.Sprintf("z%03d", i), 0
					w.Parts = append(w.Parts, p)
				}
			}, s)
			_, err := Open(f, nil)
			return err
		})
	})
	t.Run("bytes of a part's name", func(t *testing.T) {
		atAndAbove(t, MaxPartName, ErrPart, func(n int) error {
			_, err := Open(craft(t, map[string][]byte{strings.Repeat("z", n): nil}, nil, s), nil)
			return err
		})
	})
	t.Run("bytes of all parts", func(t *testing.T) {
		atAndAbove(t, MaxFile, ErrPart, func(n int) error {
			f := craft(t, map[string][]byte{"z": nil}, func(w *manifestWire) {
				for _, p := range w.Parts[:len(partNames)] {
					n -= int(p.Length)
				}
				w.Parts[len(partNames)].Length = uint64(n)
			}, s)
			_, err := Open(f, nil)
			return err
		})
	})
	t.Run("earlier manifests", func(t *testing.T) {
		atAndAbove(t, MaxRotations, ErrFormat, func(n int) error {
			w := fileWire{Signed: craftSigned(t, func(w *manifestWire) { w.Version = 100 }, s)}
			for i := range n {
				w.Rotations = append(w.Rotations, craftSigned(t, func(m *manifestWire) {
					roots := rootsOf(1, s)
					m.Version, m.Roots = uint64(i+1), roots.wire()
				}, s))
			}
			_, err := Open(marshal(t, &w), nil)
			return err
		})
	})
}

// craftSigned returns a signed manifest without its parts.
func craftSigned(t *testing.T, change func(*manifestWire), s *Signer) []byte {
	t.Helper()
	f, err := decodeFile(craft(t, nil, change, s))
	if err != nil {
		t.Fatal(err)
	}
	return f.Signed
}

func TestLimitsOfSignaturesAndRoots(t *testing.T) {
	t.Parallel()
	s := newSigners(t, MaxSignatures+1)
	b := build(t, newContent(t, 1), header(1), s[:MaxSignatures]...)
	if err := b.Sign(rand.Reader, s[MaxSignatures]); !errors.Is(err, ErrSigned) {
		t.Errorf("one more signature: %v, want %v", err, ErrSigned)
	}
	atAndAbove(t, MaxSignatures, ErrFormat, func(n int) error {
		_, err := Open(marshal(t, &fileWire{Signed: signPayload(t, b.head.payload, s[:n]...)}), nil)
		return err
	})
	atAndAbove(t, MaxRoots, ErrRoots, func(n int) error {
		roots := rootsOf(1, s[:n]...)
		_, err := reopen(t, b).Verify(Held{Roots: roots})
		return err
	})
	atAndAbove(t, MaxRoots, ErrRoots, func(n int) error {
		_, err := Open(craft(t, nil, func(w *manifestWire) {
			roots := rootsOf(1, s[:n]...)
			w.Roots = roots.wire()
		}, s[0]), nil)
		return err
	})
	signed := craftSigned(t, nil, s[0])
	if _, err := openEnvelope(append(signed, make([]byte, MaxManifest+1-len(signed))...)); err == nil || !strings.Contains(err.Error(), "65537 bytes") {
		t.Errorf("manifest of %d bytes: %v", MaxManifest+1, err)
	}
	if _, err := openEnvelope(append(signed, make([]byte, MaxManifest-len(signed))...)); err == nil || strings.Contains(err.Error(), "at most") {
		t.Errorf("manifest of %d bytes: %v, want to fail for what is in them", MaxManifest, err)
	}
	if _, err := newEnvelope(make([]byte, MaxManifest+1)); err == nil || !strings.Contains(err.Error(), "65537 bytes") {
		t.Errorf("unsigned manifest of %d bytes: %v", MaxManifest+1, err)
	}
}

func TestLimitsOfContent(t *testing.T) {
	t.Parallel()
	public := newPublic(t)
	content := func(change func(c *Content)) error {
		c := Content{Keys: []Entry{newEntry(1, public)}}
		change(&c)
		b, err := Build(c, header(1))
		if err != nil {
			return err
		}
		_, skipped, err := b.Inspect()
		if len(skipped) > 0 {
			t.Errorf("built, then skipped: %q", skipped)
		}
		return err
	}
	atAndAbove(t, trust.MaxKeys, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range n - 1 {
				c.Keys = append(c.Keys, newEntry(i+2, public))
			}
		})
	})
	atAndAbove(t, trust.MaxKeysPerID, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for range n - 1 {
				c.Keys = append(c.Keys, newEntry(1, newPublic(t)))
			}
		})
	})
	atAndAbove(t, MaxText, ErrContent, func(n int) error {
		return content(func(c *Content) { c.Keys[0].Issuer = strings.Repeat("x", n) })
	})
	atAndAbove(t, MaxDisabled, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range n {
				c.Disabled = append(c.Disabled, Disabled{Fingerprint: [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}})
			}
		})
	})
	atAndAbove(t, MaxAcceptance, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range n {
				c.Acceptance = append(c.Acceptance, trust.Acceptance{Country: "DE", Usages: trust.HCERTTest, From: int64(i)})
			}
		})
	})
	atAndAbove(t, MaxLists, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range n {
				country := string([]byte{byte('A' + i/26%26), byte('A' + i%26)})
				c.Revoked = append(c.Revoked, trust.Revocation{Country: country, Kind: trust.RevocationKind(i / 26 / 26)})
			}
		})
	})
	c := Content{Revoked: []trust.Revocation{{Country: "DE", Entries: make([]trust.RevocationHash, trust.MaxRevoked)}}}
	if err := c.checkRest(); err != nil {
		t.Errorf("%d revoked, the limit: %v", trust.MaxRevoked, err)
	}
	c.Revoked = append(c.Revoked, trust.Revocation{Country: "FR", Entries: make([]trust.RevocationHash, 1)})
	if err := c.checkRest(); !errors.Is(err, ErrContent) {
		t.Errorf("one more: %v", err)
	}
}

func TestLimitsOfAGatesKeys(t *testing.T) {
	t.Parallel()
	public := newPublic(t)
	parts := func(keys ...keyWire) map[string][]byte {
		whole, err := encodeContent(&Content{})
		if err != nil {
			t.Fatal(err)
		}
		whole[partKeys] = marshal(t, keys)
		return whole
	}
	atAndAbove(t, trust.MaxKeys, ErrContent, func(n int) error {
		keys := make([]keyWire, 0, n)
		for i := range n {
			e := newEntry(i, public)
			keys = append(keys, e.wire())
		}
		_, _, err := decodeContent(parts(keys...))
		return err
	})
	for name, tt := range map[string]struct {
		limit int
		key   func(n int) keyWire
	}{
		"usages": {MaxUsages, func(n int) keyWire {
			e := newEntry(1, public)
			w := e.wire()
			for len(w.Usages) < n {
				w.Usages = append(w.Usages, fmt.Sprint("usage", len(w.Usages)))
			}
			return w
		}},
		"algorithms": {MaxAlgorithms, func(n int) keyWire {
			e := newEntry(1, public)
			w := e.wire()
			for len(w.Algorithms) < n {
				w.Algorithms = append(w.Algorithms, int64(-1000-len(w.Algorithms)))
			}
			return w
		}},
	} {
		for _, n := range []int{tt.limit, tt.limit + 1} {
			c, skipped, err := decodeContent(parts(tt.key(n)))
			if err != nil || len(c.Keys) == 1 != (n == tt.limit) || len(skipped) == 1 != (n > tt.limit) {
				t.Errorf("%d %s: %d keys, skipped %q, %v", n, name, len(c.Keys), skipped, err)
			}
		}
	}
	atAndAbove(t, MaxUsages, ErrContent, func(n int) error {
		row := acceptanceWire{Country: "DE", Usages: make([]string, n)}
		whole := parts()
		whole[partAcceptance] = marshal(t, []acceptanceWire{row})
		_, _, err := decodeContent(whole)
		return err
	})
	five := make([]keyWire, 0, trust.MaxKeysPerID+1)
	for range trust.MaxKeysPerID + 1 {
		e := newEntry(1, newPublic(t))
		five = append(five, e.wire())
	}
	c, skipped, err := decodeContent(parts(five...))
	if err != nil || len(c.Keys) != trust.MaxKeysPerID || len(skipped) != 1 || !strings.HasPrefix(skipped[0].What, "key 5") {
		t.Errorf("five keys under one id: %d taken, skipped %q, %v", len(c.Keys), skipped, err)
	}
}
