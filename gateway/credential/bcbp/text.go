package bcbp

import "bytes"

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// upper returns an ASCII letter's capital, and any other character as it is.
func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// trim returns b without the blanks around it, nil if nothing is left.
func trim(b []byte) []byte {
	if b = bytes.Trim(b, " "); len(b) == 0 {
		return nil
	}
	return b
}

// hexByte reads two hexadecimal digits at the front of b.
func hexByte(b []byte) (n int, ok bool) {
	if len(b) < 2 {
		return 0, false
	}
	for _, c := range b[:2] {
		switch c = upper(c); {
		case isDigit(c):
			n = n<<4 | int(c-'0')
		case 'A' <= c && c <= 'F':
			n = n<<4 | int(c-'A'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// letters reports whether an airport's item is three capitals, or blank.
func letters(b []byte) bool {
	return trim(b) == nil || isUpper(b[0]) && isUpper(b[1]) && isUpper(b[2])
}

// designator reports whether a carrier's item is two or three capitals or digits with blanks around them, or blank.
func designator(b []byte) bool {
	b = trim(b)
	for _, c := range b {
		if !isUpper(c) && !isDigit(c) {
			return false
		}
	}
	return len(b) != 1
}

// numbered reads a number of at most four digits and an optional letter behind it.
func numbered(b []byte) (n int, suffix byte, ok bool) {
	b = trim(b)
	i := 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		n = n*10 + int(b[i]-'0')
	}
	switch {
	case i == 0 || i > 4 || len(b) > i+1:
		return 0, 0, false
	case len(b) == i:
		return n, 0, true
	}
	if suffix = upper(b[i]); !isUpper(suffix) {
		return 0, 0, false
	}
	return n, suffix, true
}
