package export

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

// file is a CSV on its way to a caller.
type file struct {
	w       http.ResponseWriter
	control *http.ResponseController
	zip     bool
	begun   bool // the caller has been told that it comes

	gzip *gzip.Writer
	csv  *csv.Writer
}

func newFile(w http.ResponseWriter, r *http.Request) *file {
	return &file{w: w, control: http.NewResponseController(w), zip: takesGzip(r.Header.Get("Accept-Encoding"))}
}

// takesGzip reads an Accept-Encoding header (RFC 9110, section 12.5.3).
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding = strings.TrimSpace(coding); !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		_, q, weighed := strings.Cut(weight, "=")
		v, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighed || err == nil && v > 0
	}
	return false
}

// begin sends the header, and the first line.
func (f *file) begin(name string, columns []string) error {
	f.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	f.csv = csv.NewWriter(f.open(proofback.ReportCSV.MediaType()))
	f.csv.UseCRLF = true // RFC 4180, section 2
	return f.csv.Write(columns)
}

// open sends the header, and gives what the rest is written to.
func (f *file) open(contentType string) io.Writer {
	f.head(contentType)
	if !f.zip {
		return f.w
	}
	f.gzip = gzip.NewWriter(f.w)
	return f.gzip
}

// head sends the header.
func (f *file) head(contentType string) {
	f.begun = true
	h := f.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding, Authorization")
	if f.zip {
		h.Set("Content-Encoding", "gzip")
	}
}

// row writes a line.
func (f *file) row(cells []string) error {
	for i, c := range cells {
		cells[i] = proofback.HarmlessCell(c)
	}
	return f.csv.Write(cells)
}

// flush sends what has gathered, and gives the caller time for as much again.
func (f *file) flush() error {
	_ = f.control.SetWriteDeadline(time.Now().Add(pageTime)) // where there is a connection to set it on
	if f.csv != nil {
		f.csv.Flush()
		if err := f.csv.Error(); err != nil {
			return err
		}
	}
	if f.gzip != nil {
		if err := f.gzip.Flush(); err != nil {
			return err
		}
	}
	_ = f.control.Flush()
	return nil
}

// close ends the file.
func (f *file) close() error {
	if err := f.flush(); err != nil || f.gzip == nil {
		return err
	}
	return f.gzip.Close()
}
