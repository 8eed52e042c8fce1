package soql

import (
	"strings"
	"unicode/utf8"
)

type kind int

const (
	end    kind = iota
	word        // an identifier or keyword; dots and LAST_N_DAYS:7 included
	number      // 1, -2.5
	date        // 2026-01-31
	moment      // 2026-01-31T10:00:00Z
	text        // 'quoted', still escaped
	symbol      // ( ) , = != < <= > >=
)

// token is one lexical unit. For text, body is what stands between the quotes.
type token struct {
	kind kind
	body string
	pos  int
}

// is tells whether the token is this keyword, in any case.
func (t token) is(keyword string) bool {
	return t.kind == word && strings.EqualFold(t.body, keyword)
}

func (t token) symbol(s string) bool { return t.kind == symbol && t.body == s }

// lex splits the whole query. The tokens end with one of kind end.
func lex(query string) ([]token, *Error) {
	if !utf8.ValidString(query) {
		return nil, malformed(-1, "the query is not valid UTF-8")
	}
	var tokens []token
	for pos := 0; ; {
		for pos < len(query) && isSpace(query[pos]) {
			pos++
		}
		if pos == len(query) {
			return append(tokens, token{kind: end, pos: pos}), nil
		}
		t, err := next(query, pos)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		pos += len(t.body)
		if t.kind == text {
			pos += 2
		}
	}
}

// next reads the token that starts at pos, which is no space.
func next(query string, pos int) (token, *Error) {
	c := query[pos]
	rest := query[pos:]
	switch {
	case isLetter(c):
		return token{word, rest[:span(rest, isWordByte)], pos}, nil
	case isDigit(c), c == '-', c == '+':
		return lexNumber(rest, pos)
	case c == '\'':
		return lexText(rest, pos)
	}
	for _, s := range []string{"<=", ">=", "!=", "<>", "<", ">", "=", "(", ")", ","} {
		if strings.HasPrefix(rest, s) {
			return token{symbol, s, pos}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, malformed(pos, "unexpected token: '%c'", r)
}

// lexNumber reads a number, a date or a date-time: what follows the first digits decides.
func lexNumber(rest string, pos int) (token, *Error) {
	if isDigit(rest[0]) {
		n := span(rest, isDigit)
		if n == 4 && strings.HasPrefix(rest[n:], "-") {
			body := rest[:span(rest, isMomentByte)]
			if strings.ContainsAny(body, "Tt") {
				return token{moment, body, pos}, nil
			}
			return token{date, body, pos}, nil
		}
	}
	n := 0
	if rest[0] == '-' || rest[0] == '+' {
		n = 1
	}
	digits := span(rest[n:], func(c byte) bool { return isDigit(c) || c == '.' })
	if digits == 0 {
		return token{}, malformed(pos, "unexpected token: '%c'", rest[0])
	}
	return token{number, rest[:n+digits], pos}, nil
}

func lexText(rest string, pos int) (token, *Error) {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '\n', '\r':
			return token{}, malformed(pos, "line breaks not allowed in string literals")
		case '\'':
			return token{text, rest[1:i], pos}, nil
		}
	}
	return token{}, malformed(pos, "unexpected token: '<EOF>' (a quoted string does not end)")
}

func span(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isWordByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '_' || c == '.' || c == ':'
}
func isMomentByte(c byte) bool {
	return isDigit(c) || strings.IndexByte("-+:.TtZz", c) >= 0
}
