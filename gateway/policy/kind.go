package policy

import "passerelle/gateway/trust"

// Kind is what a code is. The zero value is a code that nobody recognised.
type Kind uint8

// The kinds. Those after Opaque are recognised so that they can be refused by name.
const (
	Unknown Kind = iota
	HCERT        // an EU certificate whose type is not known, since it could not be read that far
	HCERTVaccination
	HCERTTest
	HCERTRecovery
	Opaque // no format that we know: a code that only a list could explain

	SHC
	SealNDB // French 2D seals of the CEV family: NDB1, RDB1
	Seal2DDoc
	SealVDS
	VDSNC
	UIC
	BCBP
	MRZ
	MDL
	AAMVA
	Pretix
	PT1 // our own tickets, until their package is there

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
	Unknown: "unknown", HCERT: "hcert", HCERTVaccination: "hcert:vaccination", HCERTTest: "hcert:test",
	HCERTRecovery: "hcert:recovery", Opaque: "opaque", SHC: "shc", SealNDB: "idb", Seal2DDoc: "2d-doc", SealVDS: "vds",
	VDSNC: "vds-nc", UIC: "uic", BCBP: "bcbp", MRZ: "mrz", MDL: "mdl", AAMVA: "aamva", Pretix: "pretix", PT1: "pt1",
}

// usage returns what a key must be allowed to sign for a credential of this kind.
func (k Kind) usage() trust.Usage {
	switch k {
	case HCERTVaccination:
		return trust.HCERTVaccination
	case HCERTTest:
		return trust.HCERTTest
	case HCERTRecovery:
		return trust.HCERTRecovery
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
