// Package people knows who may use a gate: accounts with a role, supervisors' PINs, sessions, and paired tablets.
//
// Accounts and paired tablets stand in one file of the state folder, readable by its owner alone and replaced whole; nothing in
// it opens anything: passwords and PINs are there as PBKDF2 (RFC 8018, section 5.2) with HMAC-SHA-256, tokens of tablets as
// SHA-256 of 128 random bits. A short PIN can still be found by whoever has the file and a day of computing; what protects it
// at the gate is the growing delay. The file is read again whenever it was replaced, so that an account that another process
// removes is out at once. A file that cannot be read lets nobody in.
//
// Sessions of people are in memory alone: a restart ends them. Whoever guesses waits: after FreeTries wrong tries in a row, for
// each account and for each lane, 30 s, doubled up to MaxDelay. A name that nobody has takes the same time and meets
// the same delays as one that somebody has.
//
// The package has no clock, no randomness and no network of its own; package web asks it.
package people

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Limits.
const (
	MaxAccounts   = 256
	MaxDevices    = 256 // paired tablets
	MaxName       = 32  // bytes of an account's name
	MinPassword   = 10  // bytes
	MaxPassword   = 128
	MinPIN        = 6 // digits
	MaxPIN        = 12
	MaxPerAccount = 8 // sessions of one account; one more ends the oldest
	MaxPairings   = 32
	maxLane       = 64      // bytes of a lane's name
	maxFile       = 1 << 20 // bytes

	SessionLife = 12 * time.Hour
	IdleLife    = 30 * time.Minute // of sessions that see identity or may act
	DeviceLife  = 30 * 24 * time.Hour
	PairingLife = 10 * time.Minute
	GrantLife   = 30 * time.Second // of a signed card's grant

	FreeTries  = 5 // wrong in a row before the first delay
	FirstDelay = 30 * time.Second
	MaxDelay   = 15 * time.Minute

	maxHashing = 2 // passwords, and as many PINs, that are looked at at once: each takes a core for a good part of a second
)

// Errors of this package. Delayed is one more.
var (
	ErrWrong    = errors.New("the name or the secret is wrong")
	ErrBusy     = errors.New("too many people log in at once")
	ErrDamaged  = errors.New("the file of accounts cannot be read")
	ErrUnknown  = errors.New("nobody and nothing is known by that name")
	ErrTaken    = errors.New("that name is taken")
	ErrFull     = errors.New("there is room for no more")
	ErrCode     = errors.New("the pairing code is wrong, used or too old")
	ErrName     = fmt.Errorf("a name has 1 to %d of a-z, 0-9, '-', '_', '.'", MaxName)
	ErrPassword = fmt.Errorf("a password has %d to %d bytes", MinPassword, MaxPassword)
	ErrPIN      = fmt.Errorf("a PIN has %d to %d digits, not all the same and not in a row", MinPIN, MaxPIN)
	ErrPINRole  = errors.New("only a supervisor has a PIN")
	ErrNoSecret = errors.New("an account needs a password, or a supervisor's PIN")
	ErrPairRole = errors.New("a tablet can be steward, retail or airline: who sees identity or acts logs in")
	ErrLane     = fmt.Errorf("a lane has a name of 1 to %d bytes", maxLane)
)

// Delayed is the error of a try that came too soon after wrong ones. Nothing was looked at.
type Delayed struct {
	Wait time.Duration
}

// Error says how long to wait.
func (d *Delayed) Error() string {
	return fmt.Sprintf("too many wrong tries: wait %v", d.Wait.Round(time.Second))
}

// Role says what a person may see and do. The zero value may nothing.
type Role uint8

// The roles.
const (
	Nobody     Role = iota
	Retail          // yes or no
	Steward         // colour and reason
	Airline         // name and validity
	Authority       // identity too
	Operator        // how all lanes stand, and their figures; pairs tablets; no identity
	Supervisor      // acts; sees what a steward sees
	NumRoles
)

var roleNames = [NumRoles]string{
	Nobody: "nobody", Retail: "retail", Steward: "steward", Airline: "airline", Authority: "authority", Operator: "operator",
	Supervisor: "supervisor",
}

// String returns the role's name.
func (r Role) String() string {
	if r < NumRoles {
		return roleNames[r]
	}
	return roleNames[Nobody]
}

// ParseRole returns the role of that name; Nobody is none that could be given.
func ParseRole(name string) (Role, bool) {
	for r := Retail; r < NumRoles; r++ {
		if roleNames[r] == name {
			return r, true
		}
	}
	return Nobody, false
}

// MarshalText implements encoding.TextMarshaler.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(text []byte) error {
	role, ok := ParseRole(string(text))
	if !ok {
		return fmt.Errorf("no role is named %q", text)
	}
	*r = role
	return nil
}

// idles reports whether a session of that role ends when its person is away.
func (r Role) idles() bool { return r == Authority || r == Supervisor }

// pairable reports whether a tablet may have that role without a person who logs in.
func (r Role) pairable() bool { return r == Retail || r == Steward || r == Airline }

// Options say where the accounts are and what the package has of the world.
type Options struct {
	Dir    string // the gate's state folder
	Now    func() time.Time
	Random io.Reader
	// Login asks for a login even while there is no account, so that a lost file opens nothing.
	Login bool
	// Note records an event beside the verdicts; lane is "" where there is none. It may be nil, and is never called with a lock held.
	Note func(lane, event string, fields map[string]string)
}

// People is the accounts and sessions of one gate. Its methods are safe for concurrent use.
type People struct {
	opts    Options
	path    string
	logins  chan struct{} // holds a token for each password that is looked at
	pins    chan struct{} // for each PIN: whoever guesses passwords, from anywhere, keeps no supervisor at a lane waiting
	writing sync.Mutex    // held while the file is changed: the lock on disk is for other processes

	mu        sync.Mutex
	book      book        // what the file holds
	read      os.FileInfo // of the file that book is from; nil for none
	damaged   bool        // the file could not be read: book is empty
	sessions  map[digest]*entry
	tries     map[string]*tries // of accounts and lanes that exist
	strangers [256]tries        // of names that nobody has
	pairings  map[digest]pairing
	grants    map[string]grant // by lane
	counts    Counts
}

// Counts is how often something happened since the start.
type Counts struct {
	Logins      uint64
	WrongLogins uint64
	PINs        uint64 // right ones
	WrongPINs   uint64
	Delays      uint64 // that began
	Paired      uint64
}

// Open reads the accounts; that there are none yet is no error, an unreadable file is.
func Open(opts Options) (*People, error) {
	p := &People{
		opts: opts, path: filepath.Join(opts.Dir, fileName), logins: make(chan struct{}, maxHashing), pins: make(chan struct{}, maxHashing),
		sessions: make(map[digest]*entry), tries: make(map[string]*tries), pairings: make(map[digest]pairing), grants: make(map[string]grant),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		return nil, err
	}
	return p, nil
}

// Required reports whether people have to log in: there is an account, or there may be, or the options say so.
func (p *People) Required() bool {
	if p.opts.Login {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	return p.damaged || len(p.book.Accounts) > 0
}

// Counts returns how often something happened.
func (p *People) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// note calls the hook. No lock may be held.
func (p *People) note(lane, event string, fields map[string]string) {
	if p.opts.Note != nil {
		p.opts.Note(lane, event, fields)
	}
}

func checkName(name string) error {
	bad := func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
	}
	if name == "" || len(name) > MaxName || strings.ContainsFunc(name, bad) || strings.HasPrefix(name, devicePrefix) {
		return ErrName
	}
	return nil
}
