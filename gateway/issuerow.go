package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/issuer"
)

// issueRow says what is to be issued, by the names of its columns; what is empty is absent. A line of a CSV is one, and so are the
// options of a single ticket.
type issueRow map[string]string

// Columns of a CSV, in the order in which a row's content is hashed. "ref" stands in each.
var (
	ticketColumns      = []string{"ref", "event", "zone", "gate", "seat", "uses", "from", "until", "valid", "family", "given", "family_icao", "given_icao", "birth"}
	certificateColumns = []string{
		"ref", "type", "family", "given", "family_icao", "given_icao", "birth", "document_type", "document_number",
		"disease", "country", "authority", "id", // of each type
		"method", "test_name", "device", "collected", "result", "centre",
		"vaccine", "product", "manufacturer", "dose", "doses", "date",
		"positive", "valid_from", "valid_until",
	}
	personColumns = []string{"family", "given", "family_icao", "given_icao", "birth", "document_number"}
)

// Columns that a certificate of one type has and the others have not.
var typeColumns = map[string][]string{
	"test":        {"method", "test_name", "device", "collected", "result", "centre"},
	"vaccination": {"vaccine", "product", "manufacturer", "dose", "doses", "date"},
	"recovery":    {"positive", "valid_from", "valid_until"},
}

// kindCertificate is the kind of a batch, and of a record in a book, beside those of package cwt.
const kindCertificate = "certificate"

// columnsOf returns the columns of a kind.
func columnsOf(kind string) []string {
	if kind == kindCertificate {
		return certificateColumns
	}
	return ticketColumns
}

// requiredColumns must be in a CSV's header.
func requiredColumns(kind string) []string {
	if kind == kindCertificate {
		return []string{"ref", "type", "family", "disease", "country", "authority", "id"}
	}
	return []string{"ref"}
}

// content returns what a row says, for hashing: each value with its length, in the order of the columns.
func (r issueRow) content(kind string) []byte {
	b := binary.AppendUvarint(nil, uint64(len(kind)))
	b = append(b, kind...)
	for _, name := range columnsOf(kind) {
		b = binary.AppendUvarint(b, uint64(len(r[name])))
		b = append(b, r[name]...)
	}
	return b
}

// ticket reads a row. IssuedAt is now; who issues it fills in its id, the holder's salt and the place in a status list.
func (r issueRow) ticket(kind cwt.Kind, now time.Time) (*issuer.Ticket, error) {
	t := &issuer.Ticket{Kind: kind, IssuedAt: now.Unix(), Event: r["event"], Zone: r["zone"], Gate: r["gate"], Seat: r["seat"]}
	begins := now
	if r["from"] != "" {
		at, err := time.Parse(time.RFC3339, r["from"])
		if err != nil {
			return nil, errors.New("from: want a time like 2030-01-31T00:00:00Z")
		}
		begins, t.NotBefore = at, at.Unix()
	}
	var err error
	if t.Expires, err = r.expires(begins); err != nil {
		return nil, err
	}
	if r["uses"] != "" {
		uses, err := strconv.ParseUint(r["uses"], 10, 8)
		if err != nil || uses == 0 {
			return nil, fmt.Errorf("uses: want 1 to %d", cwt.MaxUses)
		}
		t.Uses = int(uses)
	}
	if !slices.ContainsFunc(personColumns, func(name string) bool { return r[name] != "" }) {
		return t, nil
	}
	if r["family"] == "" || r["birth"] == "" {
		return nil, errors.New("a holder has a family name and a date of birth")
	}
	t.Holder = &issuer.Holder{Name: r.name(), Birth: r["birth"]}
	return t, nil
}

// expires reads until, or valid, which counts from begins.
func (r issueRow) expires(begins time.Time) (int64, error) {
	switch {
	case (r["until"] == "") == (r["valid"] == ""):
		return 0, errors.New("want either until or valid: how long is it good?")
	case r["until"] != "":
		at, err := time.Parse(time.RFC3339, r["until"])
		if err != nil {
			return 0, errors.New("until: want a time like 2030-01-31T00:00:00Z")
		}
		return at.Unix(), nil
	}
	end, err := addSpan(begins, r["valid"])
	if err != nil {
		return 0, fmt.Errorf("valid: %w", err)
	}
	return end.Unix(), nil
}

// addSpan adds a span of time: "10y" and "30d" by the calendar (UTC), else as Go writes durations, "36h".
func addSpan(t time.Time, span string) (time.Time, error) {
	err := errors.New("want a span like 10y, 30d or 36h")
	if digits, ok := strings.CutSuffix(span, "y"); ok {
		if n, bad := strconv.ParseUint(digits, 10, 6); bad == nil && n > 0 {
			return t.UTC().AddDate(int(n), 0, 0), nil
		}
		return time.Time{}, err
	}
	if digits, ok := strings.CutSuffix(span, "d"); ok {
		if n, bad := strconv.ParseUint(digits, 10, 14); bad == nil && n > 0 {
			return t.UTC().AddDate(0, 0, int(n)), nil
		}
		return time.Time{}, err
	}
	d, bad := time.ParseDuration(span)
	if bad != nil || d <= 0 {
		return time.Time{}, err
	}
	return t.Add(d), nil
}

func (r issueRow) name() issuer.Name {
	return issuer.Name{Family: r["family"], Given: r["given"], FamilyICAO: zoneName(r["family_icao"]), GivenICAO: zoneName(r["given_icao"])}
}

// zoneName is a name as a machine-readable zone has it, of what a person typed: BEN<ALI for "Ben Ali".
func zoneName(typed string) string {
	return strings.Join(strings.Fields(strings.ToUpper(typed)), "<")
}

// certificate reads a row; valid is how long it is good from now on.
func (r issueRow) certificate(now time.Time, valid string) (*issuer.Certificate, error) {
	end, err := addSpan(now, valid)
	if err != nil {
		return nil, fmt.Errorf("valid: %w", err)
	}
	c := &issuer.Certificate{
		IssuedAt: now.Unix(), Expires: end.Unix(), Name: r.name(), Birth: r["birth"],
		Document: issuer.Document{Type: r["document_type"], Number: r["document_number"]},
	}
	if !documentShape.MatchString(c.Document.Type + " " + c.Document.Number) {
		return nil, fmt.Errorf("document_type and document_number: want %s, %s or %s with 1 to 20 capital letters and digits, or neither",
			issuer.NationalCard, issuer.ResidenceCard, issuer.Passport)
	}
	if _, known := typeColumns[r["type"]]; !known {
		return nil, errors.New("type: want test, vaccination or recovery")
	}
	for kind, columns := range typeColumns {
		for _, name := range columns {
			if kind != r["type"] && r[name] != "" {
				return nil, fmt.Errorf("%s: a %s has none", name, r["type"])
			}
		}
	}
	return c, r.entry(c)
}

// documentShape is type and number, or nothing: said here so that issuer, whose error would show the number, has nothing to say.
var documentShape = regexp.MustCompile(`^(` + issuer.NationalCard + `|` + issuer.ResidenceCard + `|` + issuer.Passport + `) [A-Z0-9]{1,20}$|^ $`)

// entry reads what was tested, given or survived.
func (r issueRow) entry(c *issuer.Certificate) error {
	switch r["type"] {
	case "test":
		c.Test = &issuer.Test{
			Disease: r["disease"], Method: r["method"], Name: r["test_name"], Device: r["device"], Collected: r["collected"],
			Result: r["result"], Centre: r["centre"], Country: r["country"], Authority: r["authority"], ID: r["id"],
		}
	case "vaccination":
		dose, err := strconv.ParseUint(r["dose"], 10, 8)
		doses, err2 := strconv.ParseUint(r["doses"], 10, 8)
		if err != nil || err2 != nil {
			return errors.New("dose and doses: want numbers from 1")
		}
		c.Vaccination = &issuer.Vaccination{
			Disease: r["disease"], Vaccine: r["vaccine"], Product: r["product"], Manufacturer: r["manufacturer"],
			Dose: int(dose), Doses: int(doses), Date: r["date"], Country: r["country"], Authority: r["authority"], ID: r["id"],
		}
	default:
		c.Recovery = &issuer.Recovery{
			Disease: r["disease"], Positive: r["positive"], Country: r["country"], Authority: r["authority"],
			From: r["valid_from"], Until: r["valid_until"], ID: r["id"],
		}
	}
	return nil
}

// quoted is a value that an error shows.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// reason words why a row is refused, for a report that strangers may read: on one line, without any value, and never with a name, a date of
// birth or a document's number.
func (r issueRow) reason(err error) string {
	s := quoted.ReplaceAllString(err.Error(), "…")
	for _, name := range personColumns {
		if v := r[name]; len(v) >= 3 {
			s = strings.ReplaceAll(s, v, "…")
		}
	}
	for _, prefix := range []string{issuer.ErrTicket.Error() + ": ", issuer.ErrCertificate.Error() + ": "} {
		s = strings.ReplaceAll("\n"+s, "\n"+prefix, "\n")[1:]
	}
	return oneLine(strings.ReplaceAll(s, "\n", "; "))
}
