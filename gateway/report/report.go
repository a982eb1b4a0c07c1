// Package report carries the journal's entries from a box to a central endpoint, each with its effect exactly once.
//
// A Forwarder posts batches of entries over HTTP; a Collector is an endpoint that receives them, for those who have none.
// The message follows Standard Webhooks 1.0.0: the headers webhook-id, webhook-timestamp and webhook-signature, an
// HMAC-SHA256 over "id.timestamp.body".
//
// Delivery is at least once and the effect is once: the range of a batch is on disk before it is first sent, it is
// repeated byte for byte under the same id until the endpoint has answered, and the receiver tells entries apart by
// journal id and sequence. A lost answer therefore costs a repetition and never an entry. Entries of one journal belong
// to one chain, so a sequence says which lane it is of, and the same sequence with another lane or body is a conflict.
//
// What a receiver refuses for its content is split down to the single entry, which is parked: kept on disk, shown,
// alarmed, and never dropped. What it refuses for any other reason (credentials, address, clock, load) says nothing about
// an entry and is repeated.
//
// The package starts no goroutine of its own; the caller runs Forwarder.Run and Collector.Serve on theirs.
package report

import (
	"passerelle/gateway/journal"
)

// Log is the durable record that a Forwarder reads; *journal.Journal is one.
type Log interface {
	// ID names the journal. Another id means another journal, whose entries are numbered anew.
	ID() string
	// Head returns the last entry's sequence and hash.
	Head() (sequence uint64, chain [32]byte)
	// Read appends to dst at most limit entries with sequence >= from, in order.
	Read(dst []journal.Entry, from uint64, limit int) ([]journal.Entry, error)
	// Acknowledge says that everything up to sequence is reported, or parked with its text, and need not be kept for us.
	Acknowledge(sequence uint64) error
}

// Limits of a batch, the same at both ends.
const (
	MaxBatchEntries = 500      // entries in one batch
	MaxBatchBytes   = 1 << 20  // bytes of a batch's body that a forwarder fills; a single larger entry still goes alone
	MaxEntryBytes   = 64 << 10 // bytes of one entry's object
	MaxBodyBytes    = 4 << 20  // bytes of a body that a collector reads
)

// AlarmKind says what needs a person.
type AlarmKind uint8

// The alarms.
const (
	AlarmParked   AlarmKind = iota // forwarder: the endpoint refused these entries for their content; they are parked
	AlarmRefused                   // forwarder: the endpoint refuses us: credentials, address, or it is no receiver
	AlarmClock                     // forwarder: the endpoint's clock and ours disagree
	AlarmBlocked                   // forwarder: nothing can go on: no room to park, or a local fault
	AlarmReplaced                  // forwarder: the journal has another id; what the former one still held is not reported
	AlarmMissing                   // forwarder: these entries are no longer in the journal and were not reported
	AlarmDamaged                   // forwarder: a file of its own was damaged; it is kept beside and begun anew
	AlarmConflict                  // collector: other content for an entry that it holds: an older or an edited journal
	AlarmForeign                   // collector: a box reports for a journal that belongs to another
	AlarmGap                       // collector: entries before these have not come
	AlarmSpace                     // collector: the disk is full; nothing is accepted
	AlarmStore                     // collector: the store failed
)

var alarmNames = [...]string{
	AlarmParked: "parked", AlarmRefused: "refused", AlarmClock: "clock", AlarmBlocked: "blocked",
	AlarmReplaced: "journal_replaced", AlarmMissing: "entries_missing", AlarmDamaged: "file_damaged",
	AlarmConflict: "conflict", AlarmForeign: "foreign_box", AlarmGap: "gap", AlarmSpace: "disk_full", AlarmStore: "store",
}

// String returns the name that logs and metrics use.
func (k AlarmKind) String() string {
	if int(k) < len(alarmNames) {
		return alarmNames[k]
	}
	return "unknown"
}

// Alarm is one thing that needs a person. Detail is printable ASCII.
type Alarm struct {
	Kind        AlarmKind
	Journal     string
	First, Last uint64 // the entries it is about; 0 where there are none
	Detail      string
}

// maxDetail is how many bytes of an outside text go into an alarm, a status or a parked entry's reason.
const maxDetail = 200

// printable returns text from outside in a form that is safe in a log, on a page and on a terminal.
func printable(text []byte) string {
	if len(text) > maxDetail {
		text = text[:maxDetail]
	}
	out := make([]byte, len(text))
	for i, c := range text {
		if c < ' ' || c > '~' || c == '<' || c == '>' || c == '&' {
			c = '?'
		}
		out[i] = c
	}
	return string(out)
}
