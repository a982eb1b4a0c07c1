package people

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	fileName     = "people.json"
	lockName     = "people.lock"
	fileVersion  = 1
	devicePrefix = "tablet-" // of ids; no account's name begins so
)

// book is what the file holds.
type book struct {
	Version  int       `json:"version"`
	Accounts []account `json:"accounts"`
	Devices  []device  `json:"devices"`
}

// account is one person.
type account struct {
	Name     string `json:"name"`
	Role     Role   `json:"role"`
	Password secret `json:"password,omitempty"`
	PIN      secret `json:"pin,omitempty"`
}

// device is one paired tablet.
type device struct {
	ID      string    `json:"id"`
	Lane    string    `json:"lane"`
	Role    Role      `json:"role"`
	Token   digest    `json:"token"`
	Paired  time.Time `json:"paired"`
	Expires time.Time `json:"expires"`
}

// Account is one person, for a list.
type Account struct {
	Name     string
	Role     Role
	Password bool // can log in
	PIN      bool
}

// Device is one paired tablet, for a list.
type Device struct {
	ID              string
	Lane            string
	Role            Role
	Paired, Expires time.Time
}

func (b *book) account(name string) *account {
	i := slices.IndexFunc(b.Accounts, func(a account) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &b.Accounts[i]
}

// Add makes an account. Its password or its PIN may be empty, not both.
func (p *People) Add(name string, role Role, password, pin string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if role == Nobody || role >= NumRoles {
		return errors.New("an account needs a role")
	}
	if password == "" && pin == "" {
		return ErrNoSecret
	}
	a := account{Name: name, Role: role}
	if password != "" {
		if err := checkPassword(password); err != nil {
			return err
		}
		var err error
		if a.Password, err = newSecret(p.opts.Random, password); err != nil {
			return err
		}
	}
	if err := p.setPIN(&a, pin); err != nil {
		return err
	}
	return p.change(func(b *book) error {
		if b.account(name) != nil {
			return fmt.Errorf("%s: %w", name, ErrTaken)
		}
		b.Accounts = append(b.Accounts, a)
		return nil
	})
}

// SetPIN gives a supervisor a PIN, or takes it away for "".
func (p *People) SetPIN(name, pin string) error {
	fresh := account{Role: Supervisor}
	if err := p.setPIN(&fresh, pin); err != nil {
		return err
	}
	return p.change(func(b *book) error {
		a := b.account(name)
		switch {
		case a == nil:
			return fmt.Errorf("%s: %w", name, ErrUnknown)
		case a.Role != Supervisor:
			return fmt.Errorf("%s: %w", name, ErrPINRole)
		case pin == "" && a.Password == "":
			return fmt.Errorf("%s: %w", name, ErrNoSecret)
		}
		a.PIN = fresh.PIN
		return nil
	})
}

func (p *People) setPIN(a *account, pin string) (err error) {
	if pin == "" {
		return nil
	}
	if a.Role != Supervisor {
		return ErrPINRole
	}
	if err := checkPIN(pin); err != nil {
		return err
	}
	a.PIN, err = newSecret(p.opts.Random, pin)
	return err
}

// Remove takes an account or a paired tablet away, and ends its sessions.
func (p *People) Remove(name string) error {
	return p.change(func(b *book) error {
		accounts, devices := len(b.Accounts), len(b.Devices)
		b.Accounts = slices.DeleteFunc(b.Accounts, func(a account) bool { return a.Name == name })
		b.Devices = slices.DeleteFunc(b.Devices, func(d device) bool { return d.ID == name })
		if len(b.Accounts) == accounts && len(b.Devices) == devices {
			return fmt.Errorf("%s: %w", name, ErrUnknown)
		}
		return nil
	})
}

// List returns all accounts and the tablets whose pairing has not ended, as the file has them.
func (p *People) List() ([]Account, []Device, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		return nil, nil, err
	}
	var accounts []Account
	for _, a := range p.book.Accounts {
		accounts = append(accounts, Account{a.Name, a.Role, a.Password != "", a.PIN != ""})
	}
	var devices []Device
	for _, d := range p.book.Devices {
		if p.opts.Now().Before(d.Expires) {
			devices = append(devices, Device{d.ID, d.Lane, d.Role, d.Paired, d.Expires})
		}
	}
	return accounts, devices, nil
}

// Supervisors returns the names of those who have a PIN, in order.
func (p *People) Supervisors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	names := []string{}
	for _, a := range p.book.Accounts {
		if a.Role == Supervisor && a.PIN != "" {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	return names
}

// change reads the file, changes what it holds and replaces it, while no other process does.
func (p *People) change(edit func(*book) error) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	b, _, err := p.load()
	if err != nil {
		return err
	}
	now := p.opts.Now()
	b.Devices = slices.DeleteFunc(b.Devices, func(d device) bool { return !now.Before(d.Expires) })
	if err := edit(&b); err != nil {
		return err
	}
	if len(b.Accounts) > MaxAccounts || len(b.Devices) > MaxDevices {
		return ErrFull
	}
	if err := p.store(&b); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refresh()
}

// lock keeps other processes from changing the file; it waits for them.
func (p *People) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(p.opts.Dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the accounts: %w", err)
	}
	if err := p.giveToOwner(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the accounts: %w", err), f.Close())
	}
	return func() { f.Close() }, nil
}

// store replaces the file whole: after a power cut the old one is there or the new one.
func (p *People) store(b *book) error {
	b.Version = fileVersion
	text, err := json.MarshalIndent(b, "", "\t")
	if err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	f, err := os.CreateTemp(p.opts.Dir, fileName+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, p.giveToOwner(f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write accounts: %w", err), os.Remove(f.Name()))
	}
	folder, err := os.Open(p.opts.Dir)
	if err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	return nil
}

// giveToOwner makes a file belong to the owner of the folder: an account that root adds must be readable for the gate.
func (p *People) giveToOwner(f *os.File) error {
	info, err := os.Stat(p.opts.Dir)
	if err != nil {
		return fmt.Errorf("whose the accounts are: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() {
		return nil
	}
	if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("give the accounts to the gate: %w", err)
	}
	return nil
}

// load reads the file; no file is an empty book.
func (p *People) load() (book, os.FileInfo, error) {
	f, err := os.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return book{}, nil, nil
	}
	if err != nil {
		return book{}, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return book{}, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return book{}, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	b, err := parseBook(text)
	if err != nil {
		return book{}, nil, fmt.Errorf("%w: %s: %w", ErrDamaged, p.path, err)
	}
	return b, info, nil
}

// parseBook reads a file's text strictly.
func parseBook(text []byte) (book, error) {
	if len(text) > maxFile {
		return book{}, fmt.Errorf("larger than %d bytes", maxFile)
	}
	var b book
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return book{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return book{}, errors.New("something follows the accounts")
	}
	if err := b.check(); err != nil {
		return book{}, err
	}
	return b, nil
}

func (b *book) check() error {
	if b.Version != fileVersion {
		return fmt.Errorf("version %d, this program knows %d", b.Version, fileVersion)
	}
	if len(b.Accounts) > MaxAccounts || len(b.Devices) > MaxDevices {
		return ErrFull
	}
	names := make(map[string]bool)
	for _, a := range b.Accounts {
		switch {
		case checkName(a.Name) != nil:
			return ErrName
		case names[a.Name]:
			return fmt.Errorf("%s: %w", a.Name, ErrTaken)
		case a.Role == Nobody:
			return fmt.Errorf("%s has no role", a.Name)
		case a.PIN != "" && a.Role != Supervisor:
			return fmt.Errorf("%s: %w", a.Name, ErrPINRole)
		case a.Password == "" && a.PIN == "":
			return fmt.Errorf("%s: %w", a.Name, ErrNoSecret)
		}
		if err := errors.Join(a.Password.check(), a.PIN.check()); err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		names[a.Name] = true
	}
	for _, d := range b.Devices {
		switch {
		case !strings.HasPrefix(d.ID, devicePrefix) || names[d.ID]:
			return fmt.Errorf("tablet %q: its id is none, or stands twice", d.ID)
		case checkLane(d.Lane) != nil:
			return ErrLane
		case !d.Role.pairable():
			return ErrPairRole
		case d.Expires.Sub(d.Paired) > DeviceLife:
			return fmt.Errorf("%s is paired for longer than %v", d.ID, DeviceLife)
		}
		names[d.ID] = true
	}
	return nil
}

func checkLane(lane string) error {
	if lane == "" || len(lane) > maxLane {
		return ErrLane
	}
	return nil
}

// look reads the file again if it is another one than before; p.mu is held. A file that cannot be read leaves nobody.
func (p *People) look() {
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.read == nil && !p.damaged:
		return
	case err == nil && p.read != nil && os.SameFile(info, p.read) && info.ModTime().Equal(p.read.ModTime()) && info.Size() == p.read.Size():
		return
	}
	_ = p.refresh() // p.damaged says so
}

// refresh reads the file; p.mu is held.
func (p *People) refresh() error {
	b, info, err := p.load()
	p.book, p.read, p.damaged = b, info, err != nil
	return err
}
