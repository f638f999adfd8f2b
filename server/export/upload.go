package export

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

const (
	// maxUpload bounds a list, unzipped: five million lines of two hundred bytes.
	maxUpload = 1 << 30
	// uploadPause is how long a sender may send nothing before it is cut off.
	uploadPause = 30 * time.Second
	// storingTime is how long a list may take to be stored.
	storingTime = 5 * time.Minute
)

// uploadList takes an advertiser's list of events to be compared with ours. It is
// put aside as a file first: a slow sender must not hold a transaction open.
func (e *Exports) uploadList(w http.ResponseWriter, r *http.Request) {
	actor := e.Actor(r.Context())
	actor.Operation = r.Pattern
	id, err := e.takeList(w, r, actor)
	if err != nil {
		e.Refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(struct {
		ID string `json:"id"`
	}{proofback.GlobalID(proofback.KindReconciliation, id)})
}

func (e *Exports) takeList(w http.ResponseWriter, r *http.Request, actor proofback.Actor) (uuid.UUID, error) {
	if err := actor.RequireOfferSide(); err != nil {
		return uuid.Nil, err
	}
	p := newParams(r.URL.Query())
	n := db.NewReconciliation{
		AdvertiserID: p.id(proofback.KindAdvertiser, "advertiser"),
		Range:        proofback.TimeRange{From: p.time("from"), To: p.time("to")},
		Source:       proofback.SourceUpload,
		Enqueue:      e.Enqueue,
	}
	if n.AdvertiserID == uuid.Nil {
		n.AdvertiserID = actor.AdvertiserID
	}
	if n.AdvertiserID == uuid.Nil {
		p.problems.Add([]string{"advertiser"}, "say whose list it is: advertiser=ID")
	}
	if n.Range.From.IsZero() || n.Range.To.IsZero() {
		p.problems.Add([]string{"from"}, "say which time is to be compared: from=…&to=…")
	}
	columns := p.mapping("columns")
	format, err := formatOf(r.Header.Get("Content-Type"))
	if err == nil {
		err = p.err()
	}
	if err != nil {
		return uuid.Nil, err
	}
	file, err := putAside(w, r)
	if err != nil {
		return uuid.Nil, err
	}
	defer func() { _ = file.Close() }()
	n.Read = func(a *proofback.Advertiser) (*proofback.ListReader, error) {
		return proofback.NewListReader(file, proofback.ListOptions{Format: format, Columns: columns, Advertiser: a, Keys: e.ClickKeys})
	}
	started, err := e.Store.StartReconciliation(r.Context(), actor, n)
	if err != nil {
		return uuid.Nil, err
	}
	return started.ID, nil
}

// mapping reads names=ours pairs, such as columns=Bestellnummer:txid,Datum:timestamp.
func (p *params) mapping(name string) (list []proofback.NameMapping) {
	for _, pair := range p.list(name) {
		from, to, ok := strings.Cut(pair, ":")
		canonical, known := proofback.CanonicalParameter(to)
		if !ok || !known || strings.TrimSpace(from) == "" {
			p.problems.Add([]string{name}, "%.60q does not lead from a column's name to one of ours: send Name:txid,Other:amount", pair)
			continue
		}
		list = append(list, proofback.NameMapping{From: strings.TrimSpace(from), To: canonical})
	}
	return list
}

func formatOf(contentType string) (proofback.ListFormat, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && (kind == "text/csv" || kind == "text/tab-separated-values" || kind == "text/plain"):
		return proofback.ListCSV, nil
	case err == nil && (kind == "application/x-ndjson" || kind == "application/jsonl" || kind == "application/json-lines"):
		return proofback.ListJSONLines, nil
	}
	return "", proofback.Invalid([]string{"Content-Type"}, "the body is %.60q: send text/csv, or application/x-ndjson with a JSON object on each line", contentType)
}

// putAside reads the body into a file that is gone when it is closed.
func putAside(w http.ResponseWriter, r *http.Request) (*os.File, error) {
	file, err := os.CreateTemp("", "proofback-list-*")
	if err != nil {
		return nil, proofback.Internal("list", err)
	}
	_ = os.Remove(file.Name())
	body := io.Reader(&patientReader{r.Body, http.NewResponseController(w)})
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		if body, err = gzip.NewReader(body); err != nil {
			_ = file.Close()
			return nil, proofback.Invalid([]string{"list"}, "the body is not gzip, as its Content-Encoding says")
		}
	}
	n, err := io.Copy(file, io.LimitReader(body, maxUpload+1))
	if err == nil && n > maxUpload {
		err = proofback.Invalid([]string{"list"}, "the list has more than %d MB: send it in parts, with the time of each", maxUpload>>20)
	} else if err != nil {
		err = proofback.Invalid([]string{"list"}, "the list broke off after %d bytes: send it again", n)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	// What follows is read from here and stored; the answer comes after it.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(storingTime))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// patientReader gives a sender time for each part, and not for the whole.
type patientReader struct {
	body    io.Reader
	control *http.ResponseController
}

func (p *patientReader) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(uploadPause))
	return p.body.Read(b)
}
