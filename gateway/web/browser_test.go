package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium is one headless browser for all tests, with an empty profile; each test has a tab of its own.
var chromium struct {
	once   sync.Once
	ctx    context.Context
	cancel context.CancelFunc
	dir    string
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.cancel != nil {
		chromium.cancel()
	}
	os.RemoveAll(chromium.dir)
	os.Exit(code)
}

func startChromium() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		chromium.err = err
		return
	}
	if chromium.dir, chromium.err = os.MkdirTemp("", "passerelle-chromium-"); chromium.err != nil {
		return
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(chromium.dir), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	chromium.ctx, chromium.cancel = ctx, func() { closeBrowser(); end() }
	chromium.err = chromedp.Do(ctx)
}

// tab is one page in the browser.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string // errors and warnings of the console, refused loads, violations of the page's policy
}

// viewport is a screen's size in CSS pixels.
type viewport struct{ width, height int64 }

func (v viewport) String() string { return fmt.Sprintf("%dx%d", v.width, v.height) }

var viewports = []viewport{{1280, 800}, {800, 1280}, {1024, 600}}

func openTab(t testing.TB, v viewport) *tab {
	t.Helper()
	return newTab(t, v)
}

// openAlone opens a tab that shares no cookies with others: a cookie of 127.0.0.1 is for all of its ports.
func openAlone(t testing.TB, v viewport) *tab {
	t.Helper()
	return newTab(t, v, chromedp.WithNewBrowserContext())
}

func newTab(t testing.TB, v viewport, options ...chromedp.ContextOption) *tab {
	t.Helper()
	chromium.once.Do(startChromium)
	if chromium.err != nil {
		missing := fmt.Sprintf("these tests need Chromium (Debian: apt-get install chromium): %v", chromium.err)
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	ctx, cancel := chromedp.NewContext(chromium.ctx, options...)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as its context
		t.Fatalf("browser: %v", err)
	}
	b := &tab{t: t, ctx: ctx}
	go b.hear(chromedp.Console(ctx))
	b.do(chromedp.EmulateViewport(v.width, v.height))
	return b
}

func (b *tab) hear(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		b.mu.Lock()
		b.complaints = append(b.complaints, fmt.Sprintf("%s %s %s", m.Source, m, m.URL))
		b.mu.Unlock()
	}
}

// quiet fails if the page complained of anything but what is expected.
func (b *tab) quiet(expected ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, c := range b.complaints {
		for _, e := range expected {
			if strings.Contains(c, e) {
				continue next
			}
		}
		b.t.Errorf("the page complains: %s", c)
	}
}

// limit bounds every action.
const limit = 20 * time.Second

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

func result[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	return v
}

func (b *tab) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// eval returns what a JavaScript expression gives.
func eval[T any](b *tab, js string) T {
	b.t.Helper()
	return result(b, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
}

// text returns the text of the element that a selector names.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q).textContent", selector))
}

// until waits for a condition in JavaScript and returns when it was first seen to hold.
func (b *tab) until(what, js string, limit time.Duration) time.Time {
	b.t.Helper()
	for start := time.Now(); ; time.Sleep(15 * time.Millisecond) {
		if eval[bool](b, "Boolean("+js+")") {
			return time.Now()
		}
		if time.Since(start) > limit {
			seen := eval[string](b, `document.body.dataset.view + ': ' + document.body.innerText`)
			b.t.Fatalf("not within %v: %s; the page shows %q", limit, what, seen)
		}
	}
}

// view waits until the page shows a state.
func (b *tab) view(name string) time.Time {
	b.t.Helper()
	return b.until("view "+name, fmt.Sprintf("document.body?.dataset.view === %q", name), 5*time.Second)
}

// still waits for animations to end.
func (b *tab) still() {
	b.t.Helper()
	b.until("animations end", "document.getAnimations().every(a => a.playState !== 'running')", 3*time.Second)
}

func (b *tab) picture() []byte {
	b.t.Helper()
	return result(b, chromedp.CaptureScreenshot())
}

// keep saves a picture of the page where PASSERELLE_SCREENSHOTS says.
func (b *tab) keep(name string) {
	b.t.Helper()
	dir := os.Getenv("PASSERELLE_SCREENSHOTS")
	if dir == "" {
		return
	}
	b.still()
	if err := os.WriteFile(filepath.Join(dir, name+".png"), b.picture(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func decode(t testing.TB, shot []byte) *image.RGBA {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	plain := image.NewRGBA(img.Bounds())
	draw.Draw(plain, plain.Bounds(), img, img.Bounds().Min, draw.Src)
	return plain
}
