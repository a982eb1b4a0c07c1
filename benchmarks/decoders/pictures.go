package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"passerelle/drivers/camera"
)

// set is some pictures of one kind.
type set struct {
	name     string
	pictures []picture
}

// picture is a picture whose code is known.
type picture struct {
	gray    *image.Gray
	payload string
}

// boardingPasses are the payloads of the two public pictures, which passes.jsonl has too.
var boardingPasses = map[string]string{
	"20250216-UAL61-aztec.png": "M1DOE/JOHN            EXYZ123 MELSFOUA 61   047C012D0001 100",
	"UAL574-aztec.png":         "M1DESMARAIS/LUC       EABC123 LASSFOUA 0574 419J001A0025 100",
}

// pictures reads the public pictures, and makes more of the public payloads: clean ones, and frames as of a camera.
func pictures(folder string) ([]set, error) {
	payloads, err := payloads(filepath.Join(folder, "hcert", "payloads.jsonl"))
	if err != nil {
		return nil, err
	}
	hcert, err := files(filepath.Join(folder, "hcert", "png"), func(name string) string {
		country, number, _ := strings.Cut(strings.TrimSuffix(name, ".png"), "png_")
		if p, ok := payloads["dgc-testdata/"+country[:2]+"/2DCode/raw/"+number+".json"]; ok {
			return p
		}
		return payloads["dgc-testdata/"+country[:2]+"/png/"+number+".png"]
	})
	if err != nil {
		return nil, err
	}
	bcbp, err := files(filepath.Join(folder, "bcbp", "png"), func(name string) string { return boardingPasses[name] })
	if err != nil {
		return nil, err
	}
	clean, frames := set{name: "clean QR"}, set{name: "frames QR"}
	for i, p := range slices.Sorted(maps.Values(payloads)) {
		if i%8 != 0 {
			continue
		}
		code, err := qr(p)
		if err != nil {
			return nil, err
		}
		clean.pictures = append(clean.pictures, picture{code, p})
		frames.pictures = append(frames.pictures, picture{frame(code, uint64(i)), p})
	}
	return []set{{"hcert/png QR", hcert}, {"bcbp/png Azt", bcbp}, clean, frames}, nil
}

// payloads reads the public certificates by their source.
func payloads(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found := map[string]string{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct{ Source, Payload string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		found[row.Source] = row.Payload
	}
	return found, lines.Err()
}

// files reads the pictures of a folder.
func files(folder string, payload func(name string) string) ([]picture, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.png"))
	if err != nil {
		return nil, err
	}
	var found []picture
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		img, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		known := payload(filepath.Base(name))
		if known == "" {
			return nil, fmt.Errorf("read %s: its payload is not known", name)
		}
		found = append(found, picture{onWhite(img), known})
	}
	return found, nil
}

// onWhite makes brightness of a picture, transparent parts white.
func onWhite(img image.Image) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(g, g.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(g, g.Rect, img, img.Bounds().Min, draw.Over)
	return g
}

func qr(payload string) (*image.Gray, error) {
	var b bytes.Buffer
	if err := camera.WriteQR(&b, payload, camera.QROptions{}); err != nil {
		return nil, err
	}
	img, err := png.Decode(&b)
	if err != nil {
		return nil, err
	}
	return onWhite(img), nil
}

// frame is what a camera of 720 lines sees of a code, of its middle square: the code takes between 0.45 and 0.9 of it and is turned by up
// to 30 degrees, with less contrast, light from one side, and noise.
func frame(code *image.Gray, seed uint64) *image.Gray {
	const side = 720
	r := rand.New(rand.NewPCG(seed, 1))
	scale := (0.45 + 0.45*r.Float64()) * side / float64(code.Rect.Dx())
	sin, cos := math.Sincos((r.Float64() - 0.5) * math.Pi / 3)
	dark, noise := 0.4+0.5*r.Float64(), 3+5*r.Float64()
	half := float64(code.Rect.Dx()) / 2
	g := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			dx, dy := (float64(x)-side/2)/scale, (float64(y)-side/2)/scale
			cx, cy := dx*cos+dy*sin+half, -dx*sin+dy*cos+half
			level := 110.0
			if cx >= 0 && cy >= 0 && cx < 2*half && cy < 2*half {
				level = 30 + 0.75*between(code, cx-0.5, cy-0.5)
			}
			level = level*(dark+(1-dark)*float64(x)/side) + r.NormFloat64()*noise
			g.Pix[y*side+x] = byte(min(max(level, 0), 0xFF))
		}
	}
	return g
}

// between is the brightness between four pixels (bilinear).
func between(g *image.Gray, x, y float64) float64 {
	at := func(x, y int) float64 {
		if !image.Pt(x, y).In(g.Rect) {
			return 0xFF
		}
		return float64(g.GrayAt(x, y).Y)
	}
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	fx, fy := x-float64(x0), y-float64(y0)
	return (at(x0, y0)*(1-fx)+at(x0+1, y0)*fx)*(1-fy) + (at(x0, y0+1)*(1-fx)+at(x0+1, y0+1)*fx)*fy
}

// write puts the pictures into a folder, a byte a pixel, and says what they are in index.json.
func write(folder string, sets []set) error {
	type entry struct {
		Set  string `json:"set"`
		File string `json:"file"`
		W    int    `json:"w"`
		H    int    `json:"h"`
		Want string `json:"want"` // payload in hexadecimal digits
	}
	var index []entry
	for i, s := range sets {
		for k, p := range s.pictures {
			e := entry{s.name, fmt.Sprintf("%d-%d.gray", i, k), p.gray.Rect.Dx(), p.gray.Rect.Dy(), hex.EncodeToString([]byte(p.payload))}
			if err := os.WriteFile(filepath.Join(folder, e.File), p.gray.Pix, 0o644); err != nil {
				return err
			}
			index = append(index, e)
		}
	}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "index.json"), text, 0o644)
}
