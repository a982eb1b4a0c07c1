package camera

import (
	"image"
	"strings"
	"testing"
)

// BenchmarkFrame is the work for one frame of 1280 x 720: cutting it out, and searching it in the cheapest way and one rung.
// Frames a second at half of a core are half of what one core does.
func BenchmarkFrame(b *testing.B) {
	payload := "HC1:" + strings.Repeat("6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90", 7)
	pictures := map[string]*image.Gray{
		"nothing":      shoot(image.NewGray(image.Rect(0, 0, 1, 1)), shot{part: 0.001, noise: 6, dark: 0.6}, 1),
		"code, large":  shoot(gray(qr(b, payload, QROptions{})), shots["large, straight"], 1),
		"code, middle": shoot(gray(qr(b, payload, QROptions{})), shots["middle, turned 25°"], 1),
	}
	for name, picture := range pictures {
		for format, frame := range formatsOf(b, picture) {
			if format == "MJPG, gray" || format == "MJPG, no tables" {
				continue
			}
			b.Run(name+"/"+format, func(b *testing.B) {
				l := layout{frame.format, shotWidth, shotHeight}
				search := newLadder(l.side())
				g := image.NewGray(image.Rect(0, 0, l.side(), l.side()))
				found, looked := 0, 0
				b.ReportAllocs()
				for b.Loop() {
					if !l.centre(g, frame.bytes) {
						b.Fatal("not a frame")
					}
					found += len(search.look(g))
					looked++
				}
				b.ReportMetric(float64(found)/float64(looked), "read/frame")
			})
		}
	}
}
