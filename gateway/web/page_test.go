package web

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// lanePage opens lane A's page and waits until it is connected. A machine that is busy with other things must not make it
// believe that it lost the connection: the tests of that take strictPage.
func lanePage(t testing.TB, st *site, v viewport, language string) *tab {
	t.Helper()
	b := openTab(t, v)
	b.openLane(st, language)
	return b
}

func (b *tab) openLane(st *site, language string) {
	b.t.Helper()
	b.open(st.page + "/lane/A?lang=" + language)
	eval[int](b, "import('/assets/stream.js').then((m) => m.TIMES.patience = 60000)")
	b.view("idle")
}

func strictPage(t testing.TB, st *site, v viewport, language string) *tab {
	t.Helper()
	b := openTab(t, v)
	b.open(st.page + "/lane/A?lang=" + language)
	b.view("idle")
	return b
}

// linger makes the page show a verdict until the next one, so that there is time to look at it.
func (b *tab) linger() {
	b.t.Helper()
	eval[bool](b, "import('/assets/queue.js').then((m) => { for (const name in m.HOLD) m.HOLD[name] = 600000; return true; })")
}

// record has the page note each change of what it shows.
func (b *tab) record() {
	b.t.Helper()
	eval[bool](b, `window.seen = []; new MutationObserver(() => seen.push({
		at: Date.now(), view: document.body.dataset.view, count: document.getElementById('count').textContent,
	})).observe(document.body, {attributes: true, attributeFilter: ['data-view']}); true`)
}

type sight struct {
	At          float64
	View, Count string
}

func (b *tab) seen() []sight {
	b.t.Helper()
	return eval[[]sight](b, "seen")
}

// say switches the language by its button, as a steward does.
func (b *tab) say(language string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(fmt.Sprintf("[data-language=%q]", language))))
}

func TestEachOutcomeIsShownInEachLanguage(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	all := words(t)
	looks := make(map[string]string)
	for _, test := range []struct {
		name, view string
		happen     func()
		word, say  func(speech) string
	}{
		{"idle", "idle", func() {}, func(s speech) string { return s.View["idle"] }, func(s speech) string { return s.View["idle_say"] }},
		{
			"admit", "admit", func() { st.source.give("A", policy.OK) },
			func(s speech) string { return s.Outcome["admit"] }, func(s speech) string { return s.Reason["ok"] },
		},
		{
			"refer", "refer", func() { st.source.give("A", policy.ListStale) },
			func(s speech) string { return s.Outcome["refer"] }, func(s speech) string { return s.Reason["list_stale"] },
		},
		{
			"deny", "deny", func() { st.source.give("A", policy.BadSignature) },
			func(s speech) string { return s.Outcome["deny"] }, func(s speech) string { return s.Reason["bad_signature"] },
		},
		{
			"late", "late", func() { st.source.publish(lane.Event{Kind: lane.VerdictLate, Lane: "A"}) },
			func(s speech) string { return s.Outcome["refer"] }, func(s speech) string { return s.View["late_say"] },
		},
		{
			"second", "second", func() { st.source.publish(lane.Event{Kind: lane.SecondWanted, Lane: "A"}) },
			func(s speech) string { return s.View["second"] }, func(s speech) string { return s.View["second_say"] },
		},
		{
			"gone", "gone", func() { st.source.publish(lane.Event{Kind: lane.ScannerGone, Lane: "A"}) },
			func(s speech) string { return s.View["gone"] }, func(s speech) string { return s.View["gone_say"] },
		},
	} {
		b.openLane(st, "en")
		b.linger()
		test.happen()
		b.view(test.view)
		for _, l := range languages {
			b.say(l)
			if got, want := b.text("#word"), test.word(all[l]); got != want {
				t.Errorf("%s, %s: word %q, want %q", test.name, l, got, want)
			}
			if got, want := b.text("#say"), test.say(all[l]); got != want {
				t.Errorf("%s, %s: instruction %q, want %q", test.name, l, got, want)
			}
			place := eval[[]string](b, "[document.documentElement.lang, document.documentElement.dir, new URL(location.href).searchParams.get('lang')]")
			if want := []string{l, direction(l), l}; !slices.Equal(place, want) {
				t.Errorf("%s: page's language, direction and address: got %q, want %q", test.name, place, want)
			}
			b.keep(test.name + "-" + l)
		}
		look := eval[string](b, `document.querySelector('#icon').innerHTML + getComputedStyle(document.querySelector('.stage')).backgroundColor + getComputedStyle(document.querySelector('.stage')).backgroundImage`)
		for other, l := range looks {
			if l == look {
				t.Errorf("%s and %s look the same", test.name, other)
			}
		}
		looks[test.name] = look
	}
	b.quiet()
}

func TestTwoGreensInARowDiffer(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	b.linger()
	var icons, counts []string
	var pictures []*image.RGBA
	for i := range 2 {
		st.source.give("A", policy.OK)
		b.until("green", fmt.Sprintf("document.getElementById('count').textContent === 'No. %d'", i+1), 3*time.Second)
		b.still()
		icons = append(icons, eval[string](b, "document.querySelector('#icon path').getAttribute('d')"))
		counts = append(counts, b.text("#count"))
		pictures = append(pictures, decode(t, b.picture()))
		b.keep(fmt.Sprintf("green-%d", i+1))
	}
	if share := difference(pictures[0], pictures[1]); share < 0.1 {
		t.Errorf("two greens differ in %.1f %% of the screen, want at least 10 %%", 100*share)
	}
	if icons[0] == icons[1] || counts[0] == counts[1] {
		t.Errorf("icons %q, counters %q", icons, counts)
	}
	b.quiet()
}

func TestVerdictStaysForASecondAndRefusalsAreNotSkipped(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	b.record()
	for _, r := range []policy.Reason{policy.OK, policy.OK, policy.Expired, policy.OK} {
		st.source.give("A", r)
	}
	b.until("the last verdict", "seen.length >= 3", 5*time.Second)
	b.view("idle")
	got := b.seen()
	var order []string
	for i, s := range got {
		order = append(order, s.View+" "+s.Count)
		if i == 0 {
			continue
		}
		hold := map[string]float64{"admit": 2000, "deny": 8000}[got[i-1].View]
		if shown := s.At - got[i-1].At; shown < 990 {
			t.Errorf("%v was shown for %.0f ms, want at least 1000", order[i-1], shown)
		} else if i < 3 && shown >= hold {
			t.Errorf("%v was shown for %.0f ms while others waited", order[i-1], shown)
		}
	}
	// The second green is overtaken and skipped; the refusal is not.
	if want := []string{"admit No. 1", "deny No. 3", "admit No. 4", "idle "}; !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
	b.quiet()
}

func TestLateAnswerIsShownAndGivesWayToTheVerdict(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	b.record()
	st.source.publish(lane.Event{Kind: lane.VerdictLate, Lane: "A"})
	b.view("late")
	st.source.give("A", policy.OK)
	b.view("admit")
	got := b.seen()
	if len(got) != 2 || got[1].At-got[0].At > 900 {
		t.Errorf("got %+v: a verdict must not wait for a late one's second", got)
	}
	b.quiet()
}

func TestShownAgainLightsNothing(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	chip := "!document.getElementById('again').hidden"
	again := lane.Event{Kind: lane.ShownAgain, Lane: "A", Candidate: candidate(policy.OK)}
	st.source.publish(again)
	b.until("already shown", chip, 2*time.Second)
	if view := eval[string](b, "document.body.dataset.view"); view != "idle" {
		t.Errorf("a code that was shown before made the view %q", view)
	}
	if got := strings.TrimSpace(b.text("#again")); got != "Already shown" {
		t.Errorf("got %q", got)
	}
	b.until("the note goes", "document.getElementById('again').hidden", 4*time.Second)
	st.source.give("A", policy.Expired)
	b.view("deny")
	st.source.publish(again)
	b.until("already shown", chip, 2*time.Second)
	if view := eval[string](b, "document.body.dataset.view"); view != "deny" {
		t.Errorf("a code that was shown before changed a refusal to %q", view)
	}
	b.keep("again")
	b.quiet()
}

func TestSecondDocumentIsAskedForUntilTheVerdict(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	st.source.publish(lane.Event{Kind: lane.SecondWanted, Lane: "A"})
	b.view("second")
	st.source.publish(lane.Event{Kind: lane.ScannerGone, Lane: "A"})
	b.until("the scanner is gone", `document.querySelector('[data-item="scanner"]').dataset.level === 'bad'`, 3*time.Second)
	if view := eval[string](b, "document.body.dataset.view"); view != "second" {
		t.Errorf("a scanner that is gone made the view %q: the second document may be typed", view)
	}
	st.source.give("A", policy.OK)
	b.view("admit")
	b.view("gone") // and nothing is asked for any more
	b.quiet()
}

func TestModesAreSeenAllOverThePage(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	for _, m := range []lane.Mode{lane.Rehearsal, lane.OpenCount, lane.Normal} {
		st.source.publish(lane.Event{Kind: lane.ModeChanged, Mode: m, Lane: "A"})
		b.until("mode "+m.String(), fmt.Sprintf("document.body.dataset.mode === %q && document.getElementById('mode').hidden === %v", m, m == lane.Normal), 3*time.Second)
	}
	st.source.publish(lane.Event{Kind: lane.ModeChanged, Mode: lane.Rehearsal, Lane: "A"})
	st.source.publish(lane.Event{Kind: lane.VerdictGiven, Mode: lane.Rehearsal, Lane: "A", Candidate: candidate(policy.OK)})
	b.view("admit")
	b.keep("rehearsal")
	b.quiet()
}

func TestAlreadyUsedTellsWhereAndWhen(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "fr")
	when := time.Date(2021, 6, 7, 8, 9, 0, 0, time.Local)
	st.source.publish(lane.Event{
		Kind: lane.VerdictGiven, Lane: "A", Candidate: candidate(policy.AlreadyUsed), Earlier: lane.Earlier{Lane: "Porte 7", At: when, Sequence: 12},
	})
	b.view("deny")
	plain := strings.NewReplacer("\u2068", "", "\u2069", "")
	if got, want := plain.Replace(b.text("#more")), "Utilisé au couloir Porte 7, à 07/06 08:09"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b.quiet()
}

func TestStripShowsAgeingInAmber(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	value := func(item string) string { return b.text(fmt.Sprintf("[data-item=%q] .value", item)) }
	if got := b.text("#profile"); got != "demo" {
		t.Errorf("profile: got %q", got)
	}
	plain := strings.NewReplacer("\u2068", "", "\u2069", "")
	for item, want := range map[string]string{"scanner": "ready", "trust": "60 min old", "clock": "sure", "journal": "ok", "reports": "3 waiting"} {
		if got := plain.Replace(value(item)); got != want {
			t.Errorf("%s: got %q, want %q", item, got, want)
		}
	}
	now := time.Now()
	st.place.set(func(p *place) {
		p.list = testList(t, 8, now.Add(-9*24*time.Hour-time.Hour), now.Add(24*time.Hour))
		p.now.Class, p.journal, p.reports.Parked, p.foreign = policy.ClockFloored, "damaged", 2, 1
	})
	level := func(item string) string {
		return fmt.Sprintf("document.querySelector('[data-item=%s]').dataset.level", item)
	}
	b.until("an amber list", level("trust")+" === 'warn'", 3*time.Second)
	for item, want := range map[string]string{"trust": "warn", "clock": "warn", "journal": "bad", "reports": "warn", "devices": "warn", "scanner": "good"} {
		if got := eval[string](b, level(item)); got != want {
			t.Errorf("%s: level %q, want %q", item, got, want)
		}
	}
	amber := "getComputedStyle(document.querySelector('[data-item=trust]')).backgroundColor"
	if got := eval[string](b, amber); got != "rgb(255, 194, 26)" {
		t.Errorf("an ageing list is %s, want amber", got)
	}
	if got := plain.Replace(value("trust")); got != "9 d old" {
		t.Errorf("age: got %q, want 9 d old", got)
	}
	b.keep("ageing")
	b.quiet()
}

func TestManualEntry(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	open := "document.getElementById('entry').open"
	field := "document.getElementById('entry-code').value"
	b.do(chromedp.Click(chromedp.CSS("#key-in")))
	b.until("the dialog", open, 2*time.Second)
	b.keep("entry")
	b.do(chromedp.SendKeys(chromedp.CSS("#entry-code"), " TICKET 123é "), chromedp.Click(chromedp.CSS("#entry-cancel")))
	if eval[bool](b, open) || eval[string](b, field) != "" {
		t.Error("cancelled: the dialog is open, or what was typed is still there")
	}
	b.do(chromedp.Click(chromedp.CSS("#key-in")), chromedp.SendKeys(chromedp.CSS("#entry-code"), " TICKET 123é "), chromedp.Click(chromedp.CSS("#entry-send")))
	b.until("the dialog closes", "!"+open, 3*time.Second)
	if eval[string](b, field) != "" {
		t.Error("sent: what was typed is still there")
	}
	st.source.mu.Lock()
	entered := slices.Clone(st.source.entered)
	st.source.mu.Unlock()
	if want := []string{"A:TICKET 123é"}; !slices.Equal(entered, want) {
		t.Errorf("the lane got %q, want %q", entered, want)
	}
	b.quiet()

	st.source.failWith(lane.ErrBusy)
	b.do(chromedp.Click(chromedp.CSS("#key-in")), chromedp.SendKeys(chromedp.CSS("#entry-code"), "X\r"))
	b.until("the note", "document.getElementById('entry-note').textContent !== ''", 3*time.Second)
	if got, want := b.text("#entry-note"), words(t)["en"].Page["entry_busy"]; got != want || !eval[bool](b, open) {
		t.Errorf("busy: got %q, want %q in an open dialog", got, want)
	}
	b.quiet("503")
}

func TestThreeSoundsAfterTheFirstTouch(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	eval[bool](b, `window.tones = []; for (const method of ['start']) { const plain = OscillatorNode.prototype[method];
		OscillatorNode.prototype[method] = function (at) { tones.push(this.type + Math.round(this.frequency.value)); return plain.call(this, at); }; } true`)
	heard := func() string { return eval[string](b, "tones.splice(0).join(' ')") }
	st.source.give("A", policy.OK)
	b.view("admit")
	if got := heard(); got != "" {
		t.Errorf("before anybody touched the page it played %q", got)
	}
	b.do(chromedp.Click(chromedp.CSS("#sound")))
	b.until("sound on", "document.getElementById('sound').getAttribute('aria-pressed') === 'true'", 2*time.Second)
	heard()
	sounds := make(map[string]string)
	for _, r := range []policy.Reason{policy.ListStale, policy.Expired, policy.OK} {
		st.source.give("A", r)
		c := candidate(r)
		outcome := c.Outcome().String()
		b.view(outcome)
		got := heard()
		for other, sound := range sounds {
			if sound == got {
				t.Errorf("%s and %s sound the same", outcome, other)
			}
		}
		if got == "" {
			t.Errorf("%s is silent", outcome)
		}
		sounds[outcome] = got
	}
	st.source.publish(lane.Event{Kind: lane.ShownAgain, Lane: "A"})
	b.until("already shown", "!document.getElementById('again').hidden", 2*time.Second)
	if got := heard(); got != "" {
		t.Errorf("a code that was shown before played %q", got)
	}
	b.do(chromedp.Click(chromedp.CSS("#sound")))
	st.source.give("A", policy.Expired)
	b.view("deny")
	if got := heard(); got != "" {
		t.Errorf("after sound was switched off it played %q", got)
	}
	b.quiet()
}

func TestIndexListsTheLanes(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil, "A", "Porte 2")
	b := openTab(t, viewports[0])
	b.open(st.page + "/?lang=fr")
	b.until("cards", "document.querySelectorAll('.card').length === 2", 3*time.Second)
	if got := b.text(".card .name"); got != "A" {
		t.Errorf("first card: got %q, want A", got)
	}
	b.keep("index")
	dot := "getComputedStyle(document.querySelector('.card .scanner .drawn')).color"
	if got := eval[string](b, dot); got != "rgb(54, 224, 122)" {
		t.Errorf("a scanner that is there has a dot of %s, want green", got)
	}
	st.source.publish(lane.Event{Kind: lane.ScannerGone, Lane: "A"})
	b.until("amber", "document.querySelector('.card')?.dataset.level === 'bad'", 5*time.Second)
	b.quiet()
	b.do(chromedp.Click(chromedp.CSS("li:nth-child(2) a")))
	b.view("idle")
	if got := b.text(".who .name"); got != "Porte 2" {
		t.Errorf("the link led to %q", got)
	}
	if got := eval[string](b, "document.documentElement.lang"); got != "fr" {
		t.Errorf("the link led to the language %q", got)
	}
	b.quiet("net::ERR_ABORTED")
}
