package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Next gives the segment to be read next, nil when nothing is kept. Segments of
// one process come in their order, and those of the process with the oldest
// record first. The one being written to is ended when it is the only one left.
// Those given are passed over: one that cannot be read keeps no others waiting.
// There may be one reader at a time.
func (s *Spool) Next(but ...*Segment) *Segment {
	if g := s.oldest(but); g != nil {
		return g
	}
	s.writing.Lock()
	s.seal()
	s.writing.Unlock()
	return s.oldest(but)
}

func (s *Spool) oldest(but []*Segment) *Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest *Segment
	for _, f := range s.folders {
		i := slices.IndexFunc(f.segments, func(g *Segment) bool { return !slices.Contains(but, g) })
		if i >= 0 && (oldest == nil || f.segments[i].since.Before(oldest.since)) {
			oldest = f.segments[i]
		}
	}
	return oldest
}

// Done removes a segment whose records are stored elsewhere. One that was damaged,
// or had as many records as said that could not be used, is set aside instead;
// half a record at its very end is no damage.
func (s *Spool) Done(g *Segment, unusable int) error {
	g.corrupt += unusable
	if err := s.takeAway(g); err != nil {
		return err
	}
	s.mu.Lock()
	f := g.folder
	f.segments = slices.DeleteFunc(f.segments, func(other *Segment) bool { return other == g })
	s.bytes -= g.bytes
	s.stats.Torn += int64(g.torn)
	s.stats.Corrupt += int64(g.corrupt)
	drop := len(f.segments) == 0 && f != s.own
	if drop {
		s.folders = slices.DeleteFunc(s.folders, func(other *folder) bool { return other == f })
	}
	s.mu.Unlock()
	if drop {
		return alone(s.config.Dir, f.drop)
	}
	return nil
}

func (s *Spool) takeAway(g *Segment) error {
	if g.torn > 0 {
		s.config.Log.Warn("half a record at the end of the spool was skipped: nobody was told that it was kept", "segment", g.path())
	}
	if g.corrupt == 0 {
		return os.Remove(g.path())
	}
	if err := os.MkdirAll(s.damagedDir(), 0o700); err != nil {
		return err
	}
	aside := s.aside(g)
	if err := os.Rename(g.path(), aside); err != nil {
		return err
	}
	s.config.Log.Error("a segment of the spool is damaged: what was whole in it is used, and it is kept for people to look at",
		"places", g.corrupt, "segment", aside)
	// It is not where it was any more, so it is done with either way: at worst it is
	// there again after a crash, and is read again.
	if err := syncFolder(s.damagedDir()); err != nil {
		s.config.Log.Error("the folder for damaged segments cannot be synced", "error", err)
	}
	return nil
}

// aside is where a damaged segment is put: in the place of no other, since the numbers
// of a folder begin anew once it was empty. Only who holds the folder puts any there.
func (s *Spool) aside(g *Segment) string {
	path := filepath.Join(s.damagedDir(), g.folder.id.String()+"-")
	for n, name := 2, g.name(); ; n++ {
		if _, err := os.Lstat(path + name); err != nil {
			return path + name
		}
		name = fmt.Sprintf("%08d-%d%s", g.number, n, segmentSuffix)
	}
}

// TakeOver takes the folders of processes that have died since Open, and gives
// how many they were. One that cannot be taken keeps it from no other.
func (s *Spool) TakeOver() (int, error) {
	var free []*folder
	err := alone(s.config.Dir, func() error {
		var err error
		free, err = takeFree(s.config.Dir)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold(free)
	if s.closed {
		s.release()
	}
	return len(free), err
}

// DropEmpty drops the folders taken over in which nothing is kept: without it each
// process that is replaced would leave one, for those that follow to hold.
func (s *Spool) DropEmpty() error {
	var empty []*folder
	s.mu.Lock()
	if !s.closed {
		s.folders = slices.DeleteFunc(s.folders, func(f *folder) bool {
			drop := f != s.own && len(f.segments) == 0
			if drop {
				empty = append(empty, f)
			}
			return drop
		})
	}
	s.mu.Unlock()
	if len(empty) == 0 {
		return nil
	}
	return alone(s.config.Dir, func() error {
		var errs []error
		for _, f := range empty {
			errs = append(errs, f.drop())
		}
		return errors.Join(errs...)
	})
}

// Stats tell how a spool is doing.
type Stats struct {
	Bytes   int64     // of the segments held and of what waits to be written
	Records int       // in them
	Oldest  time.Time // the time of the oldest record; zero when there are none

	// Counted since Open: records kept, half records skipped at the end of a
	// segment, and damaged places and records that could not be used.
	Appended, Torn, Corrupt int64
}

// Stats tells how the spool is doing.
func (s *Spool) Stats() Stats {
	holdings := s.Holdings()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Bytes = s.bytes
	for _, h := range holdings {
		stats.Records += h.Records
		if !h.Since.IsZero() && (stats.Oldest.IsZero() || h.Since.Before(stats.Oldest)) {
			stats.Oldest = h.Since
		}
	}
	return stats
}

// Holding is what one folder keeps.
type Holding struct {
	ID      uuid.UUID // the folder's
	Records int
	// Since and Until are the times of the oldest and the newest record; zero when
	// there are none.
	Since, Until time.Time
}

// Holdings tells what each folder keeps that this process holds, its own first.
func (s *Spool) Holdings() []Holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Holding, len(s.folders))
	for i, f := range s.folders {
		list[i].ID = f.id
		for _, g := range f.segments {
			list[i].add(g)
		}
		if i == 0 && s.open != nil {
			list[i].add(s.open.Segment)
		}
	}
	return list
}

func (h *Holding) add(g *Segment) {
	if g.records == 0 {
		return
	}
	h.Records += g.records
	if h.Since.IsZero() || g.since.Before(h.Since) {
		h.Since = g.since
	}
	if g.until.After(h.Until) {
		h.Until = g.until
	}
}
