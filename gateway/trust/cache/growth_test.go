package cache

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"passerelle/gateway/trust"
)

// A feed that comes again and again does not fill the card: what newer ones replaced goes.
func TestTheStoreOfFeedsDoesNotGrowWithEachTake(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	list := make([]string, 20_000)
	for i := range list {
		list[i] = fmt.Sprintf("%016d", i*7919)
	}
	size := func() (bytes int64) {
		err := filepath.WalkDir(v.path(feedStoreName), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				bytes += info.Size()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	var first, largest int64
	v.take(t, func(c *Cache) {
		for version := range uint64(30) {
			takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", version+1, list...))
			largest = max(largest, size())
			if version == 0 {
				first = largest
			}
		}
	})
	if largest > 5*first {
		t.Errorf("%d bytes after the first feed, %d after some more", first, largest)
	}
}
