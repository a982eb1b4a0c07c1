package issuer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
)

func unix(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err) // a constant of these tests
	}
	return t.Unix()
}

// The day on which most cases are shown, and when their certificates were issued and end.
var (
	showing = unix("2026-06-15T09:30:00Z")
	issued  = unix("2026-03-01T08:00:00Z")
	expires = unix("2027-03-01T08:00:00Z")
)

var (
	keysMu sync.Mutex
	keys   = map[string]*issuer.Key{}
)

// testKey returns a test key, computed once.
func testKey(t testing.TB, name string) *issuer.Key {
	t.Helper()
	keysMu.Lock()
	defer keysMu.Unlock()
	if keys[name] == nil {
		k, err := testkeys.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = k
	}
	return keys[name]
}

const (
	covid    = "840539006"
	ministry = "Ministère de la Santé"
)

func vaccination() *issuer.Certificate {
	return &issuer.Certificate{
		IssuedAt: issued, Expires: expires,
		Name:     issuer.Name{Family: "Benjelloun-Touimi", Given: "Zineb"},
		Birth:    "1988-11-23",
		Document: issuer.Document{Type: issuer.NationalCard, Number: "BE845120"},
		Vaccination: &issuer.Vaccination{
			Disease: covid, Vaccine: "J07BX03", Product: "BBIBP-CorV", Manufacturer: "ORG-100020693",
			Dose: 2, Doses: 2, Date: "2026-02-27", Country: "MA", Authority: ministry, ID: "URN:UVCI:01:MA:SPECIMEN0001",
		},
	}
}

func laboratoryTest() *issuer.Certificate {
	return &issuer.Certificate{
		IssuedAt: unix("2026-06-14T18:20:00Z"), Expires: unix("2026-06-17T18:20:00Z"),
		Name:     issuer.Name{Family: "Diallo", Given: "Aïssatou Fanta"},
		Birth:    "1999-02-28",
		Document: issuer.Document{Type: issuer.Passport, Number: "A01234567"},
		Test: &issuer.Test{
			Disease: covid, Method: "LP6464-4", Name: "RT-PCR SARS-CoV-2", Collected: "2026-06-14T11:05:00+01:00",
			Result: "260415000", Centre: "Laboratoire agréé, Casablanca", Country: "MA", Authority: ministry,
			ID: "URN:UVCI:01:MA:SPECIMEN0002",
		},
	}
}

func recovery() *issuer.Certificate {
	return &issuer.Certificate{
		IssuedAt: issued, Expires: unix("2026-08-20T23:59:59Z"),
		Name:     issuer.Name{Family: "Müller", Given: "Jürgen"},
		Birth:    "1961-07",
		Document: issuer.Document{Type: issuer.ResidenceCard, Number: "C100234X"},
		Recovery: &issuer.Recovery{
			Disease: covid, Positive: "2026-02-21", Country: "MA", Authority: ministry,
			From: "2026-03-04", Until: "2026-08-20", ID: "URN:UVCI:01:MA:SPECIMEN0003",
		},
	}
}

func arabic() *issuer.Certificate {
	c := vaccination()
	c.Name = issuer.Name{Family: "العلوي", Given: "ياسمين", FamilyICAO: "EL<ALAOUI", GivenICAO: "YASMINE"}
	c.Document.Number = "K01998"
	c.Vaccination.Authority = "وزارة الصحة"
	c.Vaccination.ID = "URN:UVCI:01:MA:SPECIMEN0004"
	return c
}

// noise returns n bytes that do not compress.
func noise(n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("noise"), i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}
