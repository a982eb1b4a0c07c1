package policy

// Reason says why a verdict is what it is. Its zero value is Internal: a verdict that nobody filled in has a fault.
type Reason uint8

// The reasons, grouped by the outcome that DefaultOutcome gives them.
const (
	Internal Reason = iota // Refer

	// Refer: a person decides.
	KeyExpired
	WeakKey
	PossiblyRevoked
	IdentityMismatch
	IdentityUnclear
	ListStale
	ClockUntrusted
	StoreUnavailable
	OfflineLimit
	SecondDocumentMissing

	// Deny.
	Unreadable
	Malformed
	TooLarge
	Unsupported // recognised, and refused by name
	UnknownIssuer
	IssuerDisabled
	WrongUsage
	BadSignature
	Unsigned
	Revoked
	Blocked
	NotYetValid
	Expired
	RuleFailed
	NotAccepted // this kind or issuer is not accepted here
	NotListed
	WrongPlace
	AlreadyUsed

	OK // Admit; decide alone gives it

	NumReasons
)

// String returns the name that reports, files and the page use.
func (r Reason) String() string {
	if r < NumReasons {
		return reasonNames[r]
	}
	return reasonNames[Internal]
}

// ParseReason returns the reason of that name.
func ParseReason(name string) (Reason, bool) {
	for r, n := range reasonNames {
		if n == name {
			return Reason(r), true
		}
	}
	return Internal, false
}

var reasonNames = [NumReasons]string{
	Internal: "internal", KeyExpired: "key_expired", WeakKey: "weak_key", PossiblyRevoked: "possibly_revoked",
	IdentityMismatch: "identity_mismatch", IdentityUnclear: "identity_unclear", ListStale: "list_stale",
	ClockUntrusted: "clock_untrusted", StoreUnavailable: "store_unavailable", OfflineLimit: "offline_limit",
	SecondDocumentMissing: "second_document_missing", Unreadable: "unreadable", Malformed: "malformed", TooLarge: "too_large",
	Unsupported: "unsupported", UnknownIssuer: "unknown_issuer", IssuerDisabled: "issuer_disabled", WrongUsage: "wrong_usage",
	BadSignature: "bad_signature", Unsigned: "unsigned", Revoked: "revoked", Blocked: "blocked", NotYetValid: "not_yet_valid",
	Expired: "expired", RuleFailed: "rule_failed", NotAccepted: "not_accepted", NotListed: "not_listed",
	WrongPlace: "wrong_place", AlreadyUsed: "already_used", OK: "ok",
}

// DefaultOutcome is the one table from reason to outcome; a Profile may make a Refer a Deny, never the other way.
func DefaultOutcome(r Reason) Outcome {
	if r < Unreadable {
		return Refer
	}
	return Deny // OK too: only decide makes Admit
}
