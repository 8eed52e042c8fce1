package sfsim

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// searchTerm is what a search looks for in a record: words and phrases, put
// together by operators.
type searchTerm interface{ match(*searchRecord) bool }

type (
	searchAnd []searchTerm
	searchOr  []searchTerm
	searchNot struct{ not searchTerm }
	// searchPhrase is words that follow one another in a text, or that are a whole
	// telephone number, whose punctuation counts for nothing.
	searchPhrase struct {
		words  []*regexp.Regexp
		number *regexp.Regexp
	}
)

func (t searchAnd) match(r *searchRecord) bool {
	return !slices.ContainsFunc(t, func(t searchTerm) bool { return !t.match(r) })
}

func (t searchOr) match(r *searchRecord) bool {
	return slices.ContainsFunc(t, func(t searchTerm) bool { return t.match(r) })
}

func (t searchNot) match(r *searchRecord) bool { return !t.not.match(r) }

func (t searchPhrase) match(r *searchRecord) bool {
	return slices.ContainsFunc(r.phones, t.number.MatchString) || slices.ContainsFunc(r.texts, t.within)
}

// within tells whether the words stand in the text, one behind the other.
func (t searchPhrase) within(text []string) bool {
	for at := 0; at+len(t.words) <= len(text); at++ {
		found := true
		for i, w := range t.words {
			found = found && w.MatchString(text[at+i])
		}
		if found {
			return true
		}
	}
	return false
}

// searchRecord is a record cut into words.
type searchRecord struct {
	texts  [][]string
	phones []string // digits only
}

// matcher tells whether a search of a user finds an indexed record.
func (st *sosl) matcher(user string, o *object) func(row) bool {
	return func(r row) bool {
		rec := &searchRecord{}
		for _, f := range o.fields {
			v := r.text(f.index)
			if v == "" || !f.visible(user) || !f.kind.isText() || !st.looksAt(f) {
				continue
			}
			if f.kind == typePhone {
				rec.phones = append(rec.phones, digitsOf(v))
			} else {
				rec.texts = append(rec.texts, searchWords(v))
			}
		}
		return st.term.match(rec)
	}
}

// looksAt tells whether a field is in the scope of the search.
func (st *sosl) looksAt(f *field) bool {
	switch st.scope {
	case "PHONE":
		return f.kind == typePhone
	case "EMAIL":
		return f.kind == typeEmail
	case "NAME":
		return f.name == "Name" || f.name == "Subject" || f.name == "CaseNumber"
	}
	return true
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// searchWords cuts a text at everything that is neither a letter nor a digit.
func searchWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !isWordRune(r) })
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// searchToken is a piece of the text of a search: a parenthesis, an operator, or words.
type searchToken struct {
	kind  string   // "(", ")", "AND", "OR", "NOT", or "" for words
	words []string // as patterns: letters and digits, and .* and . for the wildcards
}

// parseSearchText reads what stands between the braces of FIND. A reserved
// character that is not escaped by a backslash is an error unless it is one of
// the operators " ( ) * ?: harsher than Salesforce, which drops some of them.
func parseSearchText(text string) (searchTerm, error) {
	if n := utf16Len(text); n > maxSearchText {
		return nil, malformedSearch("The search text is longer than %d characters", maxSearchText)
	}
	tokens, err := searchTokens(text)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, t := range tokens {
		for _, w := range t.words {
			size += len(strings.ReplaceAll(strings.ReplaceAll(w, ".*", ""), ".", ""))
		}
	}
	if size < 2 {
		return nil, malformedSearch("search term must be longer than one character: %s", text)
	}
	p := &searchParser{tokens: tokens}
	term, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = malformedSearch("unexpected token: %s", p.tokens[0].kind)
	}
	return term, err
}

func searchTokens(text string) (tokens []searchToken, err error) {
	runes := []rune(text)
	for i := 0; i < len(runes); {
		switch r := runes[i]; {
		case unicode.IsSpace(r):
			i++
		case r == '(' || r == ')':
			tokens = append(tokens, searchToken{kind: string(r)})
			i++
		case r == '"':
			end := slices.Index(runes[i+1:], '"')
			if end < 0 {
				return nil, malformedSearch("a quotation mark is not closed")
			}
			if words := searchWords(string(runes[i+1 : i+1+end])); len(words) > 0 {
				tokens = append(tokens, searchToken{words: words})
			}
			i += end + 2
		default:
			var word string
			if word, i, err = searchWord(runes, i); err != nil {
				return nil, err
			}
			tokens = append(tokens, tokenOf(word))
		}
	}
	return tokens, nil
}

// reservedInSearch are the characters that a backslash must stand before.
const reservedInSearch = `&|!{}[]^~:'+-`

// searchWord reads up to the next space, parenthesis or quotation mark. What is
// escaped and no letter or digit ends a word and begins another.
func searchWord(runes []rune, i int) (word string, next int, err error) {
	var b strings.Builder
	for ; i < len(runes); i++ {
		switch r := runes[i]; {
		case unicode.IsSpace(r), strings.ContainsRune(`()"`, r):
			return b.String(), i, nil
		case r == '\\':
			if i++; i == len(runes) {
				return "", i, malformedSearch("a backslash at the end")
			}
			b.WriteByte(' ')
		case r == '*' || r == '?':
			if b.Len() == 0 {
				return "", i, malformedSearch("a wildcard at the beginning of a word: %c", r)
			}
			b.WriteString(map[rune]string{'*': ".*", '?': "."}[r])
		case strings.ContainsRune(reservedInSearch, r):
			return "", i, malformedSearch("a reserved character that is not escaped: %c", r)
		case isWordRune(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
	return b.String(), i, nil
}

func tokenOf(word string) searchToken {
	switch upper := strings.ToUpper(word); upper {
	case "AND", "OR", "NOT":
		return searchToken{kind: upper}
	}
	return searchToken{words: strings.Fields(word)}
}

// searchParser puts tokens together; OR binds less than AND and AND NOT.
type searchParser struct{ tokens []searchToken }

func (p *searchParser) accept(kind string) bool {
	if len(p.tokens) == 0 || p.tokens[0].kind != kind || kind == "" {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *searchParser) or() (searchTerm, error) {
	var terms searchOr
	for {
		term, err := p.and()
		if err != nil {
			return nil, err
		}
		if terms = append(terms, term); !p.accept("OR") {
			return terms, nil
		}
	}
}

func (p *searchParser) and() (searchTerm, error) {
	var terms searchAnd
	for {
		term, err := p.one()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
		next := len(p.tokens) > 0 && (p.tokens[0].kind == "(" || p.tokens[0].kind == "")
		if !p.accept("AND") && !next {
			return terms, nil
		}
	}
}

func (p *searchParser) one() (searchTerm, error) {
	if p.accept("NOT") {
		term, err := p.one()
		return searchNot{term}, err
	}
	if p.accept("(") {
		term, err := p.or()
		if err == nil && !p.accept(")") {
			err = malformedSearch("a parenthesis is not closed")
		}
		return term, err
	}
	var each searchAnd
	var all []string
	for len(p.tokens) > 0 && p.tokens[0].kind == "" {
		if words := p.tokens[0].words; len(words) > 0 {
			each = append(each, phraseOf(words))
			all = append(all, words...)
		}
		p.tokens = p.tokens[1:]
	}
	if len(each) == 0 {
		return nil, malformedSearch("a word is missing")
	}
	// Words side by side are all wanted, wherever; as a telephone number they are one.
	return searchOr{each, phraseOf(all)}, nil
}

func phraseOf(words []string) searchPhrase {
	t := searchPhrase{number: regexp.MustCompile("^" + strings.Join(words, "") + "$")}
	for _, w := range words {
		t.words = append(t.words, regexp.MustCompile("^"+w+"$"))
	}
	return t
}
