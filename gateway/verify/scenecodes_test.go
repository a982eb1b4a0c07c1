package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/encoding/jcs"
	"passerelle/gateway/issuer"
)

// The makers of codes panic where a code cannot be made: that is a fault of the test.

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (w *world) certificate(k *issuer.Key, edit func(*issuer.Certificate)) string {
	c := &issuer.Certificate{
		IssuedAt: noon - 10*day, Expires: noon + 100*day,
		Name: issuer.Name{Family: "Benali", Given: "Amina"}, Birth: "1990-05-17",
		Document: issuer.Document{Type: issuer.NationalCard, Number: "AB123456"},
		Vaccination: &issuer.Vaccination{
			Disease: "840539006", Vaccine: "1119349007", Product: "EU/1/20/1528", Manufacturer: "ORG-100030215", Dose: 2, Doses: 2,
			Date: "2026-05-01", Country: "MA", Authority: "Ministry", ID: "URN:UVCI:01:MA:SCENE0001",
		},
	}
	if edit != nil {
		edit(c)
	}
	return must(issuer.Encode(must(issuer.NewMessage(k, c).Sign(k))))
}

// ticket signs a ticket without a look at whether it should.
func (w *world) ticket(k *issuer.Key, edit func(*issuer.Ticket)) string {
	t := &issuer.Ticket{
		IssuedAt: noon - day, Expires: noon + day, ID: []byte("ticket 1"), Kind: cwt.Ticket, Event: event, Zone: zone, Gate: gateA, Seat: "12F",
	}
	if edit != nil {
		edit(t)
	}
	return must(issuer.EncodePT1(must(issuer.NewTicketMessage(k, t).Sign(k))))
}

// stampOf2018 was signed years before its key's end, and is valid for ten years.
func stampOf2018(t *issuer.Ticket) {
	*t = issuer.Ticket{Kind: cwt.Stamp, ID: []byte("stamp"), IssuedAt: at("2018-06-01T00:00:00Z"), Expires: at("2028-06-01T00:00:00Z")}
}

func (w *world) pretixTicket(k *issuer.Key, edit func(*issuer.PretixTicket)) string {
	t := &issuer.PretixTicket{Seed: []byte("seed of a ticket"), Item: 42, Variation: 3, Subevent: 5, From: noon - hour, Until: noon + hour}
	if edit != nil {
		edit(t)
	}
	return must(issuer.Pretix(k, t))
}

// pretixMessage is what block lists name a ticket by, found in its code by another way than the program's.
func pretixMessage(code string) []byte {
	b := []byte(code)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	raw := must(base64.StdEncoding.DecodeString(string(b)))
	return raw[5 : 5+binary.BigEndian.Uint16(raw[1:])]
}

// oneTime is the suffix of movingCode at a time: RFC 6238 with SHA-1, 30 s, 6 digits.
func oneTime(t int64) string {
	h := hmac.New(sha1.New, otpSecret)
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(t/30)))
	sum := h.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

// boardingLeg is a leg of a pass as text; what is empty is that of the passenger who boards AT123 today.
type boardingLeg struct {
	pnr, from, to, carrier, flight, seat, sequence, marketing string
	day                                                       int
	status                                                    byte
}

func (l boardingLeg) filled() boardingLeg {
	for _, x := range []struct {
		field *string
		value string
	}{{&l.pnr, "ABC123"}, {&l.from, "CMN"}, {&l.to, "CDG"}, {&l.carrier, "AT"}, {&l.flight, "0123 "}, {&l.seat, "028C"}, {&l.sequence, "0001 "}} {
		if *x.field == "" {
			*x.field = x.value
		}
	}
	if l.day == 0 {
		l.day = time.Unix(today, 0).UTC().YearDay()
	}
	if l.status == 0 {
		l.status = '1'
	}
	return l
}

// passOptions are the items of a pass that occur once.
type passOptions struct{ name, issued, issuer string }

func boardingPass(legs ...boardingLeg) string { return passOptions{}.text(legs...) }

// text writes a pass as Resolution 792 has it, version 6.
func (o passOptions) text(legs ...boardingLeg) string {
	var b strings.Builder
	if o.name == "" {
		o.name = "BENALI/AMINAMRS"
	}
	fmt.Fprintf(&b, "M%d%-20sE", len(legs), o.name)
	for i, l := range legs {
		l = l.filled()
		repeated := ""
		if l.marketing != "" {
			repeated = fmt.Sprintf("%15s%-3s", "", l.marketing)
		}
		conditional := fmt.Sprintf("%02X%s", len(repeated), repeated)
		if i == 0 {
			once := ""
			if o.issued != "" || o.issuer != "" {
				once = fmt.Sprintf("0  %4sB%-3s", o.issued, o.issuer)
			}
			conditional = fmt.Sprintf(">6%02X%s%s", len(once), once, conditional)
		}
		fmt.Fprintf(&b, "%-7s%s%s%-3s%-5s%03dY%4s%-5s%c%02X%s", l.pnr, l.from, l.to, l.carrier, l.flight, l.day, l.seat, l.sequence, l.status,
			len(conditional), conditional)
	}
	return b.String()
}

// signed adds the security item.
func (w *world) signed(k *issuer.Key, text string) string { return must(issuer.SignPass(k, text)) }

// passenger is what a passenger list has for a leg.
func passenger(l boardingLeg, dayStart int64) string {
	return string(bcbp.AppendPassenger(nil, l.leg(), dayStart))
}

func (l boardingLeg) leg() *bcbp.Leg {
	l = l.filled()
	return &bcbp.Leg{
		PNR: []byte(l.pnr), From: []byte(l.from), Carrier: []byte(l.carrier), Flight: []byte(strings.TrimSpace(l.flight)),
		Date: fmt.Appendf(nil, "%03d", l.day), Sequence: []byte(strings.TrimSpace(l.sequence)),
	}
}

// passport is the zone of Amina Benali's.
func passport(edit func(*issuer.TravelDocument)) string {
	d := traveller()
	if edit != nil {
		edit(d)
	}
	return must(d.Passport())
}

func card(edit func(*issuer.TravelDocument)) string {
	d := traveller()
	d.Number, d.Optional = "C00000001", "AB123456"
	if edit != nil {
		edit(d)
	}
	return must(d.Card())
}

func traveller() *issuer.TravelDocument {
	return &issuer.TravelDocument{
		Country: "MAR", Number: "XY1234567", Family: "BENALI", Given: "AMINA", Birth: "900517", Sex: 'F', Expires: "300101",
	}
}

// identity is a Claim 169 code. It names no key, as most do not.
func (w *world) identity(k *issuer.Key, edit func(*issuer.Message, map[int]any)) string {
	person := map[int]any{1: "1234567890", 4: "AMINA BENALI", 8: "19900517", 9: 2, 13: "MA"}
	m := &issuer.Message{Tags: []uint64{issuer.TagSign1}, Protected: issuer.Map{{Key: issuer.LabelAlgorithm, Value: int64(k.Algorithm())}}}
	m.Claims = issuer.Map{
		{Key: issuer.ClaimIssuer, Value: "registry.example"},
		{Key: issuer.ClaimExpires, Value: noon + year},
		{Key: issuer.ClaimIssuedAt, Value: noon - day},
		{Key: 169, Value: person},
	}
	if edit != nil {
		edit(m, person)
	}
	for i, member := range m.Claims.(issuer.Map) {
		if member.Key == 169 { // in one order, so that the code is the same each time
			var ordered issuer.Map
			for _, label := range slices.Sorted(maps.Keys(person)) {
				ordered = append(ordered, issuer.Member{Key: label, Value: person[label]})
			}
			m.Claims.(issuer.Map)[i].Value = ordered
		}
	}
	return strings.TrimPrefix(must(issuer.Encode(must(m.Sign(k)))), "HC1:")
}

// claim sets, or with nil takes out, a claim of a message.
func claim(m *issuer.Message, label int, value any) {
	var claims issuer.Map
	for _, member := range m.Claims.(issuer.Map) {
		if member.Key != label {
			claims = append(claims, member)
		}
	}
	if value != nil {
		claims = append(claims, issuer.Member{Key: label, Value: value})
	}
	m.Claims = claims
}

// sealOptions changes a VDS-NC and the certificate of its signer.
type sealOptions struct {
	certificate func(c, parent *x509.Certificate)
	authority   *ecdsa.PrivateKey // that signs the certificate; nil is the authority of the scene
	key         *ecdsa.PrivateKey // that signs the seal; nil is the certificate's
	data        func(data map[string]any)
}

var (
	sealSerial = big.NewInt(0x80aa)
	sealUsage  = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 14, 2}
	sealTypes  = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 6, 2}
)

// seal makes a vaccination's seal.
func (w *world) seal(o sealOptions) string {
	parent := &x509.Certificate{Subject: pkix.Name{Country: []string{"UT"}, CommonName: "CSCA"}, SubjectKeyId: []byte("authority")}
	c := &x509.Certificate{
		SerialNumber: sealSerial, Subject: pkix.Name{Country: []string{"UT"}, CommonName: "01"},
		NotBefore: time.Unix(keysFrom+day, 0), NotAfter: time.Unix(keysUntil-day, 0), UnknownExtKeyUsage: []asn1.ObjectIdentifier{sealUsage},
	}
	if o.certificate != nil {
		o.certificate(c, parent)
	}
	authority, key := w.csca, w.sealer
	if o.authority != nil {
		authority = o.authority
	}
	if o.key != nil {
		key = o.key
	}
	der := must(x509.CreateCertificate(nil, c, parent, w.sealer.Public(), authority))
	data := map[string]any{
		"hdr": map[string]any{"t": "icao.vacc", "v": 1, "is": "UTO"},
		"msg": map[string]any{
			"uvci": "U32870",
			"pid":  map[string]any{"n": "BENALI  AMINA", "dob": "1990-05-17", "sex": "F", "i": "XY1234567"},
			"ve": []any{map[string]any{"des": "XM68M6", "nam": "Comirnaty", "dis": "RA01.0", "vd": []any{
				map[string]any{"dvc": "2026-03-03", "seq": 1, "ctr": "UTO", "adm": "RIVM", "lot": "VC35679"},
			}}},
		},
	}
	if o.data != nil {
		o.data(data)
	}
	canonical := must(jcs.Append(nil, must(json.Marshal(data))))
	digest := sha256.Sum256(canonical)
	var rs struct{ R, S *big.Int }
	must(asn1.Unmarshal(must(key.Sign(nil, digest[:], crypto.SHA256)), &rs)) // without randomness, as RFC 6979 has it
	raw := append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
	signature := map[string]any{"alg": "ES256", "cer": base64.RawURLEncoding.EncodeToString(der), "sigvl": base64.RawURLEncoding.EncodeToString(raw)}
	return `{"data":` + string(must(json.Marshal(data))) + `,"sig":` + string(must(json.Marshal(signature))) + `}`
}

// sealListing is the extension documentTypeList.
func sealListing(names ...string) pkix.Extension {
	l := struct {
		Version int
		Types   []asn1.RawValue `asn1:"set"`
	}{}
	for _, name := range names {
		l.Types = append(l.Types, asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte(name)})
	}
	return pkix.Extension{Id: sealTypes, Value: must(asn1.Marshal(l))}
}
