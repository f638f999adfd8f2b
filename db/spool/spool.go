package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Config says where a spool lies and what it may take.
type Config struct {
	// Dir is the folder that holds it, made where it is not there; processes may
	// share it. Records may be personal data: only its owner can read it.
	Dir string
	// Quota bounds the segments that this process holds, those taken over from
	// others included, in bytes. Default 1 GiB. Damaged segments that were set
	// aside do not count.
	Quota int64
	// SegmentBytes is about how large a segment gets: what is stored elsewhere
	// is removed a segment at a time. Default 8 MiB.
	SegmentBytes int64
	// MaxWaiting bounds the records that wait for an fsync, in bytes. Default 8 MiB.
	MaxWaiting int64
	// Log takes what has no caller to be told; default slog.Default().
	Log *slog.Logger
}

// Why a record is not taken.
var (
	ErrFull   = errors.New("the spool's quota is used up")
	ErrBusy   = errors.New("too much waits for the spool's disk")
	ErrClosed = errors.New("the spool is closed")
)

// Spool keeps records. Its methods may be called from any goroutine.
type Spool struct {
	config Config

	// writing is held while the open segment is written to, begun or ended. It is
	// taken before mu.
	writing sync.Mutex

	own *folder // never changes

	mu         sync.Mutex
	closed     bool
	group      *group       // gathers; nil when there is none
	folders    []*folder    // those held, ours first
	open       *openSegment // changed under both locks; nil when there is none
	bytes      int64        // of all segments held, and of what waits to be written
	stats      Stats        // what is only ever counted up
	failing    error        // what the disk said to the last group
	complained time.Time

	wake  chan struct{} // holds one when the writer has been sent for
	ended chan struct{} // closed when the writer has
}

// group is records that share an fsync.
type group struct {
	bytes []byte
	times []time.Time
	done  chan struct{} // closed when err is known
	err   error
}

// Open takes a folder in c.Dir, a new one or one that a process left behind, and
// takes over all others whose processes are dead.
func Open(c Config) (*Spool, error) {
	if c.Quota <= 0 {
		c.Quota = 1 << 30
	}
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = 8 << 20
	}
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = 8 << 20
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{config: c, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	err := alone(c.Dir, func() error {
		free, err := takeFree(c.Dir)
		if err != nil {
			c.Log.Error("spools of processes that ended cannot be taken over", "error", err)
		}
		if len(free) == 0 {
			own, err := makeFolder(c.Dir)
			if err != nil {
				return err
			}
			free = append(free, own)
		}
		s.own = free[0]
		s.hold(free)
		return syncFolder(c.Dir) // who made a folder that was taken over may have died before this
	})
	if err != nil {
		s.release()
		return nil, fmt.Errorf("spool: %w", err)
	}
	go s.write()
	return s, nil
}

// hold takes note of folders whose locks are held.
func (s *Spool) hold(taken []*folder) {
	for _, f := range taken {
		s.folders = append(s.folders, f)
		for _, g := range f.segments {
			s.bytes += g.bytes
			if g.unread != nil {
				s.config.Log.Error("a segment of the spool cannot be read", "error", g.unread)
			}
		}
		if f.torn > 0 {
			s.stats.Torn += int64(f.torn)
			s.config.Log.Warn("half a record at the end of the spool was cut off: nobody was told that it was kept", "spool", f.id)
		}
		if n := len(f.segments); n > 0 {
			s.config.Log.Info("segments of an earlier process were found in the spool", "spool", f.id, "segments", n)
		}
	}
}

func (s *Spool) release() {
	for _, f := range s.folders {
		unlock(f.lock)
	}
}

// Dir is where it lies.
func (s *Spool) Dir() string { return s.config.Dir }

// Append keeps a record and returns once it is on disk. With ErrFull, ErrBusy,
// ErrClosed or an error of the disk it is not kept; when ctx ends first, it may be.
func (s *Spool) Append(ctx context.Context, r Record) error {
	if len(r.Payload) > MaxPayload {
		return fmt.Errorf("spool: a record of %d bytes is too large", len(r.Payload))
	}
	g, err := s.join(r)
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Room tells why a record would not be kept now, nil when it would, as far as that
// can be known without trying.
func (s *Spool) Room() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.bytes+typicalRecord > s.config.Quota:
		return ErrFull
	}
	return s.failing
}

// typicalRecord is what Room wants there to be room for.
const typicalRecord = 4 << 10

// join puts a record into the group that is written next.
func (s *Spool) join(r Record) (*group, error) {
	size := int64(recordHead + len(r.Payload))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.bytes+size+int64(len(segmentHead)) > s.config.Quota {
		return nil, ErrFull
	}
	if s.group != nil && int64(len(s.group.bytes))+size > s.config.MaxWaiting {
		return nil, ErrBusy
	}
	if s.group == nil {
		s.group = &group{done: make(chan struct{})}
	}
	g := s.group
	g.bytes = appendRecord(g.bytes, r)
	g.times = append(g.times, r.At)
	s.bytes += size
	select {
	case s.wake <- struct{}{}:
	default: // the writer has been sent for
	}
	return g, nil
}

// write stores one group after the other until Close.
func (s *Spool) write() {
	defer close(s.ended)
	for range s.wake {
		s.mu.Lock()
		g := s.group
		s.group = nil
		s.mu.Unlock()
		if g == nil {
			continue
		}
		if g.err = s.store(g); g.err != nil {
			s.failed(g)
		}
		close(g.done)
	}
}

func (s *Spool) store(g *group) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.open != nil && s.open.bytes+int64(len(g.bytes)) > s.config.SegmentBytes {
		s.seal()
	}
	if s.open == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if err := s.open.write(g.bytes); err != nil {
		s.seal()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range g.times {
		s.open.count(at)
	}
	s.stats.Appended += int64(len(g.times))
	s.failing = nil
	return nil
}

// failed gives the room of a group free that was not kept, and tells of it, once
// in a while: it goes on until somebody does something about the disk.
func (s *Spool) failed(g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= int64(len(g.bytes))
	s.failing = g.err
	if now := time.Now(); now.Sub(s.complained) > complainEvery {
		s.complained = now
		s.config.Log.Error("the spool cannot be written", "error", g.err)
	}
}

const complainEvery = 10 * time.Second

// begin opens the next segment. The caller holds writing.
func (s *Spool) begin() error {
	open, err := createSegment(s.own)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
	s.bytes += open.bytes
	return nil
}

// seal ends the open segment. The caller holds writing.
func (s *Spool) seal() {
	if s.open == nil {
		return
	}
	_ = s.open.file.Close() // what counts has been synced
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open.records == 0 && os.Remove(s.open.path()) == nil {
		s.bytes -= s.open.bytes
	} else {
		s.own.segments = append(s.own.segments, s.open.Segment)
	}
	s.open = nil
}

// Close takes no more records, keeps those that it took, and gives the folders
// free for other processes.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.wake)
	s.mu.Unlock()
	<-s.ended

	s.writing.Lock()
	defer s.writing.Unlock()
	s.seal()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
	return nil
}

// ID names our own folder.
func (s *Spool) ID() uuid.UUID { return s.own.id }

func (s *Spool) damagedDir() string { return filepath.Join(s.config.Dir, damagedName) }
