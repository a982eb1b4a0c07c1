package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/web"
)

// sessionJSON is what a lane is for, as POST /v1/lanes/{id}/session and --session take it.
type sessionJSON struct {
	Event    string       `json:"event,omitempty"`
	Gate     string       `json:"gate,omitempty"`
	Zone     string       `json:"zone,omitempty"`
	Exit     bool         `json:"exit,omitempty"`
	Products []int64      `json:"products,omitempty"`
	Subevent int64        `json:"subevent,omitempty"`
	Airport  string       `json:"airport,omitempty"`
	Flights  []flightJSON `json:"flights,omitempty"`
	From     string       `json:"from,omitempty"`
	Until    string       `json:"until,omitempty"`
}

type flightJSON struct {
	Carrier string `json:"carrier"`
	Number  int    `json:"number"`
	Suffix  string `json:"suffix,omitempty"`
	Date    string `json:"date"`
	List    string `json:"list,omitempty"`
}

// Limits of a session.
const (
	maxSession  = 16 << 10 // bytes of JSON
	maxWord     = 64       // bytes of an event, a gate, a zone, a list's scope
	maxProducts = 1000
	maxFlights  = 32
)

// parseSession reads a session strictly. An empty object, or null, is no session: the answer is nil then.
func parseSession(text []byte) (*policy.Session, error) {
	if len(text) > maxSession {
		return nil, fmt.Errorf("larger than %d bytes", maxSession)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var in sessionJSON
	if err := d.Decode(&in); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return in.session()
}

func (in *sessionJSON) session() (*policy.Session, error) {
	s := &policy.Session{
		Event: in.Event, Gate: in.Gate, Zone: in.Zone, Exit: in.Exit, Products: in.Products, Subevent: in.Subevent, Airport: in.Airport,
	}
	for _, w := range []struct{ key, text string }{{"event", in.Event}, {"gate", in.Gate}, {"zone", in.Zone}} {
		if err := checkWord(w.key, w.text); err != nil {
			return nil, err
		}
	}
	if in.Airport != "" && !isAirport(in.Airport) {
		return nil, fmt.Errorf(`"airport" %q: want three capital letters`, in.Airport)
	}
	if len(in.Products) > maxProducts || len(in.Flights) > maxFlights {
		return nil, fmt.Errorf("%d products and %d flights, at most %d and %d", len(in.Products), len(in.Flights), maxProducts, maxFlights)
	}
	for i := range in.Flights {
		f, err := in.Flights[i].flight(in.Airport)
		if err != nil {
			return nil, fmt.Errorf("flight %d: %w", i+1, err)
		}
		s.Flights = append(s.Flights, f)
	}
	var err error
	if s.From, err = optionalTime("from", in.From); err != nil {
		return nil, err
	}
	if s.Until, err = optionalTime("until", in.Until); err != nil {
		return nil, err
	}
	if s.Until != 0 && s.Until < s.From {
		return nil, errors.New(`"until" is before "from"`)
	}
	if in.empty() {
		return nil, nil
	}
	if in.Event == "" && len(in.Flights) == 0 {
		return nil, errors.New(`neither "event" nor "flights": the lane would be for nothing`)
	}
	return s, nil
}

func (in *sessionJSON) empty() bool {
	text, err := json.Marshal(in)
	return err == nil && string(text) == "{}"
}

// flight reads one flight. A passenger list that is not named has the scope that feeds of this flight have by default.
func (in *flightJSON) flight(airport string) (policy.Flight, error) {
	day, err := time.Parse(time.DateOnly, in.Date)
	if err != nil {
		return policy.Flight{}, fmt.Errorf(`"date" %q: want YYYY-MM-DD`, in.Date)
	}
	f := policy.Flight{Carrier: in.Carrier, Number: in.Number, Day: day.Unix(), List: in.List}
	if !isCarrier(in.Carrier) {
		return policy.Flight{}, fmt.Errorf(`"carrier" %q: want two or three capital letters or digits`, in.Carrier)
	}
	if in.Number < 1 || in.Number > 9999 {
		return policy.Flight{}, fmt.Errorf(`"number" %d: want 1 to 9999`, in.Number)
	}
	if len(in.Suffix) > 1 || in.Suffix != "" && (in.Suffix[0] < 'A' || in.Suffix[0] > 'Z') {
		return policy.Flight{}, fmt.Errorf(`"suffix" %q: want one capital letter`, in.Suffix)
	}
	if in.Suffix != "" {
		f.Suffix = in.Suffix[0]
	}
	if f.List == "" {
		f.List = flightScope(f, airport)
	}
	if err := checkWord("list", f.List); err != nil {
		return policy.Flight{}, err
	}
	return f, nil
}

// flightScope is what a flight's passenger list is called where nobody says otherwise: "AT834/2026-11-23/CMN".
func flightScope(f policy.Flight, airport string) string {
	suffix := ""
	if f.Suffix != 0 {
		suffix = string(rune(f.Suffix))
	}
	scope := fmt.Sprintf("%s%d%s/%s", f.Carrier, f.Number, suffix, time.Unix(f.Day, 0).UTC().Format(time.DateOnly))
	if airport != "" {
		scope += "/" + airport
	}
	return scope
}

func checkWord(key, text string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(text) > maxWord || !utf8.ValidString(text) || bytes.ContainsFunc([]byte(text), unprintable) {
		return fmt.Errorf("%q: want at most %d bytes of printable text", key, maxWord)
	}
	return nil
}

func isAirport(s string) bool {
	return len(s) == 3 && !bytes.ContainsFunc([]byte(s), func(r rune) bool { return r < 'A' || r > 'Z' })
}

func isCarrier(s string) bool {
	odd := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }
	return (len(s) == 2 || len(s) == 3) && !bytes.ContainsFunc([]byte(s), odd)
}

func optionalTime(key, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("%q: want a time such as 2026-11-23T18:00:00Z", key)
	}
	return t.Unix(), nil
}

// sessions keeps what the lanes are for, so that a box that lost its power goes on where it was. It is one file below the state.
type sessions struct {
	path  string
	texts map[string]json.RawMessage // by lane
}

const sessionsFile = "sessions.json"

// openSessions reads the file. One that cannot be read is no reason not to start: the lanes have no session then, and refer.
func openSessions(state string, log *slog.Logger) *sessions {
	s := &sessions{path: filepath.Join(state, sessionsFile)}
	text, err := readLimited(s.path, maxConfig)
	if err == nil {
		err = json.Unmarshal(text, &s.texts)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error("the lanes have lost what they are for, and refer until they are told", "err", err)
	}
	if err != nil || s.texts == nil {
		s.texts = make(map[string]json.RawMessage)
	}
	return s
}

// set keeps a lane's session on disk.
func (s *sessions) set(lane string, text []byte) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	before, had := s.texts[lane]
	s.texts[lane] = compact.Bytes()
	file, err := json.MarshalIndent(s.texts, "", "  ")
	if err == nil {
		err = replaceFile(s.path, file, 0o600)
	}
	if err == nil {
		return nil
	}
	if s.texts[lane] = before; !had {
		delete(s.texts, lane)
	}
	return fmt.Errorf("keep session: %w", err)
}

// restore puts the sessions in force that the lanes had.
func (s *sessions) restore(gate *lane.Gate, log *slog.Logger) {
	for _, id := range gate.Lanes() {
		text, ok := s.texts[id]
		if !ok {
			continue
		}
		session, err := parseSession(text)
		if err == nil {
			err = gate.SetSession(id, session)
		}
		if err != nil {
			log.Error("a lane has lost what it is for, and refers until it is told", "lane", id, "err", err)
		}
	}
}

// readSession reads a file with a session, for tools.
func readSession(path string) (*policy.Session, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readLimited(path, maxSession)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	session, err := parseSession(text)
	if err != nil {
		return nil, fmt.Errorf("session %s: %w", path, err)
	}
	return session, nil
}

// purposes returns what says what each lane is for, and what it asks of a code.
func (s *station) purposes() func(id string) (*policy.Session, *policy.Profile) {
	profiles := make(map[string]*policy.Profile)
	for i := range s.options.lanes {
		profiles[s.options.lanes[i].ID] = s.options.lanes[i].Profile
	}
	return func(id string) (*policy.Session, *policy.Profile) { return s.gate.Session(id), profiles[id] }
}

// setSession says what a lane is for from now on: first on disk, in the journal and among what is restored at a start, then in force.
func (s *station) setSession(id string, text []byte) error {
	session, err := parseSession(text)
	if err != nil {
		return fmt.Errorf("%w: %w", web.ErrSession, err)
	}
	s.setting.Lock()
	defer s.setting.Unlock()
	if _, ok := s.gate.Status(id); !ok {
		return lane.ErrNoLane
	}
	if _, err := s.journal.Note(id, time.Now(), "session", sessionFields(session)); err != nil {
		return fmt.Errorf("journal the session: %w", err)
	}
	if err := s.sessions.set(id, text); err != nil {
		s.noteAt(id, "session_not_kept", nil) // what was said before holds
		return err
	}
	return s.gate.SetSession(id, session)
}

// sessionFields are what the journal says of a session.
func sessionFields(s *policy.Session) map[string]string {
	fields := make(map[string]string)
	if s == nil {
		return fields
	}
	put := func(key, text string) {
		if text != "" {
			fields[key] = text
		}
	}
	put("for", s.Event)
	put("gate", s.Gate)
	put("zone", s.Zone)
	put("airport", s.Airport)
	if s.Exit {
		put("exit", "true")
	}
	var flights []string
	for _, f := range s.Flights {
		flights = append(flights, flightScope(f, ""))
	}
	put("flights", strings.Join(flights[:min(len(flights), maxJournaledFlights)], " "))
	if more := len(flights) - maxJournaledFlights; more > 0 {
		put("more_flights", strconv.Itoa(more))
	}
	if len(s.Products) > 0 {
		put("products", strconv.Itoa(len(s.Products)))
	}
	if s.Subevent != 0 {
		put("subevent", strconv.FormatInt(s.Subevent, 10))
	}
	if s.From != 0 {
		put("from", moment(s.From))
	}
	if s.Until != 0 {
		put("until", moment(s.Until))
	}
	return fields
}

// maxJournaledFlights fit into one field of a journal entry.
const maxJournaledFlights = 20
