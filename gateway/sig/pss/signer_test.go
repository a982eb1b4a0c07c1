package pss_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
)

// sizes are moduli of whole limbs, digits and octets and of one bit more or less: for 1025 bits the encoded message is an
// octet shorter than the modulus, for 1032 it has one unused bit, for 1031 two.
var sizes = []int{1024, 1025, 1031, 1032, 1280, 1281, 2047, 2048, 2049, 3072, 4095, 4096}

// signer signs under moduli of any size. They are products of many primes of about 48 bits: nobody's secret, quickly made
// under an emulator too, and like any other modulus for who verifies.
type signer struct {
	pub    *rsa.PublicKey
	primes []*big.Int
	powers []*big.Int // the private exponent modulo each prime minus one
	parts  []*big.Int // 1 modulo that prime, 0 modulo the others
}

// newSigner makes a key whose modulus is just above 7/8 of 2^bits. The same arguments give the same key.
func newSigner(bits, exponent int) *signer {
	s := new(signer)
	random := rand.NewChaCha8([32]byte{byte(bits), byte(bits >> 8), byte(exponent)})
	e := big.NewInt(int64(exponent))
	n := big.NewInt(1)
	add := func(from *big.Int) {
		one := big.NewInt(1)
		for p := new(big.Int).SetBit(from, 0, 1); ; p.Add(p, big.NewInt(2)) {
			order := new(big.Int).Sub(p, one)
			power := new(big.Int).ModInverse(e, order)
			if power == nil || !p.ProbablyPrime(10) || new(big.Int).GCD(nil, nil, n, p).Cmp(one) != 0 {
				continue
			}
			s.primes, s.powers = append(s.primes, p), append(s.powers, power)
			n.Mul(n, p)
			return
		}
	}
	for n.BitLen() < bits-128 {
		add(new(big.Int).SetUint64(1<<47 | random.Uint64()>>17))
	}
	// The last one, of about 80 to 128 bits, makes up what is missing.
	add(new(big.Int).Div(new(big.Int).Lsh(big.NewInt(7), uint(bits-3)), n))

	for _, p := range s.primes {
		others := new(big.Int).Div(n, p)
		s.parts = append(s.parts, others.Mul(others, new(big.Int).ModInverse(others, p)))
	}
	s.pub = &rsa.PublicKey{N: n, E: exponent}
	return s
}

// power returns the octets of m^d mod n for the private exponent d, and nil for an m that is not below n.
func (s *signer) power(m *big.Int) []byte {
	if m.Cmp(s.pub.N) >= 0 {
		return nil
	}
	sum := new(big.Int)
	for i, p := range s.primes {
		r := new(big.Int).Mod(m, p)
		sum.Add(sum, r.Exp(r, s.powers[i], p).Mul(r, s.parts[i]))
	}
	return sum.Mod(sum, s.pub.N).FillBytes(make([]byte, s.pub.Size()))
}

// flaw says how an encoded message is to differ from a right one; the zero flaw differs in nothing but its salt of 0 octets.
type flaw struct {
	salt int                 // octets
	try  uint32              // which salt to begin with
	data func(db []byte)     // changes the data block, DB of RFC 8017, before it is masked
	em   func(em []byte)     // changes the encoded message
	big  func(m, n *big.Int) // changes its number
}

// sign returns a signature over a message that is encoded as RFC 8017, section 9.1.1, has it, with a flaw.
func (s *signer) sign(digest *[32]byte, f flaw) []byte {
	for ; ; f.try++ {
		m := new(big.Int).SetBytes(s.encode(digest, f))
		if f.big != nil {
			f.big(m, s.pub.N)
		}
		if signature := s.power(m); signature != nil { // else another salt does
			return signature
		}
	}
}

func (s *signer) encode(digest *[32]byte, f flaw) []byte {
	emBits := s.pub.N.BitLen() - 1
	em := make([]byte, (emBits+7)/8)
	db, h := em[:len(em)-33], em[len(em)-33:len(em)-1]
	salt := db[len(db)-f.salt:]
	mask(salt, binary.BigEndian.AppendUint32(digest[:], f.try)) // in place of a random one
	db[len(db)-f.salt-1] = 1
	hashed := sha256.Sum256(append(append(make([]byte, 8), digest[:]...), salt...))
	copy(h, hashed[:])
	if f.data != nil {
		f.data(db)
	}
	mask(db, h)
	em[0] &= 0xff >> (8*len(em) - emBits)
	em[len(em)-1] = 0xbc
	if f.em != nil {
		f.em(em)
	}
	return em
}

// mask is octets ⊕ MGF1(seed), octet by octet.
func mask(octets, seed []byte) {
	for i := range octets {
		block := sha256.Sum256(binary.BigEndian.AppendUint32(seed[:len(seed):len(seed)], uint32(i/32)))
		octets[i] ^= block[i%32]
	}
}

// signers returns a signer of each size, by turns with the exponents 65537 and 3, and the largest exponent.
var signers = sync.OnceValue(func() (all []*signer) {
	for i, bits := range sizes {
		all = append(all, newSigner(bits, []int{65537, 3}[i%2]))
	}
	return append(all, newSigner(1024, 3), newSigner(2048, 1<<31-1), newSigner(4096, 65537))
})

// standard is the verdict of crypto/rsa.
func standard(pub *rsa.PublicKey, digest *[32]byte, signature []byte, salt int) bool {
	return rsa.VerifyPSS(pub, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: salt}) == nil
}

func TestSignersHaveTheSizesThatTheyWereAskedFor(t *testing.T) {
	t.Parallel()
	for i, bits := range sizes {
		n := signers()[i].pub.N
		if n.BitLen() != bits || n.Bit(bits-2) != 1 {
			t.Errorf("got %d bits, want %d with the highest two set", n.BitLen(), bits)
		}
	}
}
