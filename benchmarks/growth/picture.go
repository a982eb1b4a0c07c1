package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"passerelle/benchmarks/measure"
)

// Size of the picture, and of what stands around the panels.
const (
	width  = 9.6 * vg.Inch
	height = 7.2 * vg.Inch
	margin = 12 * vg.Inch / 72
	footer = 20 * vg.Inch / 72
	gap    = 22 * vg.Inch / 72
)

// Colours that people who see few colours can tell apart; the shapes differ too.
var palette = []color.Color{
	color.RGBA{R: 0x00, G: 0x5a, B: 0xb5, A: 0xff}, color.RGBA{R: 0xc2, G: 0x41, B: 0x00, A: 0xff}, color.RGBA{R: 0x3f, G: 0x7d, B: 0x20, A: 0xff},
}

var shapes = []vgdraw.GlyphDrawer{vgdraw.CircleGlyph{}, vgdraw.BoxGlyph{}, vgdraw.PyramidGlyph{}}

// panel says how a series is drawn.
type panel struct {
	title, x, y string
	ticks       []float64 // of a logarithmic axis; nil: a linear one
}

var panels = []panel{
	{"Batch size", "payloads a call", "µs of CPU a payload", []float64{1, 4, 16, 64, 256, 1024, 4096}},
	{"Number of keys, all used equally often", "keys", "µs of CPU a payload", []float64{1, 10, 100, 1000, 10_000}},
	{"Length of a code", "characters", "µs of CPU a payload", nil},
	{"Start: trust list from disk, verified", "keys of the list", "ms of wall time", []float64{10, 100, 1000, 10_000}},
}

// draw writes the series as one picture with an opaque background, readable on a light and on a dark page.
func draw(file string, all []series, machine measure.Machine, now time.Time) error {
	canvas := vgsvg.New(width, height)
	area := vgdraw.New(canvas)
	corners := []vg.Point{area.Min, {X: area.Max.X, Y: area.Min.Y}, area.Max, {X: area.Min.X, Y: area.Max.Y}}
	area.FillPolygon(color.White, corners)
	plots := make([][]*plot.Plot, 2)
	for i, s := range all {
		p, err := panels[i].plot(&s)
		if err != nil {
			return fmt.Errorf("draw %s: %w", s.name, err)
		}
		plots[i/2] = append(plots[i/2], p)
	}
	tiles := vgdraw.Tiles{
		Rows: 2, Cols: 2, PadTop: margin, PadBottom: margin + footer, PadLeft: margin, PadRight: margin, PadX: gap, PadY: gap,
	}
	for row, cells := range plot.Align(plots, tiles, area) {
		for col, cell := range cells {
			plots[row][col].Draw(cell)
		}
	}
	style := plots[0][0].X.Label.TextStyle
	style.Color = color.Gray{Y: 0x40}
	area.FillText(style, vg.Point{X: width / 2, Y: margin}, fmt.Sprintf("%v, %s", machine, now.UTC().Format(time.DateOnly)))
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	text := bytes.ReplaceAll(svg.Bytes(), []byte(oneFont), []byte(fonts))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

// The library names one font; whoever has not got it gets another of the same widths.
const (
	oneFont = "font-family:Liberation Sans;"
	fonts   = "font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;"
)

func (n *panel) plot(s *series) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = n.title, n.x, n.y
	p.Title.TextStyle.Font.Size, p.Title.Padding = 12, 6
	for _, style := range []*vg.Length{
		&p.X.Label.TextStyle.Font.Size, &p.Y.Label.TextStyle.Font.Size, &p.X.Tick.Label.Font.Size, &p.Y.Tick.Label.Font.Size,
		&p.Legend.TextStyle.Font.Size,
	} {
		*style = 10
	}
	p.Title.TextStyle.Font.Variant = "Sans"
	p.X.Label.TextStyle.Font.Variant, p.Y.Label.TextStyle.Font.Variant = "Sans", "Sans"
	p.X.Tick.Label.Font.Variant, p.Y.Tick.Label.Font.Variant = "Sans", "Sans"
	p.Legend.TextStyle.Font.Variant = "Sans"
	p.BackgroundColor = color.White
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{Y: 0xdd}, color.Gray{Y: 0xdd}
	p.Add(grid)
	if n.ticks != nil {
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = ticksAt(n.ticks)
	}
	if err := n.add(p, s); err != nil {
		return nil, err
	}
	p.Y.Min = 0
	p.Y.Max *= 1.15
	return p, nil
}

// add draws each kind of point: a line on a logarithmic axis, where there is one value a place, else points alone.
func (n *panel) add(p *plot.Plot, s *series) error {
	var kinds []string
	for _, point := range s.points {
		if !slices.Contains(kinds, point.kind) {
			kinds = append(kinds, point.kind)
		}
	}
	slices.Sort(kinds)
	for i, kind := range kinds {
		var xys plotter.XYs
		for _, point := range s.points {
			if point.kind == kind {
				xys = append(xys, plotter.XY{X: point.x, Y: point.y})
			}
		}
		line, points, err := plotter.NewLinePoints(xys)
		if err != nil {
			return err
		}
		line.Color, line.Width = palette[i], 1.5
		points.Color, points.Shape, points.Radius = palette[i], shapes[i], 2.5
		if n.ticks != nil {
			p.Add(line)
		}
		p.Add(points)
		if kind != "" {
			p.Legend.Add(kind, points)
		}
	}
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = false, false, 3
	return nil
}

func ticksAt(values []float64) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, v := range values {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
	}
	return ticks
}
