package verify_test

import (
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

func TestZonesAreJudged(t *testing.T) {
	t.Parallel()
	expires := func(date string) string {
		return passport(func(d *issuer.TravelDocument) { d.Expires = date })
	}
	good := passport(nil)
	misread := strings.Replace(good, "XY1234567", "XY1234568", 1)
	nowAt := func(t int64) func(*scene) { return func(s *scene) { s.now = policy.At(t) } }
	lastDay := at("2026-06-15T23:59:59Z") + 12*hour
	runRules(t, []rule{
		{"a passport alone", good, nil, "refer second_document_missing", policy.MRZ, "format=passed key=not_applicable signature=not_applicable usage=not_applicable revocation=not_applicable time=passed rules=passed place=not_applicable identity=undetermined"},
		{"a card alone", card(nil), nil, "refer second_document_missing", policy.MRZ, "identity=undetermined"},
		{"its lines joined", strings.ReplaceAll(good, "\r", ""), nil, "refer second_document_missing", policy.MRZ, ""},
		{"its lines apart by LF", strings.ReplaceAll(good, "\r", "\n"), nil, "refer second_document_missing", policy.MRZ, ""},
		{"between STX and ETX", "\x02" + good + "\r\x03", nil, "refer second_document_missing", policy.MRZ, "format=passed"},
		{"in the framing of a reader with a header and a flag", "\x01\x5fOU\x02A\r" + good + "\r\x03\x41", nil, "refer second_document_missing", policy.MRZ, ""},
		{"an AIM identifier in front of each line", "]o1" + strings.Replace(good, "\r", "\r]o1", 1), nil, "refer second_document_missing", policy.MRZ, ""},
		{"with blanks and line ends around it", " \r\n\t" + good + " \r\n", nil, "refer second_document_missing", policy.MRZ, ""},
		{"between STX and ETX, and a digit was misread", "\x02" + misread + "\r\x03", nil, "deny unreadable", policy.MRZ, "format=failed"},
		{"its ETX was lost", "\x02" + good, nil, "deny not_listed", policy.Code, ""},
		{"on its last day, somewhere", expires("260615"), nowAt(lastDay), "refer second_document_missing", policy.MRZ, "time=passed"},
		{"after its last day, everywhere", expires("260615"), nowAt(lastDay + 2), "deny expired", policy.MRZ, "time=failed"},
		{"it does not say when it ends", expires("<<<<<<"), nil, "refer expired", policy.MRZ, "time=undetermined"},
		{"the clock is not known", good, func(s *scene) { s.now.Class = policy.ClockUnknown }, "refer clock_untrusted", policy.MRZ, "time=undetermined"},
		{"a digit was misread", misread, nil, "deny unreadable", policy.MRZ, "format=failed"},
		{"a check digit was misread", good[:len(good)-1] + string('0'+(good[len(good)-1]-'0'+1)%10), nil, "deny unreadable", policy.MRZ, "format=failed"},
		{"a digit in the name", strings.Replace(good, "BENALI", "BENAL1", 1), nil, "deny unreadable", policy.MRZ, "format=failed"},
		{"no name", strings.Replace(good, "BENALI<<AMINA", "<<<<<<<<<<<<<", 1), nil, "deny malformed", policy.MRZ, "format=failed"},
		{"the French card of before 2021", "IDFRABENALI<<<<<<<<<<<<<<<<<<<<<<<<<" + "880692310285AMINA<<<<<<<<9005178F<<<"[:36], nil, "deny malformed", policy.MRZ, "format=failed"},
		{"there is no trust list: an unsigned document needs none", good, func(s *scene) { s.list = trust.List{} }, "refer second_document_missing", policy.MRZ, ""},
		{"the profile does not accept zones", good, func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.MRZ) }, "deny not_accepted", policy.MRZ, "rules=failed"},
		{"the profile takes zones as a second document alone", good, func(s *scene) {
			s.profile.Accept &^= policy.Kinds(policy.MRZ)
			s.profile.Needs[policy.BCBP] = policy.Kinds(policy.MRZ)
		}, "refer second_document_missing", policy.MRZ, "rules=passed identity=undetermined"},
		{"a second document that is missing is denied", good, func(s *scene) { s.profile.Tighten[policy.SecondDocumentMissing] = true }, "deny second_document_missing", policy.MRZ, ""},
	})
}

func TestSealsAreJudged(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	good := w.codes["vds-nc"]
	authority := func(edit func(*trust.Authority)) func(*scene) {
		return func(s *scene) { edit(&s.list.Authorities[0]) }
	}
	certified := func(edit func(c, parent *x509.Certificate)) string { return w.seal(sealOptions{certificate: edit}) }
	usage := func(oids ...asn1.ObjectIdentifier) string {
		return certified(func(c, _ *x509.Certificate) { c.UnknownExtKeyUsage = oids })
	}
	tight := func(edit func(*trust.Authority)) func(*scene) {
		return func(s *scene) {
			edit(&s.list.Authorities[0])
			s.profile.Require = policy.Checks(policy.Revocation)
		}
	}
	twice := func(s *scene) { // one authority's key in two certificates: the signer was revoked under one of them
		other := s.list.Authorities[0]
		s.list.Authorities[0].Revoked = [][]byte{sealSerial.Bytes()}
		s.list.Authorities = append(s.list.Authorities, other)
	}
	runRules(t, []rule{
		{"good", good, nil, "admit ok", policy.VDSNC, "format=passed key=passed signature=passed usage=passed revocation=passed time=passed rules=passed place=not_applicable"},
		{"in an array", "[" + good + "]", nil, "admit ok", policy.VDSNC, ""},
		{"with blanks and line ends", strings.NewReplacer(`{"data":`, "\r\n{\n  \"data\" : ", `,"sig"`, ` , "sig"`).Replace(good), nil, "admit ok", policy.VDSNC, ""},
		{"in an array with blanks", " [ " + good + " ] ", nil, "admit ok", policy.VDSNC, ""},
		{"its signature first", sealBackwards(good), nil, "admit ok", policy.VDSNC, ""},
		{"something else was signed", strings.Replace(good, "AMINA", "AMIRA", 1), nil, "deny bad_signature", policy.VDSNC, "key=passed signature=failed"},
		{"by another key than the certificate's", w.seal(sealOptions{key: p256Key("nobody")}), nil, "deny bad_signature", policy.VDSNC, "signature=failed"},
		{"the certificate is not by its authority", w.seal(sealOptions{authority: p256Key("nobody")}), nil, "deny unknown_issuer", policy.VDSNC, "key=failed signature=undetermined"},
		{"the certificate is by itself", w.seal(sealOptions{authority: w.sealer}), nil, "deny unknown_issuer", policy.VDSNC, "key=failed"},
		{"the authority is not on the list", good, func(s *scene) { s.list.Authorities = nil }, "deny unknown_issuer", policy.VDSNC, "key=failed"},
		{"the certificate names another authority", certified(func(_, parent *x509.Certificate) { parent.SubjectKeyId = []byte("other") }), nil, "deny unknown_issuer", policy.VDSNC, "key=failed"},
		{"the certificate names no authority", certified(func(_, parent *x509.Certificate) { parent.SubjectKeyId = nil }), nil, "deny unknown_issuer", policy.VDSNC, "key=failed"},
		{"the certificate is of another state than the authority", good, authority(func(a *trust.Authority) { a.Country = "XX" }), "deny unknown_issuer", policy.VDSNC, "key=failed"},
		{"the authority is switched off", good, authority(func(a *trust.Authority) { a.Disabled = true }), "deny issuer_disabled", policy.VDSNC, "key=failed"},
		{"a test authority at a production gate", good, func(s *scene) {
			s.list.Authorities[0].Test = true
			s.profile.Production = true
		}, "deny unknown_issuer", policy.VDSNC, "key=failed"},
		{"the signer is revoked", good, authority(func(a *trust.Authority) { a.Revoked = [][]byte{{1}, sealSerial.Bytes(), {0xff}} }), "deny revoked", policy.VDSNC, "revocation=failed"},
		{"another signer is revoked", good, authority(func(a *trust.Authority) { a.Revoked = [][]byte{{1}, {0xff}} }), "admit ok", policy.VDSNC, "revocation=passed"},
		{"the signer is revoked by one of two certificates of its authority", good, twice, "deny revoked", policy.VDSNC, "revocation=failed"},
		{"one of two certificates of its authority is switched off", good, func(s *scene) {
			other := s.list.Authorities[0]
			s.list.Authorities[0].Disabled = true
			s.list.Authorities = append(s.list.Authorities, other)
		}, "deny issuer_disabled", policy.VDSNC, "key=failed"},
		{"its authority certified its key again, after the signer", good, func(s *scene) {
			renewed := s.list.Authorities[0]
			renewed.NotBefore = noon - day
			s.list.Authorities = []trust.Authority{renewed, s.list.Authorities[0], renewed}
		}, "admit ok", policy.VDSNC, "key=passed"},
		{"the signer may sign no seals", usage(), nil, "deny wrong_usage", policy.VDSNC, "usage=failed signature=passed"},
		{"the signer may sign something else", usage(asn1.ObjectIdentifier{2, 23, 136, 1, 1, 14, 3}), nil, "deny wrong_usage", policy.VDSNC, "usage=failed"},
		{"the signer may sign vaccinations", certified(func(c, _ *x509.Certificate) { c.ExtraExtensions = append(c.ExtraExtensions, sealListing("NV")) }), nil, "admit ok", policy.VDSNC, "usage=passed"},
		{"the signer may sign tests alone", certified(func(c, _ *x509.Certificate) { c.ExtraExtensions = append(c.ExtraExtensions, sealListing("NT")) }), nil, "deny wrong_usage", policy.VDSNC, "usage=failed"},
		{"the signer's certificate is over", certified(func(c, _ *x509.Certificate) { c.NotAfter = time.Unix(noon-61, 0) }), nil, "deny expired", policy.VDSNC, "time=failed"},
		{"the signer's certificate ended a minute ago", certified(func(c, _ *x509.Certificate) { c.NotAfter = time.Unix(noon-60, 0) }), nil, "admit ok", policy.VDSNC, ""},
		{"the signer's certificate is not yet valid", certified(func(c, _ *x509.Certificate) { c.NotBefore = time.Unix(noon+61, 0) }), nil, "deny not_yet_valid", policy.VDSNC, "time=failed"},
		{"the signer was certified after its authority's end", good, authority(func(a *trust.Authority) { a.NotAfter = keysFrom }), "refer key_expired", policy.VDSNC, "key=failed signature=passed"},
		{"the authority ended since", good, authority(func(a *trust.Authority) { a.NotAfter = noon - day }), "admit ok", policy.VDSNC, "key=passed"},
		{"the signer was certified before its authority's begin", good, authority(func(a *trust.Authority) { a.NotBefore = keysFrom + 2*day }), "refer key_expired", policy.VDSNC, "key=failed"},
		{"the list is over age", good, func(s *scene) { s.list.Expires = noon - 1 }, "refer list_stale", policy.VDSNC, "key=undetermined signature=passed"},
		{"the list is over age, and the signer is revoked", good, func(s *scene) {
			s.list.Expires = noon - 1
			s.list.Authorities[0].Revoked = [][]byte{sealSerial.Bytes()}
		}, "deny revoked", policy.VDSNC, ""},
		{"the signer is revoked by a list that is over age", good, authority(func(a *trust.Authority) {
			a.Revoked, a.RevokedUntil = [][]byte{sealSerial.Bytes()}, noon-1
		}), "deny revoked", policy.VDSNC, "revocation=failed"},
		{"nobody was revoked so far, and that is asked for", good, tight(func(a *trust.Authority) { a.Revoked = nil }), "admit ok", policy.VDSNC, "revocation=passed"},
		{"nobody brought a revocation list", good, authority(func(a *trust.Authority) { a.Revoked, a.RevokedUntil = nil, 0 }), "admit ok", policy.VDSNC, "revocation=undetermined"},
		{"nobody brought a revocation list, and one is asked for", good, tight(func(a *trust.Authority) { a.Revoked, a.RevokedUntil = nil, 0 }), "refer list_stale", policy.VDSNC, "revocation=undetermined"},
		{"nobody says until when others are all that are revoked, and that is asked for", good, tight(func(a *trust.Authority) { a.RevokedUntil = 0 }), "refer list_stale", policy.VDSNC, "revocation=undetermined"},
		{"the revocation list is over age", good, authority(func(a *trust.Authority) { a.RevokedUntil = noon - 1 }), "refer list_stale", policy.VDSNC, "revocation=failed"},
		{"the revocation list is in its last second", good, authority(func(a *trust.Authority) { a.RevokedUntil = noon }), "admit ok", policy.VDSNC, "revocation=passed"},
		{"the revocation list may be over age", good, func(s *scene) {
			s.list.Authorities[0].RevokedUntil = noon
			s.now = floored(noon-1, noon+1)
		}, "refer clock_untrusted", policy.VDSNC, "revocation=failed"},
		{"the state is not accepted", good, func(s *scene) { s.list.Acceptance = []trust.Acceptance{{Country: "MA", Usages: trust.VDSNCUsage}} }, "deny not_accepted", policy.VDSNC, "rules=failed"},
		{"the profile does not accept seals", good, func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.VDSNC) }, "deny not_accepted", policy.VDSNC, "rules=failed"},
		{"blocked by the operator", good, func(s *scene) {
			s.feed(trust.FeedDeny, "*", func(f *trust.Feed) { f.Set = setOf(list.Blocked, sealID(t, good)) })
		}, "deny blocked", policy.VDSNC, "revocation=failed"},
		{"of a type that is not read", strings.Replace(good, "icao.vacc", "icao.visa", 1), nil, "deny unsupported", policy.VDSNC, "format=failed"},
		{"a certificate that is none", strings.Replace(good, `"cer":"`, `"cer":"AAAA`, 1), nil, "deny malformed", policy.VDSNC, "format=failed"},
		{"cut off", good[:len(good)-2], nil, "deny malformed", policy.VDSNC, "format=failed"},
	})
}

// sealBackwards spells a seal with its signature in front.
func sealBackwards(code string) string {
	data, signature, _ := strings.Cut(strings.TrimSuffix(code, "}"), `,"sig":`)
	return `{"sig":` + signature + "," + strings.TrimPrefix(data, "{") + "}"
}

// TestASealIsJudgedByItsAuthoritysKey: a subject key identifier only selects.
func TestASealIsJudgedByItsAuthoritysKey(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := setup(t)
	public := must(sig.New(p256Key("other authority").Public()))
	other := s.list.Authorities[0]
	other.Public = public
	s.list.Authorities = []trust.Authority{other, s.list.Authorities[0]}
	if c, _ := s.show(t, w.codes["vds-nc"]); verdict(&c) != "admit ok" {
		t.Errorf("with another authority of the same identifier before it: %s", line(&c))
	}
	serial := new(big.Int).Lsh(sealSerial, 8)
	s.list.Authorities[0].Revoked = [][]byte{serial.Bytes(), sealSerial.Bytes()}
	if c, _ := s.show(t, w.codes["vds-nc"]); verdict(&c) != "admit ok" {
		t.Errorf("an authority that did not sign it revoked its number: %s", line(&c))
	}
}

func TestIdentityCodesAreJudged(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	good := w.codes["claim169"]
	with := func(edit func(m *issuer.Message, person map[int]any)) string { return w.identity(w.identities, edit) }
	claimed := func(label int, value any) string {
		return with(func(m *issuer.Message, _ map[int]any) { claim(m, label, value) })
	}
	id := w.identities.ID()
	off := func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.Claim169) }
	never := with(func(m *issuer.Message, _ map[int]any) {
		claim(m, issuer.ClaimExpires, nil)
		claim(m, issuer.ClaimIssuedAt, nil)
	})
	runRules(t, []rule{
		{"good, without a key id", good, nil, "admit ok", policy.Claim169, "format=passed key=passed signature=passed usage=passed revocation=not_applicable time=passed rules=passed place=not_applicable identity=not_applicable"},
		{"with a key id", with(func(m *issuer.Message, _ map[int]any) {
			m.Protected = append(m.Protected, issuer.Member{Key: issuer.LabelKeyID, Value: id[:]})
			claim(m, issuer.ClaimIssuer, "somebody else")
		}), nil, "admit ok", policy.Claim169, ""},
		{"of another issuer's text, without a key id", claimed(issuer.ClaimIssuer, "somebody else"), nil, "deny unknown_issuer", policy.Claim169, "key=failed signature=undetermined"},
		{"of no issuer's text, without a key id", claimed(issuer.ClaimIssuer, nil), nil, "deny unknown_issuer", policy.Claim169, "key=failed"},
		{"by another key", w.identity(w.ticketingEd, nil), nil, "deny bad_signature", policy.Claim169, "key=passed signature=failed"},
		{"by a key for something else, with its key id", w.identity(w.ticketingEd, func(m *issuer.Message, _ map[int]any) {
			other := w.ticketingEd.ID()
			m.Protected = append(m.Protected, issuer.Member{Key: issuer.LabelKeyID, Value: other[:]})
			claim(m, issuer.ClaimIssuer, "somebody else")
		}), nil, "deny unknown_issuer", policy.Claim169, "key=failed"},
		{"over", claimed(issuer.ClaimExpires, noon-61), nil, "deny expired", policy.Claim169, "time=failed"},
		{"over for a minute", claimed(issuer.ClaimExpires, noon-60), nil, "admit ok", policy.Claim169, "time=passed"},
		{"not yet valid", claimed(issuer.ClaimNotBefore, noon+61), nil, "deny not_yet_valid", policy.Claim169, "time=failed"},
		{"without an end", never, nil, "admit ok", policy.Claim169, "time=passed"},
		{"without an end, the clock is not known", never, func(s *scene) { s.now.Class = policy.ClockUnknown }, "refer clock_untrusted", policy.Claim169, "time=undetermined"},
		{"issued before its key", claimed(issuer.ClaimIssuedAt, keysFrom-1), nil, "refer key_expired", policy.Claim169, "key=failed"},
		{"no claim 169", claimed(169, nil), nil, "deny unknown_issuer", policy.Claim169, "key=failed"},
		{"no claim 169, with a key id", with(func(m *issuer.Message, _ map[int]any) {
			m.Protected = append(m.Protected, issuer.Member{Key: issuer.LabelKeyID, Value: id[:]})
			claim(m, 169, nil)
		}), nil, "deny malformed", policy.Claim169, "format=failed signature=passed"},
		{"blocked by the operator", good, func(s *scene) {
			s.feed(trust.FeedDeny, "*", func(f *trust.Feed) { f.Set = setOf(list.Blocked, []byte("registry.example\x001234567890")) })
		}, "deny blocked", policy.Claim169, "revocation=failed"},
		{"the list is over age", good, func(s *scene) { s.list.Expires = noon - 1 }, "refer list_stale", policy.Claim169, "key=undetermined"},
		{"the state is not accepted", good, func(s *scene) { s.list.Acceptance = nil }, "deny not_accepted", policy.Claim169, "rules=failed"},
		{"off", good, off, "deny not_listed", policy.Code, "rules=failed"},
		{"off, and codes as well", good, func(s *scene) { off(s); s.profile.Accept &^= policy.Kinds(policy.Code) }, "deny not_accepted", policy.Opaque, "rules=failed"},
		{"a listed code of 120 capitals that looks like one", looksLikeOne, func(s *scene) {
			s.feed(trust.FeedCodes, event, func(f *trust.Feed) { f.Set = setOf(list.Listed, []byte(looksLikeOne)) })
		}, "admit ok", policy.Code, ""},
		{"longer than any code, and looks like one", looksLikeOne + strings.Repeat("A", verify.MaxScan), nil, "deny too_large", policy.Claim169, "format=failed"},
	})
}

// looksLikeOne opens as base45 of a zlib stream does, and is none.
var looksLikeOne = "6BF" + strings.Repeat("OPAQUE7", 17)

// TestAnIdentityCodeWithoutANumberIsUsedOnItsOwn: two people who both have no number are not one.
func TestAnIdentityCodeWithoutANumberIsUsedOnItsOwn(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := setup(t)
	s.profile.Once |= policy.Kinds(policy.Claim169)
	of := func(name string) policy.Candidate {
		c, _ := s.show(t, w.identity(w.identities, func(_ *issuer.Message, p map[int]any) { delete(p, 1); p[4] = name }))
		if verdict(&c) != "admit ok" || !c.Once {
			t.Fatalf("%s", line(&c))
		}
		return c
	}
	amina, again, omar := of("AMINA BENALI"), of("AMINA BENALI"), of("OMAR BENALI")
	if amina.Use != again.Use || amina.Use == omar.Use {
		t.Errorf("uses %x and %x, another person's %x", amina.Use, again.Use, omar.Use)
	}
	numbered := func(name string) policy.Candidate {
		c, _ := s.show(t, w.identity(w.identities, func(_ *issuer.Message, p map[int]any) { p[4] = name }))
		return c
	}
	if first, renewed := numbered("AMINA BENALI"), numbered("AMINA EL BENALI"); first.Use != renewed.Use || first.Use == amina.Use {
		t.Errorf("one number has uses %x and %x", first.Use, renewed.Use)
	}
}

// TestAListedCodeMayLookLikeAnotherFormat: what is only recognised so that it can be refused by name is a code where the list has it.
func TestAListedCodeMayLookLikeAnotherFormat(t *testing.T) {
	t.Parallel()
	const code = "DC0212345678"
	with := func(state list.State, edit func(*scene)) func(*scene) {
		return func(s *scene) {
			s.feed(trust.FeedCodes, event, func(f *trust.Feed) { f.Set = setOf(state, []byte(code), []byte("shc:/1")) })
			if edit != nil {
				edit(s)
			}
		}
	}
	runRules(t, []rule{
		{"listed", code, with(list.Listed, nil), "admit ok", policy.Code, "rules=passed"},
		{"listed, behind an AIM identifier", "]d2" + code, with(list.Listed, nil), "admit ok", policy.Code, ""},
		{"listed, of another shape", "shc:/1", with(list.Listed, nil), "admit ok", policy.Code, ""},
		{"blocked", code, with(list.Blocked, nil), "deny blocked", policy.Code, "revocation=failed"},
		{"not listed", code + "9", with(list.Listed, nil), "deny unsupported", policy.Seal2DDoc, "format=failed"},
		{"there is no list", code, func(s *scene) { s.feed(trust.FeedCodes, event, nil) }, "deny unsupported", policy.Seal2DDoc, "format=failed"},
		{"no session", code, with(list.Listed, noSession), "deny unsupported", policy.Seal2DDoc, "format=failed"},
		{"listed, and the list is over age", code, with(list.Listed, func(s *scene) {
			s.feed(trust.FeedCodes, event, func(f *trust.Feed) { f.Expires = noon - 1 })
		}), "refer list_stale", policy.Code, "key=undetermined"},
		{"listed by a test delegate, at a production gate", code, with(list.Listed, func(s *scene) {
			s.feed(trust.FeedCodes, event, func(f *trust.Feed) { f.Test = true })
			s.profile.Production = true
		}), "deny unsupported", policy.Seal2DDoc, "format=failed"},
		{"listed, and the profile does not accept codes", code, with(list.Listed, func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.Code) }), "deny unsupported", policy.Seal2DDoc, "format=failed"},
		{"longer than any code", code + strings.Repeat("1", verify.MaxScan), with(list.Listed, nil), "deny too_large", policy.Seal2DDoc, "format=failed"},
	})
}

// TestNoOtherCountrysKeyUsesAnIdentityCodeUp: a key of another country may sign another one's text, with the number of one of its people.
func TestNoOtherCountrysKeyUsesAnIdentityCodeUp(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := setup(t)
	s.profile.Once |= policy.Kinds(policy.Claim169)
	foreign := w.ticketingEd.Entry()
	foreign.ID, foreign.Country, foreign.Usages, foreign.Scope = trust.KeyID{0, 1}, "FR", trust.Claim169Usage, "registry.example"
	s.list.Keys = append(s.list.Keys, foreign)
	for name, edit := range map[string]func(*issuer.Message, map[int]any){
		"with a number":    nil,
		"without a number": func(_ *issuer.Message, person map[int]any) { delete(person, 1) },
	} {
		ours, _ := s.show(t, w.identity(w.identities, edit))
		theirs, _ := s.show(t, w.identity(w.ticketingEd, edit))
		if verdict(&ours) != "admit ok" || verdict(&theirs) != "admit ok" || ours.Issuer != "MA" || theirs.Issuer != "FR" {
			t.Fatalf("%s: %s\n%s", name, line(&ours), line(&theirs))
		}
		if ours.Use == theirs.Use || ours.Use == (policy.UseID{}) {
			t.Errorf("%s: use %x by our key, %x by the other country's", name, ours.Use, theirs.Use)
		}
	}
}

func TestOtherFormatsAreRefusedByName(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]policy.Kind{
		"shc:/5676290952432060346029243740446031222959532654603460292540772804336028": policy.SHC,
		"NDB1abcdef":         policy.SealIDB,
		"RDB1abcdef":         policy.SealIDB,
		"DC01FR000001":       policy.Seal2DDoc,
		"DC04FR000001":       policy.Seal2DDoc,
		"\xdc\x03abcdef":     policy.SealVDS,
		"#UT01abcdef":        policy.UIC,
		"mdoc:owBjMS4w":      policy.MDL,
		"@\n\x1e\rANSI 6360": policy.AAMVA,
	} {
		s := setup(t)
		for _, aim := range []string{"", "]Q1", "]L0"} {
			if c, r := s.show(t, aim+code); verdict(&c) != "deny unsupported" || c.Kind != want || r.Layer != verify.LayerDetect {
				t.Errorf("%q: %v %s", aim+code, c.Kind, verdict(&c))
			}
		}
	}
}
