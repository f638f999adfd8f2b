package export

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// params reads a query's parameters: the names of GraphQL's filters, or the same
// in snake_case; lists with commas. What is wrong is collected, and a name that
// nobody asked for is wrong too: a mistyped filter must not export everything.
type params struct {
	values   map[string][]string // by name in lower case without underscores
	sent     map[string]string   // the name as it was sent
	problems proofback.Problems
}

func newParams(query url.Values) *params {
	p := &params{values: map[string][]string{}, sent: map[string]string{}}
	for name, values := range query {
		plain := strings.ToLower(strings.ReplaceAll(name, "_", ""))
		p.values[plain] = append(p.values[plain], values...)
		p.sent[plain] = name
	}
	return p
}

// take gives a parameter's values and notes that it was asked for.
func (p *params) take(name string) []string {
	plain := strings.ToLower(name)
	values := p.values[plain]
	delete(p.values, plain)
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

func (p *params) text(name string) string {
	values := p.take(name)
	switch len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	}
	p.problems.Add([]string{name}, "%s may be given once", name)
	return ""
}

func (p *params) list(name string) []string {
	var list []string
	for _, v := range p.take(name) {
		list = append(list, strings.Split(v, ",")...)
	}
	return list
}

func (p *params) time(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		p.problems.Add([]string{name}, "%.40q is not a moment: send RFC 3339, such as 2026-03-01T12:00:00Z, with + as %%2B", text)
	}
	return at.UTC()
}

func (p *params) id(k proofback.Kind, name string) uuid.UUID {
	text := p.text(name)
	if text == "" {
		return uuid.Nil
	}
	return p.parseID(k, name, text)
}

func (p *params) parseID(k proofback.Kind, name, text string) uuid.UUID {
	id, err := proofback.ParseIDOf(k, text)
	if err != nil {
		p.problems.Add([]string{name}, "%s", err.Error())
	}
	return id
}

func (p *params) ids(k proofback.Kind, name string) []uuid.UUID {
	var ids []uuid.UUID
	for _, text := range p.list(name) {
		ids = append(ids, p.parseID(k, name, text))
	}
	return ids
}

func (p *params) bool(name string) *bool {
	text := p.text(name)
	if text == "" {
		return nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		p.problems.Add([]string{name}, "%.40q is neither true nor false", text)
	}
	return &v
}

// oneOf reads a word of a list, in any case.
func oneOf[T ~string](p *params, name string, words ...T) T {
	text := T(strings.ToUpper(p.text(name)))
	if text != "" && !slices.Contains(words, text) {
		p.problems.Add([]string{name}, "%.40q is none of %v", string(text), words)
	}
	return text
}

// someOf reads words of a list, in any case.
func someOf[T ~string](p *params, name string, words ...T) (list []T) {
	for _, text := range p.list(name) {
		word := T(strings.ToUpper(strings.TrimSpace(text)))
		if !slices.Contains(words, word) {
			p.problems.Add([]string{name}, "%.40q is none of %v", text, words)
		}
		list = append(list, word)
	}
	return list
}

// sub reads sub1 to sub10, of which one may be given.
func (p *params) sub() (index int, value string) {
	for i := 1; i <= 10; i++ {
		name := "sub" + strconv.Itoa(i)
		v := p.text(name)
		if v == "" {
			continue
		}
		if index != 0 {
			p.problems.Add([]string{name}, "only one of sub1 to sub10 may be given")
		}
		index, value = i, v
	}
	return index, value
}

// after reads a cursor as it stands in a file's last column.
func (p *params) after() *proofback.Cursor {
	text := p.text("after")
	if text == "" {
		return nil
	}
	c, ok := proofback.ParseCursor(text)
	if !ok {
		p.problems.Add([]string{"after"}, "after is not a cursor of ours")
	}
	return &c
}

// err is what was wrong, or that a parameter was given which is none.
func (p *params) err() error {
	for plain := range p.values {
		p.problems.Add([]string{p.sent[plain]}, "there is no parameter %.40q here", p.sent[plain])
	}
	return p.problems.Err()
}
