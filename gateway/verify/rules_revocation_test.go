package verify_test

import (
	"crypto/sha256"
	"testing"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// TestADoubtAboutBlockListsHidesNoRefusal: whoever is known to be revoked is refused, and not sent to a person, whatever became of the
// operator's block lists.
func TestADoubtAboutBlockListsHidesNoRefusal(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	_, hcert := setup(t).show(t, w.codes["hcert"])
	uci := sha256.Sum256(hcert.Certificate.Entry.ID)
	revoked := w.ticket(w.ticketing, func(t *issuer.Ticket) { t.StatusURI, t.StatusIndex = statusURI, 1 })
	documents := []struct {
		name   string
		code   string
		revoke func(*scene)
		want   string
	}{
		{"a certificate", w.codes["hcert"], func(s *scene) {
			s.list.Revoked = []trust.Revocation{{
				Country: hcert.Key.Country, Kind: trust.RevokedUCI, Expires: noon + hour, Entries: []trust.RevocationHash{trust.RevocationHash(uci[:16])},
			}}
		}, "deny revoked"},
		{"a ticket", revoked, func(*scene) {}, "deny revoked"},
		{"a ticket of pretix", w.codes["pretix"], func(s *scene) {
			s.feed(trust.FeedPretix, event, func(f *trust.Feed) { f.Set = setOf(list.Revoked, pretixMessage(w.codes["pretix"])) })
		}, "deny revoked"},
		{"a seal", w.codes["vds-nc"], func(s *scene) { s.list.Authorities[0].Revoked = [][]byte{sealSerial.Bytes()} }, "deny revoked"},
		{"a listed code", blockedCode, func(*scene) {}, "deny blocked"},
	}
	doubts := map[string]func(*scene){
		"none": func(*scene) {},
		"one over age": func(s *scene) {
			s.feed(trust.FeedDeny, "*", func(f *trust.Feed) { f.Set, f.Expires = setOf(list.Blocked, []byte("somebody else")), noon-1 })
		},
		"one that is lost": lost(trust.FeedDeny, "*"),
	}
	for _, d := range documents {
		for doubt, apply := range doubts {
			s := setup(t)
			d.revoke(s)
			apply(s)
			if c, _ := s.show(t, d.code); verdict(&c) != d.want || c.Kind == policy.Opaque {
				t.Errorf("%s, block lists in doubt: %s: %s, want %s", d.name, doubt, line(&c), d.want)
			}
		}
	}
}
