package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/ours"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/policy"
)

// row is one comparison.
type row struct {
	name string
	run  func(*bench) (result, error)
}

// rows is the table, in its order. It does not change.
var rows = []row{
	{"hc1_batch64", func(b *bench) (result, error) { return b.hc1(b.oneKey, batch) }},
	{"hc1_batch64_100keys", func(b *bench) (result, error) { return b.hc1(b.allKeys, batch) }},
	{"hc1_single", func(b *bench) (result, error) { return b.hc1(b.oneKey, 1) }},
	{"hc1_real_batch64", (*bench).real},
	{"es256_batch64", func(b *bench) (result, error) { return b.es256(b.oneKey, batch) }},
	{"es256_single", func(b *bench) (result, error) { return b.es256(b.oneKey, 1) }},
	{"es256_100keys", (*bench).es256ManyKeys},
	{"es256_batch64_vs_openssl", (*bench).openssl},
	{"hc1_batch64_generic", func(b *bench) (result, error) { return b.generic("hc1_batch64") }},
	{"es256_batch64_generic", func(b *bench) (result, error) { return b.generic("es256_batch64") }},
	{"decode_stages", func(b *bench) (result, error) { return b.decode(b.oneKey) }},
	{"decode_fixed", func(b *bench) (result, error) { return b.decode(b.only(workload.Fixed)) }},
	{"decode_dynamic", func(b *bench) (result, error) { return b.decode(b.only(workload.Dynamic)) }},
	{"trust_lookup", (*bench).lookup},
	{"refused_batch64", func(b *bench) (result, error) { return b.refused(workload.SignatureBit) }},
	{"refused_mixed_batch64", func(b *bench) (result, error) { return b.refused(workload.Faults()...) }},
}

var errRefused = errors.New("refused")

// orAccepted is err, or an error that says that there was none.
func orAccepted(err error) error {
	if err == nil {
		return errors.New("accepted")
	}
	return err
}

func (b *bench) hc1(set *workload.Set, size int) (result, error) {
	p := ours.New()
	return b.contest(path(p, set, size, admitted), stacks(set.List, set.Scans, set.Now.Latest, admitted)...)
}

func (b *bench) refused(faults ...workload.Fault) (result, error) {
	set, err := b.oneKey.Refused(faults...)
	if err != nil {
		return result{}, err
	}
	p := ours.New()
	path(p, b.oneKey, batch, admitted) // a key has its table from what it signed
	want := func(i int) policy.Reason { return faults[i%len(faults)].Reason() }
	return b.contest(path(p, set, batch, want), stacks(set.List, set.Scans, set.Now.Latest, want)...)
}

// real is the certificates as they are. Both sides must find the same ones genuine; those are timed, in their time or not.
func (b *bench) real() (result, error) {
	r, err := workload.ReadReal(b.corpora)
	if err != nil {
		return result{}, err
	}
	p := ours.New()
	s := newStack(openStandard, r.List)
	all, unknown := len(r.Scans), 0
	var differ []string
	r.Keep(func(i int) bool {
		p.Verify(r.Scans[i:i+1], r.List, r.Now)
		_, err := s.verify(r.Scans[i].Data, r.Now.Latest)
		genuine := p.Genuine(0)
		if theirs := err == nil || errors.Is(err, errTime); genuine != theirs {
			differ = append(differ, fmt.Sprintf("%s (ours genuine: %t; theirs: %v)", r.Sources[i], genuine, orAccepted(err)))
			return false
		}
		if !genuine {
			unknown++
		}
		return genuine
	})
	set := &workload.Set{Scans: r.Scans, List: r.List, Now: r.Now}
	want := make([]policy.Reason, len(r.Scans))
	for i := range want {
		want[i] = p.Verify(r.Scans[i:i+1], r.List, r.Now)[0].Reason()
	}
	of := func(i int) policy.Reason { return want[i] }
	got, err := b.contest(path(p, set, batch, of), stacks(r.List, r.Scans, r.Now.Latest, of)...)
	if err != nil {
		return result{}, err
	}
	got.Notes = append(got.Notes, fmt.Sprintf("%d of %d certificates are genuine by both sides, %d by neither; different: %v", len(r.Scans), all, unknown, differ))
	return got, nil
}

func (b *bench) es256(set *workload.Set, size int) (result, error) {
	p := ours.New()
	return b.contest(signatures(p, set.Jobs(), size), standard(set)...)
}

// es256ManyKeys compares with one key besides.
func (b *bench) es256ManyKeys() (result, error) {
	p := ours.New()
	peers := standard(b.allKeys)
	one := signatures(p, b.oneKey.Jobs(), batch)
	samples, err := b.compare(append([]entrant{signatures(p, b.allKeys.Jobs(), batch), one}, peers...)...)
	if err != nil {
		return result{}, err
	}
	r := compared(samples[0], names(peers), samples[2:])
	cost := measure.Ratio(samples[1].NS, samples[0].NS)
	r.Notes = append(r.Notes, fmt.Sprintf("%d keys in rotation cost %+.1f %% against one key", manyKeys, 100*(cost-1)))
	return r, nil
}

// standard is crypto/ecdsa with all that can be prepared: keys, hashes, and the signatures in the form that each call takes.
// Ours hashes the message besides.
func standard(set *workload.Set) []entrant {
	type prepared struct {
		key    *ecdsa.PublicKey
		digest [sha256.Size]byte
		r, s   *big.Int
		der    []byte
	}
	all := make([]prepared, len(set.Codes))
	for i, c := range set.Codes {
		entry := c.Key.Entry()
		all[i] = prepared{
			key: entry.Public.Public().(*ecdsa.PublicKey), digest: sha256.Sum256(c.Signed),
			r: new(big.Int).SetBytes(c.Signature[:32]), s: new(big.Int).SetBytes(c.Signature[32:]),
		}
		all[i].der = derSignature(all[i].r, all[i].s)
	}
	side := func(name string, ok func(*prepared) bool) entrant {
		pass := func() {
			for i := range all {
				ok(&all[i])
			}
		}
		return entrant{measure.Side{Name: name, Count: len(all), Pass: pass}, func() error {
			for i := range all {
				if !ok(&all[i]) {
					return fmt.Errorf("payload %d: %w", i, errRefused)
				}
			}
			return nil
		}}
	}
	return []entrant{
		side("crypto/ecdsa.Verify", func(p *prepared) bool { return ecdsa.Verify(p.key, p.digest[:], p.r, p.s) }),
		side("crypto/ecdsa.VerifyASN1", func(p *prepared) bool { return ecdsa.VerifyASN1(p.key, p.digest[:], p.der) }),
	}
}

// only is the codes of the set with one key whose zlib stream is of a kind.
func (b *bench) only(kind workload.Stream) *workload.Set {
	return b.oneKey.Select(func(c *workload.Code) bool { return c.Stream == kind })
}
