package bcbp

import "bytes"

// titles are what airlines put behind given names, longest first.
var titles = [...]string{"MSTR", "MISS", "PROF", "MRS", "CHD", "INF", "MR", "MS", "DR"}

// Name splits the name at its first "/". Without one, all of it is the surname. given is as the pass has it; title is its end
// where that may be a title, as Title decides. truncated says that all 20 characters are used, so that the name may go on.
func (p *Pass) Name() (surname, given, title []byte, truncated bool) {
	name := p.NameField
	truncated = len(name) > 0 && name[len(name)-1] != ' '
	if i := bytes.IndexByte(name, '/'); i >= 0 {
		name, given = name[:i], trim(name[i+1:])
	}
	_, title = Title(given)
	return trim(name), given, title, truncated
}

// Title splits what may be a title off the end of a given name, in letters of either case, if something is left before it. Airlines
// glue it on: "JOHNMR" is JOHN, but "AMR" is a name. The text alone cannot tell, so nothing is decided here: a comparison has to
// try both readings, the given name as it stands and rest. Only one title is split off; what is left may be split again.
func Title(given []byte) (rest, title []byte) {
	for _, t := range titles {
		n := len(given) - len(t)
		if n < 0 || !equalUpper(given[n:], t) {
			continue
		}
		if rest = trim(given[:n]); rest != nil {
			return rest, given[n:]
		}
	}
	return given, nil
}

// equalUpper reports whether b is s, which is in capitals.
func equalUpper(b []byte, s string) bool {
	for i := range b {
		if upper(b[i]) != s[i] {
			return false
		}
	}
	return len(b) == len(s)
}
