package journal

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// MaxCounters is how many pairs of lane and zone are counted; who comes at one more is referred. They are never forgotten.
const MaxCounters = 4096

// Count says what happened at one lane in one zone since the journal began: Authorised = Passed + Annulled + Pending, and
// Passed = Entered + Left. What an overruled refusal or a supervisor's Free changes at the gate is not counted here, except
// that an unresolved entry which is freed is annulled.
type Count struct {
	Lane, Zone                            string
	Authorised, Passed, Annulled, Pending uint64
	Entered, Left                         uint64
}

// place is where a movement is counted.
type place struct{ lane, zone string }

// placeOf is where a movement is counted: in the lane's zone. Where it has none, in the one that the credential names.
func placeOf(p *Pending) place {
	if p.Zone != "" {
		return place{p.Lane, p.Zone}
	}
	return place{p.Lane, p.Candidate.Zone}
}

// counter is what is stored of a place; all else follows from it.
type counter struct{ authorised, passed, annulled, left uint64 }

func (c counter) plus(o counter) counter {
	return counter{c.authorised + o.authorised, c.passed + o.passed, c.annulled + o.annulled, c.left + o.left}
}

func (c counter) pending() uint64 { return c.authorised - c.passed - c.annulled }

// holds reports whether no count is more than it can be.
func (c counter) holds() bool {
	done := c.passed + c.annulled
	return c.left <= c.passed && c.passed <= done && done <= c.authorised
}

// sum is a checksum of a place's counter, which adds up as counters do, modulo 2^64: the chain says how much each segment adds,
// and all of it together must be what is stored. The weights are odd, so no change of a single number goes unseen.
func (c counter) sum(at place) uint64 {
	b := append(append(append(make([]byte, 0, 1+MaxLane+MaxZone), byte(len(at.lane))), at.lane...), at.zone...)
	h := sha256.Sum256(b)
	weight := func(i int) uint64 { return binary.BigEndian.Uint64(h[8*i:]) | 1 }
	return weight(0)*c.authorised + weight(1)*c.passed + weight(2)*c.annulled + weight(3)*c.left
}

const counterSize = 4 * 8

func appendCounterKey(dst []byte, at place) []byte {
	return append(append(append(dst, prefixCount, byte(len(at.lane))), at.lane...), at.zone...)
}

func (c counter) append(dst []byte) []byte {
	for _, n := range [...]uint64{c.authorised, c.passed, c.annulled, c.left} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return dst
}

func parseCounter(key, value []byte) (place, counter, bool) {
	if len(key) < 2 || len(key)-2 < int(key[1]) || key[1] > MaxLane || len(key)-2-int(key[1]) > MaxZone || len(value) != counterSize {
		return place{}, counter{}, false
	}
	lane, zone := key[2:2+key[1]], key[2+key[1]:]
	word := func(i int) uint64 { return binary.BigEndian.Uint64(value[8*i:]) }
	c := counter{word(0), word(1), word(2), word(3)}
	return place{string(lane), string(zone)}, c, c.holds()
}

// countable reports whether there is a counter for a place, or room for another.
func (w *writer) countable(at place) bool {
	if _, ok := w.j.counts[at]; ok {
		return true
	}
	added := 0
	for other := range w.counted {
		if other == at {
			return true
		}
		if _, ok := w.j.counts[other]; !ok {
			added++
		}
	}
	return len(w.j.counts)+added < MaxCounters
}

// saveCounts writes the counters that the writer's entries changed.
func (w *writer) saveCounts() error {
	for at, more := range w.counted {
		total := w.j.counts[at].plus(more)
		if err := w.set(func(b []byte) []byte { return appendCounterKey(b, at) }, total.append); err != nil {
			return err
		}
	}
	return nil
}

// Counts returns the counters of each lane and zone, in order. A journal that is not open for writing has none.
func (j *Journal) Counts() []Count {
	j.published.RLock()
	counts := make([]Count, 0, len(j.counts))
	for at, c := range j.counts {
		counts = append(counts, c.count(at))
	}
	j.published.RUnlock()
	slices.SortFunc(counts, func(a, b Count) int { return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Zone, b.Zone)) })
	return counts
}

// LaneCount returns what happened at a lane in all zones together; Zone is empty. It takes as long however many counters there are.
func (j *Journal) LaneCount(lane string) Count {
	j.published.RLock()
	defer j.published.RUnlock()
	return j.totals.lanes[lane].count(place{lane: lane})
}

// ZoneCounts returns what happened in each zone at all lanes together, in the order of the zones' names; Lane is empty.
func (j *Journal) ZoneCounts() []Count {
	j.published.RLock()
	zones := make([]Count, 0, len(j.totals.zones))
	for zone, c := range j.totals.zones {
		zones = append(zones, c.count(place{zone: zone}))
	}
	j.published.RUnlock()
	slices.SortFunc(zones, func(a, b Count) int { return cmp.Compare(a.Zone, b.Zone) })
	return zones
}

// Inside returns how many are inside by what was counted: who came in less who left. Who leaves where no lane leads out is never seen to
// leave, and who came in before there were counters was never seen to come.
func (c Count) Inside() uint64 { return c.Entered - min(c.Left, c.Entered) }

func (c counter) count(at place) Count {
	return Count{
		Lane: at.lane, Zone: at.zone, Authorised: c.authorised, Passed: c.passed, Annulled: c.annulled,
		Pending: c.pending(), Entered: c.passed - c.left, Left: c.left,
	}
}

// totals are the counters added up: of each lane over all zones, and of each zone over all lanes. They follow from the counters and are
// stored nowhere.
type totals struct{ lanes, zones map[string]counter }

func totalsOf(counts map[place]counter) totals {
	t := totals{make(map[string]counter), make(map[string]counter)}
	for at, c := range counts {
		t.add(at, c)
	}
	return t
}

func (t *totals) add(at place, more counter) {
	t.lanes[at.lane] = t.lanes[at.lane].plus(more)
	t.zones[at.zone] = t.zones[at.zone].plus(more)
}

// eachCounter calls fn for the stored counters.
func eachCounter(txn *badger.Txn, fn func(place, counter) error) error {
	return eachUnder(txn, prefixCount, func(key, value []byte) error {
		at, c, ok := parseCounter(key, value)
		if !ok {
			return damagedf("counters: a record of %d and %d bytes that is none", len(key), len(value))
		}
		return fn(at, c)
	})
}
