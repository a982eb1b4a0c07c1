package people

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// town is the accounts of one gate with a clock that the test moves.
type town struct {
	*People
	dir string

	mu    sync.Mutex
	now   time.Time
	notes []string
}

func open(t testing.TB, dir string) *town {
	t.Helper()
	w := &town{dir: dir, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	p, err := Open(w.options())
	if err != nil {
		t.Fatal(err)
	}
	w.People = p
	return w
}

func (w *town) options() Options {
	return Options{Dir: w.dir, Now: w.clock, Random: rand.Reader, Note: w.write}
}

func (w *town) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *town) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *town) write(lane, event string, fields map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := lane + " " + event
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		line += " " + k + "=" + fields[k]
	}
	w.notes = append(w.notes, line)
}

func (w *town) add(t testing.TB, name string, role Role, password, pin string) {
	t.Helper()
	if err := w.Add(name, role, password, pin); err != nil {
		t.Fatalf("add %s: %v", name, err)
	}
}

// wantError fails unless err is of that kind.
func wantError(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

const good = "correct horse battery"

func TestLoginGivesASessionOfItsRole(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	if w.Required() {
		t.Error("a login is required while nobody has an account")
	}
	w.add(t, "amina", Authority, good, "")
	if !w.Required() {
		t.Error("no login is required although somebody has an account")
	}
	token, s, err := w.Login("amina", good)
	if err != nil || s != (Session{Name: "amina", Role: Authority}) {
		t.Fatalf("got %+v, %v", s, err)
	}
	if got, ok := w.Session(token); !ok || got != s {
		t.Errorf("the token is worth %+v, %v", got, ok)
	}
	for _, wrong := range []string{"", token[1:], token + "A", strings.ToUpper(token)} {
		if got, ok := w.Session(wrong); ok || got != (Session{}) {
			t.Errorf("token %q is worth %+v", wrong, got)
		}
	}
	w.Logout(token)
	if _, ok := w.Session(token); ok {
		t.Error("after the logout there still is a session")
	}
	if got := w.Counts(); got.Logins != 1 || got.WrongLogins != 0 {
		t.Errorf("counts: %+v", got)
	}
}

func TestWrongNameOrPasswordGivesNothing(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "amina", Steward, good, "")
	w.add(t, "said", Supervisor, "", "480913") // has a PIN alone
	for _, try := range []struct{ name, password string }{
		{"amina", "correct horse batterz"},
		{"amina", ""},
		{"amina", good + " "},
		{"nobody", good},
		{"", good},
		{"said", "480913"},
		{"said", ""},
		{"amina", strings.Repeat("x", MaxPassword+1)},
		{"amina", strings.Repeat("x", 1<<20)},
		{strings.Repeat("n", 1<<16), good},
	} {
		token, s, err := w.Login(try.name, try.password)
		var delayed *Delayed
		if token != "" || s != (Session{}) || !errors.Is(err, ErrWrong) && !errors.As(err, &delayed) {
			t.Errorf("%.20q, %.20q: got %q, %+v, %v", try.name, try.password, token, s, err)
		}
	}
}

func TestSessionEndsAfterTwelveHoursAndWhenItsPersonIsAway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		role  Role
		idles bool
	}{{Steward, false}, {Retail, false}, {Airline, false}, {Operator, false}, {Authority, true}, {Supervisor, true}} {
		w := open(t, t.TempDir())
		w.add(t, "p", tt.role, good, "")
		token, _, err := w.Login("p", good)
		if err != nil {
			t.Fatal(err)
		}
		alive := func() bool { _, ok := w.Session(token); return ok }
		w.pass(IdleLife - time.Second)
		if !alive() {
			t.Errorf("%v: over before its time", tt.role)
		}
		w.Touch(token)
		w.pass(IdleLife - time.Second)
		if !alive() {
			t.Errorf("%v: over although somebody was there", tt.role)
		}
		w.pass(time.Second) // the look above did not count
		if alive() == tt.idles {
			t.Errorf("%v: after %v without a touch: alive = %v", tt.role, IdleLife, !tt.idles)
		}
		w.Touch(token)
		if alive() && tt.idles {
			t.Errorf("%v: a touch brought it back", tt.role)
		}
		if token, _, err = w.Login("p", good); err != nil {
			t.Fatal(err)
		}
		for range int(SessionLife/IdleLife)*2 - 1 {
			w.pass(IdleLife / 2)
			w.Touch(token)
		}
		if w.pass(IdleLife/2 - time.Second); !alive() {
			t.Errorf("%v: over before twelve hours", tt.role)
		}
		if w.pass(time.Second); alive() {
			t.Errorf("%v: alive after twelve hours", tt.role)
		}
	}
}

func TestAccountHasAtMostItsNumberOfSessions(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "p", Steward, good, "")
	var tokens []string
	for range MaxPerAccount + 1 {
		token, _, err := w.Login("p", good)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
		w.pass(time.Second)
	}
	for i, token := range tokens {
		if _, ok := w.Session(token); ok != (i > 0) {
			t.Errorf("session %d of %d: alive = %v", i, len(tokens), ok)
		}
	}
}

func TestChangedAccountIsOutAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "a", Supervisor, good, "")
	w.add(t, "b", Steward, good, "")
	other, err := Open(w.options()) // another process
	if err != nil {
		t.Fatal(err)
	}
	a, _, errA := w.Login("a", good)
	b, _, errB := w.Login("b", good)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if err := other.SetPIN("a", "480913"); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Session(a); ok {
		t.Error("a's secrets were changed, and the old session goes on")
	}
	if _, ok := w.Session(b); !ok {
		t.Error("b was not changed, and is out")
	}
	if err := other.Remove("b"); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Session(b); ok {
		t.Error("b was removed, and is still in")
	}
	if _, _, err := w.Login("b", good); !errors.Is(err, ErrWrong) {
		t.Errorf("b was removed, and logs in: %v", err)
	}
	wantError(t, "remove again", other.Remove("b"), ErrUnknown)
}

func TestGuessingIsSlowedDownMoreAndMore(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "said", Supervisor, "", "480913")
	w.add(t, "lina", Supervisor, "", "739104")
	try := func(lane, name, pin string) error { return w.CheckPIN(lane, name, pin) }
	delayed := func(err error) time.Duration {
		var d *Delayed
		if errors.As(err, &d) {
			return d.Wait
		}
		return 0
	}
	for i := range FreeTries {
		wantError(t, "a wrong PIN", try("A", "said", "000001"), ErrWrong)
		if i == FreeTries-2 {
			if err := try("B", "lina", "739104"); err != nil {
				t.Errorf("another supervisor at another lane: %v", err)
			}
		}
	}
	if got := delayed(try("A", "said", "480913")); got != FirstDelay {
		t.Errorf("the right PIN right after %d wrong ones: wait %v, want %v", FreeTries, got, FirstDelay)
	}
	if got := delayed(try("B", "said", "480913")); got != FirstDelay {
		t.Errorf("the same account at another lane: wait %v, want %v", got, FirstDelay)
	}
	if got := delayed(try("A", "lina", "739104")); got != FirstDelay {
		t.Errorf("another account at the same lane: wait %v, want %v", got, FirstDelay)
	}
	want := FirstDelay
	for range 8 {
		w.pass(want - time.Second)
		if got := delayed(try("A", "said", "000001")); got != time.Second {
			t.Errorf("a second too early: wait %v", got)
		}
		w.pass(time.Second)
		wantError(t, "another wrong PIN", try("A", "said", "000001"), ErrWrong)
		want = min(2*want, MaxDelay)
		if got := delayed(try("A", "said", "480913")); got != want {
			t.Errorf("wait %v, want %v", got, want)
		}
	}
	if want != MaxDelay {
		t.Errorf("the delay ended at %v", want)
	}
	w.pass(MaxDelay)
	if err := try("A", "said", "480913"); err != nil {
		t.Errorf("the right PIN after the delay: %v", err)
	}
	for range FreeTries - 1 {
		wantError(t, "a wrong PIN", try("A", "said", "000001"), ErrWrong)
	}
	if err := try("A", "said", "480913"); err != nil {
		t.Errorf("a right PIN did not end the count: %v", err)
	}
	c := w.Counts()
	if c.Delays != 9 || c.WrongPINs != 2*FreeTries+7 || c.PINs != 3 {
		t.Errorf("counts: %+v", c)
	}
	if len(w.notes) != 9 || w.notes[0] != "A guessing account=said" {
		t.Errorf("noted: %q", w.notes)
	}
}

func TestManyTriesAtOnceGetNoMoreThanOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "said", Supervisor, "", "480913")
	looked := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			for {
				err := w.CheckPIN("A", "said", "111112")
				if errors.Is(err, ErrBusy) {
					time.Sleep(time.Millisecond)
					continue
				}
				if errors.Is(err, ErrWrong) {
					mu.Lock()
					looked++
					mu.Unlock()
				}
				return
			}
		})
	}
	all.Wait()
	if looked != FreeTries {
		t.Errorf("%d PINs were looked at, want %d", looked, FreeTries)
	}
}

func TestOnlySoManySecretsAreLookedAtAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "a", Supervisor, good, "480913")
	take := func(places chan struct{}) {
		t.Helper()
		for range maxHashing {
			release, err := hash(places)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(release)
		}
	}
	take(w.logins)
	_, _, err := w.Login("a", good)
	wantError(t, "login", err, ErrBusy)
	if err := w.CheckPIN("A", "a", "480913"); err != nil {
		t.Errorf("a supervisor's PIN, while others guess passwords: %v", err)
	}
	take(w.pins)
	wantError(t, "PIN", w.CheckPIN("A", "a", "480913"), ErrBusy)
}

// TestUnknownNameTakesAsLong measures: the derivation is nearly all of the time, and both cases do one.
func TestUnknownNameTakesAsLong(t *testing.T) {
	w := open(t, t.TempDir())
	w.add(t, "amina", Steward, good, "")
	w.add(t, "said", Supervisor, "", "480913")
	shortest := func(f func() error) time.Duration {
		best := time.Hour
		for range 4 {
			w.pass(MaxDelay)
			start := time.Now()
			if err := f(); !errors.Is(err, ErrWrong) {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	known := shortest(func() error { _, _, err := w.Login("amina", "not the password"); return err })
	for what, f := range map[string]func() error{
		"unknown name":          func() error { _, _, err := w.Login("nobody", "not the password"); return err },
		"account without one":   func() error { _, _, err := w.Login("said", "not the password"); return err },
		"PIN of an unknown one": func() error { return w.CheckPIN("Z", "nobody", "480914") },
	} {
		if got := shortest(f); got < known/2 || got > 2*known {
			t.Errorf("%s: %v, a known name takes %v", what, got, known)
		}
	}
}

func TestGuessesAtUnknownNamesCostNoMemory(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	for range 300 {
		name, err := newToken(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.at(guess{guessPIN, "", name})
		w.mu.Unlock()
	}
	if n := len(w.tries); n != 0 {
		t.Errorf("%d names that nobody has are kept", n)
	}
}

func TestTabletIsPairedOnceAndForItsLane(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	w.add(t, "op", Operator, good, "")
	code, until, err := w.Pair("A", Steward)
	if err != nil || until.Sub(w.clock()) != PairingLife {
		t.Fatal(code, until, err)
	}
	token, s, expires, err := w.Redeem(code)
	if err != nil || s.Lane != "A" || s.Role != Steward || !s.Device || !strings.HasPrefix(s.Name, devicePrefix) || expires.Sub(w.clock()) != DeviceLife {
		t.Fatalf("got %+v, %v, %v", s, expires, err)
	}
	if !s.At("A") || s.At("B") {
		t.Errorf("%+v: at A %v, at B %v", s, s.At("A"), s.At("B"))
	}
	_, _, _, err = w.Redeem(code)
	wantError(t, "the code again", err, ErrCode)
	_, _, _, err = w.Redeem("")
	wantError(t, "no code", err, ErrCode)

	again := open(t, dir) // a restart
	if got, ok := again.Session(token); !ok || got != s {
		t.Errorf("after a restart: %+v, %v", got, ok)
	}
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || bytes.Contains(text, []byte(token)) || bytes.Contains(text, []byte(good)) {
		t.Errorf("the file holds a key itself, or %v", err)
	}
	_, devices, err := again.List()
	if err != nil || len(devices) != 1 || devices[0].ID != s.Name || devices[0].Lane != "A" {
		t.Errorf("list: %+v, %v", devices, err)
	}
	again.pass(DeviceLife - time.Second)
	if _, ok := again.Session(token); !ok {
		t.Error("over before its time")
	}
	again.pass(time.Second)
	if _, ok := again.Session(token); ok {
		t.Error("alive after 30 days")
	}
	if err := w.Remove(s.Name); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Session(token); ok {
		t.Error("removed, and still in")
	}
}

func TestPairingCodesEndAndAreFew(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	var codes []string
	for range MaxPairings {
		code, _, err := w.Pair("A", Retail)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
	}
	_, _, err := w.Pair("A", Retail)
	wantError(t, "one more", err, ErrFull)
	w.pass(PairingLife)
	_, _, _, err = w.Redeem(codes[0])
	wantError(t, "an old code", err, ErrCode)
	if _, _, err := w.Pair("A", Retail); err != nil {
		t.Errorf("old codes still take the room: %v", err)
	}
	for _, role := range []Role{Nobody, Authority, Operator, Supervisor, NumRoles} {
		_, _, err := w.Pair("A", role)
		wantError(t, role.String(), err, ErrPairRole)
	}
	for _, lane := range []string{"", strings.Repeat("x", maxLane+1)} {
		_, _, err := w.Pair(lane, Steward)
		wantError(t, lane, err, ErrLane)
	}
	if _, _, err := w.Pair(strings.Repeat("x", maxLane), Steward); err != nil {
		t.Errorf("the longest lane's name: %v", err)
	}
}

func TestLimitsOfAnAccount(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	for _, tt := range []struct {
		what, name    string
		role          Role
		password, pin string
		want          error
	}{
		{"longest name", strings.Repeat("a", MaxName), Steward, good, "", nil},
		{"name too long", strings.Repeat("a", MaxName+1), Steward, good, "", ErrName},
		{"no name", "", Steward, good, "", ErrName},
		{"upper case", "Amina", Steward, good, "", ErrName},
		{"a tablet's name", devicePrefix + "x", Steward, good, "", ErrName},
		{"control character", "a\n", Steward, good, "", ErrName},
		{"shortest password", "a", Steward, strings.Repeat("p", MinPassword), "", nil},
		{"password too short", "b", Steward, strings.Repeat("p", MinPassword-1), "", ErrPassword},
		{"longest password", "c", Steward, strings.Repeat("p", MaxPassword), "", nil},
		{"password too long", "d", Steward, strings.Repeat("p", MaxPassword+1), "", ErrPassword},
		{"shortest PIN", "e", Supervisor, "", "480913", nil},
		{"PIN too short", "f", Supervisor, "", "48091", ErrPIN},
		{"longest PIN", "g", Supervisor, "", "480913480913", nil},
		{"PIN too long", "h", Supervisor, "", "4809134809130", ErrPIN},
		{"letters", "i", Supervisor, "", "48091a", ErrPIN},
		{"other digits", "i", Supervisor, "", "٤٨٠٩١٣", ErrPIN},
		{"all the same", "i", Supervisor, "", "777777", ErrPIN},
		{"upwards", "i", Supervisor, "", "345678", ErrPIN},
		{"downwards", "i", Supervisor, "", "987654", ErrPIN},
		{"PIN of a steward", "i", Steward, good, "480913", ErrPINRole},
		{"nothing to show", "i", Supervisor, "", "", ErrNoSecret},
		{"name twice", "a", Steward, good, "", ErrTaken},
	} {
		wantError(t, tt.what, w.Add(tt.name, tt.role, tt.password, tt.pin), tt.want)
	}
	for _, role := range []Role{Nobody, NumRoles} {
		if err := w.Add("x", role, good, ""); err == nil {
			t.Errorf("role %d was taken", role)
		}
	}
	if err := w.SetPIN("e", ""); !errors.Is(err, ErrNoSecret) {
		t.Errorf("the last secret was taken away: %v", err)
	}
	wantError(t, "PIN of nobody", w.SetPIN("nobody", "480913"), ErrUnknown)
	wantError(t, "PIN of a steward", w.SetPIN("a", "480913"), ErrPINRole)
	if got := w.Supervisors(); !slices.Equal(got, []string{"e", "g"}) {
		t.Errorf("supervisors: %q", got)
	}
}

func TestFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "a", Steward, good, "")
	files, err := os.ReadDir(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", f.Name(), info.Mode(), err)
		}
	}
	if want := []string{fileName, lockName}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
}

func TestUnreadableFileLetsNobodyIn(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.add(t, "a", Steward, good, "")
	token, _, err := w.Login("a", good)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, fileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, bad := range map[string][]byte{
		"cut": text[:len(text)/2], "empty": {}, "two": append(slices.Clone(text), text...), "too large": append(slices.Clone(text), bytes.Repeat([]byte(" "), maxFile)...),
		"another member": bytes.Replace(text, []byte(`"version"`), []byte(`"more":1,"version"`), 1),
		"another role":   bytes.Replace(text, []byte("steward"), []byte("emperor"), 1),
		"fewer rounds":   bytes.Replace(text, fmt.Appendf(nil, "$%d$", iterations), fmt.Appendf(nil, "$%d$", iterations-1), 1),
		"more rounds":    bytes.Replace(text, fmt.Appendf(nil, "$%d$", iterations), []byte("$10000001$"), 1),
		"other version":  bytes.Replace(text, []byte(`"version": 1`), []byte(`"version": 2`), 1),
	} {
		write(bad)
		if _, ok := w.Session(token); ok {
			t.Errorf("%s: the session goes on", name)
		}
		if !w.Required() {
			t.Errorf("%s: nobody has to log in", name)
		}
		_, _, err := w.Login("a", good)
		wantError(t, name, err, ErrDamaged)
		wantError(t, name, w.Add("b", Steward, good, ""), ErrDamaged)
		if _, err := Open(w.options()); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Open: %v", name, err)
		}
	}
	write(text)
	if _, _, err := w.Login("a", good); err != nil {
		t.Errorf("the file is back: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if w.Required() {
		t.Error("without a file and without the option a login is required")
	}
	o := w.options()
	o.Login = true
	if p, err := Open(o); err != nil || !p.Required() {
		t.Errorf("with the option none is required, or %v", err)
	}
}

func TestNumbersOfAccountsAndTabletsAreLimited(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	s, err := newSecret(rand.Reader, good)
	if err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return strings.Repeat("a", i/26+1) + string(rune('a'+i%26)) }
	err = w.change(func(b *book) error {
		for i := range MaxAccounts {
			b.Accounts = append(b.Accounts, account{Name: name(i), Role: Steward, Password: s})
		}
		for i := range MaxDevices {
			b.Devices = append(b.Devices, device{ID: devicePrefix + name(i), Lane: "A", Role: Steward, Paired: w.now, Expires: w.now.Add(DeviceLife)})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("at the limit: %v", err)
	}
	wantError(t, "one account more", w.Add("one-more", Steward, good, ""), ErrFull)
	code, _, err := w.Pair("A", Steward)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, err = w.Redeem(code)
	wantError(t, "one tablet more", err, ErrFull)
	w.pass(DeviceLife)
	if code, _, err = w.Pair("A", Steward); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err = w.Redeem(code); err != nil {
		t.Errorf("tablets whose time is over still take the room: %v", err)
	}
}

func TestProcessesDoNotLoseEachOthersChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir).add(t, "first", Steward, good, "")
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		p := open(t, dir) // each as its own process would
		all.Go(func() {
			if err := p.Add(name, Steward, good, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	accounts, _, err := open(t, dir).List()
	if err != nil || len(accounts) != 7 {
		t.Errorf("%d accounts, %v, want 7", len(accounts), err)
	}
}

func TestCardCountsForItsLaneAndItsTime(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.Grant("A", "card-7", w.clock().Add(time.Hour)) // is cut to GrantLife
	if card, ok := w.Granted("A"); !ok || card != "card-7" {
		t.Errorf("got %q, %v", card, ok)
	}
	if _, ok := w.Granted("B"); ok {
		t.Error("the card counts at another lane")
	}
	w.pass(GrantLife - time.Millisecond)
	if _, ok := w.Granted("A"); !ok {
		t.Error("over before its time")
	}
	w.pass(time.Millisecond)
	if _, ok := w.Granted("A"); ok {
		t.Error("counts after its time")
	}
}

func TestEveryDeedHasReasonsOfTheList(t *testing.T) {
	t.Parallel()
	for _, d := range Deeds() {
		if len(Reasons(d)) == 0 || d.String() == NoDeed.String() {
			t.Errorf("%v has no reason or no name", d)
		}
		for _, r := range Reasons(d) {
			if !d.Allows(r) {
				t.Errorf("%v does not allow %s", d, r)
			}
		}
		for _, r := range []Reason{"", "because", "scanner_fault "} {
			if d.Allows(r) {
				t.Errorf("%v allows %q", d, r)
			}
		}
	}
	if NoDeed.Allows(ScannerFault) || numDeeds.Allows(ScannerFault) || Reasons(numDeeds) != nil {
		t.Error("what is no deed has a reason")
	}
	if Override.Allows(CrowdPressure) {
		t.Error("one person is let in because of the crowd")
	}
}

func TestRolesHaveNames(t *testing.T) {
	t.Parallel()
	for r := Retail; r < NumRoles; r++ {
		if got, ok := ParseRole(r.String()); !ok || got != r {
			t.Errorf("%v: parsed as %v, %v", r, got, ok)
		}
	}
	for _, name := range []string{"", "nobody", "Steward", "root"} {
		if r, ok := ParseRole(name); ok || r != Nobody {
			t.Errorf("%q is %v", name, r)
		}
	}
}

// FuzzBook: a file never panics, and one that is taken has nothing that could not have been written.
func FuzzBook(f *testing.F) {
	s, err := newSecret(rand.Reader, good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"version":1,"accounts":[],"devices":[]}`))
	f.Add([]byte(`{"version":1,"accounts":[{"name":"a","role":"supervisor","password":"` + string(s) + `","pin":"` + string(s) + `"}],"devices":null}`))
	f.Add([]byte(`{"version":1,"devices":[{"id":"tablet-x","lane":"A","role":"steward","token":"` + strings.Repeat("ab", 32) +
		`","paired":"2026-01-01T00:00:00Z","expires":"2026-01-31T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":1,"accounts":[{"name":"a","role":"steward","password":"pbkdf2-sha256$600000$$"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := parseBook(text)
		if err != nil {
			return
		}
		for _, a := range b.Accounts {
			if checkName(a.Name) != nil || a.Role == Nobody || a.Role >= NumRoles || a.Password.check() != nil || a.PIN.check() != nil {
				t.Errorf("taken: %+v", a)
			}
		}
		for _, d := range b.Devices {
			if !d.Role.pairable() || d.Expires.Sub(d.Paired) > DeviceLife {
				t.Errorf("taken: %+v", d)
			}
		}
	})
}
