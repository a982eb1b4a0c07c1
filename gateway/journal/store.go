package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

const (
	storeName      = "store"
	memTableSize   = 4 << 20
	valueThreshold = 64 << 10 // longer values go to the value log; a body has at most 50 KB
)

// storeOptions are Badger's settings for a small box with a flash card: little memory, small files, and every commit on
// disk before it returns.
func storeOptions(dir string, o *Options) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(!o.unsynced).
		WithMemTableSize(o.memTable).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(4).
		WithNumCompactors(2).
		WithBlockCacheSize(4 << 20).
		WithIndexCacheSize(4 << 20).
		WithValueLogFileSize(16 << 20).
		// Values stay in the tables: nothing is ever in the value log, so it needs no collection on a card.
		WithValueThreshold(valueThreshold).
		WithBaseTableSize(2 << 20).
		WithBaseLevelSize(8 << 20).
		WithCompression(options.Snappy).
		// Not OnTableAndBlockRead: one bad block would then end the process at each start.
		WithChecksumVerificationMode(options.OnBlockRead).
		WithVerifyValueChecksum(true).
		// One writer: there is nothing to conflict with.
		WithDetectConflicts(false).
		WithMetricsEnabled(false).
		WithLogger(storeLogger(o.Logger))
}

// A lock that this process gave up may still be held by a copy, in a program that it has just started, for the moment until
// its exec; on a busy machine that moment is long.
const (
	lockTries = 50
	lockWait  = 20 * time.Millisecond
)

// retryLocked calls open until a lock is not in its way, for a second at most.
func retryLocked(open func() error, locked func(error) bool) error {
	err := open()
	for tries := 1; locked(err) && tries < lockTries; tries++ {
		time.Sleep(lockWait)
		err = open()
	}
	return err
}

func isLocked(err error) bool {
	return err != nil && strings.Contains(err.Error(), "Cannot acquire directory lock")
}

// openStore opens Badger. What it cannot open is damage, unless the error says that the machine is at fault.
func openStore(o badger.Options) (*badger.DB, error) {
	if !exists(o.Dir) {
		return nil, damagedf("the store is missing")
	}
	if !o.ReadOnly {
		if err := dropUseless(o.Dir); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	if err := inspect(o); err != nil {
		return nil, err
	}
	var db *badger.DB
	// Badger locks its folder too, though our own lock kept other gateways out before.
	err := retryLocked(func() error {
		return protect(func() (err error) {
			db, err = badger.Open(o)
			return err
		})
	}, isLocked)
	switch {
	case err == nil:
		return db, nil
	case isDamage(err):
		return nil, err
	case isFull(err):
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	case isFault(err):
		return nil, fmt.Errorf("open store: %w", err)
	case isLocked(err):
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return nil, damagedf("open store: %v", err)
}

// closeStore closes Badger if there is space for what it writes then.
func (j *Journal) closeStore() error {
	j.using.Lock()
	defer j.using.Unlock()
	if j.db == nil {
		return nil
	}
	db := j.db
	j.db = nil
	if !j.readOnly && !j.roomToOpen() {
		j.log.Warn("disk full: store left as it is")
		return nil
	}
	return protect(db.Close)
}

// release gives back what is open beside the store.
func (j *Journal) release() error {
	var errs []error
	if j.lock != nil {
		errs = append(errs, j.lock.Close())
	}
	if j.folder != nil {
		errs = append(errs, j.folder.f.Close())
	}
	if j.head != nil {
		errs = append(errs, j.head.f.Close())
	}
	if j.starts != nil {
		errs = append(errs, j.starts.f.Close())
	}
	j.folder, j.lock, j.head, j.starts = nil, nil, nil, nil
	return errors.Join(errs...)
}

// logger passes Badger's messages on, without those that show keys.
type logger struct{ log *slog.Logger }

func storeLogger(l *slog.Logger) badger.Logger { return logger{l.With("part", "badger")} }

func (l logger) Errorf(format string, args ...any)   { l.log.Error(message(format, args)) }
func (l logger) Warningf(format string, args ...any) { l.log.Warn(message(format, args)) }
func (l logger) Infof(format string, args ...any)    { l.log.Debug(message(format, args)) }
func (l logger) Debugf(string, ...any)               {}

func message(format string, args []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}
