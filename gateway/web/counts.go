package web

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/journal"
)

// laneCounts is what the journal counted at a lane since it began: a restart changes nothing. Authorised = passed + annulled + pending, and
// passed = entered + left.
type laneCounts struct {
	Authorised uint64 `json:"authorised"`
	Passed     uint64 `json:"passed"`
	Annulled   uint64 `json:"annulled"`
	Pending    uint64 `json:"pending"`
	Entered    uint64 `json:"entered"`
	Left       uint64 `json:"left"`
}

func newLaneCounts(c journal.Count) laneCounts {
	return laneCounts{c.Authorised, c.Passed, c.Annulled, c.Pending, c.Entered, c.Left}
}

// zoneCounts is the same of a zone over all lanes, as credentials name it, and how many are inside by that.
type zoneCounts struct {
	Zone   string `json:"zone"` // empty: the credentials named none
	Inside uint64 `json:"inside"`
	laneCounts
}

// zones returns what was counted in each zone, in order: also in those that a lane is for and where nobody was yet.
func (s *Server) zones() []zoneCounts {
	counted := s.config.ZoneCounts()
	known := make(map[string]bool, len(counted))
	zones := make([]zoneCounts, 0, len(counted))
	for _, c := range counted {
		known[c.Zone] = true
		zones = append(zones, zoneCounts{c.Zone, c.Inside(), newLaneCounts(c)})
	}
	for _, id := range s.config.Gate.Lanes() {
		session, _ := s.config.Session(id)
		if session == nil || session.Zone == "" || known[session.Zone] {
			continue
		}
		known[session.Zone] = true
		zones = append(zones, zoneCounts{Zone: session.Zone})
	}
	slices.SortFunc(zones, func(a, b zoneCounts) int { return cmp.Compare(a.Zone, b.Zone) })
	return zones
}

// movementStates are the states of a movement that is counted, as metrics name them.
var movementStates = []struct {
	name string
	of   func(*laneCounts) uint64
}{
	{"authorised", func(c *laneCounts) uint64 { return c.Authorised }},
	{"passed", func(c *laneCounts) uint64 { return c.Passed }},
	{"annulled", func(c *laneCounts) uint64 { return c.Annulled }},
	{"pending", func(c *laneCounts) uint64 { return c.Pending }},
	{"entered", func(c *laneCounts) uint64 { return c.Entered }},
	{"left", func(c *laneCounts) uint64 { return c.Left }},
}

// writeCounts writes the journal's counters in Prometheus's text format. Which zones there are is known only when they are asked for.
func (s *Server) writeCounts(ctx *fasthttp.RequestCtx) {
	for _, id := range s.config.Gate.Lanes() {
		c := newLaneCounts(s.config.LaneCount(id))
		writeMovements(ctx, "passerelle_lane_movements", "lane", id, &c)
	}
	for _, z := range s.zones() {
		writeMovements(ctx, "passerelle_zone_movements", "zone", z.Zone, &z.laneCounts)
		writeFigure(ctx, `passerelle_zone_inside{zone="`+escapeLabel(z.Zone)+`"}`, z.Inside)
	}
}

func writeMovements(w io.Writer, name, label, value string, c *laneCounts) {
	for _, state := range movementStates {
		writeFigure(w, name+`{`+label+`="`+escapeLabel(value)+`",state="`+state.name+`"}`, state.of(c))
	}
}

func writeFigure(w io.Writer, series string, n uint64) {
	io.WriteString(w, series+" "+strconv.FormatUint(n, 10)+"\n") // into memory: the answer's body
}

// escapeLabel writes a label's value as the text format wants it. Zones are named by credentials, so anything may stand in them.
func escapeLabel(s string) string { return labels.Replace(s) }

var labels = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
