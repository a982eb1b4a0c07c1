package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// tonight is a session that is in force now, with names as long as they get.
func tonight(now time.Time) *policy.Session {
	return &policy.Session{
		Event: "Botola Pro D1, journée 12: Wydad – Raja", Gate: "Porte 14 الشرقية", Zone: "Tribune d'honneur", Exit: true,
		From: now.Add(-time.Hour).Unix(), Until: now.Add(time.Hour).Unix(),
	}
}

// cut lists the parts of a selector whose text does not fit, and those that stand out of the screen.
const cut = `((selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility()).filter((e) => {
	const r = e.getBoundingClientRect();
	return e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline' || r.left < 0 || r.right > innerWidth + 1;
}).map((e) => e.textContent))`

func TestLanePageShowsWhatTheLaneIsForInEachLanguage(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, v := range viewports {
		st.place.set(func(p *place) { p.sessions, p.lanes = nil, nil })
		b := lanePage(t, st, v, "en")
		b.linger()
		strip := func() string { return unisolated(b.text("[data-item=session]")) }
		for _, l := range languages {
			b.say(l)
			w := words(t)[l].Page
			if got, want := strip(), w["session"]+w["unset"]+w["passed"]+" 0"; got != want {
				t.Errorf("%v, %s: got %q, want %q", v, l, got, want)
			}
			b.readable(fmt.Sprintf("%v, %s, nothing said", v, l))
		}
		b.keep(fmt.Sprintf("session-unset-%v", v))
		now := time.Now()
		st.place.set(func(p *place) {
			p.sessions = map[string]*policy.Session{"A": tonight(now)}
			p.lanes = map[string]journal.Count{"A": {Authorised: 13100, Passed: 12947, Annulled: 152, Pending: 1, Entered: 12947}}
		})
		b.until("the session", "document.querySelector('[data-item=session]').dataset.level === 'good'", 5*time.Second)
		for _, l := range languages {
			b.say(l)
			w := words(t)[l].Page
			for _, part := range []string{
				"Botola Pro D1, journée 12: Wydad – Raja", strings.Replace(w["gate"], "{name}", "Porte 14 الشرقية", 1), strings.Replace(w["zone_of"], "{name}", "Tribune d'honneur", 1),
				w["way_out"], now.Add(-time.Hour).Format("15:04") + "–" + now.Add(time.Hour).Format("15:04"), w["passed"] + " 12947", w["annulled"] + " 152", w["pending"] + " 1",
			} {
				if got := strip(); !strings.Contains(got, part) && !strings.Contains(part, "–") { // at midnight the times have days
					t.Errorf("%v, %s: %q lacks %q", v, l, got, part)
				}
			}
			if got := eval[[]string](b, cut+"('.counted, .strip, .item:not(.purpose) .label')"); len(got) > 0 {
				t.Errorf("%v, %s: no room for %q", v, l, got)
			}
			b.readable(fmt.Sprintf("%v, %s", v, l))
			b.keep(fmt.Sprintf("session-%s-%v", l, v))
		}
		low := eval[float64](b, "document.querySelector('[data-item=session]').getBoundingClientRect().height")
		if low > 44 {
			t.Errorf("%v: the line is %.0f px high: it takes room from the verdict", v, low)
		}
		b.quiet()
	}
}

func TestVerdictKeepsItsRoomBesideTheSession(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	st.place.set(func(p *place) { p.sessions = map[string]*policy.Session{"A": tonight(time.Now())} })
	for _, v := range viewports {
		b := lanePage(t, st, v, "en")
		b.linger()
		st.source.give("A", policy.AlreadyUsed)
		b.view("deny")
		for _, l := range languages {
			b.say(l)
			b.still()
			for _, bad := range eval[[]string](b, overlaps+`(["already_used", "list_stale"])`) {
				t.Errorf("%v, %s: %s", v, l, bad)
			}
			b.keep(fmt.Sprintf("deny-session-%s-%v", l, v))
		}
		b.quiet()
	}
}

func TestSessionOutsideItsTimesIsAmberOnThePage(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	st.place.set((*place).crowd)
	b := lanePage(t, st, viewports[0], "en")
	if got := b.text("[data-item=session] .value"); !strings.HasPrefix(got, words(t)["en"].Page["odd"]) || !strings.Contains(got, "AT834A 23/11") {
		t.Errorf("got %q", got)
	}
	if got := eval[string](b, "document.querySelector('[data-item=session]').dataset.level"); got != "warn" {
		t.Errorf("level %s", got)
	}
	b.readable("another day")
	b.keep("session-other-day")
	b.quiet()
}

// column returns the texts of one column of a table on the index page.
func (b *tab) column(table string, n int) []string {
	b.t.Helper()
	js := fmt.Sprintf("[...document.querySelectorAll('#%s tr')].map((r) => r.children[%d].textContent)", table, n)
	texts := eval[[]string](b, js)
	for i := range texts {
		texts[i] = unisolated(texts[i])
	}
	return texts
}

func TestIndexShowsLanesAndZonesInTables(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	st.place.set(func(p *place) {
		p.crowd()
		p.sessions = map[string]*policy.Session{"A": tonight(time.Now())}
		p.zones[1].Zone = "<b>stand-a</b>"
	})
	st.source.publish(lane.Event{Kind: lane.ModeChanged, Mode: lane.OpenCount, Lane: "B"})
	for _, v := range viewports {
		b := openTab(t, v)
		b.open(st.page + "/?lang=en")
		b.until("the tables", "!document.getElementById('tables').hidden", 5*time.Second)
		for _, l := range languages {
			b.say(l)
			w := words(t)[l].Page
			for _, test := range []struct {
				table  string
				column int
				want   []string
			}{
				{"lane-table", 0, []string{w["lane"], "A", "B"}},
				{"lane-table", 2, []string{w["mode"], w["normal"], w["open"]}},
				{"lane-table", 3, []string{w["authorised"], "12", "3"}},
				{"lane-table", 4, []string{w["passed"], "9", "3"}},
				{"lane-table", 5, []string{w["annulled"], "2", "0"}},
				{"lane-table", 6, []string{w["pending"], "1", "0"}},
				{"zone-table", 0, []string{w["zone"], w["unnamed"], "<b>stand-a</b>", "Tribune d'honneur"}},
				{"zone-table", 1, []string{w["inside"], "4", "6", "0"}},
				{"zone-table", 2, []string{w["entered"], "4", "7", "0"}},
				{"zone-table", 3, []string{w["left"], "0", "1", "0"}},
				{"zone-table", 4, []string{w["pending"], "0", "1", "0"}},
			} {
				got := b.column(test.table, test.column)
				if test.table == "zone-table" { // in the order of bytes
					slices.Sort(got[1:])
					slices.Sort(test.want[1:])
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%v, %s, %s %d: got %q, want %q", v, l, test.table, test.column, got, test.want)
				}
			}
			purposes := b.column("lane-table", 1)
			if !strings.Contains(purposes[1], "Botola") || purposes[2] != w["unset"] {
				t.Errorf("%v, %s: sessions %q", v, l, purposes)
			}
			if got := eval[[]string](b, cut+"('.tables, .wide, #strip .label')"); len(got) > 0 {
				t.Errorf("%v, %s: no room for %q", v, l, got)
			}
			eval[bool](b, "(() => { document.getElementById('tables').scrollIntoView(); return true; })()")
			b.readable(fmt.Sprintf("tables, %v, %s", v, l))
			b.keep(fmt.Sprintf("index-%s-%v", l, v))
		}
		levels := eval[[]string](b, "[...document.querySelectorAll('#lane-table td[data-level]')].map((e) => e.dataset.level)")
		if want := []string{"good", "good", "warn", "warn"}; !slices.Equal(levels, want) {
			t.Errorf("%v: levels %q, want %q", v, levels, want)
		}
		b.quiet()
	}
}

// TestIndexOfAShopHasNoTables: what other lanes and the zones count is not for it, and the page is whole without.
func TestIndexOfAShopHasNoTables(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	w.place.set((*place).crowd)
	for account, want := range map[string]bool{"retail": true, "operator": false} {
		b := openAlone(t, viewports[0])
		b.open(w.page + "/?lang=en")
		b.logIn(account, goodPassword)
		b.until("the cards", "document.querySelector('.card')", 5*time.Second)
		if got := eval[bool](b, "document.getElementById('tables').hidden"); got != want {
			t.Errorf("%s: tables hidden: %v, want %v", account, got, want)
		}
		b.quiet("401", "net::ERR_ABORTED")
	}
}
