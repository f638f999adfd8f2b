package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// problem is why a request is not one of GraphQL.
type problem struct {
	status  int
	message string
}

func bad(message string) *problem { return &problem{http.StatusBadRequest, message} }

// readParams reads what is asked.
func readParams(r *http.Request) (*graphql.RawParams, *problem) {
	p := &graphql.RawParams{Headers: r.Header}
	p.ReadTime.Start = graphql.Now()
	defer func() { p.ReadTime.End = graphql.Now() }()
	var fields map[string]json.RawMessage
	var why *problem
	if r.Method == http.MethodPost {
		fields, why = readBody(r)
	} else {
		fields, why = readURL(r.URL)
	}
	if why == nil {
		why = takeFields(p, fields)
	}
	return p, why
}

// readBody reads the body of a POST. Only application/json is taken: a page of another
// origin cannot send that without being asked first (CORS), so it cannot act for a
// visitor.
func readBody(r *http.Request) (map[string]json.RawMessage, *problem) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaJSON {
		return nil, &problem{http.StatusUnsupportedMediaType, "a POST has to be of Content-Type application/json"}
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, &problem{http.StatusUnsupportedMediaType, "JSON is UTF-8"}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &problem{http.StatusUnsupportedMediaType, "the body is compressed: send it as it is, without Content-Encoding"}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, &problem{http.StatusRequestEntityTooLarge, "the request is larger than 1 MB"}
		}
		return nil, bad("the request could not be read")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '[' && json.Valid(trimmed) {
			return nil, bad("operations are sent one by one, not as a list")
		}
		return nil, bad("the body has to be a JSON object with a query")
	}
	return fields, nil
}

// readURL reads the query string of a GET.
func readURL(u *url.URL) (map[string]json.RawMessage, *problem) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, bad("the query string cannot be read")
	}
	fields := map[string]json.RawMessage{}
	for name, list := range values {
		if len(list) != 1 {
			return nil, bad("the parameter " + name + " is there more than once")
		}
		switch name {
		case "query", "operationName", "documentId":
			fields[name], _ = json.Marshal(list[0]) // a string always can be
		case "variables", "extensions":
			if list[0] != "" {
				fields[name] = json.RawMessage(list[0])
			}
		}
	}
	return fields, nil
}

// takeFields reads the parameters of a request, each of its own kind or null.
func takeFields(p *graphql.RawParams, fields map[string]json.RawMessage) *problem {
	var documentID string
	for _, f := range []struct {
		name string
		kind string
		into any
	}{
		{"query", "a string", &p.Query},
		{"operationName", "a string", &p.OperationName},
		{"variables", "an object", &p.Variables},
		{"extensions", "an object", &p.Extensions},
		{"documentId", "a string", &documentID},
	} {
		raw, there := fields[f.name]
		if !there {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber() // numbers are taken as they were written
		if err := d.Decode(f.into); err != nil || d.More() {
			return bad(f.name + " has to be " + f.kind)
		}
	}
	if documentID != "" {
		if p.Extensions == nil {
			p.Extensions = map[string]any{}
		}
		p.Extensions["persistedQuery"] = map[string]any{"version": json.Number("1"), "sha256Hash": strings.TrimPrefix(documentID, "sha256:")}
	}
	if p.Query == "" && p.Extensions["persistedQuery"] == nil {
		return bad("the query is missing")
	}
	return nil
}
