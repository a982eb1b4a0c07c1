package inflate

import (
	"compress/zlib"
	"encoding/base64"
	"math/rand/v2"
	"testing"
)

// certificate is about what a health certificate expands to: some CBOR, mostly
// text, and a signature.
func certificate() []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	p := []byte("\xd2\x84\x43\xa1\x01\x26\xa1\x04\x48\x0d\x11\x5a\x3c\x77\x90\xfe\x21\x59\x01\x20\xa4\x01bMA\x04\x1ad\x8f\x0a\x10\x06\x1ab" +
		"\xa0\x11\x22\x39\x01\x03\xa1\x01\xa4cvere1.3.0cdobj1990-04-23cnam\xa4bfndAmalcfntdAMALbgniEl Idrissicgntj" +
		"EL<IDRISSIav\x81\xaabtgi840539006bvpg1119349bmplEU/1/20/1528bmamORG-100030215bdn\x02bsd\x02bdtj2021-09-04bcobMA" +
		"bisrMinistere de la Santebcix")
	p = append(p, base64.StdEncoding.EncodeToString([]byte("URN:UVCI:01:MA:2B45X97"))...)
	p = append(p, 0x58, 0x40)
	for range 64 {
		p = append(p, byte(rng.Uint32()))
	}
	return p
}

// fixedStream compresses with the fixed code and without matches.
func fixedStream(p []byte) []byte {
	w := new(bitWriter)
	w.header(true, blockFixed)
	for _, c := range p {
		w.fixed(uint64(c))
	}
	w.fixed(endOfBlock)
	return w.zlib(string(p))
}

// longCertificate has so much text that a compressor makes a code for it.
func longCertificate() []byte {
	return append(certificate(), "Centre de vaccination de la prefecture de Rabat, avenue Mohammed V; "+
		"rendez-vous confirme par le ministere; identite verifiee au guichet sur presentation de la carte nationale."...)
}

func BenchmarkAppendZlib(b *testing.B) {
	p := certificate()
	for _, bm := range []struct {
		name   string
		stream []byte
		kind   byte
	}{
		{"fixed", fixedStream(p), blockFixed},
		{"dynamic", compress(b, zlib.HuffmanOnly, longCertificate()), blockDynamic},
		{"stored", compress(b, zlib.NoCompression, p), blockStored},
	} {
		b.Run(bm.name, func(b *testing.B) {
			if kind := bm.stream[headerLen] >> 1 & 3; kind != bm.kind {
				b.Fatalf("the block's type is %d, want %d", kind, bm.kind)
			}
			var d Decoder
			var err error
			dst := make([]byte, 0, testLimit)
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = d.AppendZlib(dst[:0], bm.stream, testLimit); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}

func BenchmarkChecksum(b *testing.B) {
	p := certificate()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		adler32(p)
	}
}
