package cbor

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// text returns a text string in hexadecimal digits.
func text(s string) string {
	return hex.EncodeToString(append(head(majorText, len(s)), s...))
}

// certificate is a CWT with the claims of a health certificate, made up.
var certificate = "a4 01" + text("MA") + "04 1a648f0a10 06 1a62a01122 390103 a1 01 a4" +
	text("ver") + text("1.3.0") + text("dob") + text("1990-04-23") +
	text("nam") + "a4" + text("fn") + text("Amale") + text("fnt") + text("AMALE") +
	text("gn") + text("El Idrissi") + text("gnt") + text("EL<IDRISSI") +
	text("v") + "81 aa" + text("tg") + text("840539006") + text("vp") + text("1119349") +
	text("mp") + text("EU/1/20/1528") + text("ma") + text("ORG-100030215") + text("dn") + "02" + text("sd") + "02" +
	text("dt") + text("2021-09-04") + text("co") + text("MA") + text("is") + text("Ministère de la Santé") +
	text("ci") + text("URN:UVCI:01:MA:2B45X97GHK10#6")

func BenchmarkSkip(b *testing.B) {
	data := unhex(b, certificate)
	var c Cursor
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		c.Reset(data)
		c.Skip()
		if c.End(); c.Err() != nil {
			b.Fatal(c.Err())
		}
	}
}

func BenchmarkRead(b *testing.B) {
	data := unhex(b, certificate)
	var c Cursor
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		c.Reset(data)
		read(&c)
		if c.End(); c.Err() != nil {
			b.Fatal(c.Err())
		}
	}
}

func BenchmarkMapOfMaxItems(b *testing.B) {
	data := unhex(b, "b90100"+keysHex(0, MaxItems))
	var c Cursor
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		c.Reset(data)
		c.Skip()
	}
}

func BenchmarkJoin(b *testing.B) {
	data := unhex(b, "5f 42 0102 43 030405 58 20 "+string(bytes.Repeat([]byte("00"), 32))+" ff")
	scratch := make([]byte, len(data))
	var c Cursor
	for b.Loop() {
		copy(scratch, data)
		c.Reset(scratch)
		c.Bytes()
	}
}

// The most work that 16 KiB, the limit for scanned codes, can ask for.
func BenchmarkHostileKeys(b *testing.B) {
	for name, m := range collidingKeys() {
		n := (16<<10 - 1) / len(m)
		data := append([]byte{0x80 | byte(n)}, bytes.Repeat(m, n)...)
		b.Run(name, func(b *testing.B) {
			var c Cursor
			for b.Loop() {
				c.Reset(data)
				if c.Skip(); c.Err() != nil {
					b.Fatal(c.Err())
				}
			}
		})
	}
}
