package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// damagedVenue has two feeds and is then damaged.
func damagedVenue(t *testing.T, damage func(v *venue)) (*venue, *trust.Snapshot, []string) {
	t.Helper()
	v := newVenue(t)
	v.take(t, func(c *Cache) {
		takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 3, "a"))
		takeFeed(t, c, v.status(t, "https://example.org/1", issued+5, 7))
	})
	damage(v)
	s, info, err := loaded(t, v.dir, v.options)
	if err != nil {
		t.Fatal(err)
	}
	return v, s, info.Notes
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestLostFeedsAreNamedAndMayBeTakenAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, v *venue)
		says   string
		feeds  int // that are left, with status lists
	}{
		{"the key is deleted", func(t *testing.T, v *venue) { removeAll(t, v.path(feedKeyName)) }, "lost", 0},
		{"the key is another", func(t *testing.T, v *venue) { write(t, v.path(feedKeyName), strings.Repeat("k", feedKeySize)) }, "lost", 0},
		{"the key is short", func(t *testing.T, v *venue) { write(t, v.path(feedKeyName), "short") }, "key of the feeds", 0},
		{"the key is long", func(t *testing.T, v *venue) { write(t, v.path(feedKeyName), strings.Repeat("k", feedKeySize+1)) }, "key of the feeds", 0},
		{"the store is deleted", func(t *testing.T, v *venue) { removeAll(t, v.path(feedStoreName)) }, "lost", 0},
		{"the store's manifest is damaged", func(t *testing.T, v *venue) { write(t, v.path(feedStoreName, "MANIFEST"), "no") }, "lost", 0},
		{"the index is deleted", func(t *testing.T, v *venue) { removeAll(t, v.path(indexName)) }, "gone", 2},
		{"the index is damaged", func(t *testing.T, v *venue) { write(t, v.path(indexName), "{}\nno\n") }, "damaged", 2},
		{"the process died in it once", func(t *testing.T, v *venue) { write(t, v.path(feedOpeningName), "!") }, "", 2},
		{"the process died in it twice", func(t *testing.T, v *venue) { write(t, v.path(feedOpeningName), "!!") }, "died twice", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, s, notes := damagedVenue(t, func(v *venue) { tt.damage(t, v) })
			if len(s.Feeds())+len(s.Statuses()) != tt.feeds || !strings.Contains(strings.Join(notes, "\n"), tt.says) {
				t.Errorf("%d feeds, %d status lists, notes %q", len(s.Feeds()), len(s.Statuses()), notes)
			}
			if tt.feeds == 0 && !strings.Contains(strings.Join(notes, "\n"), `feed codes of "final", version 3, is lost`) {
				t.Errorf("what is lost is not named: %q", notes)
			}
			s, info, err := loaded(t, v.dir, v.options)
			if err != nil || len(s.Feeds())+len(s.Statuses()) != tt.feeds {
				t.Errorf("at the next start %d feeds, %q, %v", len(s.Feeds()), info.Notes, err)
			}
			if tt.feeds == 2 {
				return
			}
			v.take(t, func(c *Cache) {
				if _, _, err := c.TakeFeed(v.feed(t, trust.FeedCodes, "final", 2, "a"), now); !errors.Is(err, bundle.ErrOld) {
					t.Errorf("an older one: %v, want %v", err, bundle.ErrOld)
				}
				s, _ := takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 3, "a"))
				takeFeed(t, c, v.status(t, "https://example.org/1", issued+5, 7))
				if codesOf(s, "final", "a") != "3: a" {
					t.Errorf("taken again: %s", codesOf(s, "final", "a"))
				}
			})
			s, info, err = loaded(t, v.dir, v.options)
			if err != nil || len(s.Feeds())+len(s.Statuses()) != 2 || len(info.Notes) != 0 {
				t.Errorf("after it was taken again: %d feeds, %q, %v", len(s.Feeds()), info.Notes, err)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// An older store beside a newer index is a card that was restored: what it has is not used.
func TestARestoredStoreIsNotUsed(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) { takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 3, "a")) })
	kept := t.TempDir()
	copyDir(t, v.path(feedStoreName), kept)
	v.take(t, func(c *Cache) { takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 4, "b")) })
	copyDir(t, kept, v.path(feedStoreName))
	s, info, err := loaded(t, v.dir, v.options)
	if err != nil || len(s.Feeds()) != 0 || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "version 4 was known here, version 3") {
		t.Errorf("%d feeds, notes %q, %v", len(s.Feeds()), info.Notes, err)
	}
}

// Wherever one bit of what is stored flips: the feed is as it was, or it is gone and named.
func TestAFlippedBitNeverChangesAFeed(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) { takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 3, "a", "b")) })
	var files []string
	for _, name := range []string{feedStoreName, feedKeyName, indexName} {
		err := filepath.WalkDir(v.path(name), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	kept := t.TempDir()
	copyDir(t, v.dir, kept)
	for _, path := range files {
		name, err := filepath.Rel(v.dir, path)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(kept, name))
		if err != nil {
			t.Fatal(err)
		}
		var places []int
		for i, b := range raw {
			if b != 0 {
				places = append(places, i)
			}
		}
		step := max(len(places)/5, 1)
		for i := 0; i < len(places); i += step {
			copyDir(t, kept, v.dir)
			changed := append([]byte(nil), raw...)
			changed[places[i]] ^= 0x10
			write(t, path, string(changed))
			s, info, err := loaded(t, v.dir, v.options)
			if err != nil {
				t.Fatalf("%s, byte %d: the list is lost: %v", path, places[i], err)
			}
			switch got := codesOf(s, "final", "a", "b", "c"); {
			case got == "3: a b":
			case got == "none" && len(info.Notes) > 0:
			default:
				t.Errorf("%s, byte %d: %s, notes %q", path, places[i], got, info.Notes)
			}
		}
	}
}

func TestWithoutAListNoFeedIsTaken(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	c := open(t, t.TempDir(), v.options)
	defer closeCache(t, c)
	if _, _, err := c.TakeFeed(v.feed(t, trust.FeedCodes, "final", 3, "a"), now); !errors.Is(err, ErrNoList) {
		t.Errorf("%v, want %v", err, ErrNoList)
	}
	v.options.Random = nil
	v.take(t, func(c *Cache) {
		if _, _, err := c.TakeFeed(v.feed(t, trust.FeedCodes, "final", 3, "a"), now); !errors.Is(err, ErrFeedKey) {
			t.Errorf("without anything to make a key of: %v, want %v", err, ErrFeedKey)
		}
	})
}
