package source

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"passerelle/gateway/sig"
)

// curve is a curve that keys may be on, as RFC 5480 names it.
type curve struct {
	oid    asn1.ObjectIdentifier
	params *elliptic.CurveParams
}

var curves = [...]curve{
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, elliptic.P256().Params()},
	{asn1.ObjectIdentifier{1, 3, 132, 0, 34}, elliptic.P384().Params()},
	{asn1.ObjectIdentifier{1, 3, 132, 0, 35}, elliptic.P521().Params()},
}

// subjectPublicKeyInfo with EC parameters that are written out (RFC 3279, section 2.3.5).
type subjectPublicKeyInfo struct {
	Algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	PublicKey asn1.BitString
}

type explicitParameters struct {
	Version int
	Field   struct {
		OID asn1.ObjectIdentifier
		P   *big.Int
	}
	Curve struct {
		A, B []byte
		Seed asn1.BitString `asn1:"optional"`
	}
	Base     []byte
	Order    *big.Int
	Cofactor *big.Int `asn1:"optional"`
}

// parsePublicKey reads a SubjectPublicKeyInfo. EC parameters that are written out and are exactly those of a curve that
// keys may be on are replaced by its name; any others are refused: with a generator of his own choice anybody can sign
// for anybody.
func parsePublicKey(der []byte) (sig.Key, error) {
	key, err := sig.ParseSPKI(der)
	if err == nil {
		return key, nil
	}
	var info subjectPublicKeyInfo
	rest, broken := asn1.Unmarshal(der, &info)
	explicit := broken == nil && len(rest) == 0 &&
		info.Algorithm.OID.Equal(asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}) && info.Algorithm.Parameters.Tag == asn1.TagSequence
	if !explicit {
		return sig.Key{}, err
	}
	var params explicitParameters
	if rest, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &params); err != nil || len(rest) != 0 {
		return sig.Key{}, errors.New("EC parameters that cannot be read")
	}
	oid, err := params.name()
	if err != nil {
		return sig.Key{}, err
	}
	name, err := asn1.Marshal(oid)
	if err != nil {
		return sig.Key{}, fmt.Errorf("name curve: %w", err)
	}
	info.Algorithm.Parameters = asn1.RawValue{FullBytes: name}
	named, err := asn1.Marshal(info)
	if err != nil {
		return sig.Key{}, fmt.Errorf("name curve: %w", err)
	}
	return sig.ParseSPKI(named)
}

// name finds the curve whose parameters these are, every one of them.
func (p *explicitParameters) name() (asn1.ObjectIdentifier, error) {
	for _, c := range curves {
		if p.is(c.params) {
			return c.oid, nil
		}
	}
	return nil, errors.New("EC parameters that are not those of P-256, P-384 or P-521")
}

func (p *explicitParameters) is(c *elliptic.CurveParams) bool {
	size := (c.BitSize + 7) / 8
	a := new(big.Int).Sub(c.P, big.NewInt(3))
	return p.Version >= 1 && p.Version <= 3 &&
		p.Field.OID.Equal(asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}) &&
		p.Field.P.Cmp(c.P) == 0 &&
		new(big.Int).SetBytes(p.Curve.A).Cmp(a) == 0 &&
		new(big.Int).SetBytes(p.Curve.B).Cmp(c.B) == 0 &&
		isPoint(p.Base, c.Gx, c.Gy, size) &&
		p.Order.Cmp(c.N) == 0 &&
		(p.Cofactor == nil || p.Cofactor.Cmp(big.NewInt(1)) == 0)
}

// isPoint reports whether b is the point, compressed or not (SEC 1, section 2.3.3).
func isPoint(b []byte, x, y *big.Int, size int) bool {
	compressed := append([]byte{2 + byte(y.Bit(0))}, x.FillBytes(make([]byte, size))...)
	if bytes.Equal(b, compressed) {
		return true
	}
	compressed[0] = 4
	return bytes.Equal(b, append(compressed, y.FillBytes(make([]byte, size))...))
}
