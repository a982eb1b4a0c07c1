package main

import (
	"bytes"
	"encoding/base32"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/credential/pretix"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// maxFeedInput is how long one input of a feed may be, maxBadRows how many bad rows are named.
const (
	maxFeedInput = 512 << 20
	maxBadRows   = 20
)

// feedReader makes a feed of rows that people and other programs write.
type feedReader struct {
	kind     trust.FeedKind
	feed     bundle.FeedBuilder
	bad      []string // the first maxBadRows of them
	badRows  int
	unsigned int // secrets of pretix that are not of signed tickets

	messages map[string]bool // of pretix, that are in the feed
	open     bool            // the last page of pretix that was read has another one after it
}

// readFile reads one input; the error is for the input as a whole.
func (r *feedReader) readFile(name, format string, stdin io.Reader) error {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(io.LimitReader(stdin, maxFeedInput+1))
		if len(text) > maxFeedInput {
			err = fmt.Errorf("more than %d bytes", maxFeedInput)
		}
	} else {
		text, err = readLimited(name, maxFeedInput)
	}
	if err != nil {
		return err
	}
	switch format {
	case "csv":
		return r.readCSV(text)
	case "json":
		return r.readJSON(text)
	}
	return r.readPretix(text)
}

func (r *feedReader) refuse(number int, err error) {
	if r.badRows++; r.badRows <= maxBadRows {
		r.bad = append(r.bad, fmt.Sprintf("row %d: %v", number, err))
	}
}

// Columns of a row. Which of them say what is listed depends on the kind; the rest says what is known of it.
var (
	codeColumns  = []string{"code", "hex", "secret", "digits", "period", "algorithm"}
	entryColumns = []string{"state", "from", "until", "zone", "uses"}
	passColumns  = []string{"carrier", "flight", "date", "origin", "sequence", "pnr"}
	denyColumns  = []string{"issuer", "cti", "pretix"}
)

// checkColumns refuses a name that means nothing: a misprint would leave something out.
func (r *feedReader) checkColumns(names []string) error {
	known := slices.Concat(codeColumns, entryColumns)
	switch r.kind {
	case trust.FeedPassengers:
		known = append(slices.Clone(passColumns), "state")
	case trust.FeedDeny:
		known = slices.Concat([]string{"code", "hex", "state"}, passColumns, denyColumns)
	}
	for i, name := range names {
		if r.kind == trust.FeedPassengers && slices.Contains(entryColumns, name) && !slices.Contains(known, name) {
			return fmt.Errorf("column %q says nothing of a passenger, who boards once, on the flight of the row", name)
		}
		if !slices.Contains(known, name) || slices.Contains(names[:i], name) {
			return fmt.Errorf("column %q is not known, or there twice: have %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

func (r *feedReader) readCSV(text []byte) error {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return fmt.Errorf("line of column names: %w", err)
	}
	names := slices.Clone(head)
	if err := r.checkColumns(names); err != nil {
		return err
	}
	row := make(feedRow)
	for number := 2; ; number++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var bad *csv.ParseError
		if err != nil && (!errors.As(err, &bad) || bad.StartLine != bad.Line) {
			return err // a quote that is left open swallows the rows behind it
		}
		if err == nil {
			for i, name := range names {
				row[name] = record[i]
			}
			err = r.add(row)
		}
		if err != nil {
			r.refuse(number, cause(err))
		}
	}
}

// cause leaves out where in the line a CSV row is wrong: the row is named.
func cause(err error) error {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return bad.Err
	}
	return err
}

func (r *feedReader) readJSON(text []byte) error {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if open, err := in.Token(); err != nil || open != json.Delim('[') {
		return errors.New("want an array of objects")
	}
	for number := 1; in.More(); number++ {
		var object map[string]any
		if err := in.Decode(&object); err != nil {
			return fmt.Errorf("row %d: %w", number, err)
		}
		if err := r.addObject(object); err != nil {
			r.refuse(number, err)
		}
	}
	if _, err := in.Token(); err != nil {
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the array")
	}
	return nil
}

func (r *feedReader) addObject(object map[string]any) error {
	row := make(feedRow)
	for name, value := range object {
		switch value := value.(type) {
		case string:
			row[name] = value
		case json.Number:
			row[name] = value.String()
		case nil:
		default:
			return fmt.Errorf("%q is neither text nor a number", name)
		}
		if err := r.checkColumns([]string{name}); err != nil {
			return err
		}
	}
	return r.add(row)
}

// feedRow is one row by the names of its columns; what is empty is absent.
type feedRow map[string]string

func (r *feedReader) add(row feedRow) error {
	code, err := r.code(row)
	if err != nil {
		return err
	}
	e, secret, err := row.entry()
	if err != nil {
		return err
	}
	if r.kind == trust.FeedDeny && row["state"] == "" {
		e.State = list.Blocked
	}
	return r.feed.Add(code, e, secret)
}

// code returns what a gate looks for: the code as it is, or the identity of the credential that the row names.
func (r *feedReader) code(row feedRow) ([]byte, error) {
	if r.kind == trust.FeedPassengers {
		return row.pass(true)
	}
	said := ""
	for _, name := range []string{"code", "hex", "cti", "pretix", "carrier"} {
		if row[name] == "" {
			continue
		}
		if said != "" {
			return nil, fmt.Errorf("%s and %s both say which code it is", said, name)
		}
		said = name
	}
	switch said {
	case "code":
		if _, err := pretix.AppendMessage(nil, []byte(row["code"])); r.kind == trust.FeedDeny && err == nil {
			return nil, errors.New("code is a signed ticket of pretix: it stands in the column pretix")
		}
		return []byte(row["code"]), nil
	case "hex":
		code, err := hex.DecodeString(row["hex"])
		if err != nil {
			return nil, fmt.Errorf("hex: %w", err)
		}
		return code, nil
	case "cti":
		id, err := hex.DecodeString(row["cti"])
		if err != nil || row["issuer"] == "" {
			return nil, errors.New("a ticket is named by issuer, and cti in hexadecimal")
		}
		return cwt.AppendIdentity(nil, []byte(row["issuer"]), id), nil
	case "pretix":
		return pretix.AppendMessage(nil, []byte(row["pretix"]))
	case "carrier":
		return row.pass(false)
	}
	return nil, errors.New("nothing says which code it is")
}

// pass returns the identity of a boarding pass, or of a passenger.
func (row feedRow) pass(passenger bool) ([]byte, error) {
	day, err := time.Parse(time.DateOnly, row["date"])
	if err != nil {
		return nil, fmt.Errorf("date: %w", err)
	}
	leg := bcbp.Leg{
		PNR: []byte(row["pnr"]), From: []byte(row["origin"]), Carrier: []byte(row["carrier"]), Flight: []byte(row["flight"]),
		Sequence: []byte(row["sequence"]), Date: fmt.Appendf(nil, "%03d", day.YearDay()),
	}
	appendIdentity := bcbp.AppendUse
	if passenger {
		appendIdentity = bcbp.AppendPassenger
	}
	identity := appendIdentity(nil, &leg, day.Unix())
	if len(identity) == 0 {
		return nil, errors.New("carrier, flight, origin, sequence, or a passenger's pnr is missing, or is none")
	}
	return identity, nil
}

// entry reads what is known of a code.
func (row feedRow) entry() (e list.Entry, secret []byte, err error) {
	switch row["state"] {
	case "", "listed":
		e.State = list.Listed
	case "blocked":
		e.State = list.Blocked
	case "revoked":
		e.State = list.Revoked
	default:
		return list.Entry{}, nil, fmt.Errorf("state %q: want listed, blocked or revoked", row["state"])
	}
	for _, t := range []struct {
		name string
		set  *int64
	}{{"from", &e.From}, {"until", &e.Until}} {
		if row[t.name] == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, row[t.name])
		if err != nil {
			return list.Entry{}, nil, fmt.Errorf("%s: want a time like 2030-01-31T00:00:00Z", t.name)
		}
		*t.set = at.Unix()
	}
	e.Zone = row["zone"]
	if row["uses"] != "" {
		uses, err := strconv.ParseUint(row["uses"], 10, 8)
		if err != nil {
			return list.Entry{}, nil, fmt.Errorf("uses %q: want 0 to 255", row["uses"])
		}
		e.Uses = uint8(uses)
	}
	return row.oneTime(e)
}

// oneTime reads how the digits behind a code are made; the secret is base32 (RFC 4648, section 6), as it stands in the QR codes of
// authenticators.
func (row feedRow) oneTime(e list.Entry) (list.Entry, []byte, error) {
	if row["secret"] == "" {
		if row["digits"] != "" || row["period"] != "" || row["algorithm"] != "" {
			return list.Entry{}, nil, errors.New("digits, period or algorithm without a secret")
		}
		return e, nil, nil
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(strings.ToUpper(row["secret"]), "="))
	if err != nil {
		return list.Entry{}, nil, errors.New("secret: want base32")
	}
	e.OneTime = true
	digits, period := uint64(0), uint64(0)
	if row["digits"] != "" {
		if digits, err = strconv.ParseUint(row["digits"], 10, 8); err != nil {
			return list.Entry{}, nil, fmt.Errorf("digits %q", row["digits"])
		}
	}
	if row["period"] != "" {
		if period, err = strconv.ParseUint(row["period"], 10, 16); err != nil {
			return list.Entry{}, nil, fmt.Errorf("period %q", row["period"])
		}
	}
	e.Digits, e.Period = uint8(digits), uint16(period)
	switch strings.ToUpper(row["algorithm"]) {
	case "", "SHA1":
	case "SHA256":
		e.SHA256 = true
	default:
		return list.Entry{}, nil, fmt.Errorf("algorithm %q: want SHA1 or SHA256", row["algorithm"])
	}
	return e, secret, nil
}

// readPretix reads the answers of pretix's REST API: pages of revokedsecrets or blockedsecrets, or their results alone.
func (r *feedReader) readPretix(text []byte) error {
	var page struct {
		Next    *string        `json:"next"`
		Results []pretixSecret `json:"results"`
	}
	rows := &page.Results
	var err error
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '[' {
		err = json.Unmarshal(text, rows)
	} else {
		err = json.Unmarshal(text, &page)
	}
	switch {
	case err != nil:
		return err
	case *rows == nil:
		return errors.New("no results")
	}
	r.open = page.Next != nil
	for i, s := range *rows {
		if err := r.addPretix(s); err != nil {
			r.refuse(i+1, err)
		}
	}
	return nil
}

// pretixSecret is one row: of revokedsecrets without blocked, of blockedsecrets with it.
type pretixSecret struct {
	Secret  string `json:"secret"`
	Blocked *bool  `json:"blocked"`
}

func (r *feedReader) addPretix(s pretixSecret) error {
	if s.Blocked != nil && !*s.Blocked {
		return nil // was blocked once
	}
	message, err := pretix.AppendMessage(nil, []byte(s.Secret))
	if errors.Is(err, pretix.ErrNotSig1) {
		r.unsigned++
		return nil
	}
	if err != nil {
		return err
	}
	if r.messages[string(message)] {
		return nil // revoked and blocked: either refuses it
	}
	if r.messages == nil {
		r.messages = make(map[string]bool)
	}
	r.messages[string(message)] = true
	e := list.Entry{State: list.Revoked}
	if s.Blocked != nil {
		e.State = list.Blocked
	}
	return r.feed.Add(message, e, nil)
}
