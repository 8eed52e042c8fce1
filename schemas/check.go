package schemas

import "math/bits"

// The functions here walk through text that may be anything, and find out
// whether it is JSON: exactly what gjson.ValidBytes takes, which FuzzParseEvent
// holds them to. They are here because a walk that checks and finds at once
// takes half the time of two. Those in value.go go through what was found good.
//
// Each takes the place where something begins, and returns where it ends, or
// notJSON. The places given may lie at the end of the text, and may be notJSON.

const notJSON = -1

// byteAt is the byte at i; 0, which JSON has nowhere, where there is none.
func byteAt(b []byte, i int) byte {
	if uint(i) < uint(len(b)) {
		return b[i]
	}
	return 0
}

// skipBlanks is the place of the first byte from i on that is no white space.
func skipBlanks(b []byte, i int) int {
	for uint(i) < uint(len(b)) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// checkValue takes any value.
func checkValue(b []byte, i int) int {
	switch c := byteAt(b, i); c {
	case '"':
		return checkString(b, i)
	case '{':
		return checkObject(b, i)
	case '[':
		return checkArray(b, i)
	case 't':
		return checkWord(b, i, "true")
	case 'f':
		return checkWord(b, i, "false")
	case 'n':
		return checkWord(b, i, "null")
	}
	return checkNumber(b, i)
}

func checkWord(b []byte, i int, word string) int {
	if end := i + len(word); end <= len(b) && string(b[i:end]) == word {
		return end
	}
	return notJSON
}

func checkObject(b []byte, i int) int {
	i = skipBlanks(b, i+1)
	if byteAt(b, i) == '}' {
		return i + 1
	}
	for {
		i = checkColon(b, checkString(b, i))
		i = checkValue(b, i)
		if i < 0 {
			return notJSON
		}
		i = skipBlanks(b, i)
		switch byteAt(b, i) {
		case '}':
			return i + 1
		case ',':
			i = skipBlanks(b, i+1)
		default:
			return notJSON
		}
	}
}

func checkArray(b []byte, i int) int {
	i = skipBlanks(b, i+1)
	if byteAt(b, i) == ']' {
		return i + 1
	}
	for {
		if i = checkValue(b, i); i < 0 {
			return notJSON
		}
		i = skipBlanks(b, i)
		switch byteAt(b, i) {
		case ']':
			return i + 1
		case ',':
			i = skipBlanks(b, i+1)
		default:
			return notJSON
		}
	}
}

// checkColon takes a colon with the white space around it.
func checkColon(b []byte, i int) int {
	if i = skipBlanks(b, i); byteAt(b, i) != ':' {
		return notJSON
	}
	return skipBlanks(b, i+1)
}

// checkString takes a string. Like gjson it lets bytes pass that are no UTF-8.
func checkString(b []byte, i int) int {
	if byteAt(b, i) != '"' {
		return notJSON
	}
	i++
	for {
		i = skipPlain(b, i)
		switch byteAt(b, i) {
		case '"':
			return i + 1
		case '\\':
			if i = checkEscape(b, i); i < 0 {
				return notJSON
			}
		default: // a control character, or the end
			return notJSON
		}
	}
}

// checkEscape takes an escape sequence.
func checkEscape(b []byte, i int) int {
	switch byteAt(b, i+1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		for k := i + 2; k < i+6; k++ {
			if !isHex(byteAt(b, k)) {
				return notJSON
			}
		}
		return i + 6
	}
	return notJSON
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// skipPlain is the place of the first byte from i on that is a quote, a
// backslash or a control character, or the end. It looks at eight bytes at a
// time: most of a body is inside of strings.
func skipPlain[T ~string | ~[]byte](b T, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		w := littleEndian(b[i : i+8])
		quote, backslash := w^('"'*ones), w^('\\'*ones)
		// The high bit of each byte that is one of the three. A borrow may set
		// that of a byte above one, never below: the lowest bit is right.
		found := ((w-' '*ones)&^w | (quote-ones)&^quote | (backslash-ones)&^backslash) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// littleEndian is what encoding/binary has for slices only.
func littleEndian[T ~string | ~[]byte](b T) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// checkNumber takes a number.
func checkNumber(b []byte, i int) int {
	if byteAt(b, i) == '-' {
		i++
	}
	if byteAt(b, i) == '0' {
		i++
	} else if i = checkDigits(b, i); i < 0 {
		return notJSON
	}
	if byteAt(b, i) == '.' {
		if i = checkDigits(b, i+1); i < 0 {
			return notJSON
		}
	}
	if c := byteAt(b, i); c == 'e' || c == 'E' {
		i++
		if c := byteAt(b, i); c == '+' || c == '-' {
			i++
		}
		return checkDigits(b, i)
	}
	return i
}

// checkDigits takes one digit or more.
func checkDigits(b []byte, i int) int {
	from := i
	for uint(i) < uint(len(b)) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == from {
		return notJSON
	}
	return i
}
