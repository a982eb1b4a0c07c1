package verify_test

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"

	oracle "github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	gocose "github.com/veraison/go-cose"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// reference is the way of a code once more, made of libraries: a plain base45, compress/zlib, fxamacker/cbor, go-cose behind a
// normaliser, crypto/ecdsa, crypto/rsa and crypto/ed25519. It looks keys up in the same snapshot, and what follows from a
// signature and from claims is package policy's on both sides.
type reference struct {
	list    *trust.Snapshot
	profile *policy.Profile
	now     policy.Now
	as      rules
}

// rules are decisions of ours that the libraries take otherwise. With one of them set the reference decides as we do.
type rules struct {
	weakRSA        bool // verify with RSA keys under 2048 bits
	emptySignature bool // read a message whose signature is empty
	crit           bool // refuse every critical header parameter
	readAlone      bool // look at no header parameter but alg, crit and kid
	maxKeyID       bool // refuse key ids over 64 bytes
	otherKeys      bool // refuse map keys that are neither integers nor texts
	keyLimits      bool // refuse more than MaxKeyChunks chunks in a map key, and more than MaxKeys keys in open maps
	wideLabels     bool // refuse claims whose key is over int64
	wideKeys       bool // read map keys under -2^63
	plainTags      bool // take every tag for a number, whatever it is on
	cutFirst       bool // of a stream that is cut, say so, however much it gives before
}

// outcome is what became of a code.
type outcome struct {
	layer     verify.Layer // LayerDetect also for what is no HC1
	candidate policy.Candidate
	claims    *hcert.Certificate // of a genuine code
}

// same reports whether two outcomes are. The reference only knows HC1: of other codes it says no more than that they are not.
func same(ours, theirs *outcome) bool {
	if theirs.layer == verify.LayerDetect {
		c := &ours.candidate
		other := ours.layer <= verify.LayerDetect || c.Kind > policy.HCERTRecovery
		return other && c.Outcome() == policy.Deny && c.State(policy.Signature) != policy.Passed
	}
	return ours.layer == theirs.layer && ours.candidate == theirs.candidate && cmp.Equal(ours.claims, theirs.claims, cmpopts.EquateEmpty())
}

// verify decides about one code.
func (r *reference) verify(code []byte) outcome {
	place := policy.Place{List: r.list, Now: r.now, Profile: r.profile}
	o := outcome{candidate: policy.Candidate{Kind: policy.HCERT}}
	var f policy.Findings
	m, layer, why := r.open(code)
	if o.layer = layer; layer < verify.LayerKey {
		f.Fail(policy.Format, why)
	} else {
		f.Pass(policy.Format)
		r.judge(&o, &f, &place, m)
	}
	place.Date(&o.candidate)
	o.candidate.Conclude(&f, r.profile)
	return o
}

// open goes through the encodings. The layer is the one that does not open, or LayerKey.
func (r *reference) open(code []byte) (m *message, layer verify.Layer, why policy.Reason) {
	code = withoutAIM(code)
	text, ok := bytes.CutPrefix(code, []byte("HC1:"))
	switch {
	case !ok:
		return nil, verify.LayerDetect, policy.NotAccepted
	case len(code) > verify.MaxScan:
		return nil, verify.LayerCode, policy.TooLarge
	}
	compressed, ok := plainBase45(text)
	if !ok || len(text) == 0 {
		return nil, verify.LayerBase45, policy.Malformed
	}
	inflated, err := plainInflate(compressed, verify.MaxInflated)
	if errors.Is(err, errOverLimit) && r.as.cutFirst {
		if _, cut := plainInflate(compressed, maxBomb); errors.Is(cut, io.ErrUnexpectedEOF) {
			err = cut
		}
	}
	switch {
	case errors.Is(err, errOverLimit):
		return nil, verify.LayerZlib, policy.TooLarge
	case err != nil:
		return nil, verify.LayerZlib, policy.Malformed
	}
	if m, err = r.as.parse(inflated); err != nil {
		return nil, verify.LayerCOSE, policy.Malformed
	}
	return m, verify.LayerKey, 0
}

// judge looks for the signer, and at the claims of what is signed.
func (r *reference) judge(o *outcome, f *policy.Findings, place *policy.Place, m *message) {
	c := &o.candidate
	var keys []trust.Key
	if len(m.keyID) == len(c.Key) {
		copy(c.Key[:], m.keyID)
		c.HasKey = true
		keys = r.list.Keys(trust.HCERT, c.Key)
	}
	if len(keys) == 0 {
		place.KeyUsable(f, nil)
		return
	}
	key := r.signer(keys, m)
	if o.layer = verify.LayerSignature; key == nil {
		named := &keys[max(0, slices.IndexFunc(keys, func(k trust.Key) bool { return !k.Disabled }))]
		place.KeyUsable(f, named)
		c.Issuer = named.Country
		f.Fail(policy.Signature, policy.BadSignature)
		return
	}
	place.KeyUsable(f, key)
	c.Issuer = key.Country
	f.Pass(policy.Signature)
	claims, err := r.as.claims(m.cose.Payload)
	if err != nil {
		o.layer = verify.LayerClaims
		f.Fail(policy.Format, policy.Malformed)
		return
	}
	o.layer, o.claims = verify.LayerDone, claims
	place.HCERT(f, c, claims, key, m.cose.Signature)
	if c.Once = r.profile.Once.Has(c.Kind); c.Once {
		sum := sha256.Sum256(m.cose.Payload)
		copy(c.Use[:], sum[:])
		c.Uses = 1
	}
}

// signer returns the first key that go-cose verifies the message with.
func (r *reference) signer(keys []trust.Key, m *message) *trust.Key {
	alg, err := m.cose.Headers.Protected.Algorithm()
	if err != nil {
		return nil // it is a text
	}
	for i := range keys {
		if !slices.Contains(keys[i].Algorithms, sig.Algorithm(alg)) || int64(sig.Algorithm(alg)) != int64(alg) {
			continue
		}
		public := keys[i].Public.Public()
		v, err := gocose.NewVerifier(alg, public)
		if weak, ok := public.(*rsa.PublicKey); err != nil && ok && r.as.weakRSA && alg == gocose.AlgorithmPS256 {
			v, err = weakVerifier{weak}, nil
		}
		if err == nil && m.cose.Verify(nil, v) == nil {
			return &keys[i]
		}
	}
	return nil
}

// weakVerifier is a gocose.Verifier for the keys that go-cose refuses.
type weakVerifier struct{ key *rsa.PublicKey }

func (v weakVerifier) Algorithm() gocose.Algorithm { return gocose.AlgorithmPS256 }

func (v weakVerifier) Verify(content, signature []byte) error {
	sum := sha256.Sum256(content)
	return rsa.VerifyPSS(v.key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: sha256.Size})
}

// withoutAIM cuts off an AIM identifier.
func withoutAIM(code []byte) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if len(code) >= 3 && code[0] == ']' && strings.IndexByte(letters, code[1]) >= 0 && strings.IndexByte(letters+"0123456789", code[2]) >= 0 {
		return code[3:]
	}
	return code
}

const base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// plainBase45 is RFC 9285, section 4, word by word.
func plainBase45(text []byte) (out []byte, ok bool) {
	for len(text) > 0 {
		group := text[:min(3, len(text))]
		text = text[len(group):]
		value := 0
		for i, weight := 0, 1; i < len(group); i, weight = i+1, weight*45 {
			digit := strings.IndexByte(base45Alphabet, group[i])
			if digit < 0 {
				return nil, false
			}
			value += digit * weight
		}
		switch {
		case len(group) == 3 && value <= 0xffff:
			out = append(out, byte(value>>8), byte(value))
		case len(group) == 2 && value <= 0xff:
			out = append(out, byte(value))
		default:
			return nil, false
		}
	}
	return out, true
}

var (
	errOverLimit = errors.New("over the limit")
	errTrailing  = errors.New("bytes after the stream")
)

// maxBomb is more than any code inflates to.
const maxBomb = verify.MaxScan * 1100

// plainInflate is compress/zlib with a limit and an end.
func plainInflate(compressed []byte, limit int) ([]byte, error) {
	in := bytes.NewReader(compressed)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	switch {
	case len(out) > limit:
		return nil, errOverLimit
	case err != nil:
		return nil, err
	case in.Len() > 0:
		return nil, errTrailing
	}
	return out, nil
}

// decoding holds our limits for CBOR. Numbers come as uint64 or int64.
var decoding = func() oracle.DecMode {
	mode, err := oracle.DecOptions{
		DupMapKey: oracle.DupMapKeyEnforcedAPF, MaxNestedLevels: 8, MaxArrayElements: 256, MaxMapPairs: 256,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()
