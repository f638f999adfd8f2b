package proofback

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ReadKept gives p the parameters, the checks and the answer that a row of the log keeps,
// in the form of logform.go or in that of older versions. What else p is must be the
// row's. An error says that the row has neither form.
func (p *Postback) ReadKept(parameters, checks, answer string) error {
	if err := p.readParameters(parameters); err != nil {
		return fmt.Errorf("parameters of request %s in the log: %w", p.ID, err)
	}
	if err := p.readChecks(checks); err != nil {
		return fmt.Errorf("checks of request %s in the log: %w", p.ID, err)
	}
	p.ResponseBody = answer
	if !strings.HasPrefix(answer, "{") {
		p.ResponseBody = string(p.AppendAnswer(nil, answer))
	}
	return nil
}

func (p *Postback) readParameters(kept string) error {
	var members []json.RawMessage
	if err := json.Unmarshal([]byte(kept), &members); err != nil {
		return err
	}
	p.Parameters = make([]Parameter, 0, max(len(members), usualParameters))
	query := queryOf(p.URL)
	for _, member := range members {
		if err := p.readParameter(member, &query); err != nil {
			return fmt.Errorf("%s: %w", member, err)
		}
	}
	return nil
}

// readParameter reads a member of the list: a parameter or some.
func (p *Postback) readParameter(member json.RawMessage, query *pairs) error {
	var param Parameter
	switch member[0] {
	case '"':
		if err := json.Unmarshal(member, &param.Canonical); err != nil {
			return err
		}
		return p.readPairs(1, query, func(string) string { return param.Canonical })
	case '{':
		if err := json.Unmarshal(member, &param); err != nil {
			return err
		}
	case '[':
		var texts []string
		if err := json.Unmarshal(member, &texts); err != nil {
			return err
		}
		if len(texts) != 2 && len(texts) != 3 {
			return errors.New("is no name, value and meaning")
		}
		param = Parameter{Name: texts[0], Value: texts[1], Canonical: texts[0]}
		if len(texts) == 3 {
			param.Canonical = texts[2]
		}
	default:
		var count int
		if err := json.Unmarshal(member, &count); err != nil {
			return err
		}
		if count < 1 {
			return errors.New("is no number of parameters")
		}
		return p.readPairs(count, query, func(name string) string { return name })
	}
	query.next()
	p.Parameters = append(p.Parameters, param)
	return nil
}

// readPairs reads parameters whose pairs stand in the URL as they are.
func (p *Postback) readPairs(count int, query *pairs, means func(name string) string) error {
	for range count {
		name, value, ok := query.next()
		if !ok {
			return fmt.Errorf("has no pair in %q", p.URL)
		}
		p.Parameters = append(p.Parameters, Parameter{name, value, means(name)})
	}
	return nil
}

func (p *Postback) readChecks(kept string) error {
	var members []json.RawMessage
	if err := json.Unmarshal([]byte(kept), &members); err != nil {
		return err
	}
	p.Checks = make([]Check, len(members))
	for i, member := range members {
		var err error
		if p.Checks[i], err = p.readCheck(member); err != nil {
			return fmt.Errorf("%s: %w", member, err)
		}
	}
	return nil
}

func (p *Postback) readCheck(member json.RawMessage) (c Check, err error) {
	switch member[0] {
	case '{':
		err = json.Unmarshal(member, &c)
		return c, err
	case '[':
		return p.readCheckList(member)
	}
	var number int
	if err := json.Unmarshal(member, &number); err != nil {
		return c, err
	}
	return sayPhrase(number, nil)
}

// readCheckList reads a check that said a phrase with places, or that failed.
func (p *Postback) readCheckList(member json.RawMessage) (c Check, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(member, &parts); err != nil {
		return c, err
	}
	if len(parts) == 0 {
		return c, errors.New("is empty")
	}
	number := 0
	failed := parts[0][0] == '"'
	if !failed {
		if err := json.Unmarshal(parts[0], &number); err != nil {
			return c, err
		}
		parts = parts[1:]
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		if err := json.Unmarshal(part, &texts[i]); err != nil {
			return c, err
		}
	}
	switch {
	case !failed:
		return sayPhrase(number, texts)
	case len(texts) == 1:
		return Check{Name: texts[0], Detail: p.Message}, nil
	case len(texts) == 2:
		return Check{Name: texts[0], Detail: texts[1]}, nil
	}
	return c, errors.New("is no check that failed")
}

// pairs goes through the names and values of a URL's query as they stand there.
type pairs struct {
	rest string
	over bool
}

func queryOf(url string) pairs {
	_, query, _ := strings.Cut(url, "?")
	return pairs{query, query == ""}
}

// next gives the next pair, if there is one.
func (q *pairs) next() (name, value string, ok bool) {
	if q.over {
		return "", "", false
	}
	pair, rest, more := strings.Cut(q.rest, "&")
	q.rest, q.over = rest, !more
	name, value, _ = strings.Cut(pair, "=")
	return name, value, true
}
