package lane

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/trust"
)

// Each code of these tests is signed under a key id of its own, its number, so that the journal and the events say which
// code an entry is about. The number also says what becomes of it.
const (
	firstRetired  = 1000 // refer key_expired: the certificate is younger than its signer
	firstStranger = 2000 // deny unknown_issuer
)

// What no output may hold: the holder's name and document number.
const (
	canaryFamily = "Canarygrove"
	canaryNumber = "ZZ7654321"
)

// showing is when codes are shown, in unix seconds.
var showing = time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC).Unix()

var ministry = sync.OnceValues(func() (*issuer.Key, error) { return testkeys.Get(testkeys.Ministry) })

func mustKey(t testing.TB) *issuer.Key {
	t.Helper()
	key, err := ministry()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// code returns the text of a vaccination certificate.
func code(t testing.TB, n int) string {
	t.Helper()
	c := certificate(n)
	c.Vaccination = &issuer.Vaccination{
		Disease: "840539006", Vaccine: "J07BX03", Product: "BBIBP-CorV", Manufacturer: "ORG-100020693",
		Dose: 2, Doses: 2, Date: "2026-02-27", Country: "MA", Authority: "Ministry", ID: c.Test.ID,
	}
	c.Test = nil
	return sign(t, n, c)
}

// onceCode returns the text of a test certificate, which profile demo admits once.
func onceCode(t testing.TB, n int) string {
	t.Helper()
	return sign(t, n, certificate(n))
}

func certificate(n int) *issuer.Certificate {
	return &issuer.Certificate{
		IssuedAt: showing - 24*60*60, Expires: showing + 48*60*60,
		Name: issuer.Name{Family: canaryFamily, Given: "Nadia"}, Birth: "1988-11-23",
		Document: issuer.Document{Type: issuer.NationalCard, Number: canaryNumber},
		Test: &issuer.Test{
			Disease: "840539006", Method: "LP6464-4", Name: "PCR", Collected: "2026-06-14T11:05:00+01:00",
			Result: "260415000", Country: "MA", Authority: "Ministry", ID: fmt.Sprintf("URN:UVCI:01:MA:LANE%d", n),
		},
	}
}

func sign(t testing.TB, n int, c *issuer.Certificate) string {
	t.Helper()
	key, id := mustKey(t), keyID(n)
	m := issuer.NewMessage(key, c)
	m.Protected = issuer.Map{{Key: issuer.LabelAlgorithm, Value: int64(key.Algorithm())}, {Key: issuer.LabelKeyID, Value: id[:]}}
	signed, err := m.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := issuer.Encode(signed)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func keyID(n int) (id trust.KeyID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// standardList knows the keys of all codes below firstStranger.
func standardList(t testing.TB) trust.List {
	t.Helper()
	l := trust.List{
		Version: 1, Issued: showing - 3600, Expires: showing + 7*24*60*60,
		Acceptance: []trust.Acceptance{{Country: "MA", Usages: trust.AllHCERT}},
	}
	for n := range firstStranger {
		key := mustKey(t).Entry()
		key.ID = keyID(n)
		if n >= firstRetired {
			key.NotAfter = showing - 30*24*60*60
		}
		l.Keys = append(l.Keys, key)
	}
	return l
}

func mustList(t testing.TB, l trust.List) *trust.Snapshot {
	t.Helper()
	list, err := trust.New(l)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
