package web

import (
	"bytes"
	"encoding/json"

	"passerelle/gateway/people"
	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// Documents that web writes for people, as sights names them.
const (
	docVerdict = "verdict" // an event; also a row of POST /v1/verify
	docEvent   = "event"   // every other event of a lane
	docStatus  = "status"  // the event that comes every second
	docLanes   = "lanes"   // GET /v1/lanes
	docLane    = "lane"    // a member of its list

	docPreflight = "preflight"
)

// sights is the one table of which role sees which member of what the gate writes. What is not in it nobody sees, so that a new
// member is hidden until somebody decides. What a credential says is one member, "claims"; which claims those are for a role is
// in the table of package policy.
//
// Machines with the token, and everybody where nobody has to log in, get the documents whole, without claims.
var sights = []struct {
	document string
	members  []string
	roles    roles
}{
	{docVerdict, []string{"verdict", "final", "lane", "at", "sequence", "count", "mode", "took_ms", "trust", "clock"}, everybody},
	{docVerdict, []string{"reason", "earlier"}, everybody &^ roleSet(people.Retail)},    // a restaurant is told yes or no
	{docVerdict, []string{"kind", "second"}, roleSet(people.Airline, people.Authority)}, // whether somebody was ill is told by the kind
	{docVerdict, []string{"issuer", "key", "checks"}, roleSet(people.Authority)},
	{docVerdict, []string{"claims"}, everybody},
	{docEvent, []string{"lane", "at", "sequence", "count", "mode", "trust"}, everybody},
	{docStatus, []string{"lane", "at", "profile", "mode", "scanner", "connected", "trust", "clock", "journal", "reports", "devices"}, everybody},
	{docStatus, []string{"session", "session_level", "counts"}, everybody}, // of the one lane at which the page stands
	{docLanes, []string{"version", "events_port", "lanes", "trust", "clock", "journal", "reports", "devices"}, everybody},
	{
		docLane, []string{
			"lane", "profile", "mode", "scanner", "connected", "admitted", "denied", "referred", "again", "late", "passed", "lamp_fault",
		}, everybody,
	},
	// What the other lanes are for and how full the zones are is no business of a shop or restaurant: it is told yes or no at its own.
	{docLane, []string{"session", "session_level", "counts", "annulled", "overridden", "opened"}, everybody &^ roleSet(people.Retail)},
	{docLanes, []string{"zones"}, everybody &^ roleSet(people.Retail)},
	{docPreflight, []string{"ready", "at", "checks"}, everybody},
}

// sees reports whether a role sees a member of a document.
func sees(role people.Role, document, member string) bool {
	for _, row := range sights {
		if row.document != document || !row.roles.has(role) {
			continue
		}
		for _, m := range row.members {
			if m == member {
				return true
			}
		}
	}
	return false
}

// appendSeen appends what a visitor sees of a JSON object.
func (v *visitor) appendSeen(dst []byte, document string, object []byte) []byte {
	if v.open || v.machine {
		return append(dst, object...)
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		panic(err) // an object of ours
	}
	dst = append(dst, '{')
	empty := true
	for d.More() {
		name, err := d.Token()
		if err != nil {
			panic(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			panic(err)
		}
		if member, ok := name.(string); ok && sees(v.session.Role, document, member) {
			if !empty {
				dst = append(dst, ',')
			}
			dst, empty = append(appendText(dst, member), ':'), false
			dst = append(dst, value...)
		}
	}
	return append(dst, '}')
}

// seen returns what a visitor sees of a document.
func (v *visitor) seen(document string, object any) json.RawMessage {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // only types of this package come here
	}
	return v.appendSeen(nil, document, text)
}

// looker returns as whom package policy knows a role, for what a credential says. Who watches or acts sees no more than a steward.
func looker(r people.Role) policy.Role {
	switch r {
	case people.Retail:
		return policy.Retail
	case people.Airline:
		return policy.Airline
	case people.Authority:
		return policy.Authority
	}
	return policy.Steward
}

// claimsOf returns what a role may see of a code that was verified: the one place where a kind of credential meets the table of
// package policy.
func claimsOf(role people.Role, r verify.Result) []policy.Disclosed {
	return policy.Disclose(looker(role), &r.Said)
}

// appendClaims appends the member "claims" to an object that lacks its last brace, where somebody is logged in and may see some,
// and counts the view.
func (s *Server) appendClaims(dst []byte, v *visitor, lane string, claims []policy.Disclosed) []byte {
	if v.open || v.machine || len(claims) == 0 {
		return dst
	}
	s.views.add(v.session.Name, lane)
	dst = append(dst, `,"claims":{`...)
	for i, c := range claims { // in the order of the table
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(append(appendText(dst, c.Name), ':'), c.Value)
	}
	return append(dst, '}')
}

// role returns as whom a visitor looks at what credentials say.
func (v *visitor) role() policy.Role {
	if v.open || v.machine {
		return policy.Steward
	}
	return looker(v.session.Role)
}
