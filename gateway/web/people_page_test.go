package web

import (
	"bytes"
	"fmt"
	"image/png"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"passerelle/drivers/camera"
	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
)

// logIn fills in the login and sends it.
func (b *tab) logIn(account, password string) {
	b.t.Helper()
	b.until("the login", "document.getElementById('account')", 5*time.Second)
	b.do(chromedp.SendKeys(chromedp.CSS("#account"), account), chromedp.SendKeys(chromedp.CSS("#password"), password), chromedp.Click(chromedp.CSS("#send")))
	b.arrive("document.readyState === 'complete' && (location.pathname !== '/login' || document.getElementById('note').textContent !== '')")
}

// arrive is until for a condition that is met on another page: what is asked while a page goes has no answer.
func (b *tab) arrive(js string) {
	b.t.Helper()
	for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(30 * time.Millisecond) {
		if there, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+js+")")); err == nil && there {
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("not within 10 s: %s; the page complains %q", js, b.complaints)
}

// touchable fails if a button of a dialog is smaller than 20 mm, or stands out of the screen.
func (b *tab) touchable(what, selector string) {
	b.t.Helper()
	bad := eval[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].filter((e) => e.checkVisibility()).map((e) => [e, e.getBoundingClientRect()])
		.filter(([, r]) => r.width < 75.5 || r.height < 75.5 || r.left < 0 || r.right > innerWidth || r.bottom > innerHeight + 1 || r.top < 0)
		.map(([e, r]) => (e.textContent || e.getAttribute('aria-label')) + ' ' + Math.round(r.width) + 'x' + Math.round(r.height) + ' at ' + Math.round(r.top))`, selector))
	for _, e := range bad {
		b.t.Errorf("%s: %s", what, e)
	}
}

func TestPersonLogsInAndOutAgain(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	b := openAlone(t, viewports[0])
	b.open(w.page + "/lane/A?lang=fr")
	b.logIn("authority", "the wrong password")
	b.until("the note", "document.getElementById('note').textContent !== ''", 5*time.Second)
	if got, want := b.text("#note"), words(t)["fr"].Page["login_wrong"]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b.readable("login")
	b.keep("login")
	b.do(chromedp.SendKeys(chromedp.CSS("#password"), goodPassword+"\r"))
	b.arrive("document.body?.dataset.view === 'idle'")
	b.view("idle") // so the stream on the other port has the session, too
	if got := eval[string](b, "location.pathname + location.search"); got != "/lane/A?lang=fr" {
		t.Errorf("after the login: %s", got)
	}
	if got := eval[string](b, "document.cookie"); got != "" {
		t.Errorf("a script sees %q", got)
	}
	b.do(chromedp.Click(chromedp.CSS("#logout")))
	b.arrive("document.getElementById('account')")
	b.open(w.page + "/lane/A")
	b.arrive("location.pathname === '/login'")
	b.quiet("401", "net::ERR_ABORTED")
}

func TestLoginLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	b := openAlone(t, viewports[0])
	for _, next := range []string{"https://evil.example/", "//evil.example", "/%5Cevil.example", "javascript:alert(1)", "/assets/lane.js", "/lane/A/x", "https://["} {
		b.open(w.page + "/login?next=" + next)
		b.logIn("steward", goodPassword)
		b.arrive("!document.getElementById('logout').hidden && location.pathname === '/' && location.host === '" + strings.TrimPrefix(w.page, "http://") + "'")
		b.do(chromedp.Click(chromedp.CSS("#logout")))
		b.arrive("location.pathname === '/login'")
	}
}

func TestSessionThatEndsLeadsToTheLogin(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	b := openAlone(t, viewports[0])
	b.open(w.page + "/lane/A")
	b.logIn("authority", goodPassword)
	b.view("idle")
	w.pass(people.IdleLife)
	b.arrive("location.pathname === '/login'")
	b.quiet("401", "net::ERR_ABORTED")
}

func TestClaimsAreShownToTheAuthorityAlone(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	w.source.claims = func(_ string, role policy.Role) []policy.Disclosed {
		if role != policy.Authority {
			return nil
		}
		return []policy.Disclosed{{Name: "family_name", Value: "<b>بنعلي</b>"}, {Name: "birth_date", Value: "1985-02-03"}, {Name: "future", Value: "x"}}
	}
	for role, want := range map[string]string{"authority": "Family name<b>بنعلي</b>Born1985-02-03futurex", "steward": ""} {
		b := openAlone(t, viewports[2])
		b.open(w.page + "/lane/A?lang=en")
		b.logIn(role, goodPassword)
		b.view("idle")
		b.linger()
		w.source.give("A", policy.OK)
		b.view("admit")
		if got := b.text("#claims"); got != want {
			t.Errorf("%s: got %q, want %q", role, got, want)
		}
		b.keep("claims-" + role)
		if role == "authority" {
			b.readable("claims")
		}
		b.quiet("net::ERR_ABORTED")
	}
}

func TestRetailIsToldYesOrNo(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	b := openAlone(t, viewports[0])
	b.open(w.page + "/lane/A?lang=en")
	b.logIn("retail", goodPassword)
	b.view("idle")
	b.linger()
	w.source.give("A", policy.OK)
	b.view("admit")
	w.source.give("A", policy.Revoked)
	b.view("deny")
	if got, want := b.text("#say"), words(t)["en"].View["deny_say"]; got != want || b.text("#code") != "" {
		t.Errorf("got %q, %q, want %q", got, b.text("#code"), want)
	}
	b.quiet("net::ERR_ABORTED")
}

// TestSupervisorLetsSomebodyIn walks the panel on the smallest screen, in each language.
// press touches a button of the supervisor's panel, and returns whether it is there.
func (b *tab) press(text string) bool {
	b.t.Helper()
	return eval[bool](b, fmt.Sprintf(`(() => {
		const b = [...document.querySelectorAll('#super button')].find((e) => e.textContent === %q || e.getAttribute('aria-label') === %[1]q);
		b?.click();
		return Boolean(b);
	})()`, text))
}

func TestSupervisorLetsSomebodyIn(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	b := openAlone(t, viewports[2])
	b.open(w.page + "/lane/A?lang=en")
	b.logIn("steward", goodPassword)
	b.view("idle")
	b.linger()
	eval[int](b, "import('/assets/stream.js').then((m) => m.TIMES.patience = 60000)")
	w.source.give("A", policy.ListStale)
	b.view("refer")
	press := func(text string) {
		t.Helper()
		if !b.press(text) {
			t.Errorf("there is no button %q", text)
		}
	}
	for i, l := range languages {
		all := words(t)[l]
		b.say(l)
		b.do(chromedp.Click(chromedp.CSS("#supervise")))
		b.until("the panel", "document.getElementById('super').open", 5*time.Second)
		b.touchable(l+": deeds", "#super button")
		b.readable(l + ": deeds")
		press(all.Deed["override"])
		b.touchable(l+": reasons", "#super button")
		b.readable(l + ": reasons")
		b.keep("supervisor-why-" + l)
		press(all.Why["document_checked"])
		b.touchable(l+": PIN", "#super button")
		b.keep("supervisor-pin-" + l)
		if i == 0 {
			for _, d := range "480914" {
				press(string(d))
			}
			press(all.Page["send"])
			b.until("the note", "document.getElementById('super-note').textContent !== ''", 5*time.Second)
			if got := b.text("#super-note"); got != all.Page["pin_wrong"] {
				t.Errorf("%s: got %q, want %q", l, got, all.Page["pin_wrong"])
			}
		}
		for _, d := range goodPIN + "7" {
			press(string(d))
		}
		press(all.Page["erase"])
		press(all.Page["send"])
		b.until("done", fmt.Sprintf("document.getElementById('super-title').textContent === %q", all.Page["done"]), 5*time.Second)
		b.until("the panel closes", "!document.getElementById('super').open", 5*time.Second)
		if left := b.text("#super"); strings.Contains(left, "•") || strings.Contains(left, goodPIN) {
			t.Errorf("%s: left behind: %q", l, left)
		}
		done := w.done()
		want := people.Action{Deed: people.Override, Lane: "A", By: "supervisor", Means: people.ByPIN, Reason: people.DocumentChecked, Sequence: 41}
		if len(done) != i+1 || done[i] != want {
			t.Errorf("%s: got %+v, want %+v", l, done, want)
		}
	}
	b.quiet("403", "net::ERR_ABORTED")
}

// TestSupervisorFreesTheEntryThatUsedTheTicket: not the refusal, which used nothing. Where nothing was used there is nothing to free.
func TestSupervisorFreesTheEntryThatUsedTheTicket(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	b := openAlone(t, viewports[2])
	b.open(w.page + "/lane/A?lang=en")
	b.logIn("supervisor", goodPassword)
	b.view("idle")
	b.linger()
	all := words(t)["en"]
	w.source.give("A", policy.Expired)
	b.view("deny")
	b.do(chromedp.Click(chromedp.CSS("#supervise")))
	b.until("the panel", "document.getElementById('super').open", 5*time.Second)
	if b.press(all.Deed["free"]) {
		t.Error("something that was used by nobody can be freed")
	}
	b.do(chromedp.Click(chromedp.CSS("#super-cancel")))
	w.source.give("A", policy.AlreadyUsed)
	b.until("the verdict", "document.getElementById('code').textContent === 'already_used'", 5*time.Second)
	b.do(chromedp.Click(chromedp.CSS("#supervise")))
	b.until("the panel", "document.getElementById('super').open", 5*time.Second)
	if !b.press(all.Deed["free"]) || !b.press(all.Why["not_passed"]) {
		t.Fatal("the ticket cannot be freed")
	}
	b.until("done", fmt.Sprintf("document.getElementById('super-title').textContent === %q", all.Page["done"]), 5*time.Second)
	want := people.Action{Deed: people.Free, Lane: "A", By: "supervisor", Means: people.BySession, Reason: people.NotPassed, Sequence: 12}
	if done := w.done(); len(done) != 1 || done[0] != want {
		t.Errorf("got %+v, want %+v", done, want)
	}
	b.quiet("net::ERR_ABORTED")
}

// TestSupervisorsCardOpensThePanel: a card was read at the lane, so what is left is to say what, and why.
func TestSupervisorsCardOpensThePanel(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	b := openAlone(t, viewports[2])
	b.open(w.page + "/lane/A?lang=en")
	b.logIn("steward", goodPassword)
	b.view("idle")
	b.linger()
	w.people.Grant("A", "card:7", w.now().Add(people.GrantLife))
	w.source.publish(lane.Event{Kind: lane.CardShown, Lane: "A"})
	b.until("the panel", "document.getElementById('super').open", 5*time.Second)
	b.view("idle") // a card lights nothing
	all := words(t)["en"]
	for _, text := range []string{all.Deed["open_on"], all.Why["crowd_pressure"]} {
		if !b.press(text) {
			t.Fatalf("there is no button %q", text)
		}
	}
	b.until("done", fmt.Sprintf("document.getElementById('super-title').textContent === %q", all.Page["done"]), 5*time.Second)
	want := people.Action{Deed: people.OpenCount, Lane: "A", By: "card:7", Means: people.ByCard, Reason: people.CrowdPressure, On: true}
	if done := w.done(); len(done) != 1 || done[0] != want {
		t.Errorf("got %+v, want %+v", done, want)
	}
	b.quiet("net::ERR_ABORTED")
}

// modules draws a QR code as the program does.
func modules(text string) ([]string, error) {
	var file bytes.Buffer
	if err := camera.WriteQR(&file, text, camera.QROptions{Level: 'M', Module: 1}); err != nil {
		return nil, err
	}
	picture, err := png.Decode(&file)
	if err != nil {
		return nil, err
	}
	const quiet = 4
	var rows []string
	for y := quiet; y < picture.Bounds().Dy()-quiet; y++ {
		row := ""
		for x := quiet; x < picture.Bounds().Dx()-quiet; x++ {
			dark := 0
			if r, _, _, _ := picture.At(x, y).RGBA(); r < 0x8000 {
				dark = 1
			}
			row += strconv.Itoa(dark)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func TestOperatorPairsATablet(t *testing.T) {
	t.Parallel()
	var address string
	w := settle(t, func(c *Config) {
		c.QR = func(text string) ([]string, error) { address = text; return modules(text) }
	})
	b := openAlone(t, viewports[0])
	b.open(w.page + "/?lang=en")
	b.logIn("operator", goodPassword)
	b.until("cards", "document.querySelectorAll('.card').length === 2 && !document.getElementById('pair').hidden", 5*time.Second)
	b.do(chromedp.Click(chromedp.CSS("#pair")))
	b.until("lanes", "document.querySelectorAll('#tablet .choices button').length === 2", 5*time.Second)
	b.touchable("lanes", "#tablet button")
	b.do(chromedp.Click(chromedp.CSS("#tablet .choices button")))
	b.until("roles", "document.querySelectorAll('#tablet .choices button').length === 3", 5*time.Second)
	b.do(chromedp.Click(chromedp.CSS("#tablet .choices button")))
	b.until("the code", "document.querySelector('#tablet .qr')", 5*time.Second)
	b.keep("pairing")
	if got, err := camera.Decode(decode(t, b.picture())); err != nil || len(got) != 1 || string(got[0].Payload) != address {
		t.Errorf("the code on the screen reads %q, %v, want %q", got, err, address)
	}

	tablet := openAlone(t, viewports[1])
	tablet.open(address)
	tablet.until("the page", "document.getElementById('send') && !document.getElementById('send').disabled", 5*time.Second)
	if got := eval[string](tablet, "location.hash"); got != "" {
		t.Errorf("the secret stays in the address: %q", got)
	}
	tablet.readable("pair")
	tablet.do(chromedp.Click(chromedp.CSS("#send")))
	tablet.arrive("document.body?.dataset.view === 'idle'")
	if got := eval[string](tablet, "location.pathname"); got != "/lane/A" || !eval[bool](tablet, "document.getElementById('logout').hidden") {
		t.Errorf("the tablet is at %s", got)
	}
	second := openAlone(t, viewports[1])
	second.open(address)
	second.until("the page", "document.getElementById('send')", 5*time.Second)
	second.do(chromedp.Click(chromedp.CSS("#send")))
	second.until("the note", "document.getElementById('note').textContent !== ''", 5*time.Second)
	b.quiet("net::ERR_ABORTED")
	tablet.quiet("net::ERR_ABORTED")
}
