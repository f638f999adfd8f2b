package export

import (
	"compress/gzip"
	"context"
	"io"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// savedReport sends the file that was made of a saved report. It is stored compressed,
// and goes on as it is to whoever takes that.
func (e *Exports) savedReport(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	id := p.id(proofback.KindReportRun, "run")
	if id == uuid.Nil && p.problems == nil {
		p.problems.Add([]string{"run"}, "say which run of a saved report: run")
	}
	if err := p.err(); err != nil {
		return err
	}
	found, err := e.Store.ReportRunsByID(ctx, actor, []uuid.UUID{id})
	if err != nil {
		return err
	}
	run := found[id]
	if run == nil || run.Status != proofback.RunDone {
		return proofback.NotFound("file of a saved report")
	}
	stored := &pieces{next: func(number int) ([]byte, error) {
		if number > 0 { // the piece before is on its way
			if err := f.flush(); err != nil {
				return nil, err
			}
		}
		return e.Store.ReportChunk(ctx, actor, id, number)
	}}
	var from io.Reader = stored
	if !f.zip {
		if from, err = gzip.NewReader(stored); err != nil {
			return err
		}
	}
	f.w.Header().Set("Content-Disposition", `attachment; filename="`+run.FileName()+`"`)
	f.head(run.Format.MediaType())
	_, err = io.Copy(f.w, from)
	return err
}

// pieces reads what comes in pieces, which are numbered from 0 and end with nil.
type pieces struct {
	next   func(number int) ([]byte, error)
	number int
	rest   []byte
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.rest) == 0 {
		piece, err := p.next(p.number)
		if err != nil {
			return 0, err
		}
		if piece == nil {
			return 0, io.EOF
		}
		p.rest = piece
		p.number++
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
