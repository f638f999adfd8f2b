package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Segment is a file of records that is no longer written to.
type Segment struct {
	folder *folder
	number uint64
	last   bool // the last of a process that may have died while it wrote
	found  bool // an earlier process wrote it

	// What it holds.
	bytes        int64
	records      int
	since, until time.Time // of the records; zero when there are none

	// damage is what is wrong with it, told when it is done with.
	torn, corrupt int
	tail          int64 // the bytes behind the last whole record

	unread error // why it was not found out what it holds
}

const segmentSuffix = ".segment"

func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// Left gives the folder that the segment lies in, and whether an earlier process left it
// there.
func (g *Segment) Left() (folder uuid.UUID, earlier bool) { return g.folder.id, g.found }

func (g *Segment) name() string { return fmt.Sprintf("%08d%s", g.number, segmentSuffix) }

func (g *Segment) path() string { return filepath.Join(g.folder.path, g.name()) }

// Records reads the segment. What is damaged is left out, and told of by Done.
// Nothing is taken away: it can be read again.
func (g *Segment) Records() ([]Record, error) {
	b, err := os.ReadFile(g.path())
	if err != nil {
		return nil, err
	}
	c := scan(b)
	g.torn, g.corrupt, g.tail = 0, c.holes, int64(c.tail)
	switch {
	case c.tail == 0:
	case g.last:
		g.torn = 1
	default: // it was whole when the next one was begun
		g.corrupt++
	}
	return c.records, nil
}

// measure finds out what the segment holds. One that cannot be read is held all the
// same: a disk that is broken in one place keeps nobody from starting, and who
// drains it is told.
func (g *Segment) measure() {
	records, err := g.Records()
	if fi, failed := os.Stat(g.path()); failed == nil {
		g.bytes = fi.Size()
	}
	g.unread = err
	for _, r := range records {
		g.count(r.At)
	}
}

// cutTail cuts off what follows the last whole record.
func (g *Segment) cutTail() error {
	f, err := os.OpenFile(g.path(), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err = f.Truncate(g.bytes - g.tail); err == nil {
		g.bytes, g.tail = g.bytes-g.tail, 0
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// count takes note of a record.
func (g *Segment) count(at time.Time) {
	g.records++
	if g.since.IsZero() || at.Before(g.since) {
		g.since = at
	}
	if at.After(g.until) {
		g.until = at
	}
}

// openSegment is the segment that is being written.
type openSegment struct {
	*Segment
	file *os.File
}

// createSegment begins the next segment of a folder.
func createSegment(f *folder) (*openSegment, error) {
	g := &Segment{folder: f, number: f.next}
	f.next++ // also if it comes to nothing: what is in its way will be in it again
	file, err := os.OpenFile(g.path(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString(segmentHead)
	if err == nil {
		err = syncFolder(f.path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(g.path()))
	}
	g.bytes = int64(len(segmentHead))
	return &openSegment{g, file}, nil
}

// write appends records and has them on disk when it returns without an error.
// With one, nobody knows what is on disk; the segment is then as good as it was
// before, and must not be written to again: after an fsync that failed, the
// kernel may take the next one for done.
func (g *openSegment) write(b []byte) error {
	_, err := g.file.WriteAt(b, g.bytes)
	if err == nil {
		err = g.file.Sync()
	}
	if err != nil {
		if cut := g.file.Truncate(g.bytes); cut != nil {
			g.last = true // half a record may be left at its end
		}
		return err
	}
	g.bytes += int64(len(b))
	return nil
}
