package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

func open(t testing.TB, dir string, change ...func(*Config)) *Spool {
	t.Helper()
	c := Config{Dir: dir, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func put(t testing.TB, s *Spool, payloads ...string) {
	t.Helper()
	for i, p := range payloads {
		if err := s.Append(t.Context(), Record{someTime.Add(time.Duration(i) * time.Second), []byte(p)}); err != nil {
			t.Fatal(err)
		}
	}
}

// drain takes everything out and gives it in its order.
func drain(t testing.TB, s *Spool) []string {
	t.Helper()
	list := []string{}
	for g := s.Next(); g != nil; g = s.Next() {
		records, err := g.Records()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			list = append(list, string(r.Payload))
		}
		if err := s.Done(g, 0); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// die leaves the spool as a process does that is killed.
func die(s *Spool) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*", "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRecordsComeOutInTheirOrderAndThenAreGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, func(c *Config) { c.SegmentBytes = 100 }) // three records or so
	want := []string{}
	for i := range 20 {
		want = append(want, fmt.Sprint("record ", i))
	}
	put(t, s, want...)
	stats := s.Stats()
	if stats.Records != 20 || !stats.Oldest.Equal(someTime) || stats.Appended != 20 {
		t.Errorf("stats: %+v", stats)
	}
	if h := s.Holdings(); len(h) != 1 || h[0].ID != s.ID() || !h[0].Until.Equal(someTime.Add(19*time.Second)) {
		t.Errorf("holdings: %+v", h)
	}
	if n := len(segments(t, dir)); n < 5 {
		t.Errorf("%d segments", n)
	}
	if got := drain(t, s); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if left := segments(t, dir); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	if stats := s.Stats(); stats.Records != 0 || stats.Bytes != 0 || !stats.Oldest.IsZero() {
		t.Errorf("stats afterwards: %+v", stats)
	}
}

func TestEveryoneIsToldAfterTheFsync(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { put(t, s, fmt.Sprint(i)) })
	}
	all.Wait()
	die(s)
	heir := open(t, dir)
	if got := drain(t, heir); len(got) != 50 {
		t.Errorf("%d records survived of 50", len(got))
	}
}

func TestAFolderOfADeadProcessIsTakenOverAndOneInUseIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	if a.ID() == b.ID() {
		t.Fatal("two processes use one folder")
	}
	put(t, a, "of a")
	put(t, b, "of b")
	if n, err := b.TakeOver(); n != 0 || err != nil {
		t.Fatalf("took over %d, %v", n, err)
	}
	die(a)
	if n, err := b.TakeOver(); n != 1 || err != nil {
		t.Fatalf("took over %d, %v", n, err)
	}
	if got := drain(t, b); len(got) != 2 {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, a.ID().String())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead one's folder: %v", err)
	}
	// One that starts anew goes on in a folder that is there.
	id := b.ID()
	die(b)
	if c := open(t, dir); c.ID() != id {
		t.Error("it has made a folder of its own")
	}
}

func TestATornEndIsSkippedAndCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dieTorn(t, dir)
	heir := open(t, dir)
	if got := drain(t, heir); !slices.Equal(got, []string{"one"}) {
		t.Errorf("got %q", got)
	}
	if stats := heir.Stats(); stats.Torn != 1 || stats.Corrupt != 0 {
		t.Errorf("stats: %+v", stats)
	}
	if len(segments(t, dir)) > 0 {
		t.Error("the segment is still there")
	}
}

// dieTorn has a process keep "one", and die while it keeps "two".
func dieTorn(t testing.TB, dir string) {
	t.Helper()
	s := open(t, dir)
	put(t, s, "one", "two")
	die(s)
	cut(t, segments(t, dir)[0], 2)
}

// cut takes bytes from a file's end.
func cut(t testing.TB, path string, n int64) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, fi.Size()-n); err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsCountedAndKeptToBeLookedAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, func(c *Config) { c.SegmentBytes = 70 }) // two records
	put(t, s, "one", "two", "three", "four", "five")
	die(s)
	all := segments(t, dir)
	b, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(segmentHead)+recordHead] ^= 1 // in "one"
	if err := os.WriteFile(all[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	cut(t, all[1], 1) // the end of one that is not the last
	heir := open(t, dir)
	if got := drain(t, heir); !slices.Equal(got, []string{"two", "three", "five"}) {
		t.Errorf("got %q", got)
	}
	if stats := heir.Stats(); stats.Torn != 0 || stats.Corrupt != 2 {
		t.Errorf("stats: %+v", stats)
	}
	kept, err := filepath.Glob(filepath.Join(dir, damagedName, "*"))
	if err != nil || len(kept) != 2 {
		t.Fatalf("kept: %q, %v", kept, err)
	}
	if again, err := os.ReadFile(kept[0]); err != nil || !slices.Equal(again, b) {
		t.Error("what was kept is not what was there")
	}
}

func TestRecordsThatCannotBeUsedAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "nonsense")
	if err := s.Done(s.Next(), 1); err != nil {
		t.Fatal(err)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, damagedName, "*")); len(kept) != 1 || s.Stats().Corrupt != 1 {
		t.Errorf("kept: %q, %+v", kept, s.Stats())
	}
}

func TestTheQuotaIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const quota = 1000
	s := open(t, dir, func(c *Config) { c.Quota = quota })
	var err error
	kept := 0
	for ; err == nil; kept++ {
		err = s.Append(t.Context(), Record{someTime, make([]byte, 30)})
	}
	if !errors.Is(err, ErrFull) || kept < 15 {
		t.Fatalf("after %d records: %v", kept, err)
	}
	size := int64(0)
	for _, path := range segments(t, dir) {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += fi.Size()
	}
	if size > quota || size != s.Stats().Bytes {
		t.Errorf("%d bytes on disk, %d in the stats", size, s.Stats().Bytes)
	}
	drain(t, s)
	put(t, s, "there is room again")
}

func TestAFailingDiskRefusesAndDoesNotLoseWhatWasKept(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "before")
	s.writing.Lock()
	_ = s.open.file.Close() // every write fails from now on
	s.writing.Unlock()
	if err := s.Append(t.Context(), Record{someTime, []byte("lost")}); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("got %v", err)
	}
	put(t, s, "after") // in another segment
	if got := drain(t, s); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("got %q", got)
	}
	if stats := s.Stats(); stats.Bytes != 0 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestWhoCannotWaitIsNotKeptWaiting(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), func(c *Config) { c.MaxWaiting = 200 })
	s.writing.Lock() // the disk hangs
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	busy := false
	for i := range 100 {
		err := s.Append(ctx, Record{someTime, []byte("hurry")})
		if errors.Is(err, ErrBusy) {
			busy = true
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	s.writing.Unlock()
	if !busy {
		t.Error("what waits is not bounded")
	}
}

func TestCloseKeepsWhatWasTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "last")
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), Record{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if got := drain(t, open(t, dir)); !slices.Equal(got, []string{"last"}) {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if err := s.Append(t.Context(), Record{someTime, make([]byte, MaxPayload+1)}); err == nil {
		t.Error("it was taken")
	}
}
