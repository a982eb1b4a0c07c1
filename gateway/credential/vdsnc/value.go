package vdsnc

// value is one JSON value in canonical form. Package jcs wrote it, so it is valid and holds no white space; that is why nothing here
// can fail.
type value []byte

// kind returns the first byte: {, [, ", t, f, n, or that of a number.
func (v value) kind() byte { return v[0] }

// inside returns what stands between the quotation marks, brackets or braces.
func (v value) inside() []byte { return v[1 : len(v)-1 : len(v)-1] }

// elements walks an array or an object.
func (v value) elements() iterator { return iterator{rest: v.inside(), named: v.kind() == '{'} }

// iterator walks what stands inside an array or object. The zero iterator has nothing to walk.
type iterator struct {
	rest  []byte
	named bool
	name  []byte // as it stands in the canonical form, without quotation marks
	value value
}

// next goes to the next element; there is none if it is false.
func (it *iterator) next() bool {
	if len(it.rest) == 0 {
		return false
	}
	if it.rest[0] == ',' {
		it.rest = it.rest[1:]
	}
	if it.named {
		n := length(it.rest)
		it.name, it.rest = value(it.rest[:n]).inside(), it.rest[n+1:] // and the colon
	}
	n := length(it.rest)
	it.value, it.rest = it.rest[:n:n], it.rest[n:]
	return true
}

// length returns how long the value is that b begins with.
func length(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return i // a number or a literal, the last of what is around it
			}
		case c == ',' && depth == 0:
			return i
		}
		if depth == 0 && !quoted && (b[i] == '"' || b[i] == '}' || b[i] == ']') {
			return i + 1
		}
	}
	return len(b)
}
