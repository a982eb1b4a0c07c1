package policy

import "passerelle/gateway/trust"

// Kind is what a code is. The zero value is a code that nobody recognised.
type Kind uint8

// The kinds. Uses that a ledger has on disk are known by their numbers, so a new one comes last. Those up to Opaque are read here;
// HCERT and PT1 stand for codes that could not be read so far that their type is known.
const (
	Unknown Kind = iota
	HCERT
	HCERTVaccination
	HCERTTest
	HCERTRecovery
	PT1
	Ticket
	Pass
	Voucher
	Stamp
	Pretix
	Code // an opaque code that stands on a list of this place
	BCBP
	MRZ
	VDSNC
	Claim169
	Opaque // no format that we know, and on no list

	// Recognised, and refused by name.
	SHC
	SealIDB // IDB and the French 2D seals of its family: NDB1, RDB1
	Seal2DDoc
	SealVDS
	UIC
	MDL
	AAMVA

	Supervisor // a card, PT1 as well; it is never admitted, see Candidate.Card

	NumKinds
)

// String returns the name that reports and files use.
func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return kindNames[Unknown]
}

// ParseKind returns the kind of that name.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), true
		}
	}
	return Unknown, false
}

var kindNames = [NumKinds]string{
	Unknown: "unknown", HCERT: "hcert", HCERTVaccination: "hcert:vaccination", HCERTTest: "hcert:test", HCERTRecovery: "hcert:recovery",
	PT1: "pt1", Ticket: "ticket", Pass: "pass", Voucher: "voucher", Stamp: "stamp", Supervisor: "supervisor", Pretix: "pretix", Code: "code", BCBP: "bcbp", MRZ: "mrz",
	VDSNC: "vds-nc", Claim169: "claim169", Opaque: "opaque", SHC: "shc", SealIDB: "idb", Seal2DDoc: "2d-doc", SealVDS: "vds", UIC: "uic",
	MDL: "mdl", AAMVA: "aamva",
}

// usage returns what a key must be allowed to sign for a credential of this kind; nothing for kinds that no key signs.
func (k Kind) usage() trust.Usage {
	switch k {
	case HCERTVaccination:
		return trust.HCERTVaccination
	case HCERTTest:
		return trust.HCERTTest
	case HCERTRecovery:
		return trust.HCERTRecovery
	case Ticket:
		return trust.TicketUsage
	case Pass:
		return trust.PassUsage
	case Voucher:
		return trust.VoucherUsage
	case Stamp:
		return trust.StampUsage
	case Supervisor:
		return trust.SupervisorUsage
	case Pretix:
		return trust.PretixUsage
	case BCBP:
		return trust.BCBPUsage
	case VDSNC:
		return trust.VDSNCUsage
	case Claim169:
		return trust.Claim169Usage
	}
	return 0
}

// KindSet is a set of kinds.
type KindSet uint32

// Kinds makes a set.
func Kinds(kinds ...Kind) KindSet {
	var s KindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Has reports whether k is in the set.
func (s KindSet) Has(k Kind) bool { return s&(1<<k) != 0 }

// Admissible are the kinds that a profile may accept: those that are read whole.
var Admissible = Kinds(HCERTVaccination, HCERTTest, HCERTRecovery, Ticket, Pass, Voucher, Stamp, Pretix, Code, BCBP, MRZ, VDSNC, Claim169)

// signed are the checks of a credential that a key vouches for.
const signed = CheckSet(1<<Format | 1<<KeyCheck | 1<<Signature | 1<<UsageCheck | 1<<Time | 1<<Rules)

// everything is asked of a kind that stands in no table: none such is ever admitted.
const everything = CheckSet(1<<Use - 1)

// required lists, for each kind, the checks that it must pass anywhere. A boarding pass is let off the three about its signature
// where the profile says so, see Place.BCBP; a machine-readable zone proves nothing by itself, so it always waits for another document.
var required = [NumKinds]CheckSet{
	HCERTVaccination: signed, HCERTTest: signed, HCERTRecovery: signed, VDSNC: signed, Claim169: signed,
	Ticket: signed | 1<<PlaceCheck, Pass: signed, Voucher: signed, Stamp: signed,
	Pretix: signed | 1<<PlaceCheck,
	Code:   1<<Format | 1<<KeyCheck | 1<<Time | 1<<Rules | 1<<PlaceCheck,
	BCBP:   signed | 1<<PlaceCheck,
	MRZ:    1<<Format | 1<<Time | 1<<Rules | 1<<Identity,
}

// revocable are the kinds of which a list can say that one was revoked.
var revocable = Kinds(HCERTVaccination, HCERTTest, HCERTRecovery, Ticket, Pass, Voucher, Stamp, Pretix, Code, VDSNC)
