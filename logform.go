package proofback

import (
	"strconv"
	"strings"
)

// The form in which the log keeps a request's parameters, its checks and its answer:
// what follows from the row's other columns, or is said of nearly every request, is not
// written again. It is exact: what is read (ReadKept) is what was written.
//
// parameters is a list, each of whose members tells of one parameter or some. Those of
// a GET stand in the row's url, the third one as the third pair of its query:
//
//	5                            the next five: their pairs as they stand, counting as what they are named
//	"txid"                       the next one: its pair as it stands, counting as txid; "" as nothing
//	["amount","9.90"]            the next one: its name and value, counting as what it is named
//	["sum","9.90","amount"]      and counting as amount; "" as nothing
//
// checks is a list with a member for each check:
//
//	8                            it passed, and said phrase 8
//	[6,"2026-11-01T10:00:00Z"]   and said phrase 6 with this at its place
//	["window"]                   it failed, and said the row's message
//	["window","too late"]        and said this
//	{"name":…,"passed":…,"detail":…}
//
// Objects, as in the last line, are what older versions wrote for every check and parameter
// ({"name":…,"value":…,"canonical":…}); such rows are never rewritten.
//
// response_body is the status that the answer told, or empty where it told none: the rest
// follows from the row (AppendAnswer). An answer that does not stands there whole, as in each
// row of older versions, and begins with a brace.

// AppendKeptParameters appends p's parameters as the log keeps them.
func (p *Postback) AppendKeptParameters(b []byte) []byte {
	b = append(b, '[')
	query := queryOf(p.URL)
	asSent := 0
	for i := range p.Parameters {
		param := &p.Parameters[i]
		name, value, ok := query.next()
		stands := ok && name == param.Name && value == param.Value
		if stands && param.Canonical == name {
			asSent++
			continue
		}
		b, asSent = appendMember(appendAsSent(b, asSent)), 0
		switch {
		case stands:
			b = appendJSONString(b, param.Canonical)
		case param.Canonical == param.Name:
			b = appendStrings(b, param.Name, param.Value)
		default:
			b = appendStrings(b, param.Name, param.Value, param.Canonical)
		}
	}
	return append(appendAsSent(b, asSent), ']')
}

// AppendKeptChecks appends p's checks as the log keeps them.
func (p *Postback) AppendKeptChecks(b []byte) []byte {
	b = append(b, '[')
	var said int
	var storage [4]string
	for i := range p.Checks {
		c := &p.Checks[i]
		b = appendComma(b, i)
		if !c.Passed {
			if c.Detail == p.Message {
				b = appendStrings(b, c.Name)
			} else {
				b = appendStrings(b, c.Name, c.Detail)
			}
			continue
		}
		n, places := phraseOf(c, said, storage[:0])
		switch {
		case n == 0:
			b = appendJSONField(b, '{', "name", c.Name)
			b = append(b, `,"passed":true`...)
			b = append(appendJSONField(b, ',', "detail", c.Detail), '}')
			continue
		case len(places) == 0:
			b = strconv.AppendInt(b, int64(n), 10)
		default:
			b = strconv.AppendInt(append(b, '['), int64(n), 10)
			for _, place := range places {
				b = appendJSONString(append(b, ','), place)
			}
			b = append(b, ']')
		}
		said = n
	}
	return append(b, ']')
}

// KeptAnswer is what the log keeps of p's answer, which is a JSON object.
func (p *Postback) KeptAnswer() string {
	status := ""
	if at := strings.LastIndex(p.ResponseBody, statusField); at >= 0 {
		status, _ = strings.CutSuffix(p.ResponseBody[at+len(statusField):], answerEnd)
	}
	var storage [512]byte
	if !strings.HasPrefix(status, "{") && string(p.AppendAnswer(storage[:0], status)) == p.ResponseBody {
		return status
	}
	return p.ResponseBody
}

const (
	statusField = `,"status":"`
	answerEnd   = "\"}\n"
)

// appendStrings appends a list of texts.
func appendStrings(b []byte, list ...string) []byte {
	b = append(b, '[')
	for i, s := range list {
		b = appendJSONString(appendComma(b, i), s)
	}
	return append(b, ']')
}

// appendAsSent appends how many parameters stand in the URL, if any.
func appendAsSent(b []byte, count int) []byte {
	if count == 0 {
		return b
	}
	return strconv.AppendInt(appendMember(b), int64(count), 10)
}

// appendMember appends what stands before a member of a list that has just begun, or not.
func appendMember(b []byte) []byte {
	if b[len(b)-1] == '[' {
		return b
	}
	return append(b, ',')
}
