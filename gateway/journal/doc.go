// Package journal is the durable record of a gate and its ledger of used credentials, kept in one Badger store.
//
// Commit claims the uses of a batch, appends its entries and has both on disk as one step; only what it returned without
// an error is final, and only then may a lamp turn green. Two lanes can never both admit one ticket, because one writer
// decides and the ledger it decides by is in memory.
//
// # The chain
//
// Entries are numbered from 1 without gaps. Each carries the hash of the one before:
//
//	hash = SHA-256( field(journal id, 16 bytes) field(sequence, 8 bytes big-endian) field(previous hash, 32 bytes) field(body) )
//	field(x) = length of x as 4 bytes big-endian, then x
//
// The previous hash of the first entry is 32 zero bytes. A body is one JSON object. Export writes the entries so that
// anybody who has SHA-256 can check them.
//
// # On disk
//
//	DIR/current/store   Badger; deleting it loses the journal, which is noticed
//	DIR/current/head    the last acknowledged entry, in two slots written in turn; deleting it is noticed
//	DIR/key             the event key; deleting it makes the ledger unreadable, which is noticed
//	DIR/starts          unfinished starts and the last journal id; may be deleted
//	DIR/ballast         space given back before a full disk's store is opened; may be deleted
//	DIR/kept-NNNN-TIME  damaged journals, moved aside whole; may be deleted
//	DIR/lock            one process at a time
//
// Only a folder that holds none of these begins a journal without a gap record.
//
// Badger alone is not trusted to notice damage: it opens without its write-ahead log's tail, without tables, and ends an
// iteration early at a broken block. The chain, the head beside the store and a digest of the ledger for each segment
// notice. What was damaged is moved aside and kept, and a new journal begins with a gap record; from then on a credential
// that is absent from the ledger is not known to be unused, so kinds that are used once are referred to a person until a
// supervisor calls AcceptLoss.
//
// # Used once
//
// The ledger counts uses for each credential and zone. One record says how often it was let in, whether its holder is inside, and
// when he last moved; who is let in by it stands in claim.go. A credential that replaces a lost one is let in only if that one
// was not used, and uses it up: the lost one is refused from then on, for as long as the new one is remembered. The ledger
// knows of one replacement at a time; that a lost credential was itself a replacement is for revocation to say.
//
// Every entry of the chain says what became of the records that it changed, as they were and as they are, so that the ledger
// follows from the chain. A segment's digest is of the records that came and those that went; the digests of all segments
// together, from the checkpoint on, are that of the ledger that is stored.
//
// # Two phases
//
// Where a contact says whether a person walks through, Commit only authorises: the use is claimed and the movement waits until
// Resolve says passed or annulled. What waits still waits after a restart and after its entry was dropped, and the credential
// stays used, until Resolve or a supervisor's Free. Without a contact what is authorised has passed. Counts says what happened at
// each lane in each zone since the journal began: authorised = passed + annulled + pending, of which Verify holds the first
// three against the chain and the last against what waits.
//
// # Privacy
//
// Neither payloads nor names get in. A use is known by the first 128 bits of HMAC-SHA256(event key, use id and zone), in the
// ledger and in the bodies from which the ledger can be rebuilt; how long it is remembered is rounded up to a day, since a
// certificate's last second is nearly a name. The event key stands in one file outside Badger and is destroyed by Prune
// when no use under it is remembered any more.
//
// # What cannot be converted into an error
//
// Badger writes through memory maps in its own goroutines: a disk that fills up under it ends the process (SIGBUS), and a
// few of its checks call log.Fatal. The guard of Options.MinFree keeps the first from happening. A process that dies while
// it opens the store is counted; the third time the store is moved aside.
package journal
