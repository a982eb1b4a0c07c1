package rows

import "time"

// unixTime reads a time of RFC 3339, section 5.6, in unix seconds; a fraction is dropped. It is as strict as the grammar, with
// T and Z in upper case and no leap second; time.Parse also takes a comma, an hour of one digit and any offset.
func unixTime(b []byte) (seconds int64, ok bool) {
	const layout = "0000-00-00T00:00:00"
	if len(b) <= len(layout) {
		return 0, false
	}
	for i := range len(layout) {
		if c := b[i]; c != layout[i] && (layout[i] != '0' || c < '0' || c > '9') {
			return 0, false
		}
	}
	year, month, day := 100*two(b)+two(b[2:]), two(b[5:]), two(b[8:])
	hour, minute, second := two(b[11:]), two(b[14:]), two(b[17:])
	at := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if at.Day() != day || at.Month() != time.Month(month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	offset, ok := zone(b[len(layout):])
	return at.Unix() - offset, ok
}

// zone reads what may follow the seconds, and returns the offset in seconds.
func zone(b []byte) (seconds int64, ok bool) {
	if b[0] == '.' {
		c := cursor{text: b, at: 1}
		if c.digits() == 0 {
			return 0, false
		}
		b = b[c.at:]
	}
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	const layout = "+00:00"
	if len(b) != len(layout) || b[0] != '+' && b[0] != '-' || b[3] != ':' {
		return 0, false
	}
	c := cursor{text: b, at: 1}
	if hours := c.digits(); hours != 2 {
		return 0, false
	}
	if c.at++; c.digits() != 2 {
		return 0, false
	}
	hours, minutes := two(b[1:]), two(b[4:])
	seconds = int64(hours*60+minutes) * 60
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, hours < 24 && minutes < 60
}

// two reads two digits.
func two(b []byte) int { return 10*int(b[0]-'0') + int(b[1]-'0') }
