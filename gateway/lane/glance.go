package lane

import (
	"sync"

	"passerelle/gateway/policy"
)

// glance is what the credential of a verdict says, for those who watch the lane and may see some of it. It is made only while one of
// them does, and is over when the next verdict is there, or after the time for which a lamp shows one: a lane keeps nobody's identity.
type glance struct {
	mu     sync.Mutex
	claims [policy.NumRoles][]policy.Disclosed // guarded by mu
}

// newGlance reads off what roles up to most may see; nil is nothing.
func newGlance(said *policy.Said, most policy.Role) *glance {
	var g *glance
	for r := policy.Role(0); r <= most; r++ {
		if seen := policy.Disclose(r, said); len(seen) > 0 {
			if g == nil {
				g = new(glance)
			}
			g.claims[r] = seen
		}
	}
	return g
}

// end forgets it; there may be none.
func (g *glance) end() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.claims[:])
}

func (g *glance) of(r policy.Role) []policy.Disclosed {
	if r >= policy.NumRoles {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.claims[r]
}

// look makes the glance for the batch's i-th code.
func (l *Lane) look(i int) *glance {
	most := l.gate.hub.looks(l.config.ID)
	if most == policy.Steward {
		return nil // as nearly always
	}
	r := l.verifier.Result(i)
	return newGlance(&r.Said, most)
}
