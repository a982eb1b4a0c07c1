package web

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// minContrast is the contrast that all text on the page must have (WCAG 2.2, 1.4.6, level AAA).
const minContrast = 7

// linear has the linear value of each value of a channel (WCAG 2.2, definition of relative luminance).
var linear = func() (l [256]float64) {
	for v := range l {
		if s := float64(v) / 255; s <= 0.04045 {
			l[v] = s / 12.92
		} else {
			l[v] = math.Pow((s+0.055)/1.055, 2.4)
		}
	}
	return l
}()

func luminance(c color.RGBA) float64 {
	return 0.2126*linear[c.R] + 0.7152*linear[c.G] + 0.0722*linear[c.B]
}

func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// difference is the share of pixels in which two pictures differ clearly.
func difference(a, b *image.RGBA) float64 {
	n, size := 0, a.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			if contrast(a.RGBAAt(x, y), b.RGBAAt(x, y)) > 1.1 {
				n++
			}
		}
	}
	return float64(n) / float64(size.X*size.Y)
}

// textsOf gives the page's elements with text of their own, with the box of that text and its colour as rendered.
const textsOf = `(() => {
	const found = [];
	const walk = document.createTreeWalker(document.querySelector('dialog[open]') ?? document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) {
		const e = n.parentElement;
		if (n.data.trim() === '' || !e.checkVisibility({visibilityProperty: true})) continue;
		const range = document.createRange();
		range.selectNodeContents(n);
		const r = range.getBoundingClientRect();
		if (r.width === 0) continue;
		const [red, green, blue] = getComputedStyle(e).color.match(/[\d.]+/g).map(Number);
		found.push({text: n.data.trim(), x: r.left, y: r.top, w: r.width, h: r.height, red, green, blue});
	}
	return found;
})()`

type shownText struct {
	Text             string
	X, Y, W, H       float64
	Red, Green, Blue uint8
}

// readable fails if any text has too little contrast against any pixel behind it. The letters are made invisible for the
// picture, so that what is left in their box is their ground.
func (b *tab) readable(what string) {
	b.t.Helper()
	b.still()
	found := eval[[]shownText](b, textsOf)
	if len(found) == 0 {
		b.t.Errorf("%s: no text was found", what)
	}
	eval[bool](b, `(() => {
		const sheet = new CSSStyleSheet();
		sheet.replaceSync('body *:not(svg, svg *) { color: transparent !important; caret-color: transparent !important; }');
		document.adoptedStyleSheets = [sheet];
		return true;
	})()`)
	ground := decode(b.t, b.picture())
	eval[bool](b, "(() => { document.adoptedStyleSheets = []; return true; })()")
	for _, f := range found {
		letters := color.RGBA{f.Red, f.Green, f.Blue, 255}
		box := image.Rect(int(f.X), int(f.Y), int(f.X+f.W), int(f.Y+f.H)).Intersect(ground.Bounds())
		worst := math.Inf(1)
		for y := box.Min.Y; y < box.Max.Y; y++ {
			for x := box.Min.X; x < box.Max.X; x++ {
				worst = min(worst, contrast(letters, ground.RGBAAt(x, y)))
			}
		}
		if worst < minContrast {
			b.t.Errorf("%s: %q has contrast %.1f, want at least %d", what, f.Text, worst, minContrast)
		}
	}
}

func TestAllTextHasContrastSeven(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	b.linger()
	b.readable("idle")
	for _, r := range []policy.Reason{policy.OK, policy.AlreadyUsed, policy.ListStale} {
		for n := range 2 { // both motifs of green
			st.source.give("A", r)
			b.until("the verdict", fmt.Sprintf("document.getElementById('count').textContent === 'No. %d'", st.source.count), 4*time.Second)
			st.source.publish(lane.Event{Kind: lane.ShownAgain, Lane: "A"})
			b.until("already shown", "!document.getElementById('again').hidden", 2*time.Second)
			b.readable(fmt.Sprintf("%v, %d", r, n))
			if r != policy.OK {
				break
			}
			time.Sleep(time.Second)
		}
	}
	now := time.Now()
	st.place.set(func(p *place) { // every level of the strip
		p.list, p.journal = testList(t, 8, now.Add(-9*24*time.Hour), now.Add(24*time.Hour)), "full"
	})
	st.source.publish(lane.Event{Kind: lane.ScannerGone, Lane: "A"})
	b.open(st.page + "/lane/A?lang=en")
	b.view("gone")
	b.readable("gone")
	b.do(chromedp.Click(chromedp.CSS("#key-in")))
	b.readable("manual entry")
	b.open(st.page + "/?lang=en")
	b.until("cards", "document.querySelector('.card')", 3*time.Second)
	b.readable("index")
	st.stop(t)
	b.until("no answer", "!document.getElementById('notice').hidden", 6*time.Second)
	b.readable("index without an answer")
}

// ink returns the bounds of what is drawn in a colour inside a box.
func ink(img *image.RGBA, box image.Rectangle, letters color.RGBA) image.Rectangle {
	box = box.Intersect(img.Bounds())
	found := image.Rectangle{}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			if contrast(img.RGBAAt(x, y), letters) < 1.2 {
				found = found.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return found
}

func TestWordIsASixthOfTheScreen(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, v := range viewports {
		b := lanePage(t, st, v, "en")
		b.linger()
		for _, r := range []policy.Reason{policy.Expired, policy.ListStale, policy.OK} {
			c := candidate(r)
			st.source.give("A", r)
			b.view(c.Outcome().String())
			for _, l := range languages {
				b.say(l)
				b.still()
				box := eval[[]float64](b, "(r => [r.left, r.top, r.right, r.bottom])(document.getElementById('word').getBoundingClientRect())")
				rgb := eval[[]int](b, "getComputedStyle(document.getElementById('word')).color.match(/\\d+/g).map(Number)")
				img := decode(t, b.picture())
				letters := color.RGBA{uint8(rgb[0]), uint8(rgb[1]), uint8(rgb[2]), 255}
				word := ink(img, image.Rect(int(box[0]), int(box[1]), int(box[2]), int(box[3])), letters)
				if l != "ar" {
					word.Min.X = word.Max.X - word.Dx()/6 // the last letter: there is no accent on it
					word = ink(img, word, letters)
				}
				got := word.Dy()
				if least := int(v.height) / 6; got < least {
					t.Errorf("%v, %s, %v: the word is %d px high, want at least %d", v, l, c.Outcome(), got, least)
				}
				if box[0] < 0 || box[2] > float64(v.width) {
					t.Errorf("%v, %s, %v: the word goes from %.0f to %.0f", v, l, c.Outcome(), box[0], box[2])
				}
			}
		}
		b.quiet()
	}
}

// overlaps lists pairs of things on the stage that cover each other, and things that stand out of it, for every reason.
const overlaps = `(async (reasons) => {
	const words = (await import('/assets/words.js')).default[document.documentElement.lang];
	const $ = (id) => document.getElementById(id);
	const stage = document.querySelector('.stage').getBoundingClientRect();
	const box = (e) => { // as high as its lines, as wide as its text
		const {top, bottom, left, right} = e.getBoundingClientRect();
		if (e.id === 'icon') return {top, bottom, left, right};
		if (e.id === 'word') { // its letters are moved into the middle of its line
			const moved = new DOMMatrix(getComputedStyle(e).transform).f;
			return {top: top - moved, bottom: bottom - moved, left, right};
		}
		const range = document.createRange();
		range.selectNodeContents(e);
		const text = range.getBoundingClientRect();
		return {top, bottom, left: text.left, right: text.right};
	};
	const bad = [];
	$('count').textContent = words.page.number + ' 123456';
	$('again').hidden = true;
	for (const reason of reasons) {
		$('say').textContent = words.reason[reason];
		$('code').textContent = reason;
		$('more').textContent = reason === 'already_used' ? words.view.used.replace('{lane}', 'Entrance 12').replace('{time}', '31/12 23:59') : '';
		const shown = ['icon', 'word', 'say', 'more', 'count', 'code'].map($).filter((e) => e.textContent !== '' || e.id === 'icon');
		for (const a of shown) {
			const p = box(a);
			if (p.left < stage.left || p.right > stage.right + 1 || p.top < stage.top || p.bottom > stage.bottom) bad.push(reason + ': ' + a.id + ' stands out');
			for (const b of shown) {
				const q = box(b);
				if (a.id < b.id && p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom) bad.push(reason + ': ' + a.id + ' and ' + b.id);
			}
		}
	}
	return bad;
})`

func TestEveryInstructionHasRoom(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, v := range viewports {
		b := lanePage(t, st, v, "en")
		b.linger()
		for _, o := range []policy.Outcome{policy.Refer, policy.Deny} {
			var possible []string // a profile may make any Refer a Deny, never the other way
			for r := policy.Reason(0); r < policy.OK; r++ {
				if o == policy.Deny || policy.DefaultOutcome(r) == policy.Refer {
					possible = append(possible, strconv.Quote(r.String()))
				}
			}
			st.source.give("A", map[policy.Outcome]policy.Reason{policy.Refer: policy.ListStale, policy.Deny: policy.AlreadyUsed}[o])
			b.view(o.String())
			for _, l := range languages {
				b.say(l)
				b.still()
				for _, bad := range eval[[]string](b, overlaps+"(["+strings.Join(possible, ",")+"])") {
					t.Errorf("%v, %s, %v: %s", v, l, o, bad)
				}
			}
		}
		b.quiet()
	}
}

func TestTouchTargetsAreTwentyMillimetres(t *testing.T) {
	t.Parallel()
	const least = 76 // CSS pixels: 20 mm at 96 to the inch
	st := serve(t, nil, nil)
	small := fmt.Sprintf(`[...document.querySelectorAll('button, a, input')].filter((e) => e.checkVisibility())
		.map((e) => [e.getBoundingClientRect(), e.id || e.textContent])
		.filter(([r]) => r.width < %d || r.height < %d || r.left < 0 || r.right > innerWidth || r.top < 0 || r.bottom > innerHeight)
		.map(([r, name]) => name + ' ' + r.width + 'x' + r.height + ' at ' + r.left + ',' + r.top)`, least, least)
	for _, v := range viewports {
		b := lanePage(t, st, v, "fr")
		for _, l := range languages {
			b.say(l)
			for _, s := range eval[[]string](b, small) {
				t.Errorf("%v, %s: %s", v, l, s)
			}
		}
		b.do(chromedp.Click(chromedp.CSS("#key-in")))
		for _, s := range eval[[]string](b, small) {
			t.Errorf("%v, manual entry: %s", v, s)
		}
		b.open(st.page + "/")
		b.until("cards", "document.querySelector('.card')", 3*time.Second)
		for _, s := range eval[[]string](b, small) {
			t.Errorf("%v, index: %s", v, s)
		}
	}
}

func TestArabicRunsFromRightToLeft(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, l := range languages {
		b := lanePage(t, st, viewports[0], l)
		// The server itself says so: nothing jumps when the script runs.
		answer, page := st.ask(t, "GET", "/lane/A?lang="+l, nil)
		if want := fmt.Sprintf(`<html lang="%s" dir="%s">`, l, direction(l)); answer.StatusCode != 200 || !strings.Contains(page, want) {
			t.Errorf("%s: the document does not begin with %s", l, want)
		}
		iconFirst := eval[bool](b, "document.getElementById('icon').getBoundingClientRect().left < document.getElementById('word').getBoundingClientRect().left")
		if want := l != "ar"; iconFirst != want {
			t.Errorf("%s: the icon is left of the word: %v, want %v", l, iconFirst, want)
		}
		align := eval[string](b, "getComputedStyle(document.getElementById('say')).direction")
		if align != direction(l) {
			t.Errorf("%s: text runs %s", l, align)
		}
	}
}
