package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/proofback/proofback"
)

// maxDirectBody is more than all parameters of a click need.
const maxDirectBody = 64 << 10

// directClick is the answer to POST /clicks.
type directClick struct {
	ClickID string `json:"click_id"`
	URL     string `json:"url"`
	// Outcome says why the URL is the offer's fallback.
	Outcome string `json:"outcome,omitempty"`
}

// directError is the answer when there is no click to use, or no URL to go to.
type directError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
	ClickID string `json:"click_id,omitempty"` // of a click that may not land
}

// direct answers POST /clicks: a click without a redirect, for apps and pages that
// link directly. The ip and user_agent in its body stand for the visitor's in this
// click and nowhere else, since a server may call on its visitors' behalf; left
// out, the caller is the visitor.
func (h *Clicks) direct(w http.ResponseWriter, r *http.Request) {
	allowAnyOrigin(w.Header())
	fields, problem := readDirect(w, r)
	if problem != nil {
		status := http.StatusBadRequest
		switch proofback.Reason(problem.Code) {
		case proofback.ReasonBodyTooLarge:
			status = http.StatusRequestEntityTooLarge
		case proofback.ReasonUnsupportedMediaType:
			status = http.StatusUnsupportedMediaType
		}
		writeJSON(w, status, problem)
		return
	}
	code, ok := fields["link"].(string)
	if !ok || code == "" {
		writeJSON(w, http.StatusBadRequest, &directError{
			Code: string(proofback.CodeInvalid), Field: "link", Message: `send the tracking link's code as "link": it is the last part of /c/{code}`,
		})
		return
	}
	link, err := h.Setup.Link(r.Context(), code)
	if proofback.CodeOf(err) == proofback.CodeNotFound {
		writeJSON(w, http.StatusNotFound, &directError{Code: string(proofback.CodeNotFound), Field: "link", Message: "there is no tracking link with this code"})
		return
	}
	if err != nil {
		h.directUnavailable(w, r, err)
		return
	}
	v, flags := h.directVisitor(r, fields)
	click, err := h.newClick(link, v)
	if err != nil {
		h.directUnavailable(w, r, err)
		return
	}
	click.Flags |= flags | proofback.FlagDirect
	readFields(click, fields)
	if err := h.Writer.Write(context.WithoutCancel(r.Context()), click); err != nil { // as for visits
		h.directUnavailable(w, r, err)
		return
	}
	h.answerDirect(w, click, link.Landing, link.Code)
}

func (h *Clicks) answerDirect(w http.ResponseWriter, c *proofback.Click, landing *proofback.Landing, code string) {
	answer := directClick{ClickID: h.Keys.Encode(c.ID)}
	answer.URL = landing.URL(c, code, answer.ClickID)
	if answer.URL == "" {
		writeJSON(w, http.StatusNotFound, &directError{
			Code: c.Outcome.String(), ClickID: answer.ClickID, Message: "this visitor may not be sent to the offer, and it has no fallback URL",
		})
		return
	}
	if c.Outcome != proofback.ClickRedirected {
		answer.Outcome = c.Outcome.String()
	}
	writeJSON(w, http.StatusCreated, answer)
}

// readDirect reads the body: one JSON object.
func readDirect(w http.ResponseWriter, r *http.Request) (map[string]any, *directError) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &directError{Code: string(proofback.ReasonUnsupportedMediaType), Message: "the body is compressed: send it as it is, without Content-Encoding"}
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDirectBody))
	d.UseNumber()
	var fields map[string]any
	err := d.Decode(&fields)
	if err == nil && fields != nil {
		_, err = d.Token()
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &directError{
			Code: string(proofback.ReasonBodyTooLarge), Message: "the body is larger than " + strconv.Itoa(maxDirectBody) + " bytes: send one click a request, and leave out what is not needed",
		}
	}
	if fields == nil || !errors.Is(err, io.EOF) {
		return nil, &directError{Code: string(proofback.CodeInvalid), Message: `the body must be one JSON object, such as {"link": "…", "sub1": "…"}`}
	}
	return fields, nil
}

// directVisitor is the visitor that a body tells of. An address that cannot be
// read is no address: the caller's would be somebody else's.
func (h *Clicks) directVisitor(r *http.Request, fields map[string]any) (visitor, proofback.ClickFlags) {
	v := h.visitor(r)
	var flags proofback.ClickFlags
	if text, ok := fieldText(fields["user_agent"]); ok && text != "" {
		v.userAgent, _ = proofback.CleanClickText(text, proofback.MaxUserAgent)
	}
	if text, ok := fieldText(fields["ip"]); ok && text != "" {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			flags |= proofback.FlagValueCleaned
		}
		v.ip = plainAddr(ip)
		v.country = h.GeoIP.Country(v.ip)
	}
	return v, flags
}

// readFields takes the parameters that count from a body.
func readFields(c *proofback.Click, fields map[string]any) {
	for name, value := range fields {
		field := valueOf(c, name)
		if field == nil {
			continue
		}
		text, ok := fieldText(value)
		if !ok {
			c.Flags |= proofback.FlagValueCleaned // a list or an object is dropped
		}
		setValue(c, field, text)
	}
}

// fieldText is a JSON value as text; lists and objects are none.
func fieldText(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// preflight tells browsers that pages of any origin may POST /clicks.
func (h *Clicks) preflight(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	allowAnyOrigin(header)
	header.Set("Access-Control-Allow-Methods", "POST")
	header.Set("Access-Control-Allow-Headers", "*")
	header.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// allowAnyOrigin opens an answer to pages everywhere: no cookie or token counts
// here that one page could use in another's name.
func allowAnyOrigin(h http.Header) { h.Set("Access-Control-Allow-Origin", "*") }

func (h *Clicks) directUnavailable(w http.ResponseWriter, r *http.Request, err error) {
	h.logFault(r.Context(), err)
	w.Header().Set("Retry-After", retryAfter)
	writeJSON(w, http.StatusServiceUnavailable, &directError{Code: string(proofback.CodeUnavailable), Message: "nothing was stored: send it again"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store, private")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // URLs stay readable
	_ = e.Encode(v)
}
