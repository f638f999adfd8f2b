package proofback

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

// methodPost is http.MethodPost, whose package does I/O.
const methodPost = "POST"

// PostbackRequest is what of an HTTP request a postback is read from.
type PostbackRequest struct {
	Method      string // the body counts on POST alone
	RawQuery    string
	ContentType string
	// ContentEncoding is what the body was compressed with; nothing is unpacked here.
	ContentEncoding string
	Body            []byte        // bounded by the caller
	Mapping         []NameMapping // the advertiser's, nil when it is not known yet
}

// ReadPostback reads the parameters of a request: those of the query and, on
// POST, of a form or flat JSON body. Names count in any case; the mapping's come
// first, then the canonical ones and their aliases. It reads as much as can be
// read, so that the log shows it, and tells all problems that it met.
//
// Values are decoded exactly once: abc%20def after decoding is what was sent, and
// stays. Numbers of JSON are kept as they were written.
func ReadPostback(req PostbackRequest) (PostbackParams, []Problem) {
	r := paramReader{mapping: req.Mapping}
	r.read(&req)
	return PostbackParams{r.params}, r.problems
}

func (r *paramReader) read(req *PostbackRequest) {
	r.form(req.RawQuery)
	if req.Method == methodPost && len(bytes.TrimSpace(req.Body)) > 0 {
		r.body(req.ContentType, req.ContentEncoding, req.Body)
	}
}

func (r *paramReader) body(contentType, encoding string, body []byte) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(params["charset"])
	switch {
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		// RFC 9110, section 15.5.16, answers this with 415, too.
		r.problem(ReasonUnsupportedMediaType, "", "a body with Content-Encoding %s cannot be read: send it uncompressed, without that header", shown(encoding))
	case contentType == "":
		r.problem(ReasonUnsupportedMediaType, "", "the body has no content type: send application/x-www-form-urlencoded or application/json")
	case err != nil || mediaType != "application/x-www-form-urlencoded" && mediaType != "application/json":
		r.problem(ReasonUnsupportedMediaType, "", "a body of type %s cannot be read: send application/x-www-form-urlencoded or application/json", shown(contentType))
	case charset != "" && charset != "utf-8" && charset != "utf8" && charset != "us-ascii":
		r.problem(ReasonUnsupportedMediaType, "", "a body in %s cannot be read: send UTF-8", shown(charset))
	case mediaType == "application/json":
		r.json(bytes.TrimPrefix(body, []byte("\uFEFF")))
	default:
		r.form(strings.TrimRight(string(body), "\r\n"))
	}
}

// form reads application/x-www-form-urlencoded as the URL standard does, but for
// broken percent-encoding, which is told.
func (r *paramReader) form(s string) {
	for s != "" && !r.full {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		rawName, raw, _ := strings.Cut(pair, "=")
		name, _ := decodeForm(rawName)
		value, ok := decodeForm(raw)
		flaw := ""
		if !ok {
			flaw = "is not valid percent-encoding: write a percent sign as %25"
		}
		r.add(name, raw, value, flaw)
	}
}

// decodeForm decodes plus signs and percent-encoding. What is not valid
// percent-encoding stays as it is and makes it report false.
func decodeForm(s string) (decoded string, ok bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	s = strings.ReplaceAll(s, "+", " ")
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return decodePercent(s), true
		}
		if len(after) < 2 || !isHex(after[0]) || !isHex(after[1]) {
			return decodePercent(s), false
		}
		rest = after[2:]
	}
}

// json reads a flat object. Keys given twice are seen twice.
func (r *paramReader) json(body []byte) {
	dec := json.NewDecoder(bytes.NewReader(body))
	start, err := dec.Token()
	if err == nil && start != json.Delim('{') {
		r.problem(ReasonBadRequest, "", "the JSON body is no object: send one flat object with the parameters")
		return
	}
	for err == nil && dec.More() && !r.full {
		var key json.Token
		var value json.RawMessage
		if key, err = dec.Token(); err != nil {
			break
		}
		if err = dec.Decode(&value); err != nil {
			break
		}
		text, flaw := jsonText(value)
		r.add(key.(string), text, text, flaw)
	}
	if r.full {
		return
	}
	if err == nil {
		_, err = dec.Token() // the closing brace
	}
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return
		}
		r.problem(ReasonBadRequest, "", "the JSON body goes on after its object, at byte %d: send one event a request, and nothing after it", dec.InputOffset())
		return
	}
	r.problem(ReasonBadRequest, "", "the JSON body cannot be read beyond byte %d: send one flat object, names and texts in double quotes", dec.InputOffset())
}

// jsonText gives a JSON value as the text of a parameter: strings without their
// quotes, null as left out, the rest as written.
func jsonText(raw json.RawMessage) (text, flaw string) {
	switch raw[0] {
	case 'n':
		return "", ""
	case '{', '[':
		return string(raw), "is an object or array: send text or a number"
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return string(raw), "is not a valid JSON string: escape what has to be (RFC 8259)"
		}
		// The decoder replaces what is not Unicode in silence.
		if !utf8.Valid(raw) || strings.Count(text, "\uFFFD") > replacements(raw) {
			flaw = notUTF8
		}
		return text, flaw
	}
	return string(raw), ""
}

// replacements counts the replacement characters that a JSON string really has.
func replacements(raw []byte) int {
	return bytes.Count(raw, []byte("\uFFFD")) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
}
