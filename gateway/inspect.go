package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"passerelle/gateway/people"
	"passerelle/gateway/policy"
	"passerelle/gateway/rows"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// inspectCmd explains one code.
type inspectCmd struct {
	Trust    string `help:"Trust list: a signed bundle, or a key set of trust import. Without it nobody is known." placeholder:"FILE"`
	Roots    string `help:"Root keys that must have signed the bundle." placeholder:"FILE"`
	Claim169 bool   `name:"claim169" help:"Read identity codes (Claim 169) too, which built-in profiles leave aside."`
	Profile  string `help:"What is asked here: health, checkpoint, boarding, venue, retail or demo." default:"health"`
	Session  string `help:"What the lane is for: event, gate, zone, flights, as POST /v1/lanes/{id}/session takes it." placeholder:"FILE"`
	Now      string `help:"Judge at this time (RFC 3339) instead of now." placeholder:"TIME"`
	Disclose string `help:"Show what the code says, as far as a role may see it." placeholder:"ROLE"`
	Code     string `arg:"" optional:"" help:"The code's text, or an image file. One line of standard input without it."`
}

// Run prints a line a layer, the checks, and the verdict.
func (c *inspectCmd) Run(ctx context.Context, std streams) error {
	settings := verifyCmd{Trust: c.Trust, Roots: c.Roots, Profile: c.Profile, Session: c.Session, Now: c.Now, Disclose: c.Disclose}
	job, err := settings.prepare()
	if err != nil {
		return err
	}
	code, err := c.read(ctx, std.in)
	if err != nil {
		return err
	}
	if c.Claim169 {
		job.place.Profile.Accept |= policy.Kinds(policy.Claim169)
	}
	verifier := verify.New(job.place.Profile, nil)
	verifier.During(job.place.Session)
	candidates := verifier.Verify(nil, []verify.Scan{{Data: code}}, job.place.List, job.place.Now)
	t := tabwriter.NewWriter(std.out, 0, 0, 3, ' ', 0)
	explain(t, code, job, verifier.Result(0), &candidates[0])
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if candidates[0].Outcome() != policy.Admit {
		return errRefused
	}
	return nil
}

func (c *inspectCmd) read(ctx context.Context, in io.Reader) ([]byte, error) {
	switch {
	case isImage(c.Code):
		symbols, err := readImage(ctx, c.Code)
		if err != nil {
			return nil, err
		}
		return symbols[0].Payload, nil
	case c.Code != "":
		return []byte(c.Code), nil
	}
	var input chunk
	(&lineReader{in: in}).fill(&input)
	if len(input.text) == 0 {
		return nil, misuse{fmt.Errorf("no code: give one as an argument or on standard input")}
	}
	line, _, _ := rows.Cut(input.text)
	return line, nil
}

// explain writes what each layer is, down to the one that did not open.
func explain(w io.Writer, code []byte, job *verifyJob, r verify.Result, c *policy.Candidate) {
	fmt.Fprintf(w, "code\t%d bytes%s\n", len(code), job.excerpt(code))
	fmt.Fprintf(w, "format\t%s\n", c.Kind)
	if m := r.Message; m != nil {
		fmt.Fprintf(w, "message\tCOSE_Sign1, %s, key id %x, payload of %d bytes, signature of %d\n",
			algorithm(m.Alg), m.KeyID, len(m.Payload), len(m.Signature))
	}
	for i := range r.Keys {
		k := &r.Keys[i]
		fmt.Fprintf(w, "key\t%s, %s, %s, may sign %s, certificate valid %s to %s%s\n", k.Country, oneLine(k.Issuer),
			&k.Public, strings.Join(k.UsageNames(), ","), day(k.NotBefore), day(k.NotAfter), marks(k))
	}
	if r.Layer == verify.LayerDone {
		explainClaims(w, job, &r, c)
	}
	if r.Err != nil {
		layer := r.Layer.String()
		why := strings.TrimPrefix(r.Err.Error(), strings.ToLower(layer)+": ") // some errors begin with their package's name
		fmt.Fprintf(w, "broke at\t%s: %s\n", layer, oneLine(why))
	}
	for check := policy.Check(0); check < policy.NumChecks; check++ {
		fmt.Fprintf(w, "check\t%-10s  %s%s\n", check, c.State(check), because(c, check))
	}
	fmt.Fprintf(w, "verdict\t%s: %s. %s\n", c.Outcome(), c.Reason(), explanations[c.Reason()])
	if c.Kind == policy.Supervisor {
		fmt.Fprintf(w, "card\ta supervisor's, %s: it admits nobody. At a lane that takes cards its bearer may act as a supervisor for %v.\n",
			goodCard(c), people.GrantLife)
	}
}

func goodCard(c *policy.Candidate) string {
	if c.Card() {
		return "and good"
	}
	return "and not good: all checks but rules must pass, revocation too"
}

// explainClaims says what kind of thing it is and how long it is good, and what a role may see of the rest.
func explainClaims(w io.Writer, job *verifyJob, r *verify.Result, c *policy.Candidate) {
	times := ""
	for _, claim := range policy.Disclose(policy.Airline, &r.Said) {
		switch claim.Name {
		case "valid_from":
			times += ", from " + claim.Value
		case "valid_until":
			times += ", until " + claim.Value
		}
	}
	fmt.Fprintf(w, "claims\t%s%s\n", c.Kind, times)
	if !job.disclose {
		return
	}
	for _, claim := range policy.Disclose(job.role, &r.Said) {
		fmt.Fprintf(w, "\t%s: %s\n", claim.Name, oneLine(claim.Value))
	}
}

// algorithm names what a message says that it is signed with. A number that is too large for any algorithm must not be shown as
// one of ours by losing its upper bits.
func algorithm(alg int64) string {
	if a := sig.Algorithm(alg); int64(a) == alg {
		return a.String()
	}
	return fmt.Sprintf("alg(%d)", alg)
}

func because(c *policy.Candidate, check policy.Check) string {
	if s := c.State(check); s == policy.Failed || s == policy.Undetermined && c.Why(check) != policy.Internal {
		return ": " + c.Why(check).String()
	}
	return ""
}

func marks(k *trust.Key) string {
	var b strings.Builder
	if k.Disabled {
		b.WriteString(", DISABLED")
	}
	if k.Test {
		b.WriteString(", PUBLISHED TEST KEY")
	}
	if k.Public.Weak() {
		b.WriteString(", WEAK")
	}
	return b.String()
}

// excerpt shows the start of a code, harmless on a terminal, to those who may see what codes say: a boarding pass or an MRZ
// begins with a name.
func (j *verifyJob) excerpt(code []byte) string {
	const most = 48
	switch {
	case j.role != policy.Authority:
		return ""
	case len(code) <= most:
		return ": " + oneLine(string(code))
	}
	return ": " + oneLine(string(code[:most])) + "…"
}

func day(t int64) string    { return time.Unix(t, 0).UTC().Format(time.DateOnly) }
func moment(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }

// explanations say what each reason means, for whoever holds the code in hand.
var explanations = [policy.NumReasons]string{
	policy.OK:                    "Every check that is asked for here passed.",
	policy.Internal:              "Passerelle could not tell; this is a fault of ours.",
	policy.KeyExpired:            "It was issued outside its signer's own validity.",
	policy.WeakKey:               "The signature is right, but the key is too short to be trusted.",
	policy.PossiblyRevoked:       "A filter says that it may be revoked.",
	policy.IdentityMismatch:      "The two documents name different persons.",
	policy.IdentityUnclear:       "Nothing binds the two documents to one person.",
	policy.ListStale:             "The trust list or the revocation data is over age, or missing.",
	policy.ClockUntrusted:        "The time is not known well enough to say whether it is valid now.",
	policy.StoreUnavailable:      "The journal cannot be written, so nothing is admitted.",
	policy.OfflineLimit:          "The lane was cut off for too long, or admitted too many.",
	policy.SecondDocumentMissing: "A second document is asked for here.",
	policy.Unreadable:            "Nothing was read.",
	policy.Malformed:             "It is damaged, or was never well formed.",
	policy.TooLarge:              "It is larger than any honest code.",
	policy.Unsupported:           "It is recognised, and this kind is not supported.",
	policy.UnknownIssuer:         "No key on the trust list has this key id.",
	policy.IssuerDisabled:        "Its issuer was switched off.",
	policy.WrongUsage:            "Its key may not sign this type of certificate.",
	policy.BadSignature:          "The signature is not by the key that it names: it was changed, or forged.",
	policy.Unsigned:              "It carries no signature.",
	policy.Revoked:               "Its issuer revoked it.",
	policy.Blocked:               "The operator blocked it.",
	policy.NotYetValid:           "It becomes valid later.",
	policy.Expired:               "Its validity has ended.",
	policy.RuleFailed:            "A rule of this place is not met.",
	policy.NotAccepted:           "This kind, or this issuer, is not accepted here.",
	policy.NotListed:             "It is not on the list.",
	policy.WrongPlace:            "It is for another event, gate, zone or flight.",
	policy.AlreadyUsed:           "It was used before.",
}
