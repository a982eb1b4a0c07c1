package web

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// specimen is a credential of one kind in which every field that can hold something of a person says so.
type specimen struct {
	name   string
	said   policy.Said
	fields map[string]string // the mark in each field, by its path
}

// boardingPass is the one kind that cannot be filled in from outside: its fields are those of a code that was read.
const boardingPass = "M1MARKQNAME/QMARKQ    EMARKPNRYULFRAXQ 0834 326J001A0025 100"

// specimens makes one of every kind that package policy knows: a kind that is added to policy.Said walks, too.
func specimens(t testing.TB) []specimen {
	t.Helper()
	var all []specimen
	kinds := reflect.TypeFor[policy.Said]()
	for i := range kinds.NumField() {
		s := specimen{name: kinds.Field(i).Name, fields: make(map[string]string)}
		credential := reflect.New(kinds.Field(i).Type.Elem())
		if parser, ok := credential.Interface().(interface{ Parse([]byte) error }); ok && s.name == "BoardingPass" {
			if err := parser.Parse([]byte(boardingPass)); err != nil {
				t.Fatal(err)
			}
			for _, mark := range []string{"MARKQNAME/QMARKQ", "MARKPNR", "XQ 0834", "326J001A"} {
				s.fields[mark] = mark
			}
		} else {
			s.mark(credential.Elem(), s.name)
		}
		if len(s.fields) == 0 {
			t.Fatalf("%s has no field that could be marked", s.name)
		}
		reflect.ValueOf(&s.said).Elem().Field(i).Set(credential)
		all = append(all, s)
	}
	return all
}

// mark fills every text of a value with a mark of its own, and every wide number with one that is like no other, which counts as it
// stands and as a time.
func (s *specimen) mark(v reflect.Value, path string) {
	text := "MARK" + strings.NewReplacer(".", "Q", "[", "Q", "]", "Q").Replace(strings.ToUpper(path)) + "KRAM"
	switch {
	case !v.CanSet():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			s.mark(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case v.Type() == reflect.TypeFor[[]byte]():
		s.fields[path] = text
		if v.SetBytes([]byte(text)); strings.HasSuffix(path, "ID") || strings.HasSuffix(path, "Replaces") { // identifiers may be written in hexadecimal
			s.fields[path+" (hex)"] = hex.EncodeToString([]byte(text))
		}
	case v.Kind() == reflect.String:
		s.fields[path] = text
		v.SetString(text)
	case v.Kind() == reflect.Int64:
		n := int64(1_700_000_000 + 7*len(s.fields))
		v.SetInt(n)
		s.fields[path] = strconv.FormatInt(n, 10)
		s.fields[path+" (time)"] = time.Unix(n, 0).UTC().Format(time.RFC3339)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		s.mark(v.Index(0), path+"[0]")
	case v.Kind() == reflect.Array && v.Type().Elem().Kind() != reflect.Uint8:
		for i := range v.Len() {
			s.mark(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

// airlineSees has the names of what the least trusted role sees that sees anything: name, validity and the journey or event. All other
// names are for an authority. It stands here beside package policy's table, so that nobody widens that by mistake.
var airlineSees = []string{
	"name", "family_name", "given_name", "family_name_icao", "given_name_icao", "valid_from", "valid_until", "event", "zone", "gate", "seat", "item", "variation",
	"subevent", "flight", "from", "to", "day_of_year", "sequence",
}

// allowed returns what a role may see of a specimen.
func (s *specimen) allowed(t testing.TB, role people.Role) (values []string) {
	t.Helper()
	if role != people.Airline && role != people.Authority {
		return nil
	}
	for _, c := range policy.Disclose(looker(role), &s.said) {
		if role == people.Airline && !slices.Contains(airlineSees, c.Name) {
			t.Errorf("%s: an airline sees %s", s.name, c.Name)
		}
		values = append(values, c.Value)
	}
	return values
}

// writer is one place where the server writes something for somebody.
type writer struct {
	name  string
	write func(t testing.TB, w *town, who visitor, cookie string, s *specimen) string
}

var writers = []writer{
	{"stream", func(t testing.TB, w *town, _ visitor, cookie string, _ *specimen) string {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := w.subscribeUntil(ctx, t, "A", cookie)
		written := next(t, events, "status").data
		c := candidate(policy.OK)
		w.source.publish(lane.Event{Kind: lane.VerdictGiven, Lane: "A", Candidate: c, Earlier: lane.Earlier{Lane: "B", At: time.Now(), Sequence: 12}})
		written += next(t, events, "verdict").data
		for _, k := range []lane.EventKind{lane.ShownAgain, lane.VerdictLate, lane.ScannerGone, lane.ScannerBack, lane.TrustChanged} {
			w.source.publish(lane.Event{Kind: k, Lane: "A", Candidate: c})
			written += next(t, events, k.String()).data
		}
		return written
	}},
	{"verify", func(t testing.TB, w *town, who visitor, _ string, s *specimen) string {
		c := candidate(policy.OK)
		object := w.appendClaims(c.AppendJSON(nil), &who, "", claimsOf(who.session.Role, verify.Result{Said: s.said}))
		return string(who.appendSeen(nil, docVerdict, append(object, '}')))
	}},
	{"lanes", func(t testing.TB, w *town, _ visitor, cookie string, _ *specimen) string {
		return w.get(t, "/v1/lanes", cookie)
	}},
	{"page", func(t testing.TB, w *town, _ visitor, cookie string, _ *specimen) string {
		return w.get(t, "/lane/A", cookie) + w.get(t, "/", cookie) + w.get(t, "/v1/session?lane=A", cookie)
	}},
	{"metrics", func(t testing.TB, w *town, _ visitor, cookie string, _ *specimen) string {
		return w.get(t, "/metrics", cookie) + w.get(t, "/metrics", "Authorization: Bearer secret")
	}},
	{"readiness and log", func(t testing.TB, w *town, _ visitor, cookie string, _ *specimen) string {
		return w.get(t, "/readyz", cookie) + w.get(t, "/healthz", cookie) + w.log.String()
	}},
}

func (w *town) get(t testing.TB, path, header string) string {
	t.Helper()
	r, err := http.NewRequest("GET", w.page+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(header, ": ")
	r.Header.Set(name, value)
	answer, err := (&http.Client{CheckRedirect: noRedirect}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestNobodySeesAFieldAboveHisRole walks every field of every specimen × every role × every place where the server writes.
func TestNobodySeesAFieldAboveHisRole(t *testing.T) {
	t.Parallel()
	seen := make(map[people.Role]int)
	checked := 0
	all := specimens(t)
	var current atomic.Pointer[specimen]
	w := settle(t, nil)
	w.source.claims = func(_ string, role policy.Role) []policy.Disclosed {
		return policy.Disclose(role, &current.Load().said)
	}
	visitors := map[string]people.Role{"Authorization: Bearer secret": people.Nobody}
	for _, role := range allRoles {
		visitors[w.cookie(t, role)] = role
	}
	for _, role := range []people.Role{people.Retail, people.Steward, people.Airline} {
		visitors[w.tablet(t, "A", role)] = role
	}
	for i := range all {
		s := &all[i]
		current.Store(s)
		for header, role := range visitors {
			who := visitor{machine: role == people.Nobody, session: people.Session{Name: "x", Role: role}}
			allowed := s.allowed(t, role)
			for _, place := range writers {
				written := place.write(t, w, who, header, s)
				for path, mark := range s.fields {
					checked++
					if !strings.Contains(written, mark) {
						continue
					}
					seen[role]++
					if !slices.ContainsFunc(allowed, func(v string) bool { return strings.Contains(v, mark) }) {
						t.Errorf("%s, %s: %v sees %s: %s", s.name, place.name, role, path, written)
					}
				}
				if strings.Contains(written, "MARK") && len(allowed) == 0 {
					t.Errorf("%s, %s: %v sees something: %s", s.name, place.name, role, written)
				}
			}
		}
	}
	if seen[people.Authority] == 0 || seen[people.Airline] == 0 || seen[people.Steward]+seen[people.Retail]+seen[people.Operator]+seen[people.Supervisor]+seen[people.Nobody] != 0 {
		t.Errorf("fields that were seen: %v", seen)
	}
	if checked < 1000 {
		t.Errorf("only %d fields were looked for", checked)
	}
}

// TestEveryMemberThatIsDocumentedIsInTheTable holds the table of sights against openapi.yaml: a new member without a row is hidden, and
// a row without a member is a mistake.
func TestEveryMemberThatIsDocumentedIsInTheTable(t *testing.T) {
	t.Parallel()
	schemas := document(t).Components.Schemas
	documents := map[string][]string{
		docVerdict: {"VerdictEvent", "Candidate"}, docEvent: {"LaneEvent", "TrustEvent", "ModeEvent"}, docStatus: {"Status"}, docLanes: {"Lanes"}, docLane: {"Lane"},
		docPreflight: {"Preflight"},
	}
	for name, sources := range documents {
		var documented, listed []string
		for _, schema := range sources {
			for member := range schemas[schema].Value.Properties {
				documented = append(documented, member)
			}
		}
		for _, row := range sights {
			if row.document == name {
				listed = append(listed, row.members...)
			}
		}
		slices.Sort(documented)
		slices.Sort(listed)
		if documented = slices.Compact(documented); !slices.Equal(documented, listed) {
			t.Errorf("%s: documented %q, in the table %q", name, documented, listed)
		}
	}
	for _, row := range sights {
		if documents[row.document] == nil {
			t.Errorf("the table has a document %q", row.document)
		}
	}
}

// TestMembersOfAVerdictByRole pins who sees what of a verdict.
func TestMembersOfAVerdictByRole(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	basic := []string{"at", "clock", "count", "final", "lane", "mode", "sequence", "took_ms", "trust", "verdict"}
	with := func(more ...string) []string {
		all := slices.Concat(basic, more)
		slices.Sort(all)
		return all
	}
	for role, want := range map[people.Role][]string{
		people.Retail: with(), people.Steward: with("reason", "earlier"), people.Operator: with("reason", "earlier"), people.Supervisor: with("reason", "earlier"),
		people.Airline: with("reason", "earlier", "kind"), people.Authority: with("reason", "earlier", "kind", "issuer", "key", "checks"),
	} {
		events := w.subscribe(t, "A", w.cookie(t, role))
		next(t, events, "status")
		w.source.give("A", policy.AlreadyUsed)
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(next(t, events, "verdict").data), &members); err != nil {
			t.Fatal(err)
		}
		var got []string
		for m := range members {
			got = append(got, m)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", role, got, want)
		}
	}
}

func TestUnknownMembersAreHidden(t *testing.T) {
	t.Parallel()
	object := []byte(`{"verdict":"admit","name":"X","final":true,"nested":{"verdict":1},"reason":"ok"}`)
	v := visitor{session: people.Session{Role: people.Steward}}
	if got, want := string(v.appendSeen([]byte("x"), docVerdict, object)), `x{"verdict":"admit","final":true,"reason":"ok"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, role := range []people.Role{people.Nobody, people.NumRoles} {
		v.session.Role = role
		if got := string(v.appendSeen(nil, docVerdict, object)); got != "{}" {
			t.Errorf("%d: got %s, want nothing", role, got)
		}
	}
}

// TestRealCodesShowWhatARoleSees asks POST /v1/verify with a session, with a real certificate.
func TestRealCodesShowWhatARoleSees(t *testing.T) {
	t.Parallel()
	good, list := cases(t, "demo", "standard")["valid-vaccination"], standardList(t)
	w := settle(t, func(c *Config) {
		c.Snapshot = func() *trust.Snapshot { return list }
		c.Now = func() policy.Now { return policy.At(good.Now.Unix()) }
	})
	for role, want := range map[people.Role][]string{
		people.Steward: nil, people.Retail: nil, people.Supervisor: nil, people.Airline: {"family_name", "given_name", "valid_until"},
		people.Authority: {"family_name", "birth_date", "certificate_id"},
	} {
		_, body := w.ask(t, "POST", "/v1/verify", strings.NewReader(string(good.Payload)), text, "Origin: "+w.page, w.cookie(t, role))
		var row struct {
			Verdict string
			Claims  map[string]string
		}
		if err := json.Unmarshal([]byte(body), &row); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for _, name := range want {
			if row.Claims[name] == "" {
				t.Errorf("%v: no %s in %s", role, name, body)
			}
		}
		if row.Verdict != "admit" || len(want) == 0 && row.Claims != nil || role == people.Airline && row.Claims["birth_date"] != "" {
			t.Errorf("%v: %s", role, body)
		}
	}
	if body := w.get(t, "/metrics", w.cookie(t, people.Operator)); !strings.Contains(body, `passerelle_identity_views_total{account="airline",lane=""} 1`) {
		t.Error("the views are not counted")
	}
}

func TestViewsAreCountedAndHandedOn(t *testing.T) {
	t.Parallel()
	told := make(chan string, 8)
	w := settle(t, func(c *Config) {
		c.Viewed = func(account, lane string, times uint64) { told <- fmt.Sprint(account, " ", lane, " ", times) }
	})
	w.source.claims = func(lane string, role policy.Role) []policy.Disclosed {
		if role != policy.Authority || lane != "A" {
			return nil
		}
		return []policy.Disclosed{{Name: "family_name", Value: "\u202eX\"\x00</script>"}}
	}
	for _, role := range []people.Role{people.Steward, people.Authority} { // the last one alone is shown the last three
		events := w.subscribe(t, "A", w.cookie(t, role))
		next(t, events, "status")
		for range 3 {
			w.source.give("A", policy.OK)
			data := next(t, events, "verdict").data
			if got := strings.Contains(data, `"claims":{"family_name":`); got != (role == people.Authority) || strings.Contains(data, "</script>") {
				t.Errorf("%v: %s", role, data)
			}
			w.source.publish(lane.Event{Kind: lane.ShownAgain, Lane: "A", Candidate: candidate(policy.OK)})
			if data := next(t, events, "again").data; strings.Contains(data, "claims") {
				t.Errorf("a code that was shown before: %s", data)
			}
		}
	}
	w.views.handOn(w.config.Viewed)
	w.views.handOn(w.config.Viewed)
	if got := <-told; got != "authority A 3" || len(told) > 0 {
		t.Errorf("told %q, and %d more", got, len(told))
	}
	if body := w.get(t, "/metrics", "Authorization: Bearer secret"); !strings.Contains(body, `passerelle_identity_views_total{account="authority",lane="A"} 3`) {
		t.Error("the metric is not there")
	}
}
