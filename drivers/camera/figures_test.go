package camera

import (
	"fmt"
	"image"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatEachWayReads gives the public pictures to each way alone. The counts are pinned where the public data is what it was
// when they were measured: one that falls is a way that got worse, one that rises is for the table.
func TestWhatEachWayReads(t *testing.T) {
	want := map[string]map[string]int{
		"hcert": {"several": 71, "as it is": 71, "pure": 59, "half size": 28, "padded": 71, "double size": 68, "treble size": 66}, // QR
		"bcbp":  {"several": 2, "as it is": 0, "pure": 2, "half size": 2, "padded": 2, "double size": 2, "treble size": 1},        // Aztec
	}
	for set, count := range map[string]int{"hcert": 72, "bcbp": 2} {
		pictures := publicPictures(t, set)
		var first []string
		read, took := map[string]int{}, map[string]time.Duration{}
		for _, g := range pictures {
			found := ""
			for _, w := range ways {
				start := time.Now()
				symbols := w.read(g)
				took[w.name] += time.Since(start)
				if len(symbols) > 0 {
					read[w.name]++
					if found == "" {
						found = w.name
					}
				}
			}
			first = append(first, found)
		}
		t.Logf("%s: %d of %d read", set, len(pictures)-tally(first, ""), len(pictures))
		for _, w := range ways {
			t.Logf("  %-12s reads %2d, %2d that no way before it read, %6.1f ms each", w.name, read[w.name], tally(first, w.name),
				took[w.name].Seconds()*1000/float64(len(pictures)))
			if len(pictures) == count && read[w.name] != want[set][w.name] {
				t.Errorf("%s: %q reads %d, want %d", set, w.name, read[w.name], want[set][w.name])
			}
		}
	}
}

func tally(names []string, name string) (n int) {
	for _, s := range names {
		if s == name {
			n++
		}
	}
	return n
}

// publicPictures are the pictures of a set as Decode searches them.
func publicPictures(t *testing.T, set string) []*image.Gray {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpora(t), set, "png", "*.png"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pictures: %v", err)
	}
	var pictures []*image.Gray
	for _, path := range files {
		g := gray(readPNG(t, path))
		if factor := (max(g.Rect.Dx(), g.Rect.Dy()) + maxSide - 1) / maxSide; factor > 1 {
			g = shrink(g, factor)
		}
		pictures = append(pictures, g)
	}
	return pictures
}

// TestWhatEachRungReads holds codes in front of a camera in all the ways of shots and gives the frames to each rung alone, and to
// ways that are no rungs because nothing is read by them alone.
func TestWhatEachRungReads(t *testing.T) {
	others := []rung{
		{"(pure)", func(_ *ladder, g *image.Gray) []Symbol {
			return append(readQR(g, pure), readAztecAndDataMatrix(g, pure)...)
		}},
		{"(padded)", func(_ *ladder, g *image.Gray) []Symbol { return readAny(pad(g)) }},
		{"(half size)", func(_ *ladder, g *image.Gray) []Symbol { return readAny(shrink(g, 2)) }},
	}
	candidates := slices.Concat([]rung{cheapest}, rungs[:], others)
	floors := map[string]int{"QR": 39, "Aztec": 12, "Data Matrix": 30} // of 40, 20 and 40; measured were 40, 13 and 32
	for kind, codes := range someCodes(t) {
		shown, all, read, alone, took := 0, 0, map[string]int{}, map[string]int{}, map[string]time.Duration{}
		for _, s := range shots {
			for payload, g := range framesOf(codes, s) {
				shown++
				var by []string
				for _, c := range candidates {
					start := time.Now()
					found := c.read(newLadder(g.Rect.Dx()), g)
					took[c.name] += time.Since(start)
					for _, f := range found {
						if string(f.Payload) != payload {
							t.Errorf("%s: %s: got %q, want %q", kind, c.name, f.Payload, payload)
						}
					}
					if len(found) == 0 {
						continue
					}
					read[c.name]++
					if !strings.HasPrefix(c.name, "(") {
						by = append(by, c.name)
					}
				}
				if len(by) == 1 {
					alone[by[0]]++
				}
				if len(by) > 0 {
					all++
				}
			}
		}
		t.Logf("%s: %d of %d read", kind, all, shown)
		for _, c := range candidates {
			t.Logf("  %-12s reads %2d, %2d that no other rung reads, %5.1f ms each", c.name, read[c.name], alone[c.name],
				took[c.name].Seconds()*1000/float64(shown))
		}
		if all < floors[kind] {
			t.Errorf("%s: %d of %d read, want at least %d", kind, all, shown, floors[kind])
		}
	}
}

// TestHostileFramesAreSearchedInTime gives every rung frames that are hard to search.
func TestHostileFramesAreSearchedInTime(t *testing.T) {
	const limit = 3 * time.Second // 0.09 s was measured; this machine may be busy
	side := layout{grey, shotWidth, shotHeight}.side()
	frames := map[string]*image.Gray{}
	for _, n := range []int{3, 4, 5, 6, 10, 14, 39} {
		c := corners(n)
		g := image.NewGray(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				if p := image.Pt(x*c.Rect.Dx()/side, y*c.Rect.Dy()/side); p.In(c.Rect) {
					g.Pix[y*g.Stride+x] = c.GrayAt(p.X, p.Y).Y
				}
			}
		}
		frames[fmt.Sprintf("%d x %d corners", n, n)] = g
	}
	r := rand.New(rand.NewPCG(5, 6))
	for name, black := range map[string]float64{"noise": 0.5, "light noise": 0.1} {
		g := image.NewGray(image.Rect(0, 0, side, side))
		for i := range g.Pix {
			if r.Float64() >= black {
				g.Pix[i] = 0xFF
			}
		}
		frames[name] = g
	}
	for _, n := range []int{1, 3, 8} {
		g := image.NewGray(image.Rect(0, 0, side, side))
		for i := range g.Pix {
			g.Pix[i] = byte(i/n%2) * 0xFF
		}
		frames[fmt.Sprint("stripes ", n)] = g
	}
	slowest := time.Duration(0)
	for name, g := range frames {
		l := newLadder(side)
		for range rungs {
			name := fmt.Sprintf("%s, %s", name, rungs[l.next].name)
			start := time.Now()
			found := l.look(g)
			took := time.Since(start)
			slowest = max(slowest, took)
			if took > 50*time.Millisecond {
				t.Log(name, took)
			}
			if len(found) > 0 || took > limit {
				t.Errorf("%s: found %q in %v", name, found, took)
			}
		}
	}
	t.Logf("slowest: %v", slowest.Round(time.Millisecond))
}
