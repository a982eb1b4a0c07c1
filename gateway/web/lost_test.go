package web

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// within is how soon a lost connection must be on the screen.
const within = 2 * time.Second

// lostAfter checks that the page showed the loss in time. What the browser says about connections that fail is expected.
func (b *tab) lostAfter(cut time.Time) {
	b.t.Helper()
	b.until("connection lost", "document.body.dataset.view === 'lost'", 4*time.Second)
	for _, s := range b.seen() {
		if s.View != "lost" {
			continue
		}
		if took := time.Duration(s.At-float64(cut.UnixMilli())) * time.Millisecond; took > within {
			b.t.Errorf("the loss was shown after %v, want %v", took, within)
		}
		return
	}
	b.t.Error("the loss was not noted")
}

func TestLostConnectionIsShownWithinTwoSecondsAndFoundAgain(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	page, events := strings.TrimPrefix(st.page, "http://"), strings.TrimPrefix(st.events, "http://")
	b := strictPage(t, st, viewports[0], "en")
	b.record()
	st.source.give("A", policy.OK)
	b.view("admit")
	cut := time.Now()
	st.stop(t)
	b.lostAfter(cut)
	if strip := b.text("#strip"); strip != "" {
		t.Errorf("the strip still says %q", strip)
	}
	b.keep("lost")

	again, err := New(st.config)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- again.Serve(listen(t, page), listen(t, events)) }()
	t.Cleanup(func() {
		(&site{Server: again}).stop(t)
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	b.view("idle")
	for _, s := range b.seen()[2:] {
		if s.View == "admit" {
			t.Error("after the gap an old verdict was shown again")
		}
	}
	st.source.give("A", policy.Expired)
	b.view("deny")
	b.quiet("net::ERR_")
}

// line is a cable between the page and the event streams that can be cut without a word to either side.
type line struct {
	net.Listener
	mu  sync.Mutex
	cut bool
}

func newLine(t *testing.T, to string) *line {
	l := &line{Listener: listen(t, "127.0.0.1:0")}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			go l.carry(near, far)
			go l.carry(far, near)
		}
	}()
	return l
}

func (l *line) carry(to, from net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		l.mu.Lock()
		cut := l.cut
		l.mu.Unlock()
		if err != nil {
			to.Close()
			return
		}
		if cut {
			continue // into the ground
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

func TestSilentLossIsShownWithinTwoSecondsToo(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	l := newLine(t, strings.TrimPrefix(st.events, "http://"))
	st.eventsPort = port(l)
	b := strictPage(t, st, viewports[0], "en")
	b.record()
	time.Sleep(1500 * time.Millisecond) // with heartbeats there is no loss
	if got := b.seen(); len(got) != 0 {
		t.Errorf("the page showed %+v while the line was good", got)
	}
	cut := time.Now()
	l.set(true)
	b.lostAfter(cut)
	l.set(false)
	b.view("idle")
	b.quiet("net::ERR_")
}

// hostile is what somebody would send who could write lane names, reasons and profiles.
const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`

func TestNothingInEventsOrNamesBecomesMarkup(t *testing.T) {
	t.Parallel()
	name := `<img src=x onerror=hacked=1>&lt;b>"'` // a lane can be called that
	st := serve(t, nil, nil, name, "B")
	st.source.mu.Lock()
	status := st.source.status[name]
	status.Profile, status.Scanner = hostile, hostile
	st.source.status[name] = status
	st.source.mu.Unlock()

	b := openTab(t, viewports[0])
	b.open(st.page + "/?lang=en")
	b.until("cards", "document.querySelectorAll('.card').length === 2", 3*time.Second)
	eval[bool](b, "document.querySelector('.card').click(), true")
	b.view("idle")
	if got := b.text(".who .name"); got != name {
		t.Errorf("lane's name: got %q, want %q", got, name)
	}
	if got := b.text("#profile"); got != hostile {
		t.Errorf("profile: got %q, want %q", got, hostile)
	}
	st.source.publish(lane.Event{
		Kind: lane.VerdictGiven, Lane: name, Candidate: candidate(policy.AlreadyUsed), Earlier: lane.Earlier{Lane: hostile, At: time.Now(), Sequence: 12},
	})
	b.view("deny")
	if got := b.text("#more"); !strings.Contains(got, hostile) {
		t.Errorf("earlier lane: got %q", got)
	}
	harmless(t, b)
	b.quiet("net::ERR_ABORTED")
}

func harmless(t *testing.T, b *tab) {
	t.Helper()
	if eval[bool](b, "'hacked' in window || document.querySelector('body img, body script, body b') !== null") {
		t.Errorf("text became markup: %s", eval[string](b, "document.body.innerHTML"))
	}
}

func TestEventsThatOurServerNeverSendsAreHarmless(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	say := make(chan string)
	evil := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		status := "event: status\n" + `data: {"lane":"A","connected":true,"profile":"p","scanner":"s","trust":{"version":"` +
			strings.ReplaceAll(hostile, `"`, `\"`) + `","age":"x","level":"<b>"},"clock":{"class":"<b>","level":1},"journal":{"state":"constructor","level":"good"},"reports":null,"devices":{"foreign":"<b>","level":7}}`
		for text := status; ; {
			io.WriteString(w, text+"\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case text = <-say:
			case <-time.After(500 * time.Millisecond):
				text = status
			}
		}
	})}
	l := listen(t, "127.0.0.1:0")
	go evil.Serve(l)
	t.Cleanup(func() { evil.Close() })
	st.eventsPort = port(l)
	b := lanePage(t, st, viewports[0], "en")
	all := words(t)["en"]
	for i, test := range []struct{ data, view, say string }{
		{`{"lane":"A","verdict":"admit","reason":"ok","final":false}`, "refer", all.Reason["internal"]},
		{`{"lane":"A","verdict":"admit","reason":"<b>","final":true}`, "refer", all.Reason["internal"]},
		{`{"lane":"A","verdict":"admit","reason":"ok"}`, "refer", all.Reason["internal"]},
		{`{"lane":"A","verdict":"maybe","reason":"ok","final":true}`, "refer", all.Reason["internal"]},
		{`{"lane":"A","verdict":"deny","reason":"<img src=x onerror=hacked=1>"}`, "deny", all.Reason["internal"]},
		{`{"lane":"A","verdict":"refer","reason":"toString"}`, "refer", all.Reason["internal"]},
		{`{"lane":"B","verdict":"admit","reason":"ok","final":true}`, "idle", all.View["idle_say"]},
		{`not JSON`, "idle", all.View["idle_say"]},
	} {
		b.openLane(st, "en")
		say <- "event: verdict\ndata: " + test.data
		if test.view == "idle" {
			time.Sleep(200 * time.Millisecond)
		}
		b.view(test.view)
		if got := b.text("#say"); got != test.say {
			t.Errorf("%d %s: got %q, want %q", i, test.data, got, test.say)
		}
		harmless(t, b)
	}
	b.quiet()
}

func TestPageKeepsNothing(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	b := lanePage(t, st, viewports[0], "en")
	eval[int](b, "import('/assets/queue.js').then((m) => m.HOLD.deny = 3000)") // a shorter wait for the test
	for _, r := range []policy.Reason{policy.OK, policy.AlreadyUsed} {
		st.source.give("A", r)
		c := candidate(r)
		b.view(c.Outcome().String())
	}
	b.view("deny")
	kept := eval[string](b, `(async () => JSON.stringify([localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length,
		(await caches.keys()).length, (await navigator.serviceWorker.getRegistrations()).length, history.state, history.length]))()`)
	if want := `[0,0,"",0,0,0,null,2]`; kept != want { // about:blank and the page
		t.Errorf("storage of the page: got %s, want %s", kept, want)
	}
	b.until("rest", "document.body.dataset.view === 'idle'", 12*time.Second)
	left := eval[string](b, "document.body.textContent")
	for _, gone := range []string{"already_used", "No. 2", words(t)["en"].Reason["already_used"]} {
		if strings.Contains(left, gone) {
			t.Errorf("after the verdict the page still holds %q", gone)
		}
	}
	b.quiet()
}
