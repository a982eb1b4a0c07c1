package testkeys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"math/big"
)

type curve uint8

const (
	p256 curve = iota
	p384
	p521
	edwards
	rsa1024
	rsa2048
)

// derive computes a private key from a name. crypto's own generators take no seed.
func derive(name string, c curve) (crypto.Signer, error) {
	switch c {
	case p256:
		return deriveECDSA(name, elliptic.P256())
	case p384:
		return deriveECDSA(name, elliptic.P384())
	case p521:
		return deriveECDSA(name, elliptic.P521())
	case edwards:
		return ed25519.NewKeyFromSeed(expand(name, ed25519.SeedSize)), nil
	case rsa1024:
		return deriveRSA(name, 1024)
	case rsa2048:
		return deriveRSA(name, 2048)
	}
	return nil, errors.New("unknown type")
}

// expand returns n bytes that depend on label alone: SHA-512 of it with a counter.
func expand(label string, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		block := sha512.Sum512(binary.BigEndian.AppendUint32([]byte("passerelle test key\x00"+label+"\x00"), i))
		out = append(out, block[:]...)
	}
	return out[:n]
}

// deriveECDSA takes a scalar from 1 to n-1, of 8 bytes more than it needs.
func deriveECDSA(label string, c elliptic.Curve) (*ecdsa.PrivateKey, error) {
	size := (c.Params().BitSize + 7) / 8
	d := new(big.Int).SetBytes(expand(label, size+8))
	d.Mod(d, new(big.Int).Sub(c.Params().N, big.NewInt(1)))
	d.Add(d, big.NewInt(1))
	return ecdsa.ParseRawPrivateKey(c, d.FillBytes(make([]byte, size)))
}

const exponent = 65537

// deriveRSA takes the first two fitting primes from two places on.
func deriveRSA(label string, bits int) (*rsa.PrivateKey, error) {
	p, q := derivePrime(label+"/p", bits/2), derivePrime(label+"/q", bits/2)
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
		D:         new(big.Int).ModInverse(big.NewInt(exponent), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return key, key.Validate()
}

// derivePrime returns the first prime after a number of that many bits whose highest two are set, so that the product of two
// has twice as many; p-1 is no multiple of the exponent.
func derivePrime(label string, bits int) *big.Int {
	p := new(big.Int).SetBytes(expand(label, bits/8))
	p.SetBit(p, bits-1, 1)
	p.SetBit(p, bits-2, 1)
	p.SetBit(p, 0, 1)
	rest := new(big.Int)
	for {
		if p.ProbablyPrime(20) && rest.Mod(p, big.NewInt(exponent)).Cmp(big.NewInt(1)) != 0 {
			return p
		}
		p.Add(p, big.NewInt(2))
	}
}
