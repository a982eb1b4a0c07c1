package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// sample is one code of the demo's sheet.
type sample struct {
	name  string // of its file
	about string // for people
	code  string
}

// samples makes codes with published test keys: what a gate admits, and what it must refuse or refer.
type samples struct {
	now  time.Time
	keys map[string]*issuer.Key
	n    int    // codes made so far: no two are the same
	used string // the last test certificate
}

// fork returns a maker with the same keys whose codes are others, if first differs by more than either makes.
func (s *samples) fork(first int) *samples { return &samples{now: s.now, keys: s.keys, n: first} }

func newSamples(now time.Time) (*samples, error) {
	s := &samples{now: now, keys: make(map[string]*issuer.Key)}
	for _, name := range []string{
		testkeys.Ministry, testkeys.Laboratory, testkeys.Retired, testkeys.RSA1024, testkeys.France,
		testkeys.Foreign, testkeys.Disabled, testkeys.Stranger,
	} {
		key, err := testkeys.Get(name)
		if err != nil {
			return nil, err
		}
		s.keys[name] = key
	}
	return s, nil
}

// The certificate that the demo's list has as revoked.
const revokedID = "URN:UVCI:01:MA:DEMO0REVOKED"

// content is the demo's trust list: every key but the Stranger's.
func (s *samples) content() bundle.Content {
	var c bundle.Content
	for name, key := range s.keys {
		if name != testkeys.Stranger {
			c.Keys = append(c.Keys, bundle.Entry{Key: key.Entry(), Source: "demo"})
		}
	}
	disabled := s.keys[testkeys.Disabled].Entry()
	c.Disabled = []bundle.Disabled{{Fingerprint: disabled.Public.Fingerprint(), Reason: "demo: switched off"}}
	for _, country := range []string{"MA", "FR", "XB"} {
		c.Acceptance = append(c.Acceptance, trust.Acceptance{Country: country, Usages: trust.AllHCERT})
	}
	var revoked trust.RevocationHash
	sum := sha256.Sum256([]byte(revokedID))
	copy(revoked[:], sum[:])
	c.Revoked = []trust.Revocation{{
		Country: "MA", Kind: trust.RevokedUCI, Expires: s.now.Add(demoListLife).Unix(), Entries: []trust.RevocationHash{revoked},
	}}
	return c
}

// list is the trust list of the samples, as a snapshot.
func (s *samples) list() (*trust.Snapshot, error) {
	content := s.content()
	l := trust.List{Version: 1, Issued: s.now.Unix(), Expires: s.now.Add(demoListLife).Unix(), Acceptance: content.Acceptance, Revoked: content.Revoked}
	for _, d := range content.Disabled {
		l.Disabled = append(l.Disabled, d.Fingerprint)
	}
	for _, e := range content.Keys {
		e.Test = testkeys.Is(e.Public.Fingerprint())
		l.Keys = append(l.Keys, e.Key)
	}
	return trust.New(l)
}

// vaccination returns a certificate that nobody had before.
func (s *samples) vaccination() *issuer.Certificate {
	s.n++
	return &issuer.Certificate{
		IssuedAt: s.now.Add(-24 * time.Hour).Unix(), Expires: s.now.Add(30 * 24 * time.Hour).Unix(),
		Name: issuer.Name{
			Family: "الإدريسي", Given: "فاطمة الزهراء", FamilyICAO: "EL<IDRISSI", GivenICAO: "FATIMA<ZAHRA",
		},
		Birth: "1986-03-14", Document: issuer.Document{Type: issuer.NationalCard, Number: "BK123456"},
		Vaccination: &issuer.Vaccination{
			Disease: "840539006", Vaccine: "1119349007", Product: "EU/1/20/1528", Manufacturer: "ORG-100030215",
			Dose: 2, Doses: 2, Date: s.day(-20), Country: "MA", Authority: "Ministère de la Santé", ID: s.id(),
		},
	}
}

func (s *samples) test() *issuer.Certificate {
	c := s.vaccination()
	c.Name = issuer.Name{Family: "Benjelloun", Given: "Youssef"}
	c.Document = issuer.Document{Type: issuer.Passport, Number: "XA1234567"}
	c.Vaccination, c.Test = nil, &issuer.Test{
		Disease: "840539006", Method: "LP6464-4", Name: "PCR", Collected: s.now.Add(-26 * time.Hour).UTC().Format(time.RFC3339),
		Result: "260415000", Centre: "Laboratoire agréé, Casablanca", Country: "MA", Authority: "Ministère de la Santé", ID: s.id(),
	}
	return c
}

func (s *samples) recovery() *issuer.Certificate {
	c := s.vaccination()
	c.Name = issuer.Name{Family: "Naïm-Šárka", Given: "Zoé"}
	c.Document = issuer.Document{Type: issuer.ResidenceCard, Number: "C012345Z"}
	c.Vaccination, c.Recovery = nil, &issuer.Recovery{
		Disease: "840539006", Positive: s.day(-60), Country: "MA", Authority: "Ministère de la Santé",
		From: s.day(-45), Until: s.day(120), ID: s.id(),
	}
	return c
}

func (s *samples) day(offset int) string {
	return s.now.AddDate(0, 0, offset).UTC().Format(time.DateOnly)
}
func (s *samples) id() string { return fmt.Sprintf("URN:UVCI:01:MA:DEMO%08d%d", s.n, s.now.Unix()) }

// sign signs what a key would refuse to, too: some samples are wrong on purpose.
func (s *samples) sign(key string, c *issuer.Certificate) (string, error) {
	message, err := issuer.NewMessage(s.keys[key], c).Sign(s.keys[key])
	if err != nil {
		return "", err
	}
	return issuer.Encode(message)
}

// recipe is how one sample is made.
type recipe struct {
	name, about string
	make        func(*samples) (string, error)
}

// recipes are the demo's codes, in the order in which its lanes see them.
var recipes = []recipe{
	{"valid-vaccination", "A valid vaccination certificate: admit", func(s *samples) (string, error) {
		return s.sign(testkeys.Ministry, s.vaccination())
	}},
	{"expired", "Expired yesterday: deny, expired", func(s *samples) (string, error) {
		c := s.vaccination()
		c.IssuedAt, c.Expires = s.now.AddDate(0, -6, 0).Unix(), s.now.AddDate(0, 0, -1).Unix()
		return s.sign(testkeys.Ministry, c)
	}},
	{"valid-recovery", "A valid recovery certificate: admit", func(s *samples) (string, error) {
		return s.sign(testkeys.Ministry, s.recovery())
	}},
	{"weak-key", "Signed by a key that is too short: refer, weak_key", func(s *samples) (string, error) {
		return s.sign(testkeys.RSA1024, s.vaccination())
	}},
	{"valid-test", "A test certificate, good for one entry in the demo: admit, then deny, already_used", func(s *samples) (string, error) {
		code, err := s.sign(testkeys.Laboratory, s.test())
		s.used = code
		return code, err
	}},
	{"revoked", "On the issuer's revocation list: deny, revoked", func(s *samples) (string, error) {
		c := s.vaccination()
		c.Vaccination.ID = revokedID
		c.Expires -= int64(s.n) // another code each time
		return s.sign(testkeys.Ministry, c)
	}},
	{"valid-france", "A valid certificate of another country: admit", func(s *samples) (string, error) {
		return s.sign(testkeys.France, s.vaccination())
	}},
	{"forged", "Signed by a key of nobody's: deny, unknown_issuer", func(s *samples) (string, error) {
		return s.sign(testkeys.Stranger, s.vaccination())
	}},
	{"used-before", "The test certificate from before, once more: deny, already_used", func(s *samples) (string, error) {
		if s.used == "" {
			return s.sign(testkeys.Laboratory, s.test())
		}
		return s.used, nil
	}},
	{"changed", "Changed after it was signed: deny, bad_signature", func(s *samples) (string, error) {
		message, err := issuer.NewMessage(s.keys[testkeys.Ministry], s.vaccination()).Sign(s.keys[testkeys.Ministry])
		if err != nil {
			return "", err
		}
		message[len(message)-1] ^= 1
		return issuer.Encode(message)
	}},
	{"issued-by-retired-key", "Issued after its signer's own end: refer, key_expired", func(s *samples) (string, error) {
		return s.sign(testkeys.Retired, s.vaccination())
	}},
	{"wrong-usage", "A vaccination signed by a laboratory's key: deny, wrong_usage", func(s *samples) (string, error) {
		return s.sign(testkeys.Laboratory, s.vaccination())
	}},
	{"not-yet-valid", "Valid from tomorrow: deny, not_yet_valid", func(s *samples) (string, error) {
		c := s.vaccination()
		c.IssuedAt = s.now.AddDate(0, 0, 1).Unix()
		return s.sign(testkeys.Ministry, c)
	}},
	{"issuer-disabled", "Its issuer was switched off: deny, issuer_disabled", func(s *samples) (string, error) {
		return s.sign(testkeys.Disabled, s.vaccination())
	}},
	{"not-accepted", "Its country is not accepted here: deny, not_accepted", func(s *samples) (string, error) {
		return s.sign(testkeys.Foreign, s.vaccination())
	}},
	{"cut", "The end is missing: deny, malformed", func(s *samples) (string, error) {
		code, err := s.sign(testkeys.Ministry, s.vaccination())
		return code[:len(code)/2], err
	}},
	{"doubled", "Twice in one scan: deny, malformed", func(s *samples) (string, error) {
		code, err := s.sign(testkeys.Ministry, s.vaccination())
		return code + code, err
	}},
	{"longest", "Every text as long as the schema allows: admit", func(s *samples) (string, error) {
		c := s.vaccination()
		c.Name = issuer.Name{Family: strings.Repeat("Ibn-Battûta ", 6), Given: strings.Repeat("Abd-el-Krîm ", 6)}
		c.Vaccination.Authority = strings.Repeat("Ministère ", 8)
		return s.sign(testkeys.Ministry, c)
	}},
	{"web-address", "No certificate at all: deny, not_accepted", func(s *samples) (string, error) {
		s.n++
		return fmt.Sprintf("https://example.org/%d", s.n), nil
	}},
}

// sheet makes one code of each recipe.
func (s *samples) sheet() ([]sample, error) {
	var all []sample
	for _, r := range recipes {
		code, err := r.make(s)
		if err != nil {
			return nil, fmt.Errorf("sample %s: %w", r.name, err)
		}
		all = append(all, sample{name: r.name, about: r.about, code: code})
	}
	return all, nil
}
