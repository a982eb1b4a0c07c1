package people

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"time"
)

// Session is somebody, or a paired tablet, who may use the gate. The zero Session may nothing.
type Session struct {
	Name   string // of the account, or the tablet's id
	Role   Role
	Lane   string // a tablet's one lane; "" for people: all lanes
	Device bool   // a tablet
}

// At reports whether the session may be at a lane.
func (s Session) At(lane string) bool { return s.Role != Nobody && (s.Lane == "" || s.Lane == lane) }

// entry is one session of a person.
type entry struct {
	account account // as it was at the login: another password, PIN or role ends the session
	since   time.Time
	used    time.Time
}

// Login looks at a password and begins a session. The token is the only key to it and is kept nowhere. The errors are ErrWrong,
// ErrBusy, ErrDamaged and *Delayed.
func (p *People) Login(name, password string) (token string, s Session, err error) {
	release, err := hash(p.logins)
	if err != nil {
		return "", Session{}, err
	}
	defer release()
	g := guess{guessPassword, "", name}
	a, began, err := p.begin(g)
	if err != nil {
		return "", Session{}, err
	}
	if len(password) > MaxPassword {
		password = "" // matches nothing, in the same time
	}
	if !a.Password.matches(password) {
		p.wrong(&p.counts.WrongLogins, g, began)
		return "", Session{}, ErrWrong
	}
	if token, err = newToken(p.opts.Random); err != nil {
		return "", Session{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.right(&p.counts.Logins, g)
	p.sweep()
	p.dropOldest(name)
	now := p.opts.Now()
	p.sessions[digestOf(token)] = &entry{account: a, since: now, used: now}
	return token, Session{Name: a.Name, Role: a.Role}, nil
}

// hash takes one of the few places for slow work.
func hash(places chan struct{}) (release func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, ErrBusy
	}
}

// sweep forgets sessions that have ended; p.mu is held.
func (p *People) sweep() {
	for id, e := range p.sessions {
		if !p.alive(e) {
			delete(p.sessions, id)
		}
	}
}

// dropOldest makes room for one more session of an account; p.mu is held.
func (p *People) dropOldest(name string) {
	var oldest digest
	n := 0
	for id, e := range p.sessions {
		if e.account.Name != name {
			continue
		}
		if n++; n == 1 || e.since.Before(p.sessions[oldest].since) {
			oldest = id
		}
	}
	if n >= MaxPerAccount {
		delete(p.sessions, oldest)
	}
}

// alive reports whether a session still is one; p.mu is held.
func (p *People) alive(e *entry) bool {
	now := p.opts.Now()
	if now.Sub(e.since) >= SessionLife || e.account.Role.idles() && now.Sub(e.used) >= IdleLife {
		return false
	}
	a := p.book.account(e.account.Name)
	return a != nil && *a == e.account
}

// Session returns the session of a token that Login or Redeem gave, if it still is one. It does not keep it alive; see Touch.
func (p *People) Session(token string) (Session, bool) {
	if token == "" {
		return Session{}, false
	}
	id := digestOf(token)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	if e := p.sessions[id]; e != nil {
		if p.alive(e) {
			return Session{Name: e.account.Name, Role: e.account.Role}, true
		}
		delete(p.sessions, id)
		return Session{}, false
	}
	for _, d := range p.book.Devices {
		if subtle.ConstantTimeCompare(d.Token[:], id[:]) == 1 && p.opts.Now().Before(d.Expires) {
			return Session{Name: d.ID, Role: d.Role, Lane: d.Lane, Device: true}, true
		}
	}
	return Session{}, false
}

// Touch says that the person of a session is there.
func (p *People) Touch(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.sessions[digestOf(token)]; e != nil && p.alive(e) {
		e.used = p.opts.Now()
	}
}

// Logout ends a person's session. A tablet stays paired; Remove ends that.
func (p *People) Logout(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, digestOf(token))
}

// pairing is one code that waits for its tablet.
type pairing struct {
	lane  string
	role  Role
	until time.Time
}

// Pair returns a code with which one tablet gets a session at a lane, once, until the time returned.
func (p *People) Pair(lane string, role Role) (code string, until time.Time, err error) {
	if !role.pairable() {
		return "", time.Time{}, ErrPairRole
	}
	if err := checkLane(lane); err != nil {
		return "", time.Time{}, err
	}
	if code, err = newToken(p.opts.Random); err != nil {
		return "", time.Time{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opts.Now()
	for id, waiting := range p.pairings {
		if !now.Before(waiting.until) {
			delete(p.pairings, id)
		}
	}
	if len(p.pairings) >= MaxPairings {
		return "", time.Time{}, ErrFull
	}
	until = now.Add(PairingLife)
	p.pairings[digestOf(code)] = pairing{lane, role, until}
	return code, until, nil
}

// Redeem gives a tablet its session for a code. The code is used up, whatever comes of it.
func (p *People) Redeem(code string) (token string, s Session, expires time.Time, err error) {
	id := digestOf(code)
	p.mu.Lock()
	waiting, ok := p.pairings[id]
	delete(p.pairings, id)
	p.mu.Unlock()
	now := p.opts.Now()
	if !ok || !now.Before(waiting.until) {
		return "", Session{}, time.Time{}, ErrCode
	}
	if token, err = newToken(p.opts.Random); err != nil {
		return "", Session{}, time.Time{}, err
	}
	name, err := newToken(p.opts.Random)
	if err != nil {
		return "", Session{}, time.Time{}, err
	}
	now = now.Round(0).UTC().Truncate(time.Second)
	d := device{
		ID: devicePrefix + strings.ToLower(strings.NewReplacer("-", "0", "_", "1").Replace(name[:idLength])), Lane: waiting.lane, Role: waiting.role,
		Token: digestOf(token), Paired: now, Expires: now.Add(DeviceLife),
	}
	err = p.change(func(b *book) error {
		b.Devices = append(b.Devices, d)
		return b.check()
	})
	if err != nil {
		return "", Session{}, time.Time{}, fmt.Errorf("pair a tablet: %w", err)
	}
	p.mu.Lock()
	p.counts.Paired++
	p.mu.Unlock()
	p.note(d.Lane, "tablet_paired", map[string]string{"tablet": d.ID, "role": d.Role.String()})
	return token, Session{Name: d.ID, Role: d.Role, Lane: d.Lane, Device: true}, d.Expires, nil
}

// idLength is how many characters tell tablets apart, for people to type.
const idLength = 8
